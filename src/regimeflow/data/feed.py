"""History as one ordered, restartable stream of market events: what backtests and playback pull.

Everything is checked when a feed is opened; after that, iterating cannot meet bad data, only a
file that was changed meanwhile. Memory is flat: one block of each file at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

import msgspec

from regimeflow.errors import UsageError
from regimeflow.model.market import Bar, CorporateAction, MarketEvent, Quote, Trade
from regimeflow.model.session import SessionCalendar
from regimeflow.model.timestamps import NS_PER_DAY

# Blocks of all symbols together stay near this many times the block of one.
BLOCKS_AT_ONCE = 4
MEMORY_CHUNK_EVENTS = 8_192


class FeedKind(StrEnum):
    """What a feed streams."""

    DAILY_BARS = "daily bars"
    INTRADAY_BARS = "intraday bars"
    QUOTES = "quotes"
    TRADES = "trades"
    MIXED = "mixed"


class Feed:
    """A stream of market events of several symbols, in the total order.

    `first_ns` and `last_ns` are the venue times of its first and last event, warm-up included.
    `actions` are those in force inside that span, in time order. `data_hash` names the content:
    equal hashes mean equal files. `warmup_available` is, for each symbol, how many bars precede
    the start of the window, at most as many as were asked for.
    """

    __slots__ = (
        "_make_chunks",
        "actions",
        "bar_size_ns",
        "data_hash",
        "event_count",
        "first_ns",
        "kind",
        "last_ns",
        "symbols",
        "warmup_available",
    )

    def __init__(
        self,
        *,
        symbols: Sequence[str],
        kind: FeedKind,
        bar_size_ns: int | None,
        span_ns: tuple[int, int],
        event_count: int,
        actions: Sequence[CorporateAction],
        data_hash: str,
        warmup_available: Mapping[str, int],
        make_chunks: Callable[[], Iterator[list[MarketEvent]]],
    ) -> None:
        self.symbols = tuple(symbols)
        self.kind = kind
        self.bar_size_ns = bar_size_ns
        self.first_ns, self.last_ns = span_ns
        self.event_count = event_count
        self.actions = tuple(actions)
        self.data_hash = data_hash
        self.warmup_available = dict(warmup_available)
        self._make_chunks = make_chunks

    @property
    def is_daily(self) -> bool:
        """Whether the stream holds daily bars and nothing else."""
        return self.kind is FeedKind.DAILY_BARS

    @property
    def is_bars(self) -> bool:
        """Whether the stream holds bars of one size and nothing else."""
        return self.kind in (FeedKind.DAILY_BARS, FeedKind.INTRADAY_BARS)

    def chunks(self) -> Iterator[list[MarketEvent]]:
        """Non-empty lists of events; each call starts again from the first.

        Ordered by venue time, then by the order of `symbols` (a symbol's own files in the order
        of their patterns), then by row. Where a list ends carries no meaning. Raises DataError
        when a file has changed since the feed was opened.
        """
        return self._make_chunks()


def open_feed(
    *,
    symbols: Sequence[str],
    data_directory: Path | str,
    file_pattern: str | Sequence[str] = "{symbol}.csv",
    actions_file_pattern: str | None = "{symbol}_actions.csv",
    start_ns: int | None = None,
    end_ns: int | None = None,
    calendar: SessionCalendar,
    warmup_bars: int = 0,
    bar_size_ns: int | None = None,
    allow_price_jumps: Sequence[str] = (),
) -> Feed:
    """Open and check the files of `symbols`, and return their merged stream.

    The window is `[start_ns, end_ns)`, None for the data's own bounds; bars belong to it by
    their open. Up to `warmup_bars` bars of each symbol before `start_ns` are streamed first.
    The `calendar` must cover the window, and may reach further back for the warm-up. The size
    of intraday bars is the smallest step of the file unless `bar_size_ns` is given.
    `allow_price_jumps` names real overnight moves above 40 %: `AAPL` or `AAPL:2000-09-29`.
    Raises DataError for the first fault of the data, UsageError for a wrong call.
    """
    from regimeflow.data.opening import FeedFiles  # Numpy and Arrow load only when used.

    if not symbols or len(set(symbols)) != len(symbols):
        raise UsageError(f"a feed needs distinct symbols, at least one; got {list(symbols)}")
    patterns = [file_pattern] if isinstance(file_pattern, str) else list(file_pattern)
    files = FeedFiles(
        directory=Path(data_directory),
        calendar=calendar,
        window_ns=(start_ns, end_ns),
        warmup_bars=warmup_bars,
        bar_size_ns=bar_size_ns,
        allowed_jumps=tuple(allow_price_jumps),
        block_share=min(1.0, BLOCKS_AT_ONCE / len(symbols)),
    )
    for symbol in symbols:
        files.add(symbol, patterns, actions_file_pattern)
    return Feed(
        symbols=symbols,
        kind=_kind_from(files.kinds(), files.bar_size_ns()),
        bar_size_ns=files.bar_size_ns(),
        span_ns=files.span_ns(),
        event_count=files.event_count(),
        actions=files.actions(),
        data_hash=files.content_hash(),
        warmup_available=files.warmup_available(),
        make_chunks=files.chunks,
    )


def in_memory_feed(
    events: Sequence[MarketEvent],
    actions: Sequence[CorporateAction] = (),
    *,
    symbols: Sequence[str] | None = None,
    warmup_available: Mapping[str, int] | None = None,
    chunk_events: int = MEMORY_CHUNK_EVENTS,
) -> Feed:
    """A feed over events made in Python; it sorts them into the total order.

    `symbols` gives the order of symbols, by default that of their first events. The events are
    taken as they are: what file readers refuse is not looked for here. Raises UsageError when
    there is no event, or one of a symbol that is not listed.
    """
    if not events or chunk_events < 1:
        raise UsageError("an in-memory feed needs at least one event, and a chunk at least one")
    names = list(symbols) if symbols is not None else list(dict.fromkeys(e.symbol for e in events))
    rank = {name: index for index, name in enumerate(names)}
    strange = next((event.symbol for event in events if event.symbol not in rank), None)
    if strange is not None:
        raise UsageError(f"an event is for {strange!r}, which is not among {names}")
    ordered = sorted(events, key=lambda event: (event.ts_venue_ns, rank[event.symbol]))
    in_force = sorted(actions, key=lambda action: (action.ts_venue_ns, rank.get(action.symbol, 0)))
    names_of_kinds = {Bar: "bars", Quote: "quotes", Trade: "trades"}
    size_ns = _common_bar_size_ns(ordered)
    starts = range(0, len(ordered), chunk_events)
    return Feed(
        symbols=names,
        kind=_kind_from({names_of_kinds.get(type(e), "books") for e in ordered}, size_ns),
        bar_size_ns=size_ns,
        span_ns=(ordered[0].ts_venue_ns, ordered[-1].ts_venue_ns),
        event_count=len(ordered),
        actions=in_force,
        data_hash=hashlib.sha256(msgspec.msgpack.encode([ordered, in_force])).hexdigest(),
        warmup_available={name: (warmup_available or {}).get(name, 0) for name in names},
        make_chunks=lambda: (ordered[start : start + chunk_events] for start in starts),
    )


def _common_bar_size_ns(events: Sequence[MarketEvent]) -> int | None:
    sizes = {event.size_ns for event in events if isinstance(event, Bar)}
    if len(sizes) > 1:
        raise UsageError(f"the bars have different sizes: {sorted(sizes)} ns; use one size")
    return next(iter(sizes), None)


def _kind_from(kinds: set[str], bar_size_ns: int | None) -> FeedKind:
    if kinds == {"bars"}:
        return kind_of_bars(bar_size_ns)
    if kinds == {"quotes"}:
        return FeedKind.QUOTES
    return FeedKind.TRADES if kinds == {"trades"} else FeedKind.MIXED


def kind_of_bars(bar_size_ns: int | None) -> FeedKind:
    """What a stream of nothing but bars of this size is."""
    return FeedKind.DAILY_BARS if bar_size_ns == NS_PER_DAY else FeedKind.INTRADAY_BARS
