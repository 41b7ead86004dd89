"""Derive raw prices and corporate actions from files that hold `Close` and `Adj Close`.

    python tools/make_actions.py SOURCE_DIR OUTPUT_DIR AAPL MSFT IBM

For each symbol, `SOURCE_DIR/{symbol}.csv` (Date,Open,High,Low,Close,Volume,Adj Close) becomes
`OUTPUT_DIR/{symbol}.csv` without the adjusted column and, when there is any action,
`OUTPUT_DIR/{symbol}_actions.csv` (date,kind,value).

Method. The factor `adjusted / close` is constant between ex-dates, so each day it changes is an
ex-date, and `f`, the factor of the day before over that of the ex-date, is the adjustment:
* `f` of a small whole ratio, with a raw price that moved with it, is a split of `1 / f`;
* otherwise a dividend of `close * (1 / f - 1)`, with the close of the ex-date, since the source
  (Quandl WIKI) adjusts by `close / (close + dividend)`. Rounded to 4 decimals.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

RAW_COLUMNS = ("Date", "Open", "High", "Low", "Close", "Volume")
ADJUSTED_COLUMN = "Adj Close"
# The factors are printed to about 13 digits; smaller changes are rounding, not actions.
FACTOR_TOLERANCE = Decimal("1e-7")
SPLIT_TERM_MAX = 20
# A true split moves the raw price with it, up to what the market does on the same day.
SPLIT_MOVE_TOLERANCE = Decimal("0.25")
DIVIDEND_SHARE_MAX = Decimal("0.25")
CENTS_OF_CENTS = Decimal("0.0001")


class Action(NamedTuple):
    """One row of an actions file."""

    date: str
    kind: str
    value: Decimal


def derive_actions(rows: Sequence[dict[str, str]]) -> list[Action]:
    """The actions that explain every change of the factor between raw and adjusted close.

    Raises ValueError for a change that is neither a split nor a believable dividend.
    """
    actions = []
    for before, row in pairwise(rows):
        close_before, close = Decimal(before["Close"]), Decimal(row["Close"])
        factor_before = Decimal(before[ADJUSTED_COLUMN]) / close_before
        change = factor_before / (Decimal(row[ADJUSTED_COLUMN]) / close)
        if abs(change - 1) <= FACTOR_TOLERANCE:
            continue
        ratio = split_ratio(change, raw_move=close / close_before)
        if ratio is not None:
            actions.append(Action(row["Date"], "split", ratio))
            continue
        dividend = (close * (1 / change - 1)).quantize(CENTS_OF_CENTS, ROUND_HALF_EVEN)
        if not 0 < dividend <= DIVIDEND_SHARE_MAX * close_before:
            raise ValueError(
                f"{row['Date']}: the factor changes by {change:.6f} (close {close_before}, then "
                f"{close}), which is neither a split nor a dividend"
            )
        actions.append(Action(row["Date"], "dividend", dividend.normalize()))
    return actions


def split_ratio(change: Decimal, *, raw_move: Decimal) -> Decimal | None:
    """New shares per old when `change` is a split's factor, else None.

    `raw_move` is the ex-date's raw close over the close before.
    """
    ratio = Fraction(1 / change).limit_denominator(SPLIT_TERM_MAX)
    if ratio == 1 or max(ratio.numerator, ratio.denominator) > SPLIT_TERM_MAX:
        return None
    exact = Decimal(ratio.numerator) / Decimal(ratio.denominator)
    if abs(exact * change - 1) > FACTOR_TOLERANCE:
        return None
    if abs(raw_move * exact - 1) > SPLIT_MOVE_TOLERANCE:
        return None
    return exact


def convert(source: Path, output_dir: Path) -> tuple[int, list[Action]]:
    """Write the raw file and the actions file of one symbol; rows written and actions found."""
    with source.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    actions = derive_actions(rows)
    _write(output_dir / source.name, RAW_COLUMNS, [[row[c] for c in RAW_COLUMNS] for row in rows])
    if actions:
        _write(
            output_dir / f"{source.stem}_actions.csv",
            Action._fields,
            [[action.date, action.kind, f"{action.value:f}"] for action in actions],
        )
    return len(rows), actions


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def main(arguments: Sequence[str]) -> int:
    """Convert the named symbols; one line for each."""
    parser = argparse.ArgumentParser(description="Derive raw prices and corporate actions.")
    parser.add_argument("source_dir", type=Path)
    parser.add_argument("output_dir", type=Path)
    parser.add_argument("symbols", nargs="+")
    options = parser.parse_args(arguments)
    options.output_dir.mkdir(parents=True, exist_ok=True)
    for symbol in options.symbols:
        count, actions = convert(options.source_dir / f"{symbol}.csv", options.output_dir)
        splits = sum(action.kind == "split" for action in actions)
        print(f"{symbol}: {count} rows, {splits} splits, {len(actions) - splits} dividends")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
