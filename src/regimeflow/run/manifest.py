"""The manifest beside a journal: what is needed to run its decisions again, data files excluded.

A journal holds events; an engine also needs its configuration, the shape of the feed and the
trained regime model. They are written once, before the first record, and never changed; their
hashes are in every epoch's fingerprint.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import msgspec

from regimeflow.config import Config, config_values, load_config
from regimeflow.data.feed import Feed, FeedKind
from regimeflow.data.session_table import load_calendar
from regimeflow.errors import ConfigError, JournalError, StartRefused
from regimeflow.journal.disk import OsDisk
from regimeflow.model.timestamps import ns_from_date
from regimeflow.regime.volatility_model import decode_model, encode_model
from regimeflow.run import policy
from regimeflow.run.fingerprint import strategies_hash
from regimeflow.run.plan import CALENDAR_FIRST, CALENDAR_LAST, LinkTraits, RunPlan
from regimeflow.run.strategies import load_strategies

MANIFEST_NAME = "manifest.json"
SCHEMA = "regimeflow.manifest/1"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """See the module's docstring."""

    schema: str = SCHEMA
    window: str
    config: dict[str, object]
    base_directory: str
    cash: Decimal
    start_ns: int
    end_ns: int
    feed_kind: str
    bar_size_ns: int | None
    first_ns: int
    last_ns: int
    event_count: int
    data_hash: str
    strategies_hash: str
    venue_hash: str
    regime_model: str | None
    link: LinkTraits | None = None


def write_manifest(directory: Path, plan: RunPlan) -> None:
    """Write the manifest of a new journal, or check that the one there is of the same run.

    Raises StartRefused when the directory holds the journal of another run, JournalError when
    it cannot be written.
    """
    path = directory / MANIFEST_NAME
    content = _content(plan)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if path.exists():
            if path.read_bytes() == content or _rewritten(directory) == content:
                return
            raise StartRefused(
                f"{directory} holds the journal of another run (other configuration, data or "
                "strategy); move it away, or name another log_dir"
            )
        temporary = path.with_suffix(".tmp")
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
        OsDisk().sync_directory(directory)
    except OSError as error:
        raise JournalError(f"{directory}: the journal cannot be written: {error}") from error


def read_manifest(directory: Path) -> Manifest:
    """The manifest of a journal. Raises JournalError when it is missing or unreadable."""
    path = directory / MANIFEST_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error}") from error
    except msgspec.MsgspecError as error:
        raise JournalError(f"{path}: is not a manifest: {error}") from error


def replace_plan(directory: Path, manifest: Manifest, config: Config) -> RunPlan:
    """The journal's run under another configuration or strategy, as the user accepted it.

    The manifest there is kept as `manifest-N.json`.
    """
    plan = plan_of(manifest)
    plan = dataclasses.replace(
        plan,
        config=config,
        instruments=policy.instruments(config),
        strategies_hash=strategies_hash(load_strategies(config)),
        strategy_names=tuple(entry.name for entry in config.strategies),
    )
    number = 1
    while (kept := directory / f"manifest-{number}.json").exists():
        number += 1
    try:
        (directory / MANIFEST_NAME).rename(kept)
    except OSError as error:
        raise JournalError(f"{directory}: the manifest cannot be replaced: {error}") from error
    write_manifest(directory, plan)
    return plan


def plan_of(manifest: Manifest) -> RunPlan:
    """The run's plan without its data: engines can be made from it, schedules cannot."""
    values: Mapping[str, object] = manifest.config
    config: Config = load_config(values, environ={}, cwd=manifest.base_directory)
    calendar = load_calendar(
        config.calendar, ns_from_date(CALENDAR_FIRST), ns_from_date(CALENDAR_LAST)
    )
    feed = Feed(
        symbols=config.symbols,
        kind=FeedKind(manifest.feed_kind),
        bar_size_ns=manifest.bar_size_ns,
        span_ns=(manifest.first_ns, manifest.last_ns),
        event_count=manifest.event_count,
        actions=(),
        data_hash=manifest.data_hash,
        warmup_available={},
        make_chunks=lambda: iter(()),
    )
    model = None if manifest.regime_model is None else decode_model(manifest.regime_model.encode())
    return RunPlan(
        config=config,
        window=manifest.window,
        calendar=calendar,
        feed=feed,
        instruments=policy.instruments(config),
        model=policy.execution_model(config),
        cash=manifest.cash,
        start_ns=manifest.start_ns,
        end_ns=manifest.end_ns,
        regime_model=model,
        strategies_hash=manifest.strategies_hash,
        venue_hash=manifest.venue_hash,
        strategy_names=tuple(entry.name for entry in config.strategies),
        warmup_bars=0,
        link=manifest.link,
    )


def _content(plan: RunPlan) -> bytes:
    return msgspec.json.format(msgspec.json.encode(_manifest(plan), order="sorted"), indent=1)


def _rewritten(directory: Path) -> bytes:
    """The manifest there as this version would write it: with what keys were added since."""
    try:
        return _content(plan_of(read_manifest(directory)))
    except ConfigError:
        return b""


def _manifest(plan: RunPlan) -> Manifest:
    feed, model = plan.feed, plan.regime_model
    return Manifest(
        window=plan.window,
        config=config_values(plan.config),
        base_directory=str(plan.config.base_directory),
        cash=plan.cash,
        start_ns=plan.start_ns,
        end_ns=plan.end_ns,
        feed_kind=feed.kind.value,
        bar_size_ns=feed.bar_size_ns,
        first_ns=feed.first_ns,
        last_ns=feed.last_ns,
        event_count=feed.event_count,
        data_hash=feed.data_hash,
        strategies_hash=plan.strategies_hash,
        venue_hash=plan.venue_hash,
        regime_model=None if model is None else encode_model(model).decode(),
        link=plan.link,
    )
