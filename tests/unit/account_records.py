"""Journal records of an account, short to write in tests: fills, marks, orders, postings."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from regimeflow.backtest.report import ReportBuilder
from regimeflow.backtest.report_header import RealismItem, ReportHeader, StrategyReference
from regimeflow.model.commands import AccountMarked, MarkKind, SubmitOrder
from regimeflow.model.events import CashPosted, OrderFilled
from regimeflow.model.ids import (
    BrokerOrderId,
    ClientOrderId,
    ExecutionId,
    IntentId,
    StrategyId,
)
from regimeflow.model.market import ActionKind, CorporateAction
from regimeflow.model.order import OrderType, Side
from regimeflow.model.timestamps import NS_PER_DAY, date_from_ns

START_NS = 1_000_000 * NS_PER_DAY // 50
"""Some midnight; tests count days from here."""
Record = tuple[int, int, object]


def day(number: float) -> int:
    """Nanoseconds of so many days after the start of the story."""
    return START_NS + int(number * NS_PER_DAY)


def mark(
    number: float,
    equity: object,
    *,
    flows: object = 0,
    kind: MarkKind = MarkKind.SESSION,
    regime: str = "",
    gross: object = 0,
    session: str | None = None,
) -> AccountMarked:
    """The account valued on a day; its session is named for that day."""
    value = Decimal(str(equity))
    exposure = Decimal(str(gross))
    return AccountMarked(
        kind=kind,
        session=date_from_ns(day(number)).isoformat() if session is None else session,
        equity=value,
        cash=value - exposure,
        gross_exposure=exposure,
        net_exposure=exposure,
        realized_pnl=Decimal(0),
        fees=Decimal(0),
        cash_flows=Decimal(str(flows)),
        regime=regime,
        bars=int(number),
    )


def submit(order: str, quantity: object, *, strategy: str = "s", symbol: str = "X") -> SubmitOrder:
    """A market order to buy; the side does not matter to anything that counts orders."""
    strategy_id = StrategyId(strategy)
    return SubmitOrder(
        client_order_id=ClientOrderId(order),
        strategy_id=strategy_id,
        symbol=symbol,
        side=Side.BUY,
        order_type=OrderType.MARKET,
        quantity=Decimal(str(quantity)),
        intent_id=IntentId(strategy_id, symbol, 0, 0, 0),
        worst_price=Decimal(1),
    )


def fill(
    order: str,
    quantity: object,
    price: object,
    *,
    fee: object = 0,
    symbol: str = "X",
    number: float = 0,
) -> OrderFilled:
    """An execution; a negative quantity sells."""
    signed = Decimal(str(quantity))
    return OrderFilled(
        client_order_id=ClientOrderId(order),
        broker_order_id=BrokerOrderId(f"b-{order}"),
        execution_id=ExecutionId(f"e-{order}-{quantity}-{price}"),
        symbol=symbol,
        side=Side.BUY if signed > 0 else Side.SELL,
        quantity=abs(signed),
        price=Decimal(str(price)),
        fee=Decimal(str(fee)),
        ts_venue_ns=day(number),
    )


def split(ratio: object, *, symbol: str = "X", number: float = 0) -> CorporateAction:
    """New shares per old."""
    return CorporateAction(symbol, day(number), ActionKind.SPLIT, Decimal(str(ratio)))


def posted(amount: object, kind: str = "dividend", *, symbol: str = "X") -> CashPosted:
    """Cash without a fill."""
    return CashPosted(f"a-{amount}", kind, symbol, Decimal(str(amount)), 0)


def header(**changes: object) -> ReportHeader:
    """A complete header; any field can be changed."""
    fields: dict[str, object] = {
        "title": "A run",
        "strategies": (StrategyReference("s", "buy_and_hold", "p" * 64),),
        "strategies_hash": "5" * 64,
        "venue_hash": "7" * 64,
        "config_hash": "c" * 64,
        "data_hash": "d" * 64,
        "code_hash": "0" * 64,
        "engine_version": "0.1.0",
        "seed": 1,
        "symbols": ("X",),
        "period_start": "2024-01-01",
        "period_end": "2024-12-31",
        "frequency": "1d",
        "currency": "USD",
        "initial_equity": Decimal(1000),
        "start_ns": day(0),
        "realism": (RealismItem("Timing", "next open", is_met=True),),
    }
    return ReportHeader(**(fields | changes))  # type: ignore[arg-type]


def story(sessions: int) -> list[Record]:
    """A run that buys on day 1, sells on day 5 and is marked every day; regimes alternate."""
    bodies: list[tuple[float, object]] = [(0.5, submit("o1", 10)), (0.6, fill("o1", 10, 50, fee=1))]
    equity = 1000.0
    for number in range(1, sessions + 1):
        equity *= 1.0 + ((number * 37) % 11 - 5) / 500.0
        regime = "calm" if number % 7 < 4 else "crisis"
        bodies.append((number, mark(number, round(equity, 2), regime=regime, gross=500)))
        if number == 5:
            bodies.append((5.1, submit("o2", 10)))
            bodies.append((5.2, fill("o2", -10, 52, fee=1)))
    return [(seq, day(number), body) for seq, (number, body) in enumerate(bodies, start=1)]


def write_baseline(directory: Path, sessions: int = 60, **changes: object) -> Path:
    """A report.json of the story, to serve as a baseline."""
    builder = ReportBuilder(header(**changes))
    for seq, ts_ns, body in story(sessions):
        builder.on_record(seq, ts_ns, body)
    return builder.build().write(directory).json
