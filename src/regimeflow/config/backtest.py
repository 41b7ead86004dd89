"""`backtest`: the data and the model of the venue; the simulated broker uses the same venue."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from regimeflow.config.execution import ExecutionSection
from regimeflow.config.scalars import (
    Day,
    FilePath,
    FilePattern,
    Number,
    as_tuple,
    check_symbol,
    distinct,
    expected,
    parse_day,
    parse_text,
)
from regimeflow.config.section import Section, key


def check_price_jump(value: str) -> str:
    """A symbol, or a symbol and a day: `AAPL` or `AAPL:2000-06-21`."""
    symbol, separator, day = value.partition(":")
    check_symbol(symbol)
    if separator:
        try:
            parse_day(day)
        except ValueError:
            raise expected("SYMBOL or SYMBOL:YYYY-MM-DD") from None
    return value


PriceJump = Annotated[
    str,
    BeforeValidator(parse_text),
    AfterValidator(check_price_jump),
    WithJsonSchema({"type": "string"}),
]


class DataSection(Section):
    """`backtest.data`: files of bars, and of splits and dividends."""

    type: Literal["csv", "parquet"] = key("Format of the bar files.", default="csv")
    data_directory: FilePath = key("Directory of the data files, from the working directory.")
    file_pattern: FilePattern | None = key(
        'File name of a symbol\'s bars. Left out: "{symbol}.csv" or "{symbol}.parquet".',
        default=None,
    )
    actions_file_pattern: FilePattern = key(
        "File name of a symbol's splits and dividends; a missing file means none.",
        default="{symbol}_actions.csv",
    )
    allow_price_jumps: Annotated[
        tuple[PriceJump, ...], BeforeValidator(as_tuple), AfterValidator(distinct)
    ] = key(
        "Overnight moves above 40 % without a split that are real: SYMBOL, or SYMBOL:YYYY-MM-DD.",
        default=(),
    )

    @property
    def bar_file_pattern(self) -> str:
        """The file name of a symbol's bars, with `{symbol}` in it."""
        return self.file_pattern or f"{{symbol}}.{self.type}"

    @property
    def price_jumps(self) -> tuple[tuple[str, date | None], ...]:
        """The allowed jumps as symbol and day; no day means any day."""
        pairs = (entry.partition(":") for entry in self.allow_price_jumps)
        return tuple((symbol, parse_day(day) if day else None) for symbol, _, day in pairs)


class BacktestSection(Section):
    """What a backtest runs over; `initial_capital` and `execution` are the sim broker's too."""

    data: DataSection | None = key("Where the bars are.", default=None)
    start_date: Day | None = key(
        "First day of the backtest, inclusive. Left out: the first day of the data.", default=None
    )
    end_date: Day | None = key(
        "Last day of the backtest, inclusive. Left out: the last day of the data.", default=None
    )
    initial_capital: Number = key(
        "Cash at the start, of backtests and of the simulated account.",
        default=100_000,
        unit="account currency",
        gt=0,
    )
    execution: ExecutionSection = key("The model of the venue.", default=ExecutionSection())
