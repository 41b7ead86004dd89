"""The simulated venue keeps every promise, in process and over the network."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from tests.conformance.clock_suite import CLOCK_BEHAVIOURS
from tests.conformance.network_suite import NETWORK_BEHAVIOURS, NetworkBehaviour
from tests.conformance.suite import ORDER_BEHAVIOURS, Behaviour
from tests.conformance.venues import InProcessVenue, NetworkedVenue, Venue

V = TypeVar("V", bound=Venue)


def check_behaviour(make_venue: Callable[[], V], behaviour: Callable[[V], Awaitable[None]]) -> None:
    """Run one behaviour on a fresh venue, and stop the venue whatever happens."""

    async def play() -> None:
        venue = make_venue()
        await venue.start()
        try:
            await behaviour(venue)
        finally:
            await venue.stop()

    asyncio.run(play())


@pytest.mark.parametrize("behaviour", ORDER_BEHAVIOURS, ids=lambda b: b.__name__)
@pytest.mark.parametrize("make_venue", [InProcessVenue, NetworkedVenue])
def test_sim_broker_keeps_its_promises(
    make_venue: Callable[[], Venue], behaviour: Behaviour
) -> None:
    check_behaviour(make_venue, behaviour)


@pytest.mark.parametrize(
    "behaviour", NETWORK_BEHAVIOURS + CLOCK_BEHAVIOURS, ids=lambda b: b.__name__
)
def test_networked_sim_broker_survives(behaviour: NetworkBehaviour) -> None:
    check_behaviour(NetworkedVenue, behaviour)
