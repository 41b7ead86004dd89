"""Small engines for the tests of the core: in-line strategies, hand-made events, a plain venue.

A `World` holds one engine and feeds it in order of time. `do` runs a function inside a callback
of a strategy, so that what it wishes takes the way of every wish.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from regimeflow.core.approved import plain
from regimeflow.core.engine import Engine
from regimeflow.core.risk.limits import RiskLimits, RiskPolicy
from regimeflow.core.setup import EngineSetup, StrategySetup
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import BrokerOrderId, ClientOrderId, ExecutionId, StrategyId
from regimeflow.model.instrument import Instrument
from regimeflow.model.market import Bar, Quote, Trade
from regimeflow.model.order import Order, Side
from regimeflow.model.session import Session
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S
from regimeflow.strategy.base import Strategy

DAY_ZERO_NS = 19_724 * NS_PER_DAY
BARS_OLD_NS = 3_600 * NS_PER_S
FRESH = RiskPolicy(reference_age_ns_max=BARS_OLD_NS)
"""Every limit off; a price may be an hour old."""
CASH = Decimal(100_000)


def session(day: int = 0, hours: float = 6.5) -> Session:
    """The session of day `day`, from 14:30 UTC."""
    open_ns = DAY_ZERO_NS + day * NS_PER_DAY + 14 * NS_PER_HOUR + 30 * NS_PER_MINUTE
    return Session("TEST", f"2024-01-{2 + day:02d}", open_ns, open_ns + int(hours * NS_PER_HOUR))


def limited(**limits: object) -> RiskPolicy:
    """A policy with these limits and nothing else."""
    exact = {name: Decimal(str(value)) for name, value in limits.items()}
    return RiskPolicy(limits=RiskLimits(**exact), reference_age_ns_max=BARS_OLD_NS)


def scripted(**members: Any) -> Strategy:
    """A strategy whose callbacks are the functions given, each called as `(self, argument)`."""
    members.setdefault("initialize", lambda self, ctx: None)
    made: Strategy = type("Scripted", (Strategy,), members)()
    return made


class Puppet(Strategy):
    """Runs inside `on_quote` what a test has put into its class's `todo`."""

    todo: ClassVar[list[Callable[[Any], Any]]]
    done: ClassVar[list[Any]]
    updates: ClassVar[list[Order]]
    fills: ClassVar[list[e.OrderFilled]]

    def initialize(self, ctx: Any) -> None:
        pass

    def on_quote(self, quote: Quote) -> None:
        while self.todo:
            self.done.append(self.todo.pop(0)(self.ctx))

    def on_order_update(self, order: Order) -> None:
        self.updates.append(order)

    def on_fill(self, fill: e.OrderFilled) -> None:
        self.fills.append(fill)


def puppet(**members: Any) -> Puppet:
    """A puppet with a memory of its own."""
    memory: dict[str, Any] = {"todo": [], "done": [], "updates": [], "fills": []}
    made: Puppet = type("OwnPuppet", (Puppet,), {**memory, **members})()
    return made


class World:
    """One engine, the events it took and what they led to."""

    def __init__(
        self,
        *strategies: Strategy,
        policy: RiskPolicy = FRESH,
        cash: Decimal = CASH,
        instruments: Sequence[Instrument] = (Instrument("ABC"), Instrument("XYZ")),
        is_open: bool = True,
        **setup: Any,
    ) -> None:
        terms = {instrument.symbol: instrument for instrument in instruments}
        setup.setdefault("is_daily", False)
        setup.setdefault("stale_after_ns", BARS_OLD_NS)
        setup.setdefault("start_ns", 0)
        self.engine = Engine(
            EngineSetup(
                instruments=terms,
                cash=cash,
                policy=policy,
                strategies=tuple(
                    StrategySetup(StrategyId(f"s{number}"), strategy, {}, tuple(terms))
                    for number, strategy in enumerate(strategies or (puppet(),))
                ),
                **setup,
            )
        )
        self.now_ns = session().open_ns
        self.log: list[tuple[int, e.Event, list[c.Output]]] = []
        self.last_quotes: dict[str, Quote] = {}
        self._execution = 0
        self.feed(e.EngineStarted(1))
        if is_open:
            self.feed(e.SessionOpened(session()))

    # --- events -------------------------------------------------------------------------

    def feed(self, event: e.Event, *, after_ns: int = 1_000) -> list[c.Output]:
        """Let time pass, then process one event."""
        self.now_ns += after_ns
        outputs = [plain(output) for output in self.engine.process(self.now_ns, event)]
        self.log.append((self.now_ns, event, outputs))
        return outputs

    def wait(self, seconds: float) -> None:
        """Let time pass without an event."""
        self.now_ns += int(seconds * NS_PER_S)

    def quote(self, bid: float, ask: float | None = None, symbol: str = "ABC") -> list[c.Output]:
        """A quote of now; one price makes both sides."""
        ask = bid if ask is None else ask
        quote = Quote(symbol, self.now_ns + 1_000, bid, ask, 100.0, 100.0)
        self.last_quotes[symbol] = quote
        return self.feed(quote)

    def trade(self, price: float, size: float = 10.0, symbol: str = "ABC") -> list[c.Output]:
        """A print of now."""
        return self.feed(Trade(symbol, self.now_ns + 1_000, price, size))

    def bar(
        self, close: float, symbol: str = "ABC", size_ns: int = NS_PER_MINUTE
    ) -> list[c.Output]:
        """A bar of nothing but `close` that ends now."""
        end_ns = self.now_ns + size_ns
        bar = Bar(symbol, end_ns - size_ns, end_ns, close, close, close, close, 100.0, size_ns)
        return self.feed(bar, after_ns=size_ns)

    def do(self, wish: Callable[[Any], Any], who: int = 0) -> Any:
        """Run `wish(ctx)` inside a callback of the `who`-th strategy, a puppet."""
        strategy = self.seat(who).strategy
        assert isinstance(strategy, Puppet)
        strategy.todo.append(wish)
        last = self.last_quotes.get("ABC")
        self.quote(last.bid if last else 100.0, last.ask if last else 100.0)
        return strategy.done.pop() if strategy.done else None

    # --- what the venue says ------------------------------------------------------------

    def accept(self, order_id: str) -> list[c.Output]:
        return self.feed(e.OrderAccepted(_id(order_id), _broker(order_id), self.now_ns))

    def reject(self, order_id: str, reason: str = "no") -> list[c.Output]:
        return self.feed(e.OrderRejected(_id(order_id), reason, self.now_ns))

    def canceled(self, order_id: str) -> list[c.Output]:
        return self.feed(e.OrderCanceled(_id(order_id), "canceled", self.now_ns))

    def cancel_rejected(self, order_id: str) -> list[c.Output]:
        return self.feed(
            e.CancelRejected(_id(order_id), e.RequestKind.CANCEL, "too late", self.now_ns)
        )

    def replace_rejected(self, new_id: str) -> list[c.Output]:
        return self.feed(
            e.CancelRejected(_id(new_id), e.RequestKind.REPLACE, "too late", self.now_ns)
        )

    def replaced(self, command: c.ReplaceOrder) -> list[c.Output]:
        return self.feed(
            e.OrderReplaced(
                command.client_order_id,
                command.orig_client_order_id,
                _broker(command.client_order_id),
                command.quantity,
                command.limit_price,
                command.stop_price,
                self.now_ns,
            )
        )

    def fill(
        self,
        order_id: str,
        quantity: object,
        price: object = 100,
        *,
        execution_id: str | None = None,
        side: Side | None = None,
        symbol: str | None = None,
        fee: object = 0,
    ) -> list[c.Output]:
        """One execution; side and symbol are the order's own unless given."""
        self._execution += 1
        order = self.engine.ledger.orders.get(_id(order_id))
        return self.feed(
            e.OrderFilled(
                client_order_id=_id(order_id),
                broker_order_id=_broker(order_id),
                execution_id=ExecutionId(execution_id or f"x{self._execution}"),
                symbol=symbol or (order.symbol if order else "ABC"),
                side=side or (order.side if order else Side.BUY),
                quantity=Decimal(str(quantity)),
                price=Decimal(str(price)),
                fee=Decimal(str(fee)),
                ts_venue_ns=self.now_ns,
            )
        )

    def hold(
        self, quantity: int, price: object = 100, *, who: int = 0, symbol: str = "ABC"
    ) -> None:
        """Bring a strategy to a position the usual way: an order that fills at once."""
        buys = quantity > 0
        order_id = self.do(lambda ctx: (ctx.buy if buys else ctx.sell)(symbol, abs(quantity)), who)
        assert self.order(order_id).is_open, self.order(order_id).reason
        self.fill(order_id, abs(quantity), price)

    # --- what came of it ----------------------------------------------------------------

    def seat(self, who: int = 0) -> Any:
        return list(self.engine.callbacks.seats.values())[who]

    def order(self, order_id: str) -> Order:
        """The order as the books have it."""
        order = self.engine.ledger.orders.get(_id(order_id))
        assert order is not None, order_id
        return order

    def outputs(self, kind: type) -> list[Any]:
        """Every output of a kind so far, in order."""
        return [output for _, _, outputs in self.log for output in outputs if type(output) is kind]

    def denial(self, order_id: str) -> str:
        """The control that denied an order; empty when it left."""
        for denied in self.outputs(c.OrderDenied):
            if denied.client_order_id == order_id:
                return str(denied.control)
        return ""

    def try_to(self, wish: Callable[[Any], Any], who: int = 0) -> str:
        """Wish for one order; the control that denied it, or an empty text."""
        return self.denial(self.do(wish, who))


def _id(order_id: str) -> ClientOrderId:
    return ClientOrderId(order_id)


def _broker(order_id: str) -> BrokerOrderId:
    return BrokerOrderId(f"b-{order_id}")
