"""Between the wire's lines and the engine's values, both ways; decimals as plain text."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from regimeflow.brokers.protocol import AccountTruth
from regimeflow.brokers.sim import messages as m
from regimeflow.brokers.sim import report_lines as lines
from regimeflow.brokers.sim import wire as w
from regimeflow.errors import VenueProtocolError
from regimeflow.model.account import AccountRecord, FillRecord, OrderRecord, PositionRecord
from regimeflow.model.commands import ReplaceOrder, SubmitOrder
from regimeflow.model.instrument import Instrument
from regimeflow.model.market import Bar, CorporateAction
from regimeflow.model.order import OrderStatus
from regimeflow.model.reports import BrokerReport, BrokerSnapshot, CashPosted
from regimeflow.model.session import Session

_STATUSES = {status.value: status for status in OrderStatus}


def plain(value: object) -> object:
    """A field as the wire has it: decimals as plain text, everything else unchanged."""
    if not isinstance(value, Decimal):
        return value
    # A zero may carry a sign that no quantity has.
    return format(value if value else value.copy_abs(), "f")


def fields_of(value: msgspec.Struct, names: tuple[str, ...]) -> dict[str, object]:
    """The named fields of a value, as the wire has them."""
    return {name: plain(getattr(value, name)) for name in names}


def truth_from(welcome: m.Welcome) -> AccountTruth:
    """What the venue says of itself and of the account."""
    return AccountTruth(
        account_id=welcome.account,
        currency=welcome.currency,
        is_paper=welcome.is_paper,
        venue_ns=welcome.venue_ns,
        speed=welcome.speed,
        epoch=welcome.epoch,
        capabilities=welcome.capabilities,
        instruments=tuple(map(instrument_from, welcome.instruments)),
        bar_size_ns=welcome.bar_size_ns,
    )


def terms_from(command: SubmitOrder) -> w.OrderTerms:
    """A submission for the wire. Groups get their strategy's name: two may use one name."""
    fields = fields_of(command, w.OrderTerms.__struct_fields__)
    if command.oco_group is not None:
        fields["oco_group"] = f"{command.strategy_id}/{command.oco_group}"
    return msgspec.convert(fields, w.OrderTerms)


def replacement_fields(command: ReplaceOrder) -> dict[str, object]:
    """The fields of a `replace` request."""
    names = ("client_order_id", "orig_client_order_id", "broker_order_id", "symbol")
    return fields_of(command, (*names, "quantity", "limit_price", "stop_price"))


def report_from(line: lines.KnownReport) -> BrokerReport:
    """The event a report becomes."""
    fields = msgspec.to_builtins(line)
    fields["type"] = fields.pop("kind")
    if isinstance(line, lines.Cash):
        fields["kind"] = fields.pop("cash_kind")
    elif isinstance(line, lines.Action):
        fields["kind"] = fields.pop("action")
    report: BrokerReport = msgspec.convert(fields, BrokerReport)
    return report


def body_from(report: BrokerReport) -> w.ReportBody:
    """The body of a report push."""
    body = fields_of(report, report.__struct_fields__)
    if isinstance(report, CashPosted):
        body["cash_kind"] = body.pop("kind")
    elif isinstance(report, CorporateAction):
        body["action"] = body.pop("kind")
    body["kind"] = type(report).__name__
    return body


def order_record(line: w.OrderLine) -> OrderRecord:
    """A listed order. A status nobody knows counts as doubt, which is exposure until settled."""
    fields = msgspec.to_builtins(line)
    fields["status"] = _STATUSES.get(line.status, OrderStatus.IN_DOUBT)
    return msgspec.convert(fields, OrderRecord)


def order_line(record: OrderRecord) -> w.OrderLine:
    """A listed order for the wire."""
    return msgspec.convert(fields_of(record, record.__struct_fields__), w.OrderLine)


def fill_record(line: w.FillLine) -> FillRecord:
    """A listed execution."""
    return msgspec.convert(msgspec.to_builtins(line), FillRecord)


def fill_line(record: FillRecord) -> w.FillLine:
    """A listed execution for the wire."""
    return msgspec.convert(fields_of(record, record.__struct_fields__), w.FillLine)


def position_record(line: w.PositionLine) -> PositionRecord:
    """A listed position."""
    return PositionRecord(line.symbol, Decimal(line.quantity))


def snapshot_from(listed: m.AccountListed, request_id: str) -> BrokerSnapshot:
    """What an account holds; a part that was read in part counts as not read."""
    partial = frozenset(listed.incomplete)
    orders = None if "orders" in partial else listed.orders
    fills = None if "fills" in partial else listed.fills
    positions = None if "positions" in partial else listed.positions
    cash = None if "account" in partial else listed.cash
    return BrokerSnapshot(
        request_id=request_id,
        orders=None if orders is None else tuple(order_record(line) for line in orders),
        fills=None if fills is None else tuple(fill_record(line) for line in fills),
        positions=None if positions is None else tuple(position_record(x) for x in positions),
        account=None
        if cash is None
        else AccountRecord(listed.account, listed.currency, Decimal(cash)),
        ts_venue_ns=listed.venue_ns,
        activities=() if cash is None else tuple(cash_posting(x) for x in listed.activities),
        annulled=() if fills is None else tuple(fill_record(x) for x in listed.annulled),
    )


def cash_posting(line: w.CashLine) -> CashPosted:
    """A listed movement of cash."""
    return CashPosted(
        line.activity_id, line.cash_kind, line.symbol, Decimal(line.amount), line.ts_venue_ns
    )


def cash_line(posting: CashPosted) -> w.CashLine:
    """A movement of cash as it is listed."""
    return w.CashLine(
        activity_id=posting.activity_id,
        cash_kind=posting.kind,
        symbol=posting.symbol,
        amount=format(posting.amount, "f"),
        ts_venue_ns=posting.ts_venue_ns,
    )


def bar_from(line: w.BarLine) -> Bar:
    """A bar; raises VenueProtocolError for one that is impossible."""
    if not line.low <= min(line.open, line.close) <= max(line.open, line.close) <= line.high:
        raise VenueProtocolError(f"an impossible bar of {line.symbol} at {line.ts_open_ns}")
    if line.ts_close_ns <= line.ts_open_ns:
        raise VenueProtocolError(f"a bar of {line.symbol} closes before it opens")
    return Bar(*(getattr(line, name) for name in Bar.__struct_fields__))


def bar_line(bar: Bar) -> w.BarLine:
    """A bar for the wire."""
    return w.BarLine(*(getattr(bar, name) for name in w.BarLine.__struct_fields__))


def session_from(line: w.SessionLine) -> Session:
    """A session; raises VenueProtocolError for one that ends before it begins."""
    if line.close_ns <= line.open_ns:
        raise VenueProtocolError(f"session {line.date} closes before it opens")
    return Session(line.calendar, line.date, line.open_ns, line.close_ns)


def session_line(session: Session) -> w.SessionLine:
    """A session for the wire."""
    return w.SessionLine(session.calendar, session.date, session.open_ns, session.close_ns)


def instrument_from(line: w.InstrumentLine) -> Instrument:
    """Trading rules; raises VenueProtocolError for steps that are not above zero."""
    try:
        found = msgspec.convert(msgspec.to_builtins(line), Instrument)
    except msgspec.ValidationError as error:
        raise VenueProtocolError(f"the rules of {line.symbol} are malformed: {error}") from None
    if not (found.tick_size > 0 and found.lot_size > 0 and found.multiplier > 0):
        raise VenueProtocolError(f"the rules of {line.symbol} have a step of zero")
    return found


def instrument_line(instrument: Instrument) -> w.InstrumentLine:
    """Trading rules for the wire."""
    return msgspec.convert(fields_of(instrument, instrument.__struct_fields__), w.InstrumentLine)
