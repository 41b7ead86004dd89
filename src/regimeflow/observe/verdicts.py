"""Is live still what was tested? Checks become one verdict, by rules that do not flap.

A breach counts at once where the check is `immediate`; otherwise it must be seen at two session
evaluations in a row, and is a warning at the first. A check that has worsened recovers only
after ten better evaluations in a row. The overall verdict is the worst of them, except that
without a usable baseline or with a hole in the data it is `unknown`, and that it is
`insufficient`, never `ok`, below twenty sessions or while nothing has been compared with the
backtest (layers B to D).
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

from regimeflow.backtest.artifacts import Json, rounded
from regimeflow.model.timestamps import format_ns

SESSIONS_MIN = 20
CLEAN_EVALUATIONS = 10
BREACH_EVALUATIONS = 2
COMPARISON_LAYERS = frozenset("BCD")


class Severity(IntEnum):
    """How bad a check looks; NONE means that it could not be computed."""

    NONE = 0
    OK = 1
    WARN = 2
    BREACH = 3


_WORDS = {
    Severity.NONE: "insufficient",
    Severity.OK: "ok",
    Severity.WARN: "warn",
    Severity.BREACH: "breach",
}


class Check(msgspec.Struct, frozen=True):
    """One rule: its layer, and its thresholds in words or numbers, as echoed to readers.

    `spoils` marks a check whose breach makes the verdict unknown rather than bad.
    """

    code: str
    layer: str
    warn: str
    breach: str
    immediate: bool = False
    spoils: bool = False


CHECKS = (
    Check("DECISION_DIVERGED", "A", "", "any difference of decisions", immediate=True),
    Check("POSITION_MISMATCH", "A", "1 cycle", "2 cycles", immediate=True),
    Check("PARITY", "A", "rate < 0.99 (n >= 20)", "rate < 0.95 or a side differs"),
    Check("FEES", "B", "> 2 %", "> 10 %"),
    Check("FILL_ERROR", "B", "excludes 0 at 0.20 and > 1 bp", "> max(2 bp, half modelled)"),
    Check("FILL_PROB", "B", "Brier worse by > 0.02 (n >= 50)", "model - actual > 0.15"),
    Check("PAIRED_MEAN", "C", "upper < 0 at 0.20", "upper < -1 bp a session at 0.05"),
    Check("TRACKING_ERROR", "C", "> max(2 %, 0.10 vol) (n >= 20)", "> max(5 %, 0.25 vol)"),
    Check("CORR", "C", "< 0.95 (n >= 20)", "< 0.80"),
    Check("DTW", "C", "> 0.10", ""),
    Check("CONE", "D", "outside simultaneous 5 % or upper 1 %", "below simultaneous 1 %"),
    Check("DRAWDOWN", "D", "> 95th percentile", "> 99th percentile"),
    Check("DIST", "D", "KS p < 0.01 or volatility ratio outside 0.67..1.5 (n >= 60)", ""),
    Check("REGIME", "A", "mismatch since warm-up", "mismatch after warm-up"),
    Check("DATA", "", "gap > 2 bars", "gap > 10 bars", immediate=True, spoils=True),
    Check("BASELINE", "", "hashes differ", "missing", immediate=True, spoils=True),
)


class CheckState(msgspec.Struct):
    """Where one check stands, and since when (engine time)."""

    check: Check
    level: Severity = Severity.NONE
    value: float | None = None
    n: int = 0
    since_ns: int | None = None
    breaches: int = 0
    better: int = 0

    def judge(self, ts_ns: int, seen: Severity) -> None:
        """Take what one session evaluation saw."""
        self.breaches = self.breaches + 1 if seen is Severity.BREACH else 0
        if seen is Severity.BREACH and not self._is_confirmed:
            seen = Severity.WARN
        if seen >= self.level:
            self.better = 0
            self._move(ts_ns, seen)
        elif seen is not Severity.NONE:
            self.better += 1
            if self.better >= CLEAN_EVALUATIONS:
                self.better = 0
                self._move(ts_ns, seen)

    def worsen(self, ts_ns: int, seen: Severity) -> None:
        """Take an immediate finding between two evaluations; it can only worsen the check."""
        if seen > self.level:
            self._move(ts_ns, seen)
        if seen >= self.level:
            self.better = 0

    @property
    def _is_confirmed(self) -> bool:
        was_breached = self.level is Severity.BREACH
        return self.check.immediate or was_breached or self.breaches >= BREACH_EVALUATIONS

    def _move(self, ts_ns: int, level: Severity) -> None:
        if level is not self.level:
            self.level = level
            self.since_ns = ts_ns


class Verdicts:
    """All checks of one deployment and the verdict they add up to."""

    __slots__ = ("_since_ns", "_states", "_verdict")

    def __init__(self) -> None:
        self._states = {check.code: CheckState(check) for check in CHECKS}
        self._verdict = "insufficient"
        self._since_ns: int | None = None

    def judge(
        self, ts_ns: int, code: str, seen: Severity, *, value: float | None = None, n: int = 0
    ) -> None:
        """What one session evaluation saw of one check."""
        state = self._states[code]
        state.value, state.n = value, n
        state.judge(ts_ns, seen)

    def worsen(self, ts_ns: int, code: str, seen: Severity, *, value: float | None = None) -> None:
        """A finding of an immediate check, as soon as it is known."""
        state = self._states[code]
        assert state.check.immediate, f"{code} is judged at session evaluations only"
        state.value = value
        state.worsen(ts_ns, seen)

    def conclude(self, ts_ns: int, sessions: int) -> str:
        """The overall verdict after `sessions` sessions; remembers since when it holds."""
        verdict = self._overall(sessions)
        if verdict != self._verdict or self._since_ns is None:
            self._verdict, self._since_ns = verdict, ts_ns
        return verdict

    @property
    def verdict(self) -> str:
        """The verdict last concluded."""
        return self._verdict

    @property
    def since(self) -> str | None:
        """Since when, in ISO 8601; None before the first conclusion."""
        return None if self._since_ns is None else format_ns(self._since_ns)

    @property
    def reasons(self) -> list[str]:
        """Codes of the checks that warn or are breached, in the order of the table."""
        return [code for code, state in self._states.items() if state.level >= Severity.WARN]

    def rows(self) -> list[dict[str, Json]]:
        """Every check with its thresholds, for live_performance.json."""
        return [
            {
                "code": code,
                "layer": state.check.layer or None,
                "value": rounded(state.value),
                "warn": state.check.warn or None,
                "breach": state.check.breach or None,
                "n": state.n,
                "verdict": _WORDS[state.level],
                "since": None if state.since_ns is None else format_ns(state.since_ns),
            }
            for code, state in self._states.items()
        ]

    def _overall(self, sessions: int) -> str:
        states = self._states.values()
        breached = [state.check for state in states if state.level is Severity.BREACH]
        if any(not check.spoils for check in breached):
            return "breach"
        if breached:
            return "unknown"
        is_compared = any(
            state.level is not Severity.NONE and state.check.layer in COMPARISON_LAYERS
            for state in states
        )
        if sessions < SESSIONS_MIN:
            return "insufficient"
        if any(state.level is Severity.WARN for state in states):
            return "warn"
        return "ok" if is_compared else "insufficient"
