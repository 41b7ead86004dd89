"""The layers hold, and each rule about them can fail."""

from __future__ import annotations

import pytest

from tests.tidy.layers import check_layers, check_sans_io
from tests.tidy.source import assert_clean, planted, python_files


def test_no_file_imports_from_above_its_layer() -> None:
    assert_clean(check_layers, python_files("src/"))


def test_no_codec_or_session_of_a_broker_touches_the_network() -> None:
    assert_clean(check_sans_io, python_files("src/"))


@pytest.mark.parametrize(
    ("package", "line", "advice"),
    [
        ("core", "import time", "ts_ns of the event"),
        ("core", "from time import monotonic_ns", "ts_ns of the event"),
        ("core", "import asyncio", "the shell runs the loop"),
        ("core", "import numpy as np", "bits differ"),
        ("core", "import logging", "return a notice"),
        ("core", "import os", "config/ reads the environment"),
        ("venue", "import socket", "client.py"),
        ("regime", "import threading", "one thread"),
        ("strategy", "import uuid", "derive ids"),
        ("model", "import secrets", "derive ids"),
        ("core", "import polars", "pass the value in"),
        ("core", "from regimeflow.venue.matching import Book", "Pass the value in"),
        ("core", "from regimeflow.journal import writer", "Pass the value in"),
        ("venue", "from regimeflow.core.engine import Engine", "errors, model"),
        ("venue", "from regimeflow.strategy.base import Strategy", "errors, model"),
        ("regime", "import regimeflow.core.engine", "errors, model"),
        ("strategy", "from regimeflow.core import engine", "errors, model"),
        ("model", "from regimeflow.strategy import Strategy", "may import errors"),
        ("errors", "from regimeflow.model.order import Order", "nothing of ours"),
        ("core", "from regimeflow import config", "Pass the value in"),
        ("core", "import regimeflow", "Pass the value in"),
        ("core", "from .engine import Engine", "write it as regimeflow"),
        ("live", "from regimeflow.cli.main import main", "only cli imports cli"),
        ("core", "from regimeflow.cli import main", "only cli imports cli"),
    ],
)
def test_planted_import_across_layers_is_found(package: str, line: str, advice: str) -> None:
    file_name = f"{package}.py" if package == "errors" else f"{package}/planted.py"
    (message,) = planted(check_layers, line, path=f"src/regimeflow/{file_name}")
    assert advice in message


def test_planted_import_is_found_inside_functions_and_type_checking_blocks() -> None:
    text = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from regimeflow.live.runner import LiveRunner
def later():
    import socket
"""
    assert len(planted(check_layers, text)) == 2


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("core/engine.py", "from regimeflow.strategy.base import Strategy"),
        ("core/engine.py", "from regimeflow.core.risk.gate import Approved"),
        ("core/engine.py", "from regimeflow.errors import UsageError"),
        ("core/engine.py", "import msgspec, decimal, collections.abc"),
        ("live/runner.py", "import asyncio, time"),
        ("cli/live.py", "from regimeflow.cli.console import Console"),
        ("__main__.py", "from regimeflow.cli.main import main"),
    ],
)
def test_import_within_the_layers_is_accepted(path: str, line: str) -> None:
    assert planted(check_layers, line, path=f"src/regimeflow/{path}") == []


def test_planted_socket_in_a_broker_session_is_found() -> None:
    path = "src/regimeflow/brokers/alpaca/{}.py"
    text = "import asyncio\nfrom urllib.parse import urlsplit\n"
    assert len(planted(check_sans_io, text, path=path.format("session"))) == 1
    assert len(planted(check_sans_io, text, path=path.format("wire"))) == 1
    assert planted(check_sans_io, text, path=path.format("client")) == []
