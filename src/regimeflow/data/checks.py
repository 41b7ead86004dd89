"""What a row must satisfy before it may become an event; the first that does not is named.

A row is never dropped and never repaired: a file with a bad row is refused as a whole, because
a backtest over silently thinned data answers a question nobody asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from regimeflow.data.layouts import FIELDS, Kind
from regimeflow.errors import DataError
from regimeflow.model.timestamps import format_ns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from regimeflow.data.blocks import Block, BlockSource, Floats, Ints

    Mask = NDArray[np.bool_]

# Adjusted and converted prices carry rounding of their own; a high below the close by a
# millionth of the price is that, a cent on a share is not.
PRICE_TOLERANCE = 1e-6


def check_values(block: Block, source: BlockSource) -> None:
    """Raise DataError for the first row with an impossible price, size or volume."""
    kind = source.layout.kind
    with np.errstate(invalid="ignore"):
        is_bad = _MASKS[kind](block.values)
    if is_bad.any():
        index = int(np.flatnonzero(is_bad)[0])
        row = [float(column[index]) for column in block.values]
        seen = ", ".join(f"{name} {value:g}" for name, value in zip(FIELDS[kind], row, strict=True))
        raise DataError(
            f"{source.place(block.first_row + index)}: {_REASONS[kind](row)} ({seen}); "
            "correct or remove the row"
        )


def check_order(
    block: Block, source: BlockSource, *, previous: int | None, allow_equal: bool
) -> None:
    """Raise DataError for the first row that is not later than the row before it.

    Quotes and trades may share a moment (`allow_equal`): venues print several in one
    millisecond, and the order of the rows is then the order of the events.
    """
    times = block.times if previous is None else np.concatenate(([previous], block.times))
    steps = np.diff(times)
    is_bad = steps < 0 if allow_equal else steps <= 0
    if not is_bad.any():
        return
    step = int(np.flatnonzero(is_bad)[0])
    row = block.first_row + step + (1 if previous is None else 0)
    before, after = (_shown(int(times[i]), source) for i in (step, step + 1))
    problem = "repeats the time of" if steps[step] == 0 else "is earlier than"
    raise DataError(
        f"{source.place(row)}: {after} {problem} the row before it ({before}); "
        "rows must be in time order, each time once"
    )


def _shown(time: int, source: BlockSource) -> str:
    return str(np.datetime64(time, "D")) if source.has_dates else format_ns(time)


def _bad_bars(values: tuple[Floats, ...]) -> Mask:
    opened, high, low, close, volume = values
    slack = PRICE_TOLERANCE * high
    is_good: Mask = (low > 0) & np.isfinite(high) & (low <= high + slack)
    for price in (opened, close):
        is_good &= (price >= low - slack) & (price <= high + slack) & (price > 0)
    is_good &= np.isfinite(volume) & (volume >= 0)
    return ~is_good


def _reason_of_bar(row: list[float]) -> str:
    opened, high, low, close, volume = row
    for name, price in (("open", opened), ("high", high), ("low", low), ("close", close)):
        if not 0 < price < float("inf"):
            return f"{name} is not a positive price"
    if not 0 <= volume < float("inf"):
        return "volume is negative or not a number"
    if low > high:
        return "high is below low"
    return "open or close lies outside low to high"


def _bad_quotes(values: tuple[Floats, ...]) -> Mask:
    bid, ask, bid_size, ask_size = values
    is_good: Mask = (bid <= ask) | (bid == 0) | (ask == 0)
    for column in (bid, ask, bid_size, ask_size):
        is_good &= np.isfinite(column) & (column >= 0)
    return ~is_good


def _reason_of_quote(row: list[float]) -> str:
    if all(0 <= value < float("inf") for value in row):
        return "the quote is crossed, bid above ask"
    return "a price or size is negative or not a number"


def _bad_trades(values: tuple[Floats, ...]) -> Mask:
    price, size = values
    is_good: Mask = np.isfinite(price) & (price > 0) & np.isfinite(size) & (size >= 0)
    return ~is_good


def _reason_of_trade(row: list[float]) -> str:
    price, _ = row
    if not 0 < price < float("inf"):
        return "price is not a positive price"
    return "size is negative or not a number"


_MASKS = {Kind.BARS: _bad_bars, Kind.QUOTES: _bad_quotes, Kind.TRADES: _bad_trades}
_REASONS = {
    Kind.BARS: _reason_of_bar,
    Kind.QUOTES: _reason_of_quote,
    Kind.TRADES: _reason_of_trade,
}


def bar_spacing(times: Ints, previous: int | None) -> tuple[int, int]:
    """The smallest step and the greatest common divisor of all steps; `(0, 0)` when none."""
    if previous is not None:
        times = np.concatenate(([previous], times))
    steps = np.diff(times)
    if not len(steps):
        return 0, 0
    return int(steps.min()), int(np.gcd.reduce(steps))
