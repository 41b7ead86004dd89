"""The real live engine in a simulated world, killed at steps all over its life."""

from __future__ import annotations

import pytest

from regimeflow.live.runner import LiveRunner, LiveSummary
from regimeflow.testing import Death, Ending, Outcome, World
from tests.simulation.playback import Quiet, config_in, configuration, trail

KILLS = 24
RAW = configuration(
    "moving_average_cross",
    symbols=["AAPL"],
    days=("2008-01-02", "2008-06-30"),
    params={"fast_period": 3, "slow_period": 8, "quantity": 100},
)


def live_through(seed: int, kill_at: int) -> tuple[Ending, Ending, list[tuple[int, str]]]:
    """The first life, the last one, and what the journal says of both together."""

    async def scenario(world: World) -> tuple[Ending, Ending]:
        host = world.host("engine")
        config = config_in(RAW, host.directory / "logs")

        async def engine() -> LiveSummary:
            return await LiveRunner(config, Quiet()).run()

        host.start(engine, kill_at=kill_at, death=Death.KILL)
        first = await host.ended(within_s=3_600)
        if first.outcome is not Outcome.KILLED:
            return first, first
        host.start(engine)
        return first, await host.ended(within_s=3_600)

    with World(seed) as world:
        first, last = world.run(scenario)
        if last.error is not None:
            raise last.error
        return first, last, trail(world.host("engine").directory / "logs")


@pytest.mark.slow
def test_engine_killed_at_steps_all_over_its_life_ends_as_if_nothing_had_happened() -> None:
    whole, _, expected = live_through(1, 0)
    assert whole.outcome is Outcome.RETURNED
    assert whole.value.fills > 5
    for kill_at in range(1, whole.steps + 1, max(whole.steps // KILLS, 1)):
        first, last, told = live_through(kill_at, kill_at)
        assert first.outcome is Outcome.KILLED, kill_at
        assert last.outcome is Outcome.RETURNED, kill_at
        assert told == expected, kill_at
