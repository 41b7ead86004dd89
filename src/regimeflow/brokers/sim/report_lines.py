"""The bodies of report pushes, named for the event each becomes.

They are decoded apart from the message around them, so that a kind nobody knows is a report to
ask about (`UnknownReport`), not a broken message.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from regimeflow.brokers.sim import wire as w
from regimeflow.errors import VenueProtocolError
from regimeflow.model.market import ActionKind
from regimeflow.model.order import Side
from regimeflow.model.reports import RequestKind


class ReportLine(msgspec.Struct, frozen=True, tag_field="kind", kw_only=True):
    """Base of the bodies of a report push."""


class Accepted(ReportLine, frozen=True, tag="OrderAccepted"):
    """The venue works the order."""

    client_order_id: w.Id
    broker_order_id: w.Id
    ts_venue_ns: w.Ns


class Rejected(ReportLine, frozen=True, tag="OrderRejected"):
    """The venue refused the order."""

    client_order_id: w.Id
    reason: w.Text
    ts_venue_ns: w.Ns


class Filled(ReportLine, frozen=True, tag="OrderFilled"):
    """One execution."""

    client_order_id: w.Id
    broker_order_id: w.Id
    execution_id: w.Id
    symbol: w.Symbol
    side: Side
    quantity: w.Amount
    price: w.Amount
    fee: w.Money
    ts_venue_ns: w.Ns


class Canceled(ReportLine, frozen=True, tag="OrderCanceled"):
    """The order is dead."""

    client_order_id: w.Id
    reason: w.Text
    ts_venue_ns: w.Ns
    filled_quantity: w.Amount | None = None


class Replaced(ReportLine, frozen=True, tag="OrderReplaced"):
    """The order stands with new terms."""

    client_order_id: w.Id
    orig_client_order_id: w.Id
    broker_order_id: w.Id
    quantity: w.Amount
    limit_price: w.Amount | None
    stop_price: w.Amount | None
    ts_venue_ns: w.Ns


class Expired(ReportLine, frozen=True, tag="OrderExpired"):
    """The order's time ran out."""

    client_order_id: w.Id
    reason: w.Text
    ts_venue_ns: w.Ns
    filled_quantity: w.Amount | None = None


class Refusal(ReportLine, frozen=True, tag="CancelRejected"):
    """A cancel or replace was refused."""

    client_order_id: w.Id
    response_to: RequestKind
    reason: w.Text
    ts_venue_ns: w.Ns


class Cash(ReportLine, frozen=True, tag="CashPosted"):
    """Cash moved without a fill."""

    activity_id: w.Id
    # `kind` is the tag of the line.
    cash_kind: w.Text
    symbol: Annotated[str, Meta(max_length=32)]
    amount: w.Money
    ts_venue_ns: w.Ns


class Action(ReportLine, frozen=True, tag="CorporateAction"):
    """A split or dividend came into force."""

    symbol: w.Symbol
    ts_venue_ns: w.Ns
    action: ActionKind
    value: w.Amount


class Busted(ReportLine, frozen=True, tag="FillBusted"):
    """An execution was annulled."""

    execution_id: w.Id
    symbol: w.Symbol
    reason: w.Text
    ts_venue_ns: w.Ns


KnownReport = (
    Accepted | Rejected | Filled | Canceled | Replaced | Expired | Refusal | Cash | Action | Busted
)
KNOWN_REPORTS = frozenset(kind.__struct_config__.tag for kind in ReportLine.__subclasses__())


class UnknownReport(msgspec.Struct, frozen=True):
    """A report of a kind this version does not know; kept, never guessed at."""

    kind: str
    client_order_id: str | None
    symbol: str | None


def decode_report(body: w.ReportBody) -> KnownReport | UnknownReport:
    """The typed body of a report push; raises VenueProtocolError for a malformed known kind."""
    kind = body.get("kind")
    if kind not in KNOWN_REPORTS:
        return UnknownReport(
            str(kind)[:64], _named(body, "client_order_id", 64), _named(body, "symbol", 32)
        )
    try:
        known: KnownReport = msgspec.convert(body, KnownReport)
    except msgspec.ValidationError as error:
        raise VenueProtocolError(f"the venue sent a malformed {kind}: {error}") from None
    return known


def _named(body: w.ReportBody, field: str, length_max: int) -> str | None:
    value = body.get(field)
    return value if isinstance(value, str) and 0 < len(value) <= length_max else None
