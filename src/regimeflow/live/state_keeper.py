"""Keeps the engine's state at each session's end, so that a start need not repeat a whole run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from regimeflow.errors import JournalError
from regimeflow.journal.state_files import keep_states, write_state
from regimeflow.journal.writer import JournalWriter
from regimeflow.live.boot import Booted
from regimeflow.run.pump import Pump
from regimeflow.run.starting_point import KeptState

STATES_KEPT = 2
"""One more than a start needs: should the newest be damaged, the market data behind the other is
still there."""
MARKET_SEGMENT_BYTES_MIN = 2**20
"""A session's end closes a market segment that holds this much; smaller ones go on, so that a slow
feed does not leave a file for every day."""


class StateKeeper:
    """Writes states beside the journal; `kept` are the last ones, oldest first.

    A state that cannot be written costs time at the next start and nothing else: it is told, and
    the run goes on. `rolled_ns` is the engine's time at the last session's end or start.
    """

    def __init__(
        self,
        directory: Path,
        journal: JournalWriter,
        kept: Sequence[KeptState],
        say: Callable[[str], None],
        *,
        rolled_ns: int = 0,
    ) -> None:
        self._directory = directory
        self._journal = journal
        self._say = say
        self.kept = list(kept)[-STATES_KEPT:]
        self.rolled_ns = rolled_ns

    def keep(self, ts_ns: int, state: KeptState, payload: bytes) -> None:
        """Take one state, forget what is older than the last two, and close the session's data."""
        try:
            write_state(self._directory, state.mark.seq, payload)
            self.kept = [*self.kept, state][-STATES_KEPT:]
            keep_states(self._directory, [kept.mark.seq for kept in self.kept])
        except (OSError, JournalError) as error:
            self._say(f"the engine's state was not kept ({error}); the next start takes longer")
        self._journal.end_market_segment(MARKET_SEGMENT_BYTES_MIN)
        self.rolled_ns = ts_ns


def keeper_of(
    directory: Path,
    pump: Pump,
    booted: Booted,
    journal: JournalWriter,
    say: Callable[[str], None],
) -> StateKeeper:
    """The keeper of a run that begins where `booted` says; tells of states that were not used."""
    for problem in booted.told:
        say(f"an engine state is not used: {problem}")
    rolled_ns = booted.recovered.last_ts_ns
    keeper = StateKeeper(directory, journal, booted.states, say, rolled_ns=rolled_ns)
    pump.keep_state(keeper.keep)
    return keeper
