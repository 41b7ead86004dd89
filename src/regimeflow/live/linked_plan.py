"""The plan of a run behind a link: from the broker's own history, or from the journal's manifest.

The first start fixes what the engine is built from (feed, start, the broker's traits); every
later start takes it from the manifest, so that a restart continues the same run. A changed
configuration or strategy is refused: open positions must not wake up under other rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from regimeflow.brokers.protocol import AccountTruth, BrokerClient
from regimeflow.config import Config, config_hash
from regimeflow.data.feed import Feed, FeedKind, in_memory_feed, kind_of_bars
from regimeflow.errors import ConfigError, StartRefused
from regimeflow.model.market import Bar
from regimeflow.model.timestamps import NS_PER_MS, NS_PER_S
from regimeflow.run.fingerprint import strategies_hash
from regimeflow.run.manifest import (
    MANIFEST_NAME,
    plan_of,
    read_manifest,
    replace_plan,
    write_manifest,
)
from regimeflow.run.plan import LinkTraits, RunPlan, make_linked_plan, warmup_bars
from regimeflow.run.strategies import load_strategies

RUN = "rf"
"""What client order ids begin with; `boot_number` makes them new."""
QUERY_INTERVAL_NS = 2 * NS_PER_S
SWEEPS_MISSED_MAX = 3
"""So many lists of orders in a row may fail before the books count as unproved."""
"""First pause between two questions about an order in doubt, at real time."""


async def linked_plan(
    config: Config,
    client: BrokerClient,
    truth: AccountTruth,
    journal_dir: Path,
    *,
    accepts_change: bool = False,
) -> tuple[RunPlan, list[Bar]]:
    """The plan, and the warm-up bars of a first start (none on a restart).

    With `accepts_change` a changed configuration or strategy replaces the journal's; the old
    manifest is kept beside it, numbered.

    Raises ConfigError when account and configuration disagree, StartRefused when the journal is
    of another configuration or strategy.
    """
    _check_account(config, truth)
    if (journal_dir / MANIFEST_NAME).exists():
        manifest = read_manifest(journal_dir)
        plan = plan_of(manifest)
        changed = _changes(plan, config)
        if changed and not accepts_change:
            raise StartRefused(
                f"the {' and the '.join(changed)} changed since this journal began; finish it as "
                "it was, or say how positions and strategies go on: --accept-change carry, warmup "
                "or exits_only"
            )
        return (replace_plan(journal_dir, manifest, config) if changed else plan), []
    wanted = max(warmup_bars(config), 1)
    bars: list[Bar] = []
    for symbol in config.symbols:
        bars += await client.history(symbol, wanted, truth.venue_ns)
    bars.sort(key=lambda bar: (bar.ts_close_ns, config.symbols.index(bar.symbol)))
    capabilities, pace = truth.capabilities, max(truth.speed, 1.0)
    assert config.live is not None
    sweep_ns = config.live.order_reconcile_interval_ms * NS_PER_MS
    settle_ns = int(capabilities.settle_window_ns * pace)
    plan = make_linked_plan(
        config,
        feed=_feed_of(config, truth, bars),
        start_ns=truth.venue_ns,
        link=LinkTraits(
            settle_window_ns=settle_ns,
            query_interval_ns=int(QUERY_INTERVAL_NS * pace),
            has_native_oco=capabilities.has_native_oco,
            pace=pace,
            run=RUN,
            truth_limit_ns=SWEEPS_MISSED_MAX * sweep_ns + settle_ns,
        ),
    )
    write_manifest(journal_dir, plan)
    return plan, bars


def _check_account(config: Config, truth: AccountTruth) -> None:
    assert config.live is not None
    wanted = config.live.account_id
    if wanted and wanted != truth.account_id:
        raise ConfigError(
            f"live.account_id: {wanted!r}, but the broker's account is {truth.account_id!r}"
        )
    if truth.currency != config.account.currency:
        raise ConfigError(
            f"account.currency: {config.account.currency}, but the account is in "
            f"{truth.currency}; accounts in another currency are not supported yet"
        )
    if truth.is_paper != config.live.paper:
        kind = "paper" if truth.is_paper else "LIVE"
        raise ConfigError(f"live.paper: {config.live.paper}, but the account is {kind}")


def _changes(plan: RunPlan, config: Config) -> list[str]:
    changed = []
    if config_hash(plan.config) != config_hash(config):
        changed.append("configuration")
    if plan.strategies_hash != strategies_hash(load_strategies(config)):
        changed.append("strategy")
    return changed


def _feed_of(config: Config, truth: AccountTruth, bars: Sequence[Bar]) -> Feed:
    """What the broker is going to deliver: like the history it gave, or by its own word."""
    if bars:
        given = Counter(bar.symbol for bar in bars)
        return in_memory_feed(bars, symbols=config.symbols, warmup_available=given)
    size_ns = truth.bar_size_ns
    return Feed(
        symbols=config.symbols,
        kind=FeedKind.QUOTES if size_ns is None else kind_of_bars(size_ns),
        bar_size_ns=size_ns,
        span_ns=(truth.venue_ns, truth.venue_ns),
        event_count=0,
        actions=(),
        data_hash="",
        warmup_available=dict.fromkeys(config.symbols, 0),
        make_chunks=lambda: iter(()),
    )
