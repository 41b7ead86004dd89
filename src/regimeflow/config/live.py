"""`live`: the broker, its account, what is traded, and how the live engine looks after itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from regimeflow.config.credentials import is_loopback
from regimeflow.config.limits import RiskSection
from regimeflow.config.scalars import (
    Day,
    FilePath,
    FilePattern,
    Flag,
    Number,
    Symbols,
    Text,
    Whole,
    expected,
    not_empty,
    parse_whole,
)
from regimeflow.config.section import Section, key


def parse_bars(value: object) -> int | Literal["auto"]:
    """A number of bars, or `auto`."""
    if isinstance(value, str) and value == "auto":
        return "auto"
    bars = parse_whole(value)
    if bars < 0:
        raise expected("auto, or bars of at least 0")
    return bars


BarsOrAuto = Annotated[
    int | Literal["auto"],
    BeforeValidator(parse_bars),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 0}]}),
]


class SimBrokerSection(Section):
    """`live.broker_config` of the simulated broker: which recorded data it plays back."""

    data_directory: FilePath | None = key(
        "Directory of the data files, from the working directory. Left out: backtest.data.",
        default=None,
    )
    file_pattern: FilePattern | None = key(
        "File name of a symbol's bars. Left out: as in backtest.data.", default=None
    )
    actions_file_pattern: FilePattern | None = key(
        "File name of a symbol's splits and dividends. Left out: as in backtest.data.",
        default=None,
    )
    start: Day | None = key(
        "First day played back, inclusive. Left out: the first day of the data.", default=None
    )
    end: Day | None = key(
        "Last day played back, inclusive. Left out: the last day of the data.", default=None
    )
    url: Text | None = key(
        "Address of a simulated venue in another process (`regimeflow venue sim`), such as "
        "http://127.0.0.1:8765. Left out: the venue runs inside the engine and plays the data.",
        default=None,
    )
    request_timeout_ms: Whole = key(
        "Silence after which the outcome of a request counts as unknown.",
        default=5000,
        unit="milliseconds",
        ge=100,
    )
    speed: Number = key(
        "Pace of the playback; 0 is as fast as possible, 1 is real time.",
        default=0,
        unit="times real time",
        ge=0,
    )


class ReconnectSection(Section):
    """`live.reconnect`: how a lost link is brought back (with a broker behind a link)."""

    enabled: Flag = key("Whether a lost link is brought back.", default=True)
    initial_ms: Whole = key("First pause.", default=500, unit="milliseconds", ge=1)
    max_ms: Whole = key(
        "Longest pause; pauses double, with jitter.", default=30000, unit="milliseconds", ge=1
    )
    max_attempts: Whole = key(
        "Attempts before giving up; 0 never gives up.", default=0, unit="attempts", ge=0
    )


class HeartbeatSection(Section):
    """`live.heartbeat`: what counts as silence, and what silence does."""

    enabled: Flag = key("Whether silence of quotes, trades and links is watched.", default=True)
    interval_ms: Whole = key(
        "Longest silence of quotes, trades and links.", default=10_000, unit="ms", gt=0
    )
    disable_trading_on_timeout: Flag = key("Whether silence stops new risk.", default=True)
    cancel_orders_on_timeout: Flag = key(
        "Whether silence cancels open orders; exits stay.", default=True
    )


class ReconciliationSection(Section):
    """`live.reconciliation`: what a difference from the broker's books does."""

    disable_trading_on_error: Flag = key(
        "Whether a difference between our books and the broker's stops new risk.", default=True
    )
    external: Literal["adopt", "ignore", "flatten", "refuse"] = key(
        "What becomes of orders, positions and cash at the broker that nobody here ordered: adopt "
        "takes them into the books, ignore leaves them out, flatten adopts, cancels and closes "
        "them, refuse holds trading until they are gone or an operator adopts them.",
        default="refuse",
    )


class WarmupSection(Section):
    """`live.warmup`: history delivered to strategies before they may trade."""

    bars: BarsOrAuto = key(
        "Bars of history for each symbol; auto is what the strategy asks for.",
        default="auto",
        unit="bars",
    )


class JournalSection(Section):
    """`live.journal`: how durable the journal is and how long market data is kept."""

    durability: Literal["auto", "power", "process"] = key(
        "What an order survives before it is sent: power (a power cut; synced to the disk) or "
        "process (the engine's death). auto is power with a real broker, process with sim.",
        default="auto",
    )
    market_retention_days: Whole = key(
        "How long market data of a run behind a link is kept, in the data's time; 0 keeps it for "
        "ever. Facts are never deleted, nor what the kept engine states need. A playback keeps "
        "what it played.",
        default=30,
        unit="days",
        ge=0,
    )


class AuditSection(Section):
    """`live.audit`: the readable log."""

    format: Literal["jsonl", "csv"] = key(
        "jsonl writes audit.jsonl, csv writes audit.log.", default="jsonl"
    )


def check_loopback(host: str) -> str:
    """An address that other machines cannot reach: the channel is not encrypted."""
    if not is_loopback(host):
        raise expected("a loopback address", "write 127.0.0.1, and use a tunnel from elsewhere")
    return host


class ControlSection(Section):
    """`live.control`: where `regimeflow halt`, `resume` and the like reach a running engine."""

    enabled: Flag = key("Whether the engine takes commands while it runs.", default=True)
    host: Annotated[Text, AfterValidator(check_loopback)] = key(
        "Loopback address that is listened on.", default="127.0.0.1"
    )
    port: Whole = key(
        "Port; 0 takes a free one. Address and token are in log_dir/control.json.",
        default=0,
        ge=0,
        le=65_535,
    )


class LiveSection(Section):
    """The live engine; its risk, symbols and guards hold in backtests of the same file too."""

    broker: Literal["sim", "alpaca", "binance", "ib"] = key("Which broker is traded with.")
    paper: Flag = key(
        "Whether the account is a paper or simulated one; must agree with the account.",
        default=True,
    )
    account_id: Text = key("The broker's name of the account.", default="")
    symbols: Annotated[Symbols, AfterValidator(not_empty)] = key("Symbols that are traded.")
    broker_asset_class: Literal["equity", "crypto"] = key(
        "What is traded; sets the default session, tick and lot.", default="equity"
    )
    broker_config: SimBrokerSection = key("Settings of the broker.", default=SimBrokerSection())
    log_dir: FilePath = key(
        "Directory of the journal, audit and reports, from the working directory.", default="logs"
    )
    order_reconcile_interval_ms: Whole = key(
        "Time between comparisons of open orders with the broker.",
        default=30_000,
        unit="ms",
        gt=0,
    )
    position_reconcile_interval_ms: Whole = key(
        "Time between comparisons of positions with the broker.",
        default=60_000,
        unit="ms",
        gt=0,
    )
    account_refresh_interval_ms: Whole = key(
        "Time between comparisons of cash and equity with the broker.",
        default=30_000,
        unit="ms",
        gt=0,
    )
    reconnect: ReconnectSection = key("Bringing back a lost link.", default=ReconnectSection())
    heartbeat: HeartbeatSection = key("Watching for silence.", default=HeartbeatSection())
    reconciliation: ReconciliationSection = key(
        "Differences from the broker's books.", default=ReconciliationSection()
    )
    warmup: WarmupSection = key("History before the first order.", default=WarmupSection())
    journal: JournalSection = key("The engine's own record.", default=JournalSection())
    audit: AuditSection = key("The readable log.", default=AuditSection())
    control: ControlSection = key("Commands to a running engine.", default=ControlSection())
    risk: RiskSection = key("Limits.", default=RiskSection())

    @property
    def is_fast_playback(self) -> bool:
        """Whether recorded data is played as fast as it goes: years in seconds."""
        return self.broker_config.url is None and not self.broker_config.speed
