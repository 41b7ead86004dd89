"""F73 to F78: strategies that raise or flood, pauses, races at the switch, bounds, a long month."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from regimeflow import errors
from regimeflow.core import timers
from regimeflow.core.callbacks import CONSEQUENCES_MAX
from regimeflow.core.discrepancies import QUARANTINED_MAX
from regimeflow.core.executions import EXECUTION_IDS_MAX
from regimeflow.core.orders import TERMINAL_ORDERS_MAX
from regimeflow.core.risk.limits import RiskPolicy
from regimeflow.journal import recover, verify_chain
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.market import Quote
from regimeflow.model.timestamps import NS_PER_S
from tests.faults.desk_script import SETTLE_S, LinkedDesk, MakeDesk, records_of
from tests.unit.core_samples import BARS_OLD_NS, puppet, scripted, session
from tests.unit.journal_samples import writer


def test_f73_strategy_that_raises_is_isolated_and_the_other_trades_on(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(puppet(), puppet())
    order_id = desk.buy(price=90.0)

    def fail(ctx: Any) -> None:
        ctx.buy("ABC", 1, limit_price=91.0)
        raise RuntimeError("no")

    desk.do(fail)
    assert [fault.strategy_id for fault in desk.outputs(c.StrategyFaulted)] == ["s0"]
    assert desk.outputs(c.CancelOrder)[-1].client_order_id == order_id
    assert len(desk.outputs(c.SubmitOrder)) == 1
    assert desk.try_to(lambda ctx: ctx.buy("ABC", 1, limit_price=92.0), 1) == ""


def test_f73_strategy_that_floods_is_throttled_and_then_faulted(make_desk: MakeDesk) -> None:
    def answer(self: Any, order: Any) -> None:
        self.ctx.buy("ABC", 1, limit_price=90.0)

    def on_quote(self: Any, quote: Quote) -> None:
        for _ in range(20 if quote.bid == 77.0 else 0):
            answer(self, None)

    flooding = scripted(on_quote=on_quote, on_order_update=answer)
    policy = RiskPolicy(max_orders_per_minute=10, reference_age_ns_max=BARS_OLD_NS)
    desk = make_desk(flooding, policy=policy)
    desk.quote(77.0)
    assert 0 < len(desk.outputs(c.SubmitOrder)) <= 8
    assert {denied.control for denied in desk.outputs(c.OrderDenied)} >= {"C09"}
    assert len(desk.outputs(c.StrategyFaulted)) == 1
    assert len(desk.outputs(c.OrderDenied)) <= 2 * CONSEQUENCES_MAX + 20


def test_f74_after_a_pause_of_the_process_nothing_enters_until_data_is_fresh(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(
        stale_after_ns=10 * NS_PER_S, policy=RiskPolicy(reference_age_ns_max=60 * NS_PER_S)
    )
    desk.buy(price=99.0)
    desk.wait(60)
    outputs = desk.feed(e.Heartbeat("engine"))
    assert any(isinstance(o, c.CancelOrder) for o in outputs)
    assert desk.engine.market.reference("ABC", desk.now_ns, 10**18) is None
    assert any(isinstance(o, c.QueryOrder) for o in desk.lapse(3 * SETTLE_S))
    desk.drop_link()
    desk.raise_link()
    assert desk.try_to_buy() == "C22"


def test_f75_every_failure_has_its_exit_code_and_every_memory_its_bound(
    monkeypatch: pytest.MonkeyPatch, desk: LinkedDesk
) -> None:
    codes = {
        errors.ConfigError: 2,
        errors.StartRefused: 1,
        errors.JournalError: 4,
        errors.JournalCorrupt: 4,
        errors.InvariantViolated: 70,
    }
    assert {kind: kind.exit_code for kind in codes} == codes
    assert max(TERMINAL_ORDERS_MAX, EXECUTION_IDS_MAX, QUARANTINED_MAX) <= 100_000
    for number in range(3):
        desk.fill("nobody", 0, execution_id=f"q{number}")
    monkeypatch.setattr(
        "regimeflow.core.context.TIMERS_MAX", len(desk.engine.ledger.timers.pending)
    )
    desk.do(lambda ctx: ctx.schedule_timer("one too many", after_ns=1))
    assert len(desk.outputs(c.StrategyFaulted)) == 1
    assert timers.TIMERS_MAX == 10_000


def test_f76_halt_wins_over_a_resume_of_the_same_instant(desk: LinkedDesk) -> None:
    desk.feed(e.Halt("operator"))
    desk.feed(e.Resume("double click"), after_ns=0)
    assert desk.trading == c.TradingState.HALTED
    assert "halt wins" in desk.outputs(c.TradingStateChanged)[-1].reason
    desk.feed(e.Halt("again"), after_ns=0)
    desk.feed(e.Resume("thought over"))
    assert desk.trading == c.TradingState.ACTIVE
    desk.feed(e.Resume("first"), after_ns=5)
    desk.feed(e.Halt("then"), after_ns=0)
    assert desk.trading == c.TradingState.HALTED


def test_f76_double_click_on_flatten_closes_once(desk: LinkedDesk) -> None:
    desk.hold(10)
    for _ in range(3):
        desk.feed(e.Flatten("operator"), after_ns=0)
    closing = desk.outputs(c.SubmitOrder)[1:]
    assert [int(command.quantity) for command in closing] == [10]
    desk.fill(closing[0].client_order_id, 10)
    assert desk.held() == 0


def test_f78_month_of_sessions_leaves_nothing_behind_and_its_journal_verifies(
    make_desk: MakeDesk, tmp_path: Path
) -> None:
    desk = make_desk()
    sizes = set()
    for day in range(30):
        desk.now_ns = max(desk.now_ns, session(day).open_ns)
        if day:
            desk.feed(e.SessionOpened(session(day)))
        for number in range(5):
            desk.quote(100.0)
            order_id = desk.buy(price=99.0 - number)
            desk.lose(order_id)
            desk.answer(order_id, desk.record(order_id))
            desk.fill(order_id, 4)
            desk.canceled(order_id)
        desk.sweep()
        desk.now_ns = session(day).close_ns
        desk.feed(e.SessionClosed(session(day)))
        desk.lapse(60)
        engine = desk.engine
        sizes.add(
            (
                len(engine.ledger.timers.pending),
                len(engine.order_truth.doubts),
                len(engine.ledger.orders.open),
                len(engine.ledger.orders.replacements),
                len(engine.holds.account) + len(engine.holds.symbols),
            )
        )
    assert sizes == {(0, 0, 0, 0, 0)}
    assert not desk.kinds()
    journal = writer(tmp_path)
    for index, (ts_ns, event, outputs) in enumerate(desk.log):
        cause = journal.append_event(ts_ns, event)
        for output in outputs:
            journal.append_output(ts_ns, cause, output)
        journal.commit()
        if isinstance(event, e.SessionClosed):
            journal.rotate()
        assert index < len(desk.log)
    journal.close()
    assert verify_chain(tmp_path).is_intact
    assert recover(tmp_path).next_seq == len(records_of(desk)) + 1
