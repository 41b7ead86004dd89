"""A strategy that breaks harms nobody else, live as in a backtest."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from regimeflow.live import playback
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import StrategyId
from regimeflow.model.order import OrderType
from regimeflow.run.pump import Pump
from tests.simulation.made_data import DAYS, write_minutes
from tests.simulation.playback import (
    Crash,
    RunConfiguration,
    assert_same,
    configuration,
    facts_of,
    play_backtest,
    play_live,
    play_until,
    trail,
)

MODULE = "tests.simulation.small_strategies"
BROKEN = {
    "RaisesOnBar": ("on_bar", "the tenth bar"),
    "KeepsWhatCannotBeSaved": ("session_roll", "kept"),
    "RaisesWhenRestored": ("session_roll", "initialized again"),
}


def beside(name: str | None, directory: Path) -> RunConfiguration:
    """A good strategy on AAA, and a broken one on BBB if named."""
    directory.mkdir(exist_ok=True)
    raw = configuration(
        "unused", symbols=["AAA", "BBB"], data=write_minutes(directory, step_minutes=5), days=DAYS
    )
    del raw["strategy"]
    good: dict[str, Any] = {
        "id": "good",
        "name": "moving_average_cross",
        "params": {"fast_period": 3, "slow_period": 6, "quantity": 10},
        "symbols": ["AAA"],
    }
    raw["strategies"] = [good]
    if name is not None:
        raw["strategies"] = [{"id": "bad", "name": f"{MODULE}:{name}", "symbols": ["BBB"]}, good]
    return raw


def commands_of(log_dir: Path, strategy_id: str) -> list[tuple[int, str]]:
    """When and what a strategy ordered."""
    return [
        (r.ts_ns, f"{r.body.side} {r.body.quantity} {r.body.symbol} {r.body.client_order_id}")
        for r in facts_of(log_dir)
        if isinstance(r.body, c.SubmitOrder) and r.body.strategy_id == strategy_id
    ]


@pytest.mark.parametrize("name", list(BROKEN))
def test_broken_strategy_is_isolated_and_the_other_never_notices(name: str, tmp_path: Path) -> None:
    play_live(beside(None, tmp_path / "data"), tmp_path / "alone")
    raw = beside(name, tmp_path / "data")
    play_live(raw, tmp_path / "live")
    play_backtest(raw, tmp_path / "backtest")
    assert_same(trail(tmp_path / "live"), trail(tmp_path / "backtest"))
    faults = [r for r in facts_of(tmp_path / "live") if isinstance(r.body, c.StrategyFaulted)]
    assert len(faults) == 1
    callback, error = BROKEN[name]
    fault = faults[0].body
    assert isinstance(fault, c.StrategyFaulted)
    assert fault.strategy_id == StrategyId("bad")
    assert error in fault.error
    assert callback in fault.callback
    good = commands_of(tmp_path / "live", "good")
    assert len(good) > 20
    assert good == commands_of(tmp_path / "alone", "good")


def test_what_a_broken_strategy_had_resting_is_cancelled_and_nothing_follows(
    tmp_path: Path,
) -> None:
    play_live(beside("RaisesOnBar", tmp_path / "data"), tmp_path / "live")
    facts = facts_of(tmp_path / "live")
    at = next(i for i, r in enumerate(facts) if isinstance(r.body, c.StrategyFaulted))
    resting = {
        r.body.client_order_id
        for r in facts[:at]
        if isinstance(r.body, c.SubmitOrder)
        and r.body.strategy_id == "bad"
        and r.body.order_type is OrderType.LIMIT
    }
    cancelled = {r.body.client_order_id for r in facts[at:] if isinstance(r.body, e.OrderCanceled)}
    assert resting
    assert resting <= cancelled
    later = [r.body for r in facts[at:] if isinstance(r.body, c.SubmitOrder)]
    assert [order for order in later if order.strategy_id == "bad"] == []


@pytest.mark.parametrize("orderly", [False, True], ids=["crash", "stop"])
def test_fault_survives_a_restart(orderly: bool, tmp_path: Path) -> None:
    """Nothing but an operator brings a broken strategy back."""
    raw = beside("RaisesOnBar", tmp_path / "data")
    play_live(raw, tmp_path / "whole")
    faulted_at = [type(r.body) for r in facts_of(tmp_path / "whole")].index(c.StrategyFaulted)
    for extra in (1, 5, 60):
        with contextlib.suppress(Crash):
            play_until(raw, tmp_path / "broken", faulted_at + extra, orderly=orderly)
    play_live(raw, tmp_path / "broken")
    assert_same(trail(tmp_path / "broken"), trail(tmp_path / "whole"))


@pytest.mark.parametrize("strategy_id", [None, StrategyId("good")])
def test_run_that_ends_halted_says_so_by_its_exit_code(
    strategy_id: StrategyId | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator halts at the start, the account or one strategy, and never resumes."""

    async def halted(config: Any, plan: Any, pump: Pump, *rest: Any) -> str | None:
        pump.take(pump.ts_ns, e.Halt("enough", strategy_id))
        return await playback.play(config, plan, pump, *rest)

    monkeypatch.setattr("regimeflow.live.runner.play", halted)
    assert play_live(beside(None, tmp_path / "data"), tmp_path / "live").exit_code == 3
    assert commands_of(tmp_path / "live", "good") == []
