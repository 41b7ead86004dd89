"""C21 at its limit: what trips it, what lifts it, and who is never judged by it."""

from __future__ import annotations

import pytest

from regimeflow.core.risk.clock import AGE_S_MAX, ClockGuard
from regimeflow.core.risk.limits import RiskPolicy
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.timestamps import NS_PER_MS, NS_PER_S
from tests.unit.core_samples import BARS_OLD_NS, World

LIMIT_MS = 100
NOW_NS = 1_000 * NS_PER_S


def measure(guard: ClockGuard, ahead_ns: int, blur_ns: int = 0) -> str:
    """The control that denies an entry after this measurement, or an empty text."""
    guard.on_measured(NOW_NS, e.ClockMeasured("sim", NOW_NS + ahead_ns, blur_ns))
    denial = guard.check(NOW_NS)
    return "" if denial is None else denial.control


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("blur_ms", [0, 40, 500])
def test_offset_trips_beyond_limit_and_uncertainty_and_not_at_them(side: int, blur_ms: int) -> None:
    guard = ClockGuard(LIMIT_MS, 1.0)
    edge_ns = (LIMIT_MS + blur_ms) * NS_PER_MS
    assert measure(guard, side * (edge_ns - 1), blur_ms * NS_PER_MS) == ""
    assert measure(guard, side * edge_ns, blur_ms * NS_PER_MS) == ""
    assert measure(guard, side * (edge_ns + 1), blur_ms * NS_PER_MS) == "C21"


def test_only_a_sharp_measurement_within_the_limit_lifts_it() -> None:
    guard = ClockGuard(LIMIT_MS, 1.0)
    limit_ns = LIMIT_MS * NS_PER_MS
    assert measure(guard, 3 * limit_ns, 10 * NS_PER_MS) == "C21"
    assert measure(guard, 0, limit_ns + 1) == "C21"
    assert measure(guard, limit_ns + 1, limit_ns) == "C21"
    assert measure(guard, limit_ns, limit_ns) == ""


def test_link_too_slow_for_the_limit_lifts_what_it_tripped() -> None:
    guard = ClockGuard(LIMIT_MS, 1.0)
    blur_ns = 5 * LIMIT_MS * NS_PER_MS
    assert measure(guard, 20 * blur_ns, blur_ns) == "C21"
    assert measure(guard, 0, blur_ns + 1) == "C21"
    assert measure(guard, 0, blur_ns) == ""


def test_limit_is_real_time_at_a_venue_that_runs_fast() -> None:
    guard = ClockGuard(LIMIT_MS, 600.0)
    limit_ns = 600 * LIMIT_MS * NS_PER_MS
    assert measure(guard, limit_ns) == ""
    assert measure(guard, limit_ns + 1) == "C21"
    denial = guard.check(NOW_NS)
    assert denial is not None
    assert denial.observed.startswith("the broker's clock is 100 ms ahead of ours")


def test_measurement_grows_old_at_its_age_and_not_before() -> None:
    guard = ClockGuard(LIMIT_MS, 1.0)
    measure(guard, 0)
    edge_ns = NOW_NS + AGE_S_MAX * NS_PER_S
    assert guard.on_time(edge_ns) is None
    assert guard.check(edge_ns) is None
    assert guard.check(edge_ns + 1) is not None
    change = guard.on_time(edge_ns + 1)
    assert change is not None
    assert change.status is c.HealthStatus.STALE
    assert guard.on_time(edge_ns + 2) is None


def test_clock_set_by_no_more_than_the_limit_needs_no_new_measurement() -> None:
    guard = ClockGuard(LIMIT_MS, 1.0)
    measure(guard, 0)
    assert guard.on_step(LIMIT_MS * NS_PER_MS, "our clock was set") is None
    assert guard.check(NOW_NS) is None
    assert guard.on_step(-LIMIT_MS * NS_PER_MS - 1, "our clock was set") is not None
    assert guard.check(NOW_NS) is not None
    assert measure(guard, 0) == ""


@pytest.mark.parametrize(("limit_ms", "has_link"), [(None, True), (LIMIT_MS, False)])
def test_nothing_is_judged_without_a_limit_or_without_a_link(
    limit_ms: int | None, has_link: bool
) -> None:
    policy = RiskPolicy(reference_age_ns_max=BARS_OLD_NS, max_clock_offset_ms=limit_ms)
    world = World(policy=policy, proves_books=has_link)
    world.engine.holds.account.clear()
    outputs = world.feed(e.ClockMeasured("sim", 0, 0))
    outputs += world.feed(e.ClockAdjusted(5 * NS_PER_S, "wall"))
    assert outputs == []
    assert world.try_to(lambda ctx: ctx.buy("ABC", 1, limit_price=90.0)) in ("", "C19")
    assert "C21" not in {denied.control for denied in world.outputs(c.OrderDenied)}


def test_playback_takes_no_pause_for_one_of_its_data() -> None:
    world = World()
    assert world.feed(e.LoopStalled(3_600 * NS_PER_S)) == []
    world.quote(100.0)
    assert world.try_to(lambda ctx: ctx.buy("ABC", 1, limit_price=90.0)) == ""
