"""Rehearsals that pass through many sessions: each is a minute long and ends with a state kept.

The data of a session is a segment of its own, and a "day" of retention is a few seconds, so that
segments are compressed and pruned all the time.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from regimeflow.config import Config
from regimeflow.journal.segments import SegmentKind, list_segments, market_pruned_before
from regimeflow.live import market_upkeep, state_keeper
from regimeflow.live.boot import Booted
from regimeflow.model.session import Session, SessionCalendar
from regimeflow.model.timestamps import NS_PER_MINUTE, NS_PER_S
from regimeflow.run import manifest, plan
from regimeflow.testing.rehearsal import director
from regimeflow.testing.rehearsal.branches import branches_of
from regimeflow.testing.rehearsal.director import Verdict, rehearse
from regimeflow.testing.rehearsal.scenarios import Scenario
from regimeflow.testing.rehearsal.stand import Stand, set_up

SESSION_NS, BREAK_NS = 40 * NS_PER_S, 8 * NS_PER_S
BEFORE_NS, AFTER_NS = 60 * NS_PER_MINUTE, 30 * NS_PER_MINUTE
KEPT_NS = 30 * NS_PER_S
"""What thirty days of retention are here."""


class Life(NamedTuple):
    """How one start of the engine began."""

    from_seq: int
    quarantine: str
    told: Sequence[str]


class Sessions(NamedTuple):
    """A rehearsal over short sessions, and what its journal directory was in the end."""

    verdict: Verdict
    lives: list[Life]
    pruned_before: int
    compressed: int


def calendar_around(start_ns: int) -> SessionCalendar:
    """Sessions of forty seconds with breaks of eight, one of them open at `start_ns`."""
    step_ns = SESSION_NS + BREAK_NS
    first_ns = start_ns - BEFORE_NS // step_ns * step_ns - NS_PER_S
    opens_ns = range(first_ns, start_ns + AFTER_NS, step_ns)
    return SessionCalendar(
        "XNYS",
        [
            Session("XNYS", f"s{number:03d}", open_ns, open_ns + SESSION_NS)
            for number, open_ns in enumerate(opens_ns)
        ],
    )


def rehearse_short(
    config: Config, scenario: Scenario, seed: int, *, keep: Path | None = None
) -> Sessions:
    """One rehearsal over short sessions; its journal is copied to `keep` before the world ends."""
    seen: list[Sessions] = []

    def look(journal: Path, boots: Sequence[Booted]) -> Counter[str]:
        lives = [Life(boot.from_seq, boot.quarantine, boot.told) for boot in boots]
        market = list_segments(journal, SegmentKind.MARKET)
        compressed = sum(segment.is_compressed for segment in market)
        seen.append(Sessions(NOT_YET, lives, market_pruned_before(journal), compressed))
        if keep is not None:
            shutil.copytree(journal, keep)
        return branches_of(journal, boots)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(director, "branches_of", look)
        patch.setattr(director, "set_up", lambda *a, **k: _shortened(set_up(*a, **k), patch))
        patch.setattr(state_keeper, "MARKET_SEGMENT_BYTES_MIN", 500)
        patch.setattr(market_upkeep, "NS_PER_DAY", KEPT_NS // 30)
        verdict = rehearse(config, scenario, seed)
    return seen[0]._replace(verdict=verdict)


NOT_YET: Verdict = None  # type: ignore[assignment]


def _shortened(stand: Stand, patch: pytest.MonkeyPatch) -> Stand:
    calendar = calendar_around(stand.parts.start_ns)
    for module in (plan, manifest):
        patch.setattr(module, "load_calendar", lambda *_: calendar)
    last = calendar.sessions[-1]
    parts = dataclasses.replace(stand.parts, calendar=calendar, end_ns=last.close_ns)
    return dataclasses.replace(stand, parts=parts)
