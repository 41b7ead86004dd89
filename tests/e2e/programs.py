"""Runs RegimeFlow's programs as a user does: a process, its exit code and its two streams."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent.parent
EXAMPLE_DATA = CHECKOUT / "examples" / "data"
TIMEOUT_S = 120
LIVE = "from regimeflow.cli.main import live_main; live_main()"

CONFIG = """\
strategy:
  name: {strategy}
  id: ma
live:
  broker: sim
  symbols: [MSFT]
  broker_config: {{data_directory: '{data}', start: 2008-01-02, end: 2008-06-30, speed: 0}}
  log_dir: logs
backtest:
  data: {{data_directory: '{data}'}}
  start_date: 2006-01-03
  end_date: 2007-12-31
"""


class Ended:
    """A program that has ended; `document` is its standard output read as JSON."""

    def __init__(self, process: subprocess.CompletedProcess[str]) -> None:
        self.code = process.returncode
        self.out = process.stdout
        self.err = process.stderr

    @property
    def document(self) -> dict[str, Any]:
        document = json.loads(self.out)
        assert isinstance(document, dict)
        return document

    def statuses(self) -> dict[str, str]:
        """Status of each item of the document by its id."""
        return {item["id"]: item["status"] for item in self.document["items"]}


def regimeflow(*arguments: object, cwd: Path, **variables: str) -> Ended:
    """Run `regimeflow` with these arguments in `cwd`."""
    return _run(["-m", "regimeflow.cli", *map(str, arguments)], cwd, variables)


def regimeflow_live(*arguments: object, cwd: Path) -> Ended:
    """Run `regimeflow_live` with these arguments in `cwd`."""
    return _run(["-c", LIVE, *map(str, arguments)], cwd, {})


def write_config(directory: Path, *, strategy: str = "moving_average_cross") -> Path:
    """A configuration over half a year of MSFT (live) and two years (backtest)."""
    path = directory / "run.yaml"
    text = CONFIG.format(strategy=f"'{strategy}'", data=EXAMPLE_DATA.as_posix())
    path.write_text(text, encoding="utf-8")
    return path


def _run(arguments: list[str], cwd: Path, variables: dict[str, str]) -> Ended:
    environment = {**os.environ, "PYTHONUTF8": "1", **variables}
    command = [sys.executable, *arguments]
    return Ended(
        subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=TIMEOUT_S,
            check=False,
        )
    )
