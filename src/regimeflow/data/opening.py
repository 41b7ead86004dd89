"""The files behind a feed: found, checked one symbol after the other, then streamed together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from regimeflow.data.actions import read_actions
from regimeflow.data.merge import merged
from regimeflow.data.paths import content_hash, inside, symbol_files
from regimeflow.data.price_jumps import JumpCheck
from regimeflow.data.series import Series, Window, open_source
from regimeflow.data.session_times import SessionTimes
from regimeflow.errors import DataError
from regimeflow.model.market import CorporateAction, MarketEvent
from regimeflow.model.session import SessionCalendar
from regimeflow.model.timestamps import NS_PER_S


class FeedFiles:
    """Every file of a feed under the same window, calendar and rules."""

    __slots__ = (
        "_actions",
        "_allowed_jumps",
        "_bar_size_ns",
        "_block_share",
        "_calendar",
        "_directory",
        "_files",
        "_series",
        "_sessions",
        "_window",
    )

    def __init__(
        self,
        *,
        directory: Path,
        calendar: SessionCalendar,
        window_ns: tuple[int | None, int | None],
        warmup_bars: int,
        bar_size_ns: int | None,
        allowed_jumps: tuple[str, ...],
        block_share: float,
    ) -> None:
        self._directory = directory
        self._calendar = calendar
        self._sessions = SessionTimes(calendar)
        self._window = Window(*window_ns, warmup_bars)
        self._bar_size_ns = bar_size_ns
        self._allowed_jumps = allowed_jumps
        self._block_share = block_share
        self._files: list[Path] = []
        self._series: list[Series] = []
        self._actions: dict[str, list[CorporateAction]] = {}

    def add(self, symbol: str, patterns: Sequence[str], actions_file_pattern: str | None) -> None:
        """Check the files of one symbol, its actions first. Raises DataError."""
        actions: list[CorporateAction] = []
        if actions_file_pattern:
            path = inside(self._directory, actions_file_pattern, symbol=symbol)
            if path.is_file():
                actions = read_actions(path, symbol=symbol, calendar=self._calendar)
                self._files.append(path)
        self._actions[symbol] = actions
        for path in symbol_files(self._directory, patterns, symbol):
            self._files.append(path)
            series = Series(
                symbol=symbol,
                source=open_source(path, block_share=self._block_share),
                sessions=self._sessions,
                window=self._window,
                bar_size_ns=self._bar_size_ns,
                jumps=JumpCheck(symbol, actions, self._allowed_jumps),
            )
            if any(s.symbol == symbol and s.kind is series.kind for s in self._series):
                raise DataError(f"{path}: {symbol} has another file of {series.kind.value}")
            self._series.append(series)

    def chunks(self) -> Iterator[list[MarketEvent]]:
        """The merged stream, from its start."""
        return merged([series.chunks() for series in self._series])

    def kinds(self) -> set[str]:
        """What the files hold, by name."""
        return {series.kind.value for series in self._series}

    def bar_size_ns(self) -> int | None:
        """The size of all bars, None without any; DataError when files differ."""
        first: Series | None = None
        for series in self._series:
            if series.bar_size_ns is None:
                continue
            first = first or series
            if series.bar_size_ns != first.bar_size_ns:
                shown = " and ".join(
                    f"{(item.bar_size_ns or 0) / NS_PER_S:g} s ({item.symbol})"
                    for item in (first, series)
                )
                raise DataError(f"the bars differ in size: {shown}; give all symbols one size")
        return None if first is None else first.bar_size_ns

    def span_ns(self) -> tuple[int, int]:
        """Venue times of the first and the last event."""
        return min(s.first_ns for s in self._series), max(s.last_ns for s in self._series)

    def event_count(self) -> int:
        """Events of all files in the window and the warm-up."""
        return sum(series.event_count for series in self._series)

    def warmup_available(self) -> dict[str, int]:
        """Bars before the start of the window, for each symbol."""
        return {
            symbol: min(
                (s.warmup_available for s in self._series if s.symbol == symbol and s.bar_size_ns),
                default=0,
            )
            for symbol in self._actions
        }

    def actions(self) -> list[CorporateAction]:
        """Actions in force while their symbol is streamed, by time, then in symbol order."""
        first_ns: dict[str, int] = {}
        for series in self._series:
            known_ns = first_ns.get(series.symbol, series.first_open_ns)
            first_ns[series.symbol] = min(known_ns, series.first_open_ns)
        last_ns = self.span_ns()[1]
        met = [
            action
            for symbol, actions in self._actions.items()
            for action in actions
            if first_ns[symbol] <= action.ts_venue_ns <= last_ns
        ]
        return sorted(met, key=lambda action: action.ts_venue_ns)

    def content_hash(self) -> str:
        """SHA-256 over names and contents of all files, actions included."""
        return content_hash(self._directory, self._files)
