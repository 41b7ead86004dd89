"""`regimeflow venue sim`: the simulated venue as a program of its own."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from regimeflow.cli.terminal import write_line

PortOption = Annotated[
    int, typer.Option("--port", min=0, max=65_535, help="Port on 127.0.0.1; 0 takes a free one.")
]
StateOption = Annotated[
    Path | None,
    typer.Option("--state", metavar="FILE", help="Its books; it continues from an existing one."),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="PATH", help="A configuration whose live data it plays."),
]
DataOption = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Directory of SYMBOL.csv files.")
]
SymbolsOption = Annotated[
    str, typer.Option("--symbols", metavar="A,B", help="Symbols of --data, with commas.")
]
StartOption = Annotated[
    datetime | None, typer.Option("--start", formats=["%Y-%m-%d"], help="First day of --data.")
]
EndOption = Annotated[
    datetime | None, typer.Option("--end", formats=["%Y-%m-%d"], help="Last day of --data.")
]
SpeedOption = Annotated[
    float, typer.Option("--speed", help="Seconds of data in one second; above 0.")
]
FaultOption = Annotated[
    list[str] | None,
    typer.Option("--fault", metavar="SPEC", help="KIND[:VERB]:PROBABILITY[:VALUE]; repeatable."),
]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of the faults.")]


def sim(
    *,
    port: PortOption = 0,
    state: StateOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    symbols: SymbolsOption = "",
    start: StartOption = None,
    end: EndOption = None,
    speed: SpeedOption = 1.0,
    fault: FaultOption = None,
    seed: SeedOption = 1,
) -> None:
    """Serve recorded data as a simulated venue until stopped.

    Its clock starts with the first client that trades. Prints `listening on URL` when ready.
    """
    import asyncio

    from regimeflow.errors import ConfigError
    from regimeflow.testing.venues.sim_program import parts_from_config, parts_from_files, serve

    if not 0 < speed < float("inf"):
        raise ConfigError(f"--speed {speed}: use a number above 0; 1 is real time")
    if (config is None) == (data is None):
        raise ConfigError("name what to play: either --config PATH, or --data DIR --symbols A,B")
    if config is not None:
        parts = parts_from_config(config)
    else:
        names = [name.strip() for name in symbols.split(",") if name.strip()]
        if data is None or not names or len(set(names)) != len(names):
            raise ConfigError(f"--symbols {symbols!r}: name each symbol of --data once, as A,B")
        parts = parts_from_files(
            data,
            names,
            None if start is None else start.date(),
            None if end is None else end.date(),
        )
    asyncio.run(
        serve(
            parts,
            port=port,
            state=state,
            speed=speed,
            faults=fault or (),
            seed=seed,
            announce=_announce,
        )
    )


def _announce(url: str) -> None:
    write_line(f"listening on {url}")
    sys.stdout.flush()
