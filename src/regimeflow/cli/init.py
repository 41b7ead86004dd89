"""`regimeflow init`: a first configuration that is valid as it stands, and what to run next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from regimeflow.cli.reply import JsonOption, Reply, Status
from regimeflow.cli.starter_days import StarterDays, starter_days

CONFIG_NAME = "regimeflow.yaml"
SYMBOLS_DEFAULT = ("AAPL", "MSFT")
SYMBOLS_FOUND_MAX = 5
DATA_HINT = (
    "  {file}  one row a bar, oldest first, with the columns\n"
    "          Date,Open,High,Low,Close,Volume (raw prices)\n"
    "  {actions}  optional: splits and dividends, with the columns date,kind,value"
)


def init(
    *,
    directory: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Where the file is written.")
    ] = Path(),
    data_directory: Annotated[
        Path | None,
        typer.Option(
            "--data-directory", metavar="DIR", help="Where your bars are; data when left out."
        ),
    ] = None,
    symbols: Annotated[
        list[str] | None,
        typer.Option("--symbol", metavar="SYMBOL", help="A symbol to trade; may be repeated."),
    ] = None,
    strategy: Annotated[
        str, typer.Option("--strategy", metavar="NAME", help="Built-in, or package.module:Class.")
    ] = "moving_average_cross",
    as_json: JsonOption = False,
) -> None:
    """Write a first configuration file. An existing one is never overwritten."""
    from regimeflow.config import load_config, starter_config

    with Reply("init", is_json=as_json) as reply:
        target = directory / CONFIG_NAME
        data = data_directory or directory / "data"
        names = tuple(symbols or _symbols_in(data) or SYMBOLS_DEFAULT)
        days, refusal = _days_of(data, names)
        text = starter_config(
            strategy=strategy,
            symbols=names,
            data_directory=_as_written(data, directory),
            backtest_days=days.backtest if days else None,
            live_days=days.live if days else None,
        )
        _create(target, text)
        load_config(CONFIG_NAME, cwd=directory)
        reply.item("configuration", Status.PASS, seen=f"{target} written")
        reply.say(f"written: {target}")
        _tell_data(reply, data, names)
        if refusal:
            reply.item("days", Status.WARN, seen=refusal, fix="mend the data before a run")
            reply.say(f"         a run would refuse this data: {refusal}")
        if days is not None:
            _tell_days(reply, days)
        commands = [
            f"regimeflow backtest --config {CONFIG_NAME}",
            f"regimeflow_live --config {CONFIG_NAME}",
        ]
        reply.say("\nnext:" if directory == Path() else f"\nnext, in {directory}:")
        for command in commands:
            reply.say(f"  {command}")
        reply.add(file=str(target), symbols=list(names), next=commands)


def _create(target: Path, text: str) -> None:
    from regimeflow.errors import ConfigError

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(
            f"{target} exists already and is never overwritten; move it away, or write to another "
            "--dir"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{target} cannot be written ({error.strerror}); choose another --dir"
        ) from error


def _as_written(data: Path, directory: Path) -> str:
    """The data directory as the commands will read it: from `directory`, where they run."""
    if directory == Path() or data.is_absolute():
        return data.as_posix()
    if data.is_relative_to(directory):
        return data.relative_to(directory).as_posix()
    return data.absolute().as_posix()


def _symbols_in(data: Path) -> list[str]:
    """Symbols that have a file of bars there; names with an underscore are something else's."""
    if not data.is_dir():
        return []
    stems = sorted(path.stem for path in data.glob("*.csv") if "_" not in path.stem)
    return stems[:SYMBOLS_FOUND_MAX]


def _days_of(data: Path, symbols: tuple[str, ...]) -> tuple[StarterDays | None, str]:
    """The days to run over, or why there are none yet."""
    from regimeflow.errors import DataError

    if not all((data / f"{symbol}.csv").is_file() for symbol in symbols):
        return None, ""
    try:
        return starter_days(data, symbols), ""
    except DataError as error:
        return None, str(error)


def _tell_days(reply: Reply, days: StarterDays) -> None:
    (first, last), (live_first, live_last) = days.backtest, days.live
    reply.say(f"days:    backtest {first} to {last}, live {live_first} to {live_last}")
    if days.left_out:
        reply.item("days", Status.WARN, seen=days.left_out, expected=f"used from {first} on")
        reply.say(f"         earlier days are left out: {days.left_out}")


def _tell_data(reply: Reply, data: Path, symbols: tuple[str, ...]) -> None:
    missing = [symbol for symbol in symbols if not (data / f"{symbol}.csv").is_file()]
    if not missing:
        reply.item("data", Status.PASS, seen=f"{data} holds {', '.join(symbols)}")
        reply.say(f"data:    {data} holds {', '.join(symbols)}")
        return
    files = ", ".join(f"{symbol}.csv" for symbol in missing)
    reply.item(
        "data",
        Status.WARN,
        seen=f"{data} lacks {files}",
        expected="a file of bars for each symbol: Date,Open,High,Low,Close,Volume",
        fix="put them there, or correct data_directory",
    )
    reply.say(f"data:    {data} still lacks {files}. Expected there:")
    reply.say(DATA_HINT.format(file=f"{missing[0]}.csv", actions=f"{missing[0]}_actions.csv"))
