"""F02, F28 and F46: evidence counts by when it was made at the venue, not by when it came."""

from __future__ import annotations

import pytest

from regimeflow.core.doubts import VenueClock, asked_ns_of, request_id_of
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import OrderStatus
from regimeflow.model.timestamps import NS_PER_S
from tests.faults.desk_script import SETTLE_S, LinkedDesk

HOUR_S = 3_600


def say_unknown(desk: LinkedDesk, order_id: str, ts_venue_ns: int) -> None:
    """Both negatives, made at this time of the venue's."""
    desk.feed(e.OrderStatusReported(ClientOrderId(order_id), None, ts_venue_ns))
    desk.feed(desk.listing(orders=(), ts_venue_ns=ts_venue_ns))


def lost(desk: LinkedDesk) -> str:
    order_id = desk.buy(10)
    desk.lose(order_id)
    return order_id


def test_f02_negatives_made_before_the_window_prove_nothing_however_late_they_come(
    desk: LinkedDesk,
) -> None:
    order_id = lost(desk)
    made_ns = desk.now_ns
    desk.lapse(SETTLE_S + 1)
    say_unknown(desk, order_id, made_ns)
    say_unknown(desk, order_id, made_ns + (SETTLE_S - 1) * NS_PER_S)
    assert (desk.order(order_id).status, desk.may_fill()) == (OrderStatus.IN_DOUBT, 10)
    say_unknown(desk, order_id, desk.now_ns)
    assert (desk.order(order_id).status, desk.may_fill()) == (OrderStatus.NOT_FOUND, 0)


@pytest.mark.parametrize("ahead_s", [-HOUR_S, -1, 1, HOUR_S])
def test_f46_clocks_that_differ_neither_hasten_nor_delay_the_end_of_doubt(
    ahead_s: int, desk: LinkedDesk
) -> None:
    ahead_ns = ahead_s * NS_PER_S
    desk.feed(e.ClockMeasured("sim", desk.now_ns + ahead_ns, 0))
    order_id = lost(desk)
    made_ns = desk.now_ns + ahead_ns
    desk.lapse(SETTLE_S + 1)
    say_unknown(desk, order_id, made_ns + NS_PER_S)
    assert desk.order(order_id).status is OrderStatus.IN_DOUBT
    say_unknown(desk, order_id, desk.now_ns + ahead_ns)
    assert desk.order(order_id).status is OrderStatus.NOT_FOUND


def test_f46_doubt_ends_under_a_clock_that_is_behind_and_was_never_measured(
    desk: LinkedDesk,
) -> None:
    order_id = lost(desk)
    behind_ns = HOUR_S * NS_PER_S
    desk.lapse(SETTLE_S + 1)
    say_unknown(desk, order_id, desk.now_ns - behind_ns)
    assert desk.order(order_id).status is OrderStatus.IN_DOUBT
    desk.lapse(HOUR_S)
    say_unknown(desk, order_id, desk.now_ns - behind_ns)
    assert desk.order(order_id).status is OrderStatus.NOT_FOUND


def test_f02_answers_without_a_time_count_when_they_were_asked_for_after_the_window(
    desk: LinkedDesk,
) -> None:
    order_id = lost(desk)
    early = request_id_of("truth-", desk.now_ns, 1)
    desk.now_ns += (SETTLE_S + 1) * NS_PER_S
    desk.feed(e.OrderStatusReported(ClientOrderId(order_id), None, 0))
    desk.feed(e.BrokerSnapshot(early, (), None, None, None, 0))
    desk.feed(e.BrokerSnapshot("sim-gap-1", (), None, None, None, 0))
    assert desk.order(order_id).status is OrderStatus.IN_DOUBT
    desk.lapse(SETTLE_S)
    desk.feed(e.OrderStatusReported(ClientOrderId(order_id), None, 0))
    assert desk.order(order_id).status is OrderStatus.IN_DOUBT
    late = desk.outputs(c.RequestSnapshot)[-1].request_id
    desk.feed(e.BrokerSnapshot(late, (), None, None, None, 0))
    assert desk.order(order_id).status is OrderStatus.NOT_FOUND


def test_f32_old_terms_in_a_list_of_before_the_window_give_up_no_replacement(
    desk: LinkedDesk,
) -> None:
    order_id = desk.buy(10)
    desk.accept(order_id)
    old = desk.record(order_id)
    command = desk.modify(order_id, quantity=16)
    desk.lose(command.client_order_id, e.RequestKind.REPLACE)
    made_ns = desk.now_ns
    desk.lapse(SETTLE_S + 1)
    desk.answer(command.client_order_id, None)
    desk.feed(desk.listing(orders=(old,), ts_venue_ns=made_ns))
    assert (desk.may_fill(), desk.order(order_id).in_doubt) == (16, True)
    desk.sweep(orders=(old,))
    assert (desk.may_fill(), desk.order(order_id).in_doubt) == (10, False)


def test_f46_clock_of_ours_that_is_set_keeps_the_age_of_evidence() -> None:
    clock = VenueClock().measured(1_000, e.ClockMeasured("sim", 1_500, 20))
    assert clock.made_ns(2_500, 9_999, asked_ns=0) == 1_980
    assert clock.adjusted(500).made_ns(2_500, 9_999, asked_ns=0) == 2_480
    assert clock.made_ns(99_999, 5_000, asked_ns=0) == 5_000
    assert clock.made_ns(0, 5_000, asked_ns=77) == 77


def test_only_the_engines_own_requests_say_when_they_were_asked() -> None:
    assert asked_ns_of(request_id_of("truth-", 123, 4)) == 123
    assert asked_ns_of("poll-17-3") == 17
    assert [asked_ns_of(other) for other in ("sim-gap-4", "report-x-1", "test", "")] == [0] * 4
