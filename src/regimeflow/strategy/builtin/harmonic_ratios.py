"""The ratio tables of the harmonic patterns, and how well five points fit one.

Five alternating turning points X, A, B, C, D. A pattern is told by four ratios of the lengths of
its legs, in prices: AB/XA, BC/AB, CD/BC, AD/XA.

Source: S. M. Carney, "Harmonic Trading, Volume One" (FT Press, 2010), chapters on the Gartley,
Bat, Butterfly and Crab; the widths of BC and CD as commonly published from it.
"""

from __future__ import annotations

import msgspec


class Span(msgspec.Struct, frozen=True, gc=False):
    """Where a ratio belongs: between `low` and `high`, both included."""

    low: float
    high: float

    def score(self, ratio: float, tolerance: float) -> float:
        """1 inside the span, falling to 0 at `tolerance` (a fraction of the bound) outside it."""
        if ratio < self.low:
            miss, bound = self.low - ratio, self.low
        elif ratio > self.high:
            miss, bound = ratio - self.high, self.high
        else:
            return 1.0
        allowed = tolerance * bound
        return max(1.0 - miss / allowed, 0.0) if allowed > 0.0 else 0.0


class HarmonicRatios(msgspec.Struct, frozen=True, gc=False):
    """One pattern. `reaches_beyond_x`: D lies beyond X, so the turn tends to be violent."""

    name: str
    ab_of_xa: Span
    bc_of_ab: Span
    cd_of_bc: Span
    ad_of_xa: Span
    reaches_beyond_x: bool


class HarmonicMatch(msgspec.Struct, frozen=True, gc=False):
    """The pattern that fits best, and how well: 0 (at the edge) to 1 (exactly)."""

    pattern: HarmonicRatios
    confidence: float


_C_RETRACES = Span(0.382, 0.886)
PATTERNS = (
    HarmonicRatios(
        name="gartley",
        ab_of_xa=Span(0.618, 0.618),
        bc_of_ab=_C_RETRACES,
        cd_of_bc=Span(1.27, 1.618),
        ad_of_xa=Span(0.786, 0.786),
        reaches_beyond_x=False,
    ),
    HarmonicRatios(
        name="bat",
        ab_of_xa=Span(0.382, 0.5),
        bc_of_ab=_C_RETRACES,
        cd_of_bc=Span(1.618, 2.618),
        ad_of_xa=Span(0.886, 0.886),
        reaches_beyond_x=False,
    ),
    HarmonicRatios(
        name="butterfly",
        ab_of_xa=Span(0.786, 0.786),
        bc_of_ab=_C_RETRACES,
        cd_of_bc=Span(1.618, 2.618),
        ad_of_xa=Span(1.27, 1.618),
        reaches_beyond_x=True,
    ),
    HarmonicRatios(
        name="crab",
        ab_of_xa=Span(0.382, 0.618),
        bc_of_ab=_C_RETRACES,
        cd_of_bc=Span(2.24, 3.618),
        ad_of_xa=Span(1.618, 1.618),
        reaches_beyond_x=True,
    ),
)


def best_match(
    x: float, a: float, b: float, c: float, d: float, *, tolerance: float
) -> HarmonicMatch | None:
    """The pattern in which every ratio scores above 0 and their mean is highest; else None.

    On equal means the earlier pattern of the table wins.
    """
    xa, ab, bc, cd, ad = abs(a - x), abs(b - a), abs(c - b), abs(d - c), abs(d - a)
    if not (xa > 0.0 and ab > 0.0 and bc > 0.0):
        return None
    best: HarmonicMatch | None = None
    for pattern in PATTERNS:
        first = pattern.ab_of_xa.score(ab / xa, tolerance)
        if first == 0.0:
            continue
        scores = (
            first,
            pattern.bc_of_ab.score(bc / ab, tolerance),
            pattern.cd_of_bc.score(cd / bc, tolerance),
            pattern.ad_of_xa.score(ad / xa, tolerance),
        )
        confidence = sum(scores) / len(scores)
        if min(scores) > 0.0 and (best is None or confidence > best.confidence):
            best = HarmonicMatch(pattern, confidence)
    return best
