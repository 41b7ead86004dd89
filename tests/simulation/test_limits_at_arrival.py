"""Each control of the gate, taken out: the venue's side sees the limit broken.

With the control the same run holds, or the check would see what is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest

from regimeflow.config import Config, load_config
from regimeflow.core.exposure import Exposure
from regimeflow.core.risk import controls
from regimeflow.core.risk.gate import RiskGate
from regimeflow.core.risk.limits import RiskLimits, RiskPolicy
from regimeflow.model.order import ZERO, OrderStatus, Side
from regimeflow.testing.arrival_limits import Arrival, Reach, exceeded
from regimeflow.testing.rehearsal.director import Verdict, rehearse
from regimeflow.testing.rehearsal.scenarios import Scenario
from tests.simulation.rehearsed import EVERY_CALL, run, told

BRIEF = Scenario("brief", "nothing happens", lasts_s=20)
BOUND: Mapping[str, tuple[object, str, Mapping[str, Any]]] = {
    "max_order_quantity": (controls, "check_order_size", {"max_order_quantity": 20}),
    "max_order_value": (controls, "check_order_size", {"max_order_value": 2_500}),
    "max_position": (controls, "check_position", {"max_position": 40}),
    "max_position_pct": (controls, "check_position", {"max_position_pct": 0.05}),
    "max_notional": (controls, "check_exposure", {"max_notional": 9_000}),
    "max_gross_exposure": (controls, "check_exposure", {"max_gross_exposure": 9_000}),
    "max_net_exposure": (controls, "check_exposure", {"max_net_exposure": 6_000}),
    "max_leverage": (controls, "check_exposure", {"max_leverage": 0.1}),
    "initial_margin_ratio": (controls, "check_exposure", {}),
    "max_open_orders": (controls, "check_open_orders", {"max_open_orders": 3}),
    "max_open_order_value": (controls, "check_open_orders", {"max_open_order_value": 5_000}),
    "allow_short": (controls, "check_tradable", {"allow_short": False}),
    "restricted": (controls, "check_tradable", {"restricted": ["MSFT"]}),
    "max_orders_per_second": (RiskGate, "_check_rate", {"max_orders_per_second": 2}),
    "max_orders_per_minute": (RiskGate, "_check_rate", {"max_orders_per_minute": 12}),
}


def bound_by(limits: Mapping[str, Any], *, cash: int = 100_000) -> Config:
    """Every order type and call, under these limits alone."""
    off = {"max_order_value": 0, "max_orders_per_minute": 0}
    kept = {key: value for key, value in EVERY_CALL["live"].items() if key not in off}
    live = {**kept, "risk": {"limits": {**off, **limits}}}
    backtest = {**EVERY_CALL["backtest"], "initial_capital": cash}
    return load_config({**EVERY_CALL, "live": live, "backtest": backtest}, environ={})


def problems(verdict: Verdict) -> str:
    """What speaks against the limits."""
    return "; ".join(p for f in verdict.findings if f.invariant == "I4" for p in f.problems)


@pytest.mark.parametrize("limit", BOUND)
def test_limit_without_its_control_is_seen_broken(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, control, limits = BOUND[limit]
    cash = 10_000 if limit == "initial_margin_ratio" else 100_000
    config = bound_by(limits, cash=cash)
    kept = rehearse(config, BRIEF, 2)
    assert kept.is_ok, told(kept)
    assert kept.branches["entry denied"]
    monkeypatch.setattr(owner, control, lambda *_: None)
    removed = rehearse(config, BRIEF, 2)
    assert limit in problems(removed)


def test_order_in_flight_that_is_not_counted_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = Exposure._may_fill

    def of_known_orders(self: Exposure, order: Any, asked: Any) -> Any:
        is_in_flight = order.status is OrderStatus.PENDING_NEW
        return (ZERO, ZERO) if is_in_flight else real(self, order, asked)

    monkeypatch.setattr(Exposure, "_may_fill", of_known_orders)
    assert "max_notional" in problems(run("lost-order", 2))
    assert "max_notional" in problems(rehearse(bound_by({"max_notional": 6_000}), BRIEF, 2))


def test_limit_price_far_from_the_market_is_seen() -> None:
    policy = RiskPolicy(limits=RiskLimits(price_collar_pct=Decimal("0.1")))
    price = Decimal(100)
    seen = {
        limit_price: list(exceeded(policy, arrival_at(Decimal(limit_price), price)))
        for limit_price in (87, 89, 111, 113)
    }
    assert [limit_price for limit_price, broken in seen.items() if broken] == [87, 113]


def arrival_at(limit_price: Decimal, price: Decimal) -> Arrival:
    """A sale of what is held."""
    reach = Reach(price, Decimal(1), price, sell=Decimal(1), sell_value=limit_price)
    return Arrival(
        name="one", symbol="AAPL", side=Side.SELL, quantity=Decimal(1), value=limit_price,
        limit_price=limit_price, is_new=True, reaches={"AAPL": reach}, open_orders=1, cash=ZERO,
    )  # fmt: skip
