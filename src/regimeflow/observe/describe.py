"""One plain sentence for every event and output, as the audit and the console show it.

Text that came from outside (venue reasons, symbols) passes `printable`, so that a line is one
line and no terminal obeys it.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from regimeflow.journal.records import Body, EpochOpened
from regimeflow.model import commands, events, market
from regimeflow.model.timestamps import NS_PER_S, format_ns

TEXT_LENGTH_MAX = 500
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """`text` on one line, without control characters, at most 500 characters long.

    Newlines, escape sequences and the marks that turn text around (bidirectional controls) are
    each replaced by one visible character, so nothing disappears without a trace.
    """
    cut = text if len(text) <= TEXT_LENGTH_MAX else text[: TEXT_LENGTH_MAX - 3] + "..."
    if cut.isprintable():
        return cut
    return "".join(char if char.isprintable() else REPLACEMENT for char in cut)


def plain(number: Decimal | float | None) -> str:
    """A number without an exponent; `-` where there is none."""
    if number is None:
        return "-"
    return format(number, "f") if isinstance(number, Decimal) else repr(number)


def describe(body: Body) -> str:
    """What happened, in one printable line without its time."""
    sentence = SENTENCES.get(type(body))
    return printable(sentence(body) if sentence else _fields(body))


def order_terms(order: commands.SubmitOrder) -> str:
    """`buy 10 AAPL limit 187.20 day`, as it would be read out on a floor."""
    terms = f"{order.side} {plain(order.quantity)} {order.symbol} {order.order_type}"
    if order.limit_price is not None:
        terms += f" at {plain(order.limit_price)}"
    if order.stop_price is not None:
        terms += f" stop {plain(order.stop_price)}"
    terms += f" {order.time_in_force}"
    return terms + " reduce-only" if order.reduce_only else terms


def _submit(body: commands.SubmitOrder) -> str:
    return f"{order_terms(body)}, for {body.strategy_id}, as {body.client_order_id}"


def _cancel(body: commands.CancelOrder) -> str:
    return f"cancel {body.client_order_id} ({body.symbol}): {body.reason}"


def _replace(body: commands.ReplaceOrder) -> str:
    return (
        f"replace {body.orig_client_order_id} by {body.client_order_id}: {plain(body.quantity)}"
        f" {body.symbol}, limit {plain(body.limit_price)}, stop {plain(body.stop_price)}"
    )


def _denied(body: commands.OrderDenied) -> str:
    return (
        f"{body.side} {plain(body.quantity)} {body.symbol} denied by {body.control}: {body.message}"
    )


def _filled(body: events.OrderFilled) -> str:
    return (
        f"{body.side} {plain(body.quantity)} {body.symbol} at {plain(body.price)},"
        f" fee {plain(body.fee)}, execution {body.execution_id}"
    )


def _replaced(body: events.OrderReplaced) -> str:
    return (
        f"{body.orig_client_order_id} is now {body.client_order_id}: {plain(body.quantity)},"
        f" limit {plain(body.limit_price)}, stop {plain(body.stop_price)}"
    )


def _trading_state(body: commands.TradingStateChanged) -> str:
    whose = f"strategy {body.strategy_id}" if body.strategy_id else "trading"
    by = f" (control {body.control})" if body.control else ""
    return f"{whose} is {body.state}: {body.reason}{by}"


def _snapshot(body: events.BrokerSnapshot) -> str:
    parts = {
        "orders": body.orders,
        "fills": body.fills,
        "positions": body.positions,
    }
    counts = [
        f"{name} not read" if rows is None else f"{len(rows)} {name}"
        for name, rows in parts.items()
    ]
    cash = plain(body.account.cash) if body.account else "not read"
    return f"the broker lists {', '.join(counts)}, cash {cash}"


def _adjusted(body: events.ClockAdjusted) -> str:
    """Forward takes effect at once; back, the clock runs slowly until the time is reached."""
    way = "forward" if body.delta_ns >= 0 else "back (it runs slowly until then)"
    whose = "the wall clock" if body.clock == "wall" else f"the clock of {body.clock}"
    why = f": {whose} stepped" if body.clock else ""
    return f"clock set {_seconds(abs(body.delta_ns))} {way}{why}"


def _seconds(duration_ns: int) -> str:
    return f"{duration_ns / NS_PER_S:.3f} s"


def _quote(body: market.Quote) -> str:
    return f"quote {body.symbol} {body.bid!r} x {body.ask!r}"


def _bar(body: market.Bar) -> str:
    return (
        f"bar {body.symbol} of {format_ns(body.ts_open_ns)}: open {body.open!r} high {body.high!r}"
        f" low {body.low!r} close {body.close!r}"
    )


def _epoch(body: EpochOpened) -> str:
    return f"epoch {body.epoch} opened for session {body.session}: {body.reason}"


def _state_saved(body: commands.StrategyStateSaved) -> str:
    return f"state of {body.strategy_id} saved for {body.session}, {len(body.state)} bytes"


def _fields(body: Body) -> str:
    """Class name and fields; for what has no sentence of its own."""
    values = msgspec.structs.asdict(body)
    shown = ", ".join(f"{name} {_shown(value)}" for name, value in values.items() if value != "")
    return f"{type(body).__name__}: {shown}" if shown else type(body).__name__


def _shown(value: object) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)


SENTENCES: dict[type, Callable[[Any], str]] = {
    commands.SubmitOrder: _submit,
    commands.CancelOrder: _cancel,
    commands.ReplaceOrder: _replace,
    commands.OrderDenied: _denied,
    commands.TradingStateChanged: _trading_state,
    commands.StrategyStateSaved: _state_saved,
    commands.RiskBreached: lambda body: (
        f"{body.control}: {body.message} (limit {body.limit}, observed {body.observed})"
    ),
    commands.HealthChanged: lambda body: f"{body.component} is {body.status}: {body.detail}",
    commands.DiscrepancyFound: lambda body: (
        f"{body.kind} of {body.subject}: ours {body.ours}, theirs {body.theirs}; {body.detail}"
    ),
    commands.StrategyFaulted: lambda body: (
        f"strategy {body.strategy_id} failed in {body.callback}: {body.error}"
    ),
    commands.RegimeChanged: lambda body: (
        f"{body.symbol} went from {body.previous or 'no regime'} to {body.current}"
        f" (probability {body.probability!r}, model {body.model_id})"
    ),
    events.OrderAccepted: lambda body: f"the venue works it as {body.broker_order_id}",
    events.OrderRejected: lambda body: f"the venue refused it: {body.reason}",
    events.OrderFilled: _filled,
    events.OrderCanceled: lambda body: f"cancelled: {body.reason or 'no reason given'}",
    events.OrderExpired: lambda body: f"expired: {body.reason or 'its time ran out'}",
    events.OrderReplaced: _replaced,
    events.CancelRejected: lambda body: f"the {body.response_to} was refused: {body.reason}",
    events.OutcomeUnknown: lambda body: f"the fate of the {body.request} is unknown: {body.reason}",
    events.BrokerSnapshot: _snapshot,
    events.ClockMeasured: lambda body: (
        f"it is {format_ns(body.ts_venue_ns)} at {body.link}, give or take"
        f" {_seconds(body.uncertainty_ns)}"
    ),
    events.ClockStepped: lambda body: (
        f"the {body.clock} clock stepped by {body.delta_ns / NS_PER_S:+.3f} s; the broker's time"
        " will tell whether ours follows"
    ),
    events.ClockAdjusted: _adjusted,
    events.LoopStalled: lambda body: f"the engine stood still for {_seconds(body.length_ns)}",
    events.EngineStarted: lambda body: f"engine started, boot {body.boot}",
    events.EngineStopped: lambda body: f"engine stopped: {body.reason}",
    events.Halt: lambda body: f"operator halt: {body.reason}",
    events.Resume: lambda body: f"operator resume: {body.reason}",
    events.CancelAll: lambda body: f"operator cancels all: {body.reason}",
    events.Flatten: lambda body: f"operator flattens: {body.reason}",
    market.Quote: _quote,
    market.Bar: _bar,
    market.Trade: lambda body: f"trade {body.symbol} {body.size!r} at {body.price!r}",
    market.BookSnapshot: lambda body: f"book of {body.symbol}",
    market.BookDelta: lambda body: f"book change of {body.symbol}",
    EpochOpened: _epoch,
}
