"""Which columns a data file has, told from its header alone.

A file is read only when every column of it is understood: a column that is neither used nor
known to be harmless is refused, since it may be the one that changes what the others mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from regimeflow.errors import DataError


class Kind(StrEnum):
    """What the rows of a file are."""

    BARS = "bars"
    QUOTES = "quotes"
    TRADES = "trades"


class Layout(msgspec.Struct, frozen=True):
    """Where the needed columns are; `columns` are positions in the file, in value order."""

    kind: Kind
    names: tuple[str, ...]
    time_column: int
    columns: tuple[int, ...]

    @property
    def is_dated(self) -> bool:
        """Whether the time column is called a date, so midnight there means the whole day."""
        return normalised(self.names[self.time_column]) == "date"


TIME_NAMES = ("timestamp", "date", "datetime", "time", "ts", "open_time")
FIELDS = {
    Kind.BARS: ("open", "high", "low", "close", "volume"),
    Kind.QUOTES: ("bid", "ask", "bid_size", "ask_size"),
    Kind.TRADES: ("price", "size"),
}
ALIASES = {
    "bid_price": "bid",
    "ask_price": "ask",
    "bidsize": "bid_size",
    "asksize": "ask_size",
    "bid_qty": "bid_size",
    "ask_qty": "ask_size",
    "quantity": "size",
    "qty": "size",
}
# Derived or descriptive; none of them changes what the used columns mean.
IGNORED = frozenset(
    {
        "adj_close",
        "close_time",
        "count",
        "ignore",
        "number_of_trades",
        "openint",
        "quote_asset_volume",
        "quote_volume",
        "taker_buy_base_asset_volume",
        "taker_buy_quote_asset_volume",
        "taker_buy_quote_volume",
        "taker_buy_volume",
        "trade_count",
        "vwap",
    }
)
ACCEPTED = (
    "Date,Open,High,Low,Close,Volume[,Adj Close] | timestamp,open,high,low,close,volume | "
    "timestamp,bid,ask,bid_size,ask_size | timestamp,price,size"
)


def normalised(name: str) -> str:
    """A header cell as it is compared: lower case, blanks as underscores."""
    return "_".join(name.strip().strip("\ufeff").lower().split())


def detect_layout(names: Sequence[str], where: str) -> Layout:
    """The layout a header announces; DataError, starting with `where`, when none fits."""
    cells = [ALIASES.get(normalised(name), normalised(name)) for name in names]
    times = [index for index, cell in enumerate(cells) if cell in TIME_NAMES]
    for kind, fields in FIELDS.items():
        if len(times) == 1 and all(field in cells for field in fields):
            _refuse_unknown(cells, fields, where)
            return Layout(
                kind=kind,
                names=tuple(name.strip().strip("\ufeff") for name in names),
                time_column=times[0],
                columns=tuple(cells.index(field) for field in fields),
            )
    shown = ",".join(names)[:200]
    raise DataError(
        f"{where}: the header is not understood: {shown!r}. Accepted, in any order and case: "
        f"{ACCEPTED}"
    )


def _refuse_unknown(cells: Sequence[str], fields: Sequence[str], where: str) -> None:
    for cell in cells:
        if cells.count(cell) > 1:
            raise DataError(f"{where}: the header names {cell!r} more than once")
        if cell not in fields and cell not in TIME_NAMES and cell not in IGNORED:
            raise DataError(
                f"{where}: column {cell!r} is not understood; remove it. Accepted: {ACCEPTED}. "
                "Splits and dividends belong in the symbol's actions file"
            )
