"""Requests, answers and pushes of the simulated venue, and their strict decoders."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from regimeflow.brokers.capabilities import Capabilities
from regimeflow.brokers.sim import wire as w
from regimeflow.errors import VenueProtocolError
from regimeflow.model.commands import SnapshotScope
from regimeflow.model.order import Side


class Request(msgspec.Struct, frozen=True, tag_field="verb", kw_only=True):
    """Base of what a client sends; `id` is unique on its connection."""

    id: w.Number


class Hello(Request, frozen=True, tag="hello"):
    """First message. `client` names the engine: the same name takes over its own old connection.

    `resume_report_seq` asks for every report after it; `resume_fill_seq` for fills only, which is
    what an engine needs that has forgotten the former. Both None: nothing is repeated. `epoch`
    is the one those numbers belong to.
    """

    protocol: int
    account: w.Text
    client: w.Id
    role: w.Role = "trade"
    is_takeover: bool = False
    epoch: w.Number | None = None
    resume_report_seq: w.Number | None = None
    resume_fill_seq: w.Number | None = None


class Submit(Request, frozen=True, tag="submit"):
    """A new order."""

    order: w.OrderTerms


class Cancel(Request, frozen=True, tag="cancel"):
    """End an order."""

    client_order_id: w.Id
    broker_order_id: w.Id | None
    symbol: w.Symbol
    reason: w.Text


class Replace(Request, frozen=True, tag="replace"):
    """New terms under a new id; `quantity` is the new total."""

    client_order_id: w.Id
    orig_client_order_id: w.Id
    broker_order_id: w.Id | None
    symbol: w.Symbol
    quantity: w.Amount
    limit_price: w.Amount | None
    stop_price: w.Amount | None


class Query(Request, frozen=True, tag="query"):
    """What became of one order."""

    client_order_id: w.Id
    symbol: w.Symbol


class Snapshot(Request, frozen=True, tag="snapshot"):
    """What the account holds."""

    scope: SnapshotScope


class Subscribe(Request, frozen=True, tag="subscribe"):
    """Send me these symbols' quotes, trades and bars."""

    symbols: Annotated[list[w.Symbol], Meta(max_length=10_000)]


class History(Request, frozen=True, tag="history"):
    """The last bars of a symbol that were complete by `end_ns`."""

    symbol: w.Symbol
    bars: Annotated[int, Meta(ge=0, le=w.LIST_MAX)]
    end_ns: w.Ns


class Time(Request, frozen=True, tag="time"):
    """What time is it at the venue? Answered at once."""


AnyRequest = Hello | Submit | Cancel | Replace | Query | Snapshot | Subscribe | History | Time


class Message(msgspec.Struct, frozen=True, tag_field="type", kw_only=True):
    """Base of what the venue sends."""


class Welcome(Message, frozen=True, tag="welcome"):
    """The answer to `hello`. `report_seq` and `fill_seq` are the newest of this `epoch`."""

    id: w.Number
    account: w.Text
    currency: w.Text
    is_paper: bool
    epoch: w.Number
    venue_ns: w.Ns
    speed: w.Price
    report_seq: w.Number
    fill_seq: w.Number
    session: w.SessionLine | None
    instruments: Annotated[list[w.InstrumentLine], Meta(max_length=10_000)]
    capabilities: Capabilities
    bar_size_ns: w.Number | None = None


class Resumed(Message, frozen=True, tag="resumed"):
    """Everything asked for has been repeated, or could not be (`is_complete` false)."""

    id: w.Number
    report_seq: w.Number
    is_complete: bool


class Ack(Message, frozen=True, tag="ack"):
    """The venue carried a request out; the report says how, and is also pushed."""

    id: w.Number
    report_seq: w.Number
    report: w.ReportBody


class Refused(Message, frozen=True, tag="refused"):
    """The venue did not carry a request out, or (`server_error`) cannot say."""

    id: w.Number
    code: w.Text
    message: w.Text
    retry_after_ms: w.Number = 0


class OrderFound(Message, frozen=True, tag="order"):
    """The answer to `query`; None means: no such order."""

    id: w.Number
    order: w.OrderLine | None
    venue_ns: w.Ns


class AccountListed(Message, frozen=True, tag="account"):
    """The answer to `snapshot`; a part named in `incomplete` does not count as read."""

    id: w.Number
    orders: Annotated[list[w.OrderLine], Meta(max_length=w.LIST_MAX)] | None
    fills: Annotated[list[w.FillLine], Meta(max_length=w.LIST_MAX)] | None
    positions: Annotated[list[w.PositionLine], Meta(max_length=w.LIST_MAX)] | None
    cash: w.Money | None
    account: w.Text
    currency: w.Text
    venue_ns: w.Ns
    activities: Annotated[list[w.CashLine], Meta(max_length=w.LIST_MAX)] = []
    annulled: Annotated[list[w.FillLine], Meta(max_length=w.LIST_MAX)] = []
    incomplete: list[w.Text] = []


class Bars(Message, frozen=True, tag="bars"):
    """The answer to `history`, oldest first."""

    id: w.Number
    bars: Annotated[list[w.BarLine], Meta(max_length=w.LIST_MAX)]


class Subscribed(Message, frozen=True, tag="subscribed"):
    """The answer to `subscribe`."""

    id: w.Number


class TimeTold(Message, frozen=True, tag="time"):
    """The answer to `time`: the venue's clock as the answer was written."""

    id: w.Number
    venue_ns: w.Ns


class Report(Message, frozen=True, tag="report"):
    """Something happened to the account; numbered without holes inside an epoch."""

    report_seq: w.Number
    fill_seq: w.Number | None
    report: w.ReportBody


class QuotePush(Message, frozen=True, tag="quote"):
    """A quote; `conflated` earlier ones were replaced by it before they were sent."""

    symbol: w.Symbol
    ts_ns: w.Ns
    bid: w.Price
    ask: w.Price
    bid_size: w.Price
    ask_size: w.Price
    conflated: w.Number = 0


class TradePush(Message, frozen=True, tag="trade"):
    """A print."""

    symbol: w.Symbol
    ts_ns: w.Ns
    price: w.Price
    size: w.Price
    aggressor: Side | None = None


class BarPush(Message, frozen=True, tag="bar"):
    """A finished bar."""

    bar: w.BarLine


class SessionPush(Message, frozen=True, tag="session"):
    """A session opened or closed."""

    is_open: bool
    session: w.SessionLine


class HeartbeatPush(Message, frozen=True, tag="heartbeat"):
    """The venue lives."""

    venue_ns: w.Ns


class Ended(Message, frozen=True, tag="ended"):
    """The recorded data is over; nothing more will happen."""

    venue_ns: w.Ns


AnyMessage = (
    Welcome
    | Resumed
    | Ack
    | Refused
    | OrderFound
    | AccountListed
    | Bars
    | Subscribed
    | TimeTold
    | Report
    | QuotePush
    | TradePush
    | BarPush
    | SessionPush
    | HeartbeatPush
    | Ended
)


def decode_message(text: str) -> AnyMessage:
    """A message of the venue; raises VenueProtocolError for anything else."""
    try:
        message: AnyMessage = msgspec.convert(w.parse_json(text), AnyMessage)
    except msgspec.ValidationError as error:
        raise VenueProtocolError(f"the venue sent a malformed message: {error}") from None
    return message


def decode_request(text: str) -> AnyRequest:
    """A request of a client; raises VenueProtocolError for anything else."""
    try:
        request: AnyRequest = msgspec.convert(w.parse_json(text), AnyRequest)
    except msgspec.ValidationError as error:
        raise VenueProtocolError(f"the client sent a malformed request: {error}") from None
    return request
