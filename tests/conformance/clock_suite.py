"""What every networked broker promises about time: it is told, with what is uncertain of it."""

from __future__ import annotations

from regimeflow.model.events import ClockMeasured, LinkUp
from regimeflow.model.timestamps import NS_PER_S
from tests.conformance.network_suite import NetworkBehaviour
from tests.conformance.venues import NetworkedVenue, of, until


async def time_is_told_before_the_link_is_up(venue: NetworkedVenue) -> None:
    await until(venue, lambda: len(of(venue, LinkUp)) == 1, "link")
    venue.server.disconnect_all()
    await until(venue, lambda: len(of(venue, LinkUp)) == 2, "link again")
    for link in of(venue, LinkUp):
        at = venue.events.index(link)
        assert any(isinstance(event, ClockMeasured) for event in venue.events[max(at - 3, 0) : at])


async def clock_that_steps_is_told_within_its_uncertainty(venue: NetworkedVenue) -> None:
    await until(venue, lambda: bool(of(venue, ClockMeasured)), "time")
    count, before_ns = len(of(venue, ClockMeasured)), venue.server.machine.now_ns
    venue.pass_time(7_200.0)
    await until(venue, lambda: len(of(venue, ClockMeasured)) > count, "time after the step")
    told = of(venue, ClockMeasured)[count]
    assert told.ts_venue_ns >= before_ns + 7_200 * NS_PER_S - told.uncertainty_ns
    # The venue's clock moves with each look only; ours went on while the answer was told.
    assert told.ts_venue_ns <= venue.server.machine.now_ns + told.uncertainty_ns + NS_PER_S // 10


CLOCK_BEHAVIOURS: tuple[NetworkBehaviour, ...] = (
    time_is_told_before_the_link_is_up,
    clock_that_steps_is_told_within_its_uncertainty,
)
