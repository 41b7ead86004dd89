"""The outermost line of both programs: every way a run can end becomes an exit code here.

A `RegimeFlowError` is printed without a traceback and gives its own code; a wrong command line
gives 2, an interrupt 130, and whatever nobody foresaw 70 with a file to send us.
"""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from regimeflow.cli.app import app, live_app
from regimeflow.cli.crash import point_to_traceback, report_bug
from regimeflow.cli.terminal import make_streams_lossy, write_error
from regimeflow.errors import EXIT_BUG, EXIT_SECOND_SIGNAL, RegimeFlowError


def main() -> NoReturn:
    """The program `regimeflow`."""
    _run(app, "regimeflow")


def live_main() -> NoReturn:
    """The program `regimeflow_live`."""
    _run(live_app, "regimeflow_live")


def _run(application: typer.Typer, program: str) -> NoReturn:
    make_streams_lossy()
    try:
        application(prog_name=program)
    except RegimeFlowError as error:
        write_error(str(error))
        if error.exit_code == EXIT_BUG:
            point_to_traceback(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(EXIT_SECOND_SIGNAL)
    except Exception as error:  # noqa: BLE001 - the outermost line: reported with a file, exit 70
        sys.exit(report_bug(error))
    sys.exit(0)
