"""The venue of a rehearsal: the simulated one, playing the stand's data before a witness."""

from __future__ import annotations

from regimeflow.testing.rehearsal.witness import WatchedMachine, Witness
from regimeflow.testing.venues.playback import Playback
from regimeflow.testing.venues.sim_log import VenueLog
from regimeflow.testing.venues.sim_program import ACCOUNT, VenueParts
from regimeflow.venue.sim import SimVenue


def watched_machine(witness: Witness, parts: VenueParts, log: VenueLog) -> WatchedMachine:
    """A machine that goes on from its log."""
    return WatchedMachine(
        witness,
        SimVenue(
            instruments=parts.instruments,
            model=parts.model,
            calendar=parts.calendar,
            cash=parts.cash,
            currency=parts.currency,
            account_id=ACCOUNT,
        ),
        Playback(
            parts.feed.chunks(),
            calendar=parts.calendar,
            end_ns=parts.end_ns,
            bar_span_ns=parts.feed.bar_size_ns or 0,
            actions=parts.feed.actions,
        ),
        instruments=parts.instruments,
        start_ns=parts.start_ns,
        log=log,
    )
