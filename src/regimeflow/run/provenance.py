"""Who made a report or a deployment: the headers that let one be compared with the other."""

from __future__ import annotations

from regimeflow.backtest.report_header import RealismItem, ReportHeader, StrategyReference
from regimeflow.config import config_hash
from regimeflow.core.bars import bar_size_ns
from regimeflow.model.timestamps import NS_PER_DAY, date_from_ns
from regimeflow.observe.performance import Deployment
from regimeflow.run.fingerprint import code_hash, engine_version, text_hash
from regimeflow.run.plan import RunPlan


def report_header(plan: RunPlan) -> ReportHeader:
    """The header of a backtest's report."""
    config = plan.config
    checklist = plan.model.checklist()
    return ReportHeader(
        title=", ".join(plan.strategy_names),
        strategies=tuple(
            StrategyReference(entry.id, entry.name, text_hash(repr(sorted(entry.params.items()))))
            for entry in config.strategies
        ),
        strategies_hash=plan.strategies_hash,
        venue_hash=plan.venue_hash,
        config_hash=config_hash(config),
        data_hash=plan.feed.data_hash,
        code_hash=code_hash(),
        engine_version=engine_version(),
        seed=config.backtest.execution.seed,
        symbols=config.symbols,
        period_start=str(date_from_ns(plan.start_ns)),
        period_end=str(date_from_ns(plan.end_ns - 1)),
        frequency=_frequency(plan),
        currency=config.account.currency,
        initial_equity=plan.cash,
        start_ns=plan.start_ns,
        periods_per_year=plan.periods_per_year,
        realism=tuple(
            RealismItem(item.name, item.detail, item.status != "missing")
            for item in checklist.items
        ),
        notes=checklist.reasons,
    )


def deployment(plan: RunPlan, *, mode: str) -> Deployment:
    """The identity of a live run; it depends on the configuration alone, so a restart keeps it."""
    config = plan.config
    return Deployment(
        deployment_id=f"{date_from_ns(plan.start_ns):%Y%m%d}-{plan.strategies_hash[:8]}",
        mode=mode,
        engine_version=engine_version(),
        strategies=tuple((entry.id, entry.name) for entry in config.strategies),
        strategies_hash=plan.strategies_hash,
        config_hash=config_hash(config),
        code_hash=code_hash(),
        seed=config.backtest.execution.seed,
        bar_ns=plan.feed.bar_size_ns or NS_PER_DAY,
        periods_per_year=plan.periods_per_year,
    )


def _frequency(plan: RunPlan) -> str:
    if plan.feed.is_daily:
        return "daily bars"
    size_ns = plan.feed.bar_size_ns
    return f"{size_ns // bar_size_ns('1s')} s bars" if size_ns else str(plan.feed.kind)
