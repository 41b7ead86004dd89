"""What the engine is doing now, as one small document: `status.json` and `regimeflow status`.

A fold over journal records. Ages are event time: how much older than the last event a symbol's
newest observation is; a reader that knows the wall clock adds the rest itself.

The file is written at once when the trading state, a link, a component or a strategy's health
changes (links come back no faster than their backoff), otherwise at most once per second of
event time and per `records_between_writes` records (a playback runs years in seconds).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from regimeflow.backtest.artifacts import Json, encode_json, money, replace_file, rounded
from regimeflow.backtest.order_tally import OrderTally
from regimeflow.model.commands import (
    AccountMarked,
    HealthChanged,
    RegimeChanged,
    StrategyFaulted,
    TradingState,
    TradingStateChanged,
)
from regimeflow.model.events import (
    ClockMeasured,
    EngineStarted,
    EngineStopped,
    Heartbeat,
    LinkDown,
    LinkUp,
    SessionClosed,
    SessionOpened,
)
from regimeflow.model.market import Bar, BookDelta, BookSnapshot, Quote, Trade
from regimeflow.model.timestamps import NS_PER_MS, NS_PER_S, format_ns

SCHEMA = "regimeflow.status/1"


class HealthFold:
    """The current state of the engine, its links and its data."""

    def __init__(self) -> None:
        self.tally = OrderTally()
        self.changes = 0
        self._seq = 0
        self._ts_ns: int | None = None
        self._boot: int | None = None
        self._stopped: str | None = None
        self._session: dict[str, Json] | None = None
        self._state: dict[str, Json] = {
            "state": TradingState.ACTIVE,
            "reason": "",
            "control": "",
            "since": None,
        }
        self._strategies: dict[str, dict[str, Json]] = {}
        self._links: dict[str, dict[str, Json]] = {}
        self._components: dict[str, dict[str, Json]] = {}
        self._clocks: dict[str, dict[str, Json]] = {}
        self._data_ns: dict[str, int] = {}
        self._regimes: dict[str, str] = {}
        self._mark: AccountMarked | None = None
        observe = self._on_market
        self._handlers: dict[type, Callable[[int, object], None]] = {
            **dict.fromkeys((Quote, Bar, Trade, BookSnapshot, BookDelta), observe),
            Heartbeat: self._on_heartbeat,
            AccountMarked: self._on_mark,
            RegimeChanged: self._on_regime,
            TradingStateChanged: self._on_state,
            StrategyFaulted: self._on_fault,
            HealthChanged: self._on_health,
            ClockMeasured: self._on_clock,
            LinkUp: self._on_link_up,
            LinkDown: self._on_link_down,
            SessionOpened: self._on_opened,
            SessionClosed: self._on_closed,
            EngineStarted: self._on_started,
            EngineStopped: self._on_stopped,
        }

    def on_record(self, seq: int, ts_ns: int, body: object) -> None:
        """Take one journal record."""
        self._seq, self._ts_ns = seq, ts_ns
        handler = self._handlers.get(type(body))
        if handler is not None:
            handler(ts_ns, body)
        else:
            self.tally.on_record(ts_ns, body)

    def note_data(self, symbol: str, ts_venue_ns: int) -> None:
        """Data of `symbol` was last seen at `ts_venue_ns`: what a market record would say."""
        self._data_ns[symbol] = ts_venue_ns

    def document(self) -> dict[str, Json]:
        """The content of status.json as of the last record folded."""
        mark, tally = self._mark, self.tally
        return {
            "schema": SCHEMA,
            "last_seq": self._seq,
            "last_event": None if self._ts_ns is None else format_ns(self._ts_ns),
            "last_event_ns": self._ts_ns,
            "boot": self._boot,
            "stopped": self._stopped,
            "trading": self._state,
            "strategies": self._strategies,
            "links": self._links,
            "health": self._components,
            "clocks": self._clocks,
            "session": self._session,
            "regimes": self._regimes,
            "data": {
                symbol: {
                    "last_ns": last_ns,
                    "age_s": rounded(((self._ts_ns or last_ns) - last_ns) / NS_PER_S),
                }
                for symbol, last_ns in sorted(self._data_ns.items())
            },
            "orders": {
                "open": tally.open_orders,
                "in_doubt": tally.in_doubt,
                "submitted": tally.orders,
                "fills": tally.fills,
                "denied": tally.denied,
                "rejected": tally.rejected,
            },
            "account": None
            if mark is None
            else {
                "equity": money(mark.equity),
                "cash": money(mark.cash),
                "gross_exposure": money(mark.gross_exposure),
                "net_exposure": money(mark.net_exposure),
                "realized_pnl": money(mark.realized_pnl),
                "fees": money(mark.fees),
                "session": mark.session,
            },
        }

    def _on_market(self, _ts_ns: int, body: object) -> None:
        assert isinstance(body, Quote | Bar | Trade | BookSnapshot | BookDelta)
        self._data_ns[body.symbol] = body.ts_venue_ns

    def _on_heartbeat(self, ts_ns: int, body: object) -> None:
        assert isinstance(body, Heartbeat)
        if body.symbol:
            self._data_ns[body.symbol] = ts_ns

    def _on_mark(self, _ts_ns: int, body: object) -> None:
        assert isinstance(body, AccountMarked)
        self._mark = body

    def _on_regime(self, _ts_ns: int, body: object) -> None:
        assert isinstance(body, RegimeChanged)
        self._regimes[body.symbol] = body.current

    def _on_state(self, ts_ns: int, body: object) -> None:
        assert isinstance(body, TradingStateChanged)
        state: dict[str, Json] = {
            "state": body.state,
            "reason": body.reason,
            "control": body.control,
            "since": format_ns(ts_ns),
        }
        if body.strategy_id is None:
            self._state = state
        else:
            self._strategies[body.strategy_id] = state
        self.changes += 1

    def _on_fault(self, ts_ns: int, body: object) -> None:
        assert isinstance(body, StrategyFaulted)
        state = self._strategies.setdefault(body.strategy_id, {})
        state["fault"] = f"{body.callback}: {body.error}"
        state["fault_at"] = format_ns(ts_ns)
        self.changes += 1

    def _on_health(self, ts_ns: int, body: object) -> None:
        assert isinstance(body, HealthChanged)
        self._components[body.component] = {
            "status": body.status,
            "detail": body.detail,
            "since": format_ns(ts_ns),
        }
        self.changes += 1

    def _on_clock(self, ts_ns: int, body: object) -> None:
        assert isinstance(body, ClockMeasured)
        self._clocks[body.link] = {
            "ahead_ms": rounded((body.ts_venue_ns - ts_ns) / NS_PER_MS),
            "uncertainty_ms": rounded(body.uncertainty_ns / NS_PER_MS),
            "measured": format_ns(ts_ns),
        }

    def _on_link_up(self, ts_ns: int, body: object) -> None:
        assert isinstance(body, LinkUp)
        self._set_link(ts_ns, body.link, "up", body.detail)

    def _on_link_down(self, ts_ns: int, body: object) -> None:
        assert isinstance(body, LinkDown)
        self._set_link(ts_ns, body.link, "down", body.reason)

    def _set_link(self, ts_ns: int, link: str, status: str, detail: str) -> None:
        self._links[link] = {"status": status, "detail": detail, "since": format_ns(ts_ns)}
        self.changes += 1

    def _on_opened(self, _ts_ns: int, body: object) -> None:
        assert isinstance(body, SessionOpened)
        self._session = {"date": body.session.date, "is_open": True}

    def _on_closed(self, _ts_ns: int, body: object) -> None:
        assert isinstance(body, SessionClosed)
        self._session = {"date": body.session.date, "is_open": False}

    def _on_started(self, _ts_ns: int, body: object) -> None:
        assert isinstance(body, EngineStarted)
        self._boot, self._stopped = body.boot, None
        self.changes += 1

    def _on_stopped(self, _ts_ns: int, body: object) -> None:
        assert isinstance(body, EngineStopped)
        self._stopped = body.reason
        self.changes += 1


class StatusFile:
    """Writes `status.json` from journal records, whole and not too often."""

    __slots__ = ("_changes", "_gap_records", "_path", "_seq", "_written_ns", "_written_seq", "fold")

    def __init__(self, path: Path, *, records_between_writes: int = 1) -> None:
        self._path = path
        self._gap_records = records_between_writes
        self._changes = 0
        self._seq = 0
        self._written_ns: int | None = None
        self._written_seq = 0
        self.fold = HealthFold()

    def on_record(self, seq: int, ts_ns: int, body: object) -> None:
        """Take one record, and write when it is time to."""
        self.fold.on_record(seq, ts_ns, body)
        self._seq = seq
        is_due = self._written_ns is None or ts_ns - self._written_ns >= NS_PER_S
        is_apart = seq - self._written_seq >= self._gap_records
        if self._changes != self.fold.changes or (is_due and is_apart):
            self._written_ns = ts_ns
            self.flush()

    def flush(self) -> None:
        """Write the file as of the last record; ConfigError when it cannot be written."""
        self._written_seq = self._seq
        self._changes = self.fold.changes
        replace_file(self._path, encode_json(self.fold.document()))
