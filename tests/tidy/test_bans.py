"""Banned calls are absent, and each ban can fail."""

from __future__ import annotations

import pytest

from tests.tidy.bans import check_everywhere, check_live, check_pure, check_virtual_time
from tests.tidy.source import assert_clean, planted, python_files


def test_pure_packages_read_no_clock_and_touch_no_world() -> None:
    assert_clean(check_pure, python_files("src/"))


def test_nothing_runs_text_as_code_unpickles_or_mocks() -> None:
    assert_clean(check_everywhere, python_files())


def test_live_order_of_work_never_comes_from_a_set() -> None:
    assert_clean(check_live, python_files("src/"))


def test_only_whole_programs_are_waited_for() -> None:
    assert_clean(check_virtual_time, python_files("tests/"))


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("from datetime import datetime\nnow = datetime.now()", "ts_ns of the event"),
        ("import datetime as dt\nnow = dt.datetime.utcnow()", "ts_ns of the event"),
        ("from datetime import date\nclock = date.today", "ts_ns of the event"),
        ("from datetime import datetime\nd = datetime.fromtimestamp(1)", "pass UTC"),
        ("import random\nx = random.random()", "seeded by"),
        ("from random import choice", "seeded by"),
        ("import random\nr = random.SystemRandom()", "seeded by"),
        ("import random\nr = random.Random()", "without a seed"),
        ("from random import Random\nr = Random()", "without a seed"),
        ("f = open('prices.csv')", "shells open files"),
        ("print('filled')", "return a notice"),
        ("key = id(order)", "addresses differ"),
        ("key = hash('AAPL')", "differs between processes"),
        ("orders = sorted(orders, key=id)", "order by the value"),
        ("m = __import__('os')", "belongs in config/"),
        ("for s in {'A', 'B'}: pass", "order of a set"),
        ("xs = [s for s in set(symbols)]", "order of a set"),
        ("xs = list(frozenset(symbols))", "order of a set"),
        ("async def poll(): pass", "the shell awaits"),
    ],
)
def test_planted_impurity_is_found_with_its_replacement(text: str, advice: str) -> None:
    (message,) = planted(check_pure, text)
    assert advice in message
    assert planted(check_pure, text, path="src/regimeflow/live/planted.py") == []


@pytest.mark.parametrize(
    "text",
    [
        "import random\ndef draw(rng: random.Random) -> float: return rng.random()",
        "from random import Random\nr = Random(f'{seed}/{strategy_id}')",
        "from datetime import UTC, datetime\nd = datetime.fromtimestamp(1, UTC)",
        "for s in sorted({'A', 'B'}): pass",
        "order = book.open(bar.open); self.print(order.id)",
    ],
)
def test_pure_code_that_only_looks_impure_is_accepted(text: str) -> None:
    assert planted(check_pure, text) == []


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("import pickle", "msgspec"),
        ("from pickle import loads", "msgspec"),
        ("import shelve", "journal"),
        ("value = eval('1')", "parse the text"),
        ("exec('x = 1')", "import a module"),
        ("import yaml\nyaml.load(text, Loader=yaml.SafeLoader)", "safe_load"),
        ("from yaml import load", "safe_load"),
        ("import subprocess\nsubprocess.run('ls', shell=True)", "list of arguments"),
        ("import os\nos.system('ls')", "list of arguments"),
        ("import numpy\nnumpy.load(path, allow_pickle=True)", "plain numbers"),
        ("from unittest.mock import Mock", "fake"),
        ("from unittest import mock", "fake"),
    ],
)
def test_planted_danger_is_found_in_any_file(text: str, advice: str) -> None:
    for path in ("src/regimeflow/cli/main.py", "tests/unit/test_x.py", "tools/make.py"):
        (message,) = planted(check_everywhere, text, path=path)
        assert advice in message


def test_safe_relatives_of_banned_calls_are_accepted() -> None:
    text = "import re, yaml\nre.compile('a')\nmodel.eval()\nyaml.safe_load(text)\nrun(shell=False)"
    assert planted(check_everywhere, text) == []


def test_planted_wait_on_a_set_of_tasks_is_found_in_live() -> None:
    text = "import asyncio\nasync def f(): await asyncio.wait(tasks)"
    assert len(planted(check_live, text, path="src/regimeflow/live/runner.py")) == 1
    assert planted(check_live, "import asyncio\nasyncio.wait_for(task, 1)") == []


def test_planted_sleep_is_found_in_unit_tests_but_not_in_whole_programs() -> None:
    text = "import time\ntime.sleep(1)"
    assert len(planted(check_virtual_time, text, path="tests/unit/test_x.py")) == 1
    assert planted(check_virtual_time, text, path="tests/e2e/test_x.py") == []
