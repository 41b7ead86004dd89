"""The venue's codec: what goes in comes out, and whatever else comes in is refused as such."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regimeflow.brokers.sim import messages as m
from regimeflow.brokers.sim import report_lines as lines
from regimeflow.brokers.sim import translate as t
from regimeflow.brokers.sim import wire as w
from regimeflow.brokers.sim.commands import request_for
from regimeflow.errors import VenueProtocolError
from regimeflow.model import reports as r
from regimeflow.model.account import FillRecord, OrderRecord
from regimeflow.model.commands import SubmitOrder
from regimeflow.model.ids import BrokerOrderId, ClientOrderId, ExecutionId
from regimeflow.model.market import ActionKind, CorporateAction
from regimeflow.model.order import OrderStatus, OrderType, Side
from tests.conformance.orders import replace, submit

PLACES = st.integers(0, 20)
AMOUNTS = st.builds(lambda n, places: Decimal(n).scaleb(-places), st.integers(0, 10**18), PLACES)
MONEY = st.builds(
    lambda n, places: Decimal(n).scaleb(-places), st.integers(-(10**18), 10**18), PLACES
)
IDS = st.text("abcXYZ0189_-", min_size=1, max_size=32)
TIMES = st.integers(min_value=0, max_value=2**63 - 1)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=100)
ORDER_IDS, BROKER_IDS = IDS.map(ClientOrderId), IDS.map(BrokerOrderId)
EXECUTION_IDS = IDS.map(ExecutionId)
SIDES = st.sampled_from(Side)
MAYBE = st.none() | AMOUNTS

REPORTS = st.one_of(
    st.builds(r.OrderAccepted, ORDER_IDS, BROKER_IDS, TIMES),
    st.builds(r.OrderRejected, ORDER_IDS, TEXTS, TIMES),
    st.builds(
        r.OrderFilled,
        ORDER_IDS,
        BROKER_IDS,
        EXECUTION_IDS,
        IDS,
        SIDES,
        AMOUNTS,
        AMOUNTS,
        MONEY,
        TIMES,
    ),
    st.builds(r.OrderCanceled, ORDER_IDS, TEXTS, TIMES),
    st.builds(r.OrderReplaced, ORDER_IDS, ORDER_IDS, BROKER_IDS, AMOUNTS, MAYBE, MAYBE, TIMES),
    st.builds(r.OrderExpired, ORDER_IDS, TEXTS, TIMES),
    st.builds(r.CancelRejected, ORDER_IDS, st.sampled_from(r.RequestKind), TEXTS, TIMES),
    st.builds(r.CashPosted, IDS, TEXTS, st.just("") | IDS, MONEY, TIMES),
    st.builds(CorporateAction, IDS, TIMES, st.sampled_from(ActionKind), AMOUNTS),
    st.builds(r.FillBusted, EXECUTION_IDS, IDS, TEXTS, TIMES),
)


@given(REPORTS, st.integers(0, 2**53))
def test_report_survives_the_wire_exactly(report: r.BrokerReport, number: int) -> None:
    push = m.Report(report_seq=number, fill_seq=None, report=t.body_from(report))
    arrived = m.decode_message(w.encode(push))
    assert isinstance(arrived, m.Report)
    line = lines.decode_report(arrived.report)
    assert not isinstance(line, lines.UnknownReport)
    assert t.report_from(line) == report
    assert arrived.report_seq == number


@given(
    st.builds(
        OrderRecord,
        ORDER_IDS,
        BROKER_IDS,
        IDS,
        SIDES,
        st.sampled_from(OrderType),
        AMOUNTS,
        AMOUNTS,
        st.sampled_from(OrderStatus),
        MAYBE,
        MAYBE,
    ),
    st.builds(
        FillRecord,
        EXECUTION_IDS,
        ORDER_IDS,
        BROKER_IDS,
        IDS,
        SIDES,
        AMOUNTS,
        AMOUNTS,
        MONEY,
        TIMES,
    ),
    MONEY,
)
def test_listed_account_survives_the_wire_exactly(
    order: OrderRecord, fill: FillRecord, cash: Decimal
) -> None:
    listed = m.AccountListed(
        id=1,
        orders=[t.order_line(order)],
        fills=[t.fill_line(fill)],
        positions=[w.PositionLine("ABC", format(cash, "f"))],
        cash=format(cash, "f"),
        account="SIM",
        currency="USD",
        venue_ns=5,
        annulled=[t.fill_line(fill)],
    )
    arrived = m.decode_message(w.encode(listed))
    assert isinstance(arrived, m.AccountListed)
    snapshot = t.snapshot_from(arrived, "s1")
    assert (snapshot.orders, snapshot.fills) == ((order,), (fill,))
    assert snapshot.annulled == (fill,)
    assert snapshot.positions is not None
    assert snapshot.account is not None
    assert (snapshot.positions[0].quantity, snapshot.account.cash) == (cash, cash)


@given(AMOUNTS, MAYBE, st.integers(0, 2**53))
def test_order_survives_the_wire_exactly(
    quantity: Decimal, limit: Decimal | None, number: int
) -> None:
    command: SubmitOrder = submit("o1", quantity, limit=limit)
    request, _, subject = request_for(command, number)
    arrived = m.decode_request(w.encode(request))
    assert isinstance(arrived, m.Submit)
    assert subject == arrived.order.client_order_id == "o1"
    assert Decimal(arrived.order.quantity) == quantity
    assert (arrived.order.limit_price is None) == (limit is None)
    assert limit is None or Decimal(arrived.order.limit_price or "") == limit
    assert "e" not in arrived.order.quantity.lower()


@given(AMOUNTS)
def test_replacement_survives_the_wire_exactly(quantity: Decimal) -> None:
    request, _, subject = request_for(replace("o1", "o1r", quantity, "1.50"), 3)
    arrived = m.decode_request(w.encode(request))
    assert isinstance(arrived, m.Replace)
    assert (subject, Decimal(arrived.quantity)) == ("o1r", quantity)


VALID = [
    w.encode(m.HeartbeatPush(venue_ns=1)),
    w.encode(m.Refused(id=1, code="banned", message="x")),
    w.encode(
        m.Report(
            report_seq=1,
            fill_seq=None,
            report=t.body_from(r.OrderAccepted(ClientOrderId("a"), BrokerOrderId("b"), 1)),
        )
    ),
    w.encode(m.QuotePush(symbol="A", ts_ns=1, bid=1.0, ask=2.0, bid_size=1.0, ask_size=1.0)),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "verb", "id", "report", "kind", "orders", "quantity"]), inner
        )
    ),
    max_leaves=12,
)


def check_decoders(text: str) -> None:
    """Every decoder either gives a value or says that the protocol was broken."""
    with contextlib.suppress(VenueProtocolError):
        message = m.decode_message(text)
        if isinstance(message, m.Report | m.Ack):
            lines.decode_report(message.report)
    with contextlib.suppress(VenueProtocolError):
        m.decode_request(text)


@given(st.text(max_size=200) | JSON.map(json.dumps))
def test_any_text_is_a_message_or_a_broken_protocol(text: str) -> None:
    check_decoders(text)


@given(st.sampled_from(VALID), st.integers(0, 300), st.text(max_size=6), st.integers(0, 4))
def test_damaged_message_is_a_message_or_a_broken_protocol(
    text: str, place: int, inserted: str, cut: int
) -> None:
    place = min(place, len(text))
    check_decoders(text[:place] + inserted + text[place + cut :])


def _fill(**changed: object) -> str:
    body: dict[str, object] = {
        "kind": "OrderFilled",
        "client_order_id": "a",
        "broker_order_id": "b",
        "execution_id": "c",
        "symbol": "ABC",
        "side": "buy",
        "quantity": "1",
        "price": "2.5",
        "fee": "-0.1",
        "ts_venue_ns": 1,
    }
    return json.dumps(body | changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"quantity": "-1"},
        {"quantity": "NaN"},
        {"quantity": "Infinity"},
        {"quantity": "1e5"},
        {"quantity": 1},
        {"quantity": "1\n"},
        {"quantity": "１"},
        {"quantity": "1" * 40},
        {"price": "-0.01"},
        {"price": 2.5},
        {"fee": "--1"},
        {"side": "both"},
        {"ts_venue_ns": -1},
        {"ts_venue_ns": 2**63},
        {"ts_venue_ns": "1"},
        {"client_order_id": ""},
        {"client_order_id": "x" * 65},
        {"client_order_id": None},
    ],
)
def test_impossible_fill_is_a_broken_protocol(changed: dict[str, object]) -> None:
    lines.decode_report(json.loads(_fill()))
    with pytest.raises(VenueProtocolError):
        lines.decode_report(json.loads(_fill(**changed)))


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "heartbeat", "venue_ns": 1, "venue_ns": 2}',
        '{"type": "heartbeat", "venue_ns": NaN}',
        '{"type": "quote", "symbol": "A", "ts_ns": 1, "bid": 1e999, "ask": 1, "bid_size": 1,'
        ' "ask_size": 1}',
        '{"type": "quote", "symbol": "A", "ts_ns": 1, "bid": -1.0, "ask": 1, "bid_size": 1,'
        ' "ask_size": 1}',
        '{"type": "refused", "id": 1, "code": "x", "message": "\\ud800"}',
        "[" * 100_000,
        '{"type": "refused", "id": ' + "9" * 5_000 + "}",
        '{"type": "heartbeat", "venue_ns": 1}' + " " * (4 * 1024 * 1024),
    ],
)
def test_dangerous_json_is_a_broken_protocol(text: str) -> None:
    with pytest.raises(VenueProtocolError):
        m.decode_message(text)


def test_unknown_fields_and_kinds_are_no_broken_protocol() -> None:
    message = m.decode_message('{"type": "heartbeat", "venue_ns": 1, "new": {"a": []}}')
    assert message == m.HeartbeatPush(venue_ns=1)
    unknown = lines.decode_report({"kind": "HeldForReview", "client_order_id": "o1"})
    assert unknown == lines.UnknownReport("HeldForReview", "o1", None)


def test_unknown_status_of_a_listed_order_counts_as_doubt() -> None:
    record = OrderRecord(
        ClientOrderId("a"),
        BrokerOrderId("b"),
        "ABC",
        Side.BUY,
        OrderType.MARKET,
        Decimal(1),
        Decimal(0),
        OrderStatus.NEW,
    )
    line = msgspec.structs.replace(t.order_line(record), status="held")
    assert t.order_record(line).status is OrderStatus.IN_DOUBT
