"""When an engine is at rest, and what of its trading only an operator can bring back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from regimeflow.core.engine import Engine
from regimeflow.journal.reader import last_missing_seq
from regimeflow.live.boot import Booted
from regimeflow.model.commands import TradingState
from regimeflow.model.ids import StrategyId
from regimeflow.run.linked_fold import REBUILD_PREFIX
from regimeflow.testing.open_orders import UNSETTLED, altered, astray, working_at
from regimeflow.testing.venues.sim_machine import VenueMachine


class Trading(NamedTuple):
    """What may leave: the account's state, each strategy's, and the symbols that are held."""

    account: TradingState = TradingState.ACTIVE
    by_strategy: Mapping[StrategyId, TradingState] = {}
    symbols: tuple[str, ...] = ()


def trading_of(engine: Engine) -> Trading:
    """What may leave an engine now."""
    states = engine.ledger.trading
    return Trading(states.account, dict(states.by_strategy), tuple(engine.holds.symbols))


def operator_needed(before: Trading, engine: Engine) -> str:
    """What is stricter than before and lifted by `regimeflow resume` alone; empty when nothing."""
    now, states = trading_of(engine), engine.ledger.trading
    found = []
    if now.account not in (TradingState.ACTIVE, before.account):
        found.append(f"trading {now.account.upper()}: {states.account_reason}")
    found += [
        f"trading {state.upper()} for {strategy_id}"
        for strategy_id, state in now.by_strategy.items()
        if state not in (TradingState.ACTIVE, before.by_strategy.get(strategy_id))
    ]
    found += [
        f"nothing enters {symbol}: {engine.holds.symbols[symbol]}"
        for symbol in now.symbols
        if symbol not in before.symbols
    ]
    return "; ".join(found)


def is_settled(engine: Engine, machine: VenueMachine) -> bool:
    """Whether books and orders equal the venue's, nothing is unsettled and nothing held."""
    portfolio, venue = engine.ledger.portfolio, machine.venue.ledger
    ours = {s: p.quantity for s, p in portfolio.positions.items() if p.quantity}
    are_settled = all(o.status not in UNSETTLED for o in engine.ledger.orders.open.values())
    is_same = ours == venue.positions and portfolio.cash == venue.cash
    if not is_same or not are_settled or engine.holds.account:
        return False
    working, theirs = engine.ledger.orders.open.values(), working_at(machine.venue.orders)
    return not astray(working, theirs) and not altered(working, theirs)


def has_lost_records(booted: Booted, journal_dir: Path) -> bool:
    """Whether records that decisions were made from are gone, as a power cut may take them.

    Then nobody can decide the same again. Records lost before the last rebuild do not matter:
    decisions are repeated from there.
    """
    rebuilt = [m.seq for m in booted.recovered.marks if m.reason.startswith(REBUILD_PREFIX)]
    return last_missing_seq(journal_dir) > max(rebuilt, default=0)
