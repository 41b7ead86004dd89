"""F37, F43 to F53: statuses nobody knows, sessions, epochs, and looks into the past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from regimeflow.core.risk.limits import RiskPolicy
from regimeflow.data.session_table import load_calendar
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import AccountRecord
from regimeflow.model.ids import BrokerOrderId, ClientOrderId
from regimeflow.model.order import OrderStatus, Side, TimeInForce
from regimeflow.model.timestamps import NS_PER_HOUR, NS_PER_S, ns_from_date
from tests.faults.desk_script import SETTLE_S, LinkedDesk, MakeDesk, cash_after, fill_record
from tests.faults.sim_talk import SimTalk
from tests.unit.core_samples import BARS_OLD_NS, session
from tests.unit.journal_samples import filled


def test_f37_status_that_is_not_known_counts_as_working_and_is_asked_after(
    desk: LinkedDesk,
) -> None:
    order_id = desk.buy()
    desk.lose(order_id)
    desk.answer(order_id, desk.record(order_id, status=OrderStatus.IN_DOUBT))
    assert desk.order(order_id).status is OrderStatus.IN_DOUBT
    assert desk.may_fill() == 10
    assert desk.kinds() == ["unknown_status"]
    assert desk.try_to_buy() == "C22"
    assert any(isinstance(o, c.QueryOrder) for o in desk.lapse(60))
    desk.answer(order_id, desk.record(order_id, status=OrderStatus.IN_DOUBT))
    assert desk.kinds() == ["unknown_status"], "told once, however often it is asked after"
    desk.answer(order_id, desk.record(order_id))
    assert desk.order(order_id).status is OrderStatus.NEW


def test_f37_report_that_is_not_known_is_kept_raw_and_holds_its_symbol(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.accept(order_id)
    talk = SimTalk()
    raw: dict[str, object] = {
        "kind": "HeldForReview",
        "client_order_id": order_id,
        "symbol": "ABC",
        "why": "new",
    }
    (report,) = talk.push(raw)
    outputs = desk.feed(report)
    (found,) = [o for o in outputs if isinstance(o, c.DiscrepancyFound)]
    assert msgspec.json.decode(found.theirs) == raw
    assert {type(o) for o in outputs} >= {c.QueryOrder, c.RequestSnapshot}
    assert desk.order(order_id).status is OrderStatus.NEW
    assert desk.try_to_buy() == "C22"
    assert desk.try_to_buy(symbol="XYZ") == ""


def test_f43_day_order_ends_by_report_or_by_its_absence_after_the_close(
    desk: LinkedDesk,
) -> None:
    told, silent = desk.buy(), desk.buy(price=99.0)
    desk.accept(told)
    desk.accept(silent)
    desk.feed(e.SessionClosed(session()))
    desk.feed(e.OrderExpired(ClientOrderId(told), "day", desk.now_ns))
    assert desk.order(told).status is OrderStatus.EXPIRED
    desk.lapse(SETTLE_S + 1)
    desk.sweep(orders=())
    assert desk.order(silent).in_doubt
    desk.answer(silent, desk.record(silent, status=OrderStatus.EXPIRED))
    assert desk.order(silent).status is OrderStatus.EXPIRED
    assert desk.may_fill() == 0


def test_f44_order_outside_the_session_is_queued_or_denied_by_its_time_in_force(
    desk: LinkedDesk,
) -> None:
    desk.now_ns = session().close_ns - NS_PER_S
    desk.quote(100.0)
    desk.now_ns = session().close_ns
    desk.feed(e.SessionClosed(session()))
    terms = {"limit_price": 98.0, "time_in_force": TimeInForce.IOC}
    assert desk.try_to(lambda ctx: ctx.submit_order("ABC", Side.BUY, 1, **terms)) == "C18"
    assert desk.try_to_buy() == ""
    assert desk.outputs(c.SubmitOrder)[-1].for_next_open


def test_f46_sessions_know_summer_time_half_days_and_leap_days() -> None:
    first, last = datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 12, 31, tzinfo=UTC)
    calendar = load_calendar("XNYS", ns_from_date(first.date()), ns_from_date(last.date()))
    opens = {s.date: datetime.fromtimestamp(s.open_ns / NS_PER_S, UTC) for s in calendar.sessions}
    closes = {s.date: s.close_ns for s in calendar.sessions}
    assert (opens["2024-03-08"].hour, opens["2024-03-11"].hour) == (14, 13)
    assert (opens["2024-11-01"].hour, opens["2024-11-04"].hour) == (13, 14)
    assert "2024-02-29" in opens
    half = closes["2024-11-29"] - int(opens["2024-11-29"].timestamp()) * NS_PER_S
    assert half == 3 * NS_PER_HOUR + NS_PER_HOUR // 2
    gaps = [b - a for a, b in zip(sorted(opens.values()), sorted(opens.values())[1:], strict=False)]
    assert min(gaps) >= timedelta(hours=23)


def test_f47_new_fill_under_a_used_id_is_not_booked_but_told_and_its_symbol_held(
    desk: LinkedDesk,
) -> None:
    """A venue that numbers its executions anew: nothing here says which of two ids is meant."""
    first = desk.buy()
    desk.fill(first, 10, execution_id="1")
    second = desk.buy(5, 99.0)
    for _ in range(2):
        desk.fill(second, 5, 99, execution_id="1")
    assert set(desk.kinds()) == {"execution_reused"}
    assert (desk.held(), desk.may_fill()) == (10, 5)
    assert desk.engine.ledger.portfolio.cash == cash_after((10, 100))
    for _ in range(3):
        assert "ABC" in desk.engine.holds.symbols
        assert desk.trading == c.TradingState.REDUCING
        assert desk.try_to_buy() == "C25"
        desk.lapse(600)
        desk.quote(100.0)
    desk.feed(e.Resume("looked at it"))
    assert "ABC" not in desk.engine.holds.symbols


def test_f47_new_epoch_asks_for_everything_before_entries_go_on(desk: LinkedDesk) -> None:
    talk = SimTalk(epoch=1)
    talk.report(filled(execution_id="1"))
    (down,) = talk.cut()
    assert isinstance(down, e.LinkDown)
    up = talk.greet(epoch=2)
    assert any(isinstance(event, e.LinkUp) for event in up)
    assert len(talk.requested("snapshot")) == 1
    assert [type(event) for event in talk.report(filled(execution_id="2"))] == [e.OrderFilled]
    desk.feed(down)
    desk.raise_link()
    assert desk.try_to_buy() == "C22"
    desk.sweep()
    assert desk.try_to_buy() == ""


def test_f51_rate_limited_order_is_refused_for_good_and_cancels_keep_their_reserve(
    make_desk: MakeDesk,
) -> None:
    policy = RiskPolicy(max_orders_per_minute=10, reference_age_ns_max=BARS_OLD_NS)
    desk = make_desk(policy=policy)
    ids = [desk.buy(1, 90.0 + number) for number in range(8)]
    assert desk.try_to_buy() == "C09"
    desk.accept(ids[0])
    desk.cancel(ids[0])
    assert desk.order(ids[0]).status is OrderStatus.PENDING_CANCEL
    talk = SimTalk()
    talk.submit("o1")
    (refused,) = talk.refuse("rate_limited")
    assert isinstance(refused, e.OrderRejected)
    desk.feed(e.OrderRejected(ClientOrderId(ids[1]), refused.reason, desk.now_ns))
    desk.lapse(600)
    assert len(desk.outputs(c.SubmitOrder)) == 8


@pytest.mark.parametrize("part", ["positions", "account", "orders"])
def test_f53_snapshot_older_than_the_stream_accuses_nobody(part: str, desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.accept(order_id)
    before = desk.now_ns
    desk.wait(SETTLE_S + 5)
    desk.fill(order_id, 4)
    past = {"positions": (), "account": AccountRecord("A", "USD", cash_after()), "orders": ()}
    for _ in range(4):
        desk.sweep(**{part: past[part]}, ts_venue_ns=before)
        desk.wait(SETTLE_S + 1)
    assert not desk.kinds()
    assert desk.order(order_id).status is OrderStatus.PARTIALLY_FILLED
    assert desk.trading == c.TradingState.ACTIVE


def test_f53_old_snapshot_proves_no_books_but_its_fills_are_taken(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    before = desk.now_ns
    desk.accept(order_id)
    desk.drop_link()
    desk.raise_link()
    desk.sweep(ts_venue_ns=before, fills=(fill_record("x1", order_id, 2),))
    assert desk.held() == 2
    assert desk.try_to_buy() == "C22"
    desk.sweep()
    assert desk.try_to_buy() == ""


def test_f53_part_that_was_not_read_proves_and_accuses_nothing(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.accept(order_id)
    desk.drop_link()
    desk.raise_link()
    for part in ("orders", "fills", "positions", "account"):
        desk.sweeps(3, **{part: None})
        desk.feed(e.SnapshotFailed("poll", "timeout"))
    assert desk.try_to_buy() == "C22"
    assert not desk.kinds()
    assert desk.order(order_id).broker_order_id == BrokerOrderId(f"b-{order_id}")
    assert desk.engine.ledger.portfolio.cash == cash_after()
