"""What every networked broker promises when the network or the venue misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from regimeflow.model.events import REQUESTS, Heartbeat, LinkDown, LinkUp
from regimeflow.model.market import Quote
from regimeflow.model.order import OrderStatus
from regimeflow.model.reports import (
    BrokerSnapshot,
    FillBusted,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    OrderStatusReported,
    OutcomeUnknown,
    SnapshotFailed,
)
from regimeflow.testing.venues.faults import FaultKind
from tests.conformance.orders import cancel, query, snapshot, submit
from tests.conformance.venues import NetworkedVenue, of, rest, until

NetworkBehaviour = Callable[[NetworkedVenue], Awaitable[None]]


async def disconnect_during_submit_is_unknown_and_then_found(venue: NetworkedVenue) -> None:
    venue.faults.add(FaultKind.DISCONNECT, "submit")
    venue.execute(submit("o1", limit="50.00"))
    await until(venue, lambda: bool(of(venue, OutcomeUnknown, "o1")), "doubt")
    assert not of(venue, OrderRejected)
    await until(venue, lambda: len(of(venue, LinkUp)) == 2, "reconnection")
    venue.execute(query("o1"))
    await until(venue, lambda: bool(of(venue, OrderStatusReported, "o1")), "answer")
    order = of(venue, OrderStatusReported)[0].order
    assert order is not None
    assert order.status is OrderStatus.NEW


async def lost_request_is_unknown_and_then_not_found(venue: NetworkedVenue) -> None:
    venue.faults.add(FaultKind.LOST_REQUEST, "submit")
    venue.execute(submit("o1"))
    await until(venue, lambda: bool(of(venue, OutcomeUnknown, "o1")), "doubt")
    venue.execute(query("o1"))
    await until(venue, lambda: bool(of(venue, OrderStatusReported, "o1")), "answer")
    assert of(venue, OrderStatusReported)[0].order is None
    assert not of(venue, OrderRejected)


async def late_arrival_is_unknown_and_accepted_later(venue: NetworkedVenue) -> None:
    venue.faults.add(FaultKind.LATE_ACCEPT, "submit", 0.8)
    venue.execute(submit("o1"))
    await until(venue, lambda: bool(of(venue, OutcomeUnknown, "o1")), "doubt")
    await until(venue, lambda: bool(of(venue, OrderFilled, "o1")), "late fill")
    assert len(of(venue, OrderAccepted, "o1")) == 1


async def lost_reply_is_made_good_by_the_stream(venue: NetworkedVenue) -> None:
    venue.faults.add(FaultKind.LOST_REPLY, "submit")
    venue.execute(submit("o1"))
    await until(venue, lambda: bool(of(venue, OrderFilled, "o1")), "fill")
    await asyncio.sleep(0.6)
    await rest(venue)
    assert not of(venue, OutcomeUnknown)
    assert len(of(venue, OrderAccepted, "o1")) == 1


async def error_that_proves_nothing_is_unknown(venue: NetworkedVenue) -> None:
    venue.faults.add(FaultKind.SERVER_ERROR, "submit")
    venue.execute(submit("o1"))
    await until(venue, lambda: bool(of(venue, OutcomeUnknown, "o1")), "doubt")
    await until(venue, lambda: bool(of(venue, OrderFilled, "o1")), "fill all the same")
    assert not of(venue, OrderRejected)


async def rate_limit_is_a_definite_refusal(venue: NetworkedVenue) -> None:
    venue.faults.add(FaultKind.RATE_LIMIT, "submit")
    venue.execute(submit("o1"))
    await until(venue, lambda: bool(of(venue, OrderRejected, "o1")), "rejection")
    assert "rate_limited" in of(venue, OrderRejected)[0].reason
    venue.execute(submit("o2"))
    await until(venue, lambda: bool(of(venue, OrderFilled, "o2")), "the next order")


async def ban_is_waited_out_and_nothing_is_sent_meanwhile(venue: NetworkedVenue) -> None:
    await _is_silent_while_nothing_is_taken(venue, FaultKind.BAN, "banned")
    await until(venue, lambda: len(of(venue, LinkUp)) == 2, "the end of the ban")
    venue.execute(submit("o3"))
    await until(venue, lambda: bool(of(venue, OrderFilled, "o3")), "order after the ban")


async def nothing_is_sent_with_a_key_that_was_revoked(venue: NetworkedVenue) -> None:
    await _is_silent_while_nothing_is_taken(venue, FaultKind.REVOKED, "forbidden")


async def _is_silent_while_nothing_is_taken(
    venue: NetworkedVenue, kind: FaultKind, code: str
) -> None:
    venue.faults.add(kind, "submit", 0.3)
    venue.execute(submit("o1"))
    venue.execute(snapshot("s1"))
    await until(venue, lambda: bool(of(venue, SnapshotFailed)), "refused snapshot")
    assert of(venue, OrderRejected, "o1")[0].reason.startswith(code)
    assert [down.link for down in of(venue, LinkDown)] == [REQUESTS]
    turned_away = venue.server.admittance.turned_away
    venue.execute(submit("o2"))
    await asyncio.sleep(0.4)
    assert of(venue, OrderRejected, "o2")[0].reason.startswith(f"not sent: {code}")
    assert venue.server.admittance.turned_away == turned_away, "something was sent"


async def used_client_order_id_is_doubt_not_rejection(venue: NetworkedVenue) -> None:
    venue.execute(submit("o1", limit="50.00"))
    await until(venue, lambda: bool(of(venue, OrderAccepted, "o1")), "acceptance")
    venue.execute(submit("o1", limit="50.00"))
    await until(venue, lambda: bool(of(venue, OutcomeUnknown, "o1")), "doubt")
    assert "duplicate" in of(venue, OutcomeUnknown)[0].reason
    assert not of(venue, OrderRejected)


async def request_without_connection_was_never_sent(venue: NetworkedVenue) -> None:
    await venue.stop_server()
    await until(venue, lambda: bool(of(venue, LinkDown)), "loss of the link")
    venue.execute(submit("o1"))
    await until(venue, lambda: bool(of(venue, OrderRejected, "o1")), "local failure")
    assert of(venue, OrderRejected)[0].reason.startswith("not sent")
    venue.execute(snapshot("s1"))
    await until(venue, lambda: bool(of(venue, SnapshotFailed)), "failed snapshot")
    await venue.start_server()
    await until(venue, lambda: len(of(venue, LinkUp)) == 2, "reconnection")
    await rest(venue)
    assert not of(venue, OrderFilled)


async def fills_missed_while_away_arrive_once(venue: NetworkedVenue) -> None:
    venue.execute(submit("o1", quantity=500))
    await until(venue, lambda: len(of(venue, OrderFilled)) == 2, "second part")
    venue.server.disconnect_all()
    venue.pass_time(10.0)
    await until(venue, lambda: len(of(venue, LinkUp)) == 2, "reconnection")
    last_up = max(i for i, e in enumerate(venue.events) if isinstance(e, LinkUp))
    fills = [e for e in venue.events[:last_up] if isinstance(e, OrderFilled)]
    assert [int(fill.quantity) for fill in fills] == [100] * 5
    await rest(venue)
    assert len(of(venue, OrderFilled)) == 5
    assert len({fill.execution_id for fill in of(venue, OrderFilled)}) == 5


async def repeated_report_is_ignored(venue: NetworkedVenue) -> None:
    for _ in range(3):
        venue.faults.add(FaultKind.DUPLICATE_REPORT, "", 3)
    venue.execute(submit("o1", quantity=200))
    await until(venue, lambda: len(of(venue, OrderFilled)) == 2, "fills")
    await rest(venue)
    assert len(of(venue, OrderFilled)) == 2
    assert len(of(venue, OrderAccepted)) == 1


async def reports_out_of_order_are_all_taken_once(venue: NetworkedVenue) -> None:
    venue.faults.add(FaultKind.REORDER)
    venue.execute(submit("o1", quantity=300))
    await until(venue, lambda: len(of(venue, OrderFilled)) == 3, "fills")
    await until(venue, lambda: bool(of(venue, OrderAccepted)), "late acceptance")
    await rest(venue)
    assert len(of(venue, OrderFilled)) == 3
    assert len(of(venue, OrderAccepted)) == 1


async def fill_may_precede_its_acceptance(venue: NetworkedVenue) -> None:
    venue.faults.add(FaultKind.FILL_BEFORE_ACK)
    venue.execute(submit("o1"))
    await until(venue, lambda: bool(of(venue, OrderAccepted, "o1")), "acceptance")
    (fill,) = of(venue, OrderFilled)
    assert venue.events.index(fill) < venue.events.index(of(venue, OrderAccepted)[0])
    assert not of(venue, OutcomeUnknown)


async def omitted_fill_is_found_by_a_snapshot(venue: NetworkedVenue) -> None:
    venue.faults.add(FaultKind.OMITTED_FILL)
    venue.execute(submit("o1"))
    await until(venue, lambda: not venue.faults.plan, "the omission")
    venue.execute(submit("o2", limit="50.00"))
    await until(venue, lambda: bool(of(venue, BrokerSnapshot)), "snapshot asked for by itself")
    fills = of(venue, BrokerSnapshot)[0].fills
    assert not of(venue, OrderFilled, "o1")
    assert fills is not None
    assert [fill.client_order_id for fill in fills] == ["o1"]


async def report_of_an_unknown_kind_leads_to_a_question(venue: NetworkedVenue) -> None:
    venue.faults.add(FaultKind.UNKNOWN_STATUS)
    venue.execute(submit("o1", limit="50.00"))
    await until(venue, lambda: bool(of(venue, BrokerSnapshot)), "snapshot asked for by itself")
    orders = of(venue, BrokerSnapshot)[0].orders
    assert orders is not None
    assert [order.client_order_id for order in orders] == ["o1"]


async def bust_is_reported_and_leaves_the_books(venue: NetworkedVenue) -> None:
    venue.faults.add(FaultKind.BUST)
    venue.execute(submit("o1"))
    await until(venue, lambda: bool(of(venue, FillBusted)), "bust")
    assert of(venue, FillBusted)[0].execution_id == of(venue, OrderFilled)[0].execution_id
    venue.execute(snapshot("s1"))
    await until(venue, lambda: bool(of(venue, BrokerSnapshot)), "snapshot")
    listed = of(venue, BrokerSnapshot)[0]
    assert (listed.positions, listed.fills) == ((), ())
    assert [bust.execution_id for bust in listed.annulled] == [
        bust.execution_id for bust in of(venue, FillBusted)
    ]


async def half_a_snapshot_counts_as_none(venue: NetworkedVenue) -> None:
    venue.faults.add(FaultKind.PARTIAL_SNAPSHOT)
    venue.execute(snapshot("s1"))
    await until(venue, lambda: bool(of(venue, BrokerSnapshot)), "snapshot")
    listed = of(venue, BrokerSnapshot)[0]
    assert (listed.orders, listed.fills, listed.positions) == (None, None, None)
    assert listed.account is not None


async def stale_snapshot_shows_its_age(venue: NetworkedVenue) -> None:
    venue.execute(snapshot("s1"))
    await until(venue, lambda: len(of(venue, BrokerSnapshot)) == 1, "first snapshot")
    venue.faults.add(FaultKind.STALE_SNAPSHOT)
    venue.execute(snapshot("s2"))
    await until(venue, lambda: len(of(venue, BrokerSnapshot)) == 2, "second snapshot")
    first, second = of(venue, BrokerSnapshot)
    assert (second.request_id, second.ts_venue_ns) == ("s2", first.ts_venue_ns)


async def new_epoch_repeats_nothing_and_is_told(venue: NetworkedVenue) -> None:
    venue.execute(submit("o1"))
    await until(venue, lambda: bool(of(venue, OrderFilled)), "fill")
    venue.faults.add(FaultKind.NEW_EPOCH)
    venue.server.disconnect_all()
    await until(venue, lambda: bool(of(venue, BrokerSnapshot)), "snapshot asked for by itself")
    venue.execute(submit("o2"))
    await until(venue, lambda: bool(of(venue, OrderFilled, "o2")), "fill under new numbers")
    assert len(of(venue, OrderFilled)) == 2


async def repetition_after_reconnecting_is_ignored(venue: NetworkedVenue) -> None:
    venue.execute(submit("o1", quantity=300))
    await until(venue, lambda: len(of(venue, OrderFilled)) == 3, "fills")
    venue.faults.add(FaultKind.REPLAY)
    venue.server.disconnect_all()
    await until(venue, lambda: len(of(venue, LinkUp)) == 2, "reconnection")
    await rest(venue)
    assert len(of(venue, OrderFilled)) == 3


async def silent_link_is_given_up_and_made_anew(venue: NetworkedVenue) -> None:
    await until(venue, lambda: bool(of(venue, Heartbeat)), "heartbeat")
    venue.server.mute(is_on=True)
    await until(venue, lambda: bool(of(venue, LinkDown)), "loss of the link")
    assert "silent" in of(venue, LinkDown)[0].reason
    venue.server.mute(is_on=False)
    await until(venue, lambda: len(of(venue, LinkUp)) == 2, "reconnection")
    count = len(of(venue, Quote))
    await until(venue, lambda: len(of(venue, Quote)) > count, "market data again")


async def cancel_lost_on_the_way_is_unknown(venue: NetworkedVenue) -> None:
    venue.execute(submit("o1", limit="50.00"))
    await until(venue, lambda: bool(of(venue, OrderAccepted, "o1")), "acceptance")
    venue.faults.add(FaultKind.LOST_REQUEST, "cancel")
    venue.execute(cancel("o1"))
    await until(venue, lambda: bool(of(venue, OutcomeUnknown, "o1")), "doubt")
    venue.execute(cancel("o1"))
    await until(venue, lambda: bool(of(venue, OrderCanceled, "o1")), "cancel again")


NETWORK_BEHAVIOURS: tuple[NetworkBehaviour, ...] = (
    disconnect_during_submit_is_unknown_and_then_found,
    lost_request_is_unknown_and_then_not_found,
    late_arrival_is_unknown_and_accepted_later,
    lost_reply_is_made_good_by_the_stream,
    error_that_proves_nothing_is_unknown,
    rate_limit_is_a_definite_refusal,
    ban_is_waited_out_and_nothing_is_sent_meanwhile,
    nothing_is_sent_with_a_key_that_was_revoked,
    used_client_order_id_is_doubt_not_rejection,
    request_without_connection_was_never_sent,
    fills_missed_while_away_arrive_once,
    repeated_report_is_ignored,
    reports_out_of_order_are_all_taken_once,
    fill_may_precede_its_acceptance,
    omitted_fill_is_found_by_a_snapshot,
    report_of_an_unknown_kind_leads_to_a_question,
    bust_is_reported_and_leaves_the_books,
    half_a_snapshot_counts_as_none,
    stale_snapshot_shows_its_age,
    new_epoch_repeats_nothing_and_is_told,
    repetition_after_reconnecting_is_ignored,
    silent_link_is_given_up_and_made_anew,
    cancel_lost_on_the_way_is_unknown,
)
