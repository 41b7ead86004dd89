"""Whole runs for tests: one configuration through the backtest and through the live runner.

`trail` is what two runs have to agree on: every event and output of the journal, with times,
prices, cash and equity to the last digit, less what belongs to the shell and not to the run
(starts, stops, links, polls and their answers, epochs).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from regimeflow.backtest.report import Report
from regimeflow.backtest.runner import run_backtest
from regimeflow.config import Config, load_config
from regimeflow.journal.reader import read_facts
from regimeflow.journal.records import EpochOpened, Record
from regimeflow.live.console import Console
from regimeflow.live.runner import LiveRunner, LiveSummary
from regimeflow.model import commands as c
from regimeflow.model import events as e

CHECKOUT = Path(__file__).resolve().parent.parent.parent
EXAMPLE_DATA = CHECKOUT / "examples" / "data"
EVERY_CALL = "tests.simulation.strategies_under_test:EveryCall"

SHELL = (
    EpochOpened,
    e.EngineStarted,
    e.EngineStopped,
    e.LinkUp,
    e.LinkDown,
    e.Heartbeat,
    c.RequestSnapshot,
    e.BrokerSnapshot,
)
_CLIENT_ID = re.compile(r"\b(\d{8})-\d+-([\w-]+?)-(\d+)\b")

RunConfiguration = dict[str, Any]
"""A configuration as a mapping, before validation."""


class Crash(Exception):
    """The process dies here: nothing is flushed, nothing is told."""


class Quiet(Console):
    """A console that prints nothing; a test may look at every fact as it is committed."""

    def __init__(self, on_fact: Callable[[Record], None] = lambda record: None) -> None:
        self._on_fact = on_fact
        self.said: list[str] = []

    def on_record(self, record: Record) -> None:
        """Hand the fact to the test."""
        self._on_fact(record)

    def say(self, text: str, style: str = "", *, ts_ns: int | None = None) -> None:
        """Keep the line."""
        self.said.append(text)

    def close_year(self) -> None:
        """Nothing is printed by the year."""


def configuration(
    strategy: Mapping[str, Any] | str,
    *,
    symbols: list[str],
    data: Path = EXAMPLE_DATA,
    days: tuple[str, str] | None = None,
    params: Mapping[str, Any] | None = None,
    execution: Mapping[str, Any] | None = None,
    live: Mapping[str, Any] | None = None,
    **sections: Any,
) -> RunConfiguration:
    """A configuration; `days` are the first and the last. `log_dir` is added by each run."""
    named = {"name": strategy, "id": "s"} if isinstance(strategy, str) else dict(strategy)
    broker: RunConfiguration = {"data_directory": str(data)}
    if days is not None:
        broker |= {"start": days[0], "end": days[1]}
    return {
        "strategy": {**named, "params": dict(params or {})},
        "live": {
            "broker": "sim",
            "paper": True,
            "symbols": symbols,
            "broker_config": broker,
            "max_orders_per_minute": 0,
            **(live or {}),
        },
        "backtest": {
            "initial_capital": 1_000_000,
            "execution": {"latency_ms": 250, "fees": "ibkr_fixed", **(execution or {})},
        },
        "account": {"margin": {"initial_margin_ratio": 0.5}},
        **sections,
    }


def config_in(raw: RunConfiguration, log_dir: Path, **live: Any) -> Config:
    """The validated configuration of a run that writes to `log_dir`."""
    merged = {**raw, "live": {**raw["live"], "log_dir": str(log_dir), **live}}
    return load_config(merged, environ={}, cwd=CHECKOUT)


def play_backtest(raw: RunConfiguration, log_dir: Path) -> Report:
    """Run the backtest over the live window, journaled in `log_dir`."""
    return run_backtest(config_in(raw, log_dir), window="live", journal_dir=log_dir / "journal")


def play_live(raw: RunConfiguration, log_dir: Path, console: Console | None = None) -> LiveSummary:
    """Run the live engine until it ends by itself."""
    return asyncio.run(LiveRunner(config_in(raw, log_dir), console or Quiet()).run())


def play_until(raw: RunConfiguration, log_dir: Path, facts: int, *, orderly: bool) -> LiveSummary:
    """Run the live engine until so many facts are committed; then stop in order, or crash."""
    left = facts

    def on_fact(_: Record) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            if not orderly:
                raise Crash
            runner.request_stop("test")

    runner = LiveRunner(config_in(raw, log_dir), Quiet(on_fact))
    return asyncio.run(runner.run())


def facts_of(log_dir: Path) -> list[Record]:
    """Every fact of a journal."""
    return list(read_facts(log_dir / "journal"))


def trail(log_dir: Path) -> list[tuple[int, str]]:
    """Times and contents, without what only says how often the run was started."""
    kept = []
    for record in facts_of(log_dir):
        body = record.body
        if isinstance(body, SHELL) or _is_of_a_start(body):
            continue
        text = _CLIENT_ID.sub(r"\2-\3", msgspec.json.encode(body).decode())
        kept.append((record.ts_ns, f"{type(body).__name__} {text}"))
    return kept


def last_mark(log_dir: Path) -> c.AccountMarked:
    """The account as it was valued when the run ended."""
    marks = [r.body for r in facts_of(log_dir) if isinstance(r.body, c.AccountMarked)]
    return marks[-1]


def assert_same(ours: list[tuple[int, str]], theirs: list[tuple[int, str]]) -> None:
    """Fail at the first difference, with a few lines before it."""
    for index, (left, right) in enumerate(zip(ours, theirs, strict=False)):
        if left != right:
            before = "\n".join(map(str, ours[max(index - 3, 0) : index]))
            raise AssertionError(f"at {index}:\n{before}\n  ours {left}\ntheirs {right}")
    assert len(ours) == len(theirs), (ours[len(theirs) :][:3], theirs[len(ours) :][:3])


def _is_of_a_start(body: object) -> bool:
    if isinstance(body, c.HealthChanged):
        return body.component.startswith("link:")
    if isinstance(body, c.AccountMarked):
        return body.kind is c.MarkKind.FINAL
    return isinstance(body, c.OrderDenied) and body.control == "STOPPED"
