"""Hashes that say what produced a run: code, strategies, dependencies, configuration, venue.

All are SHA-256 in hex over canonical bytes, so that equal inputs give equal hashes on every
machine. They name content, never places: no paths, hosts or times enter them.
"""

from __future__ import annotations

import hashlib
import json
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from regimeflow.config import Config, config_hash
from regimeflow.core.setup import StrategySetup
from regimeflow.journal.records import Fingerprint
from regimeflow.model.instrument import Instrument
from regimeflow.run.strategies import source_hash
from regimeflow.venue.model import ExecutionModel

DEPENDENCIES = ("msgspec", "pydantic", "PyYAML", "python-dotenv", "numpy", "pyarrow")


def engine_version() -> str:
    """The installed version of RegimeFlow."""
    try:
        return version("regimeflow")
    except PackageNotFoundError:
        return "0+source"


@cache
def code_hash() -> str:
    """Over every Python file of the installed package, by relative path."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def strategies_hash(strategies: tuple[StrategySetup, ...]) -> str:
    """Over ids, classes, parameters, symbols and source of the strategies."""
    named = [
        [s.strategy_id, type(s.strategy).__qualname__, dict(s.params), list(s.symbols)]
        for s in strategies
    ]
    return text_hash(json.dumps([named, source_hash(strategies)], sort_keys=True, default=str))


def venue_hash(
    model: ExecutionModel, instruments: dict[str, Instrument], calendar: str, capital: object
) -> str:
    """Over the execution model, the instruments' terms, the calendar and the capital."""
    parts = [model, list(instruments.values()), calendar, str(capital)]
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def text_hash(text: str) -> str:
    """SHA-256 of UTF-8 text."""
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint(config: Config, strategies: str, venue: str, baseline: str = "") -> Fingerprint:
    """What an epoch's decisions depend on beside its events."""
    versions = {name: version(name) for name in DEPENDENCIES}
    return Fingerprint(
        code=code_hash(),
        strategies=strategies,
        lock=text_hash(json.dumps(versions, sort_keys=True)),
        config=config_hash(config),
        venue=venue,
        baseline=baseline,
        interpreter=f"{sys.implementation.name}-{sys.version_info.major}.{sys.version_info.minor}",
        seed=config.backtest.execution.seed,
    )
