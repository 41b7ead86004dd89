"""What the console says: one line per change of state, and nothing that nobody needs.

In a playback at full speed a year goes by in seconds, so orders are told by the year; at any
speed a person can follow, every order and fill has its line. Text from outside is printed
without control characters.
"""

from __future__ import annotations

from decimal import Decimal

from rich.console import Console as RichConsole
from rich.text import Text

from regimeflow.journal.records import Record
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.evidence import as_observed
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import OrderStatus
from regimeflow.model.timestamps import format_ns
from regimeflow.observe.describe import describe, printable

_STYLES = {"ok": "green", "warn": "yellow", "bad": "bold red", "dim": "dim", "": ""}


class Console:
    """An observer that prints. `is_fast` folds orders into one line a year."""

    def __init__(self, out: RichConsole, *, is_fast: bool) -> None:
        self._out = out
        self._is_fast = is_fast
        self._year = ""
        self._counts = {"orders": 0, "fills": 0, "denied": 0, "rejected": 0}
        self._in_doubt: dict[ClientOrderId, ClientOrderId] = {}
        self._first_ids: dict[ClientOrderId, ClientOrderId] = {}
        self._mark: c.AccountMarked | None = None
        self._peak = Decimal(0)

    def say(self, text: str, style: str = "", *, ts_ns: int | None = None) -> None:
        """Print one line, stamped with engine time where it has one.

        When the terminal or the reader of a pipe has gone, the engine goes on without a console.
        """
        stamp = "" if ts_ns is None else format_ns(ts_ns)[:19].replace("T", " ") + "  "
        line = Text(stamp, style="dim")
        line.append(printable(text), style=_STYLES[style])
        try:
            self._out.print(line, soft_wrap=True)
        except (OSError, SystemExit):  # rich leaves the program on a broken pipe
            self._out.quiet = True

    def warn(self, text: str) -> None:
        """Print a warning."""
        self.say(f"warning: {text}", "warn")

    def on_record(self, record: Record) -> None:
        """Print what a person would want to know about one fact."""
        body, ts_ns = record.body, record.ts_ns
        kind = type(body)
        if kind is c.AccountMarked:
            self._on_mark(ts_ns, body)  # type: ignore[arg-type]
        elif kind in _COUNTED:
            self._counts[_COUNTED[kind]] += 1
            if not self._is_fast:
                self.say(*_order_line(body), ts_ns=ts_ns)
        elif kind in (e.OrderCanceled, e.OrderExpired):
            if not self._is_fast:
                self.say(_end_line(body), ts_ns=ts_ns)
        else:
            line = _line(body)
            if line is not None:
                self.say(line[0], line[1], ts_ns=ts_ns)
        self._follow_doubt(ts_ns, body)

    def _follow_doubt(self, ts_ns: int, body: object) -> None:
        """Say when an order that was in doubt is heard of again; the newest are remembered.

        A replacement is the same order: what is heard under either id settles it.
        """
        doubtful, first_ids = self._in_doubt, self._first_ids
        if isinstance(body, c.ReplaceOrder):
            first = first_ids.get(body.orig_client_order_id, body.orig_client_order_id)
            _remember(first_ids, body.client_order_id, first)
        if not isinstance(body, (*_REPORTS, e.OutcomeUnknown, c.OrderResolved)):
            return
        name = first_ids.get(body.client_order_id, body.client_order_id)
        if isinstance(body, e.OutcomeUnknown):
            _remember(doubtful, name, body.client_order_id)
        elif isinstance(body, c.OrderResolved):
            if body.status is not OrderStatus.IN_DOUBT:
                doubtful.pop(name, None)
        elif doubtful.pop(name, None) is None or isinstance(body, e.OrderRejected):
            return  # a rejection has a line of its own
        else:
            text = f"order {body.client_order_id}: found, the venue reports it"
            self.say(text, "ok", ts_ns=ts_ns)

    def close_year(self) -> None:
        """Print the line of the year in hand."""
        mark, counts = self._mark, self._counts
        if mark is None or not self._is_fast or not self._year:
            return
        drawdown = 1 - mark.equity / self._peak if self._peak else Decimal(0)
        parts = [
            f"{self._year}   orders {counts['orders']:>5,}   fills {counts['fills']:>5,}",
            f"equity {mark.equity:>14,.2f}   drawdown {drawdown:>6.2%}",
        ]
        if counts["denied"]:
            parts.append(f"denied {counts['denied']:,}")
        if counts["rejected"]:
            parts.append(f"rejected {counts['rejected']:,}")
        self.say("   ".join(parts))
        self._counts = dict.fromkeys(counts, 0)

    def _on_mark(self, ts_ns: int, mark: c.AccountMarked) -> None:
        year = mark.session[:4]
        if year != self._year and mark.kind is not c.MarkKind.FINAL:
            self.close_year()
            self._year = year
        self._mark = mark
        self._peak = max(self._peak, mark.equity)
        if not self._is_fast and mark.kind is c.MarkKind.SESSION:
            self.say(f"session {mark.session} ends, equity {mark.equity:,.2f}", ts_ns=ts_ns)


REMEMBERED_MAX = 1_000
_REPORTS = (
    e.OrderAccepted,
    e.OrderRejected,
    e.OrderFilled,
    e.OrderCanceled,
    e.OrderExpired,
    e.OrderReplaced,
)
_COUNTED = {
    c.SubmitOrder: "orders",
    e.OrderFilled: "fills",
    c.OrderDenied: "denied",
    e.OrderRejected: "rejected",
}


def _remember(ids: dict[ClientOrderId, ClientOrderId], name: ClientOrderId, what: str) -> None:
    ids[name] = ClientOrderId(what)
    if len(ids) > REMEMBERED_MAX:
        del ids[next(iter(ids))]


def _order_line(body: object) -> tuple[str, str]:
    if isinstance(body, c.SubmitOrder):
        price = f" at {body.limit_price}" if body.limit_price is not None else ""
        return (
            f"order  {body.side} {body.quantity} {body.symbol} {body.order_type}{price}  "
            f"[{body.strategy_id}]",
            "",
        )
    if isinstance(body, e.OrderFilled):
        return f"fill   {body.side} {body.quantity} {body.symbol} at {body.price}", "ok"
    if isinstance(body, c.OrderDenied):
        return f"denied {body.control} {body.message}", "warn"
    assert isinstance(body, e.OrderRejected)
    return f"rejected by the venue: {body.reason}", "warn"


def _end_line(body: object) -> str:
    assert isinstance(body, e.OrderCanceled | e.OrderExpired)
    what = "canceled" if isinstance(body, e.OrderCanceled) else "expired"
    return f"order {body.client_order_id}: {what} ({body.reason})"


def _line(body: object) -> tuple[str, str] | None:
    if isinstance(body, c.HealthChanged):
        style = "ok" if body.status is c.HealthStatus.OK else "warn"
        if body.component.startswith("feed:"):
            return f"heartbeat {body.status.upper()}  {body.component[5:]}  {body.detail}", style
        part, _, name = body.component.partition(":")
        if part == "warmup":
            return f"warm-up complete  {name}  {body.detail}", style
        return f"{part} {name} {body.status.upper()}  {body.detail}", style
    if isinstance(body, c.TradingStateChanged):
        who = "" if body.strategy_id is None else f" for {body.strategy_id}"
        if body.state is c.TradingState.ACTIVE:
            style = "warn" if body.reason.startswith("resume refused") else "ok"
            return f"trading ACTIVE{who}: {body.reason}", style
        state = f"trading {body.state.upper()}{who} ({body.control})"
        return f"{state}: {body.reason}; go on with `regimeflow resume`", "bad"
    if isinstance(body, c.StrategyFaulted):
        return f"strategy {body.strategy_id} faulted in {body.callback}: {body.error}", "bad"
    if isinstance(body, c.DiscrepancyFound):
        return (
            f"broker and books differ: {body.kind} {body.subject}, ours {body.ours}, theirs "
            f"{body.theirs} ({body.detail})",
            "bad",
        )
    if isinstance(body, c.RegimeChanged):
        before = body.previous or "unknown"
        return f"regime {before} -> {body.current} ({body.probability:.0%})", ""
    if isinstance(body, c.StrategyLogged):
        return f"[{body.strategy_id}] {body.message}", "dim"
    if isinstance(body, e.ClockAdjusted | e.ClockStepped):
        return describe(body), "warn"
    return _truth_line(body)


def _truth_line(body: object) -> tuple[str, str] | None:
    """What evidence says of orders and executions that no report had settled."""
    if isinstance(body, e.OutcomeUnknown):
        return (
            f"order {body.client_order_id}: IN_DOUBT, no answer to its {body.request} "
            f"({body.reason}); counted as exposure, asked after"
            + (", never sent again" if body.request is e.RequestKind.SUBMIT else ""),
            "bad",
        )
    if isinstance(body, c.OrderResolved):
        name = f"order {body.client_order_id}"
        if body.status is OrderStatus.IN_DOUBT:
            return f"{name}: IN_DOUBT, {body.evidence}; counted as exposure, asked after", "bad"
        if body.status is OrderStatus.NOT_FOUND:
            return f"{name}: NOT FOUND, {body.evidence}; not sent again", "warn"
        return f"{name}: found, {body.evidence}", "ok"
    if isinstance(body, c.FillRecovered):
        line, style = _order_line(body.fill)
        return f"{line}  (from the broker's list)", style
    bust = as_observed(body)
    if isinstance(bust, e.FillBusted):
        return f"execution {bust.execution_id} of {bust.symbol} annulled: {bust.reason}", "bad"
    return None
