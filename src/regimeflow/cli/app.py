"""Which commands exist. A command that is not built is not here: it is a usage error."""

from __future__ import annotations

from typing import Annotated

import typer

from regimeflow.cli import (
    audit_explain,
    audit_show,
    audit_verify,
    backtest,
    brokers,
    config,
    init,
    live,
    operate,
    rehearse,
    replay,
    status,
    venue,
)
from regimeflow.cli.crash import version_line
from regimeflow.cli.terminal import write_line


def _show_version(value: bool) -> None:  # noqa: FBT001 - the signature typer calls
    if value:
        write_line(version_line())
        raise typer.Exit


VersionOption = Annotated[
    bool,
    typer.Option(
        "--version",
        callback=_show_version,
        is_eager=True,
        help="Print the version and the interpreter.",
    ),
]


def _program(*, is_group: bool) -> typer.Typer:
    # Plain help and errors: the boxed ones cost ten times the rest of `--help`.
    return typer.Typer(
        add_completion=False,
        no_args_is_help=is_group,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


app = _program(is_group=True)
live_app = _program(is_group=False)
_audit_app = _program(is_group=True)
_config_app = _program(is_group=True)
_venue_app = _program(is_group=True)


@app.callback()
def _regimeflow(*, version: VersionOption = False) -> None:
    """RegimeFlow: one strategy, one pipeline, backtest and live."""


@live_app.command()
def _regimeflow_live(
    *,
    config: live.ConfigOption,
    accept_change: live.ChangeOption = None,
    version: VersionOption = False,
) -> None:
    """Run the live engine until a signal, or the end of a playback."""
    live.live(config=config, accept_change=accept_change)


app.command("init")(init.init)
app.command("backtest")(backtest.backtest)
app.command("live")(live.live)
app.command("status")(status.status)
app.command("halt")(operate.halt)
app.command("resume")(operate.resume)
app.command("cancel-all")(operate.cancel_all)
app.command("flatten")(operate.flatten)
app.command("adopt")(operate.adopt)
app.command("replay")(replay.replay)
app.command("rehearse")(rehearse.rehearse)
app.add_typer(_audit_app, name="audit", help="The audit log and the journal behind it.")
app.add_typer(_config_app, name="config", help="The configuration.")
app.command("brokers")(brokers.brokers)
_audit_app.command("verify")(audit_verify.verify)
_audit_app.command("show")(audit_show.show)
_audit_app.command("explain")(audit_explain.explain)
_config_app.command("check")(config.check)
_config_app.command("schema")(config.schema)
_config_app.command("reference")(config.reference)
app.add_typer(_venue_app, name="venue", help="Venues of our own, speaking a broker's protocol.")
_venue_app.command("sim")(venue.sim)


@_venue_app.callback()
def _venue() -> None:
    """Venues of our own, to test against and to trade with in play."""
