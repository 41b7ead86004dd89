"""A journal behind a link folded from any session's end gives what it gives from the beginning."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from regimeflow.core.engine import Engine
from regimeflow.core.engine_state import engine_digest
from regimeflow.core.ledger_state import ledger_digest
from regimeflow.journal.epochs import epoch_marks
from regimeflow.journal.reader import read_facts, read_records
from regimeflow.journal.state_files import state_digest
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.run.linked_fold import LinkedFold
from regimeflow.run.starting_point import BEGINNING, Start, decode_state
from tests.simulation.everything import EVENTFUL, FEEDS, everything
from tests.simulation.linked_playback import Played, play_linked
from tests.simulation.playback import configuration

STARTS_TRIED = 3
"""Of the session ends of a run, evenly spread, the first and the last among them."""
SEEDS = (None, 1)
"""Without and with trouble at the venue."""


def folded(played: Played, start: Start) -> tuple[LinkedFold, Engine]:
    """Fold the journal from `start` to its end; every decision has to be the journal's."""
    fold = LinkedFold(played.plan, start)
    for record in read_records(played.journal, market_from_seq=start.seq + 1):
        fold.take(record)
    assert fold.decisions is not None, fold.problem
    parity = fold.decisions.finish()
    assert parity.divergence is None
    assert parity.lost_market_before_seq is None
    return fold, fold.decisions.engine


def assert_any_start_will_do(played: Played) -> None:
    """The same books and the same engine, to the last digit, wherever the folds begin."""
    whole, engine = folded(played, BEGINNING)
    expected = (ledger_digest(whole.ledger), engine_digest(engine))
    assert expected == (ledger_digest(played.engine.ledger), engine_digest(played.engine))
    marks = {mark.seq: mark for mark in epoch_marks(played.journal)}
    step = max(len(played.states) // (STARTS_TRIED - 1), 1)
    assert len(played.states) >= STARTS_TRIED
    for kept in (*played.states[::step][: STARTS_TRIED - 1], played.states[-1]):
        start = decode_state(kept.payload)
        assert marks[kept.state.mark.seq] == kept.state.mark
        assert kept.state.mark.state_digest == state_digest(kept.payload)
        assert start.seq == kept.state.seq
        fold, engine = folded(played, start)
        assert (ledger_digest(fold.ledger), engine_digest(engine)) == expected
        assert engine.ledger.orders.executions.booked == whole.ledger.orders.executions.booked
        assert fold.last_event_seq == whole.last_event_seq


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("moving_average_cross", {"fast_period": 5, "slow_period": 12, "quantity": 40}),
        ("buy_and_hold", {"symbol": "AAPL", "quantity": 100}),
        ("pairs_trading", {"symbol_a": "AAPL", "symbol_b": "MSFT", "lookback": 30, "entry_z": 1}),
        ("harmonic_pattern", {"symbol": "AAPL", "min_bars": 20, "tolerance": 0.5}),
    ],
)
def test_built_in_strategy_goes_on_from_any_session_end(
    name: str, params: dict[str, object], seed: int | None, tmp_path: Path
) -> None:
    raw = configuration(name, symbols=["AAPL", "MSFT"], params=params, days=EVENTFUL)
    assert_any_start_will_do(play_linked(raw, tmp_path, seed=seed))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("feed", FEEDS)
def test_strategy_that_uses_everything_goes_on_from_any_session_end(
    feed: str, seed: int | None, tmp_path: Path
) -> None:
    raw = everything(feed, tmp_path / "data")
    raw["live"]["reconciliation"] = {"external": "adopt"}
    played = play_linked(raw, tmp_path, seed=seed)
    assert_any_start_will_do(played)
    kinds = Counter(type(record.body) for record in read_facts(played.journal))
    assert kinds[e.OrderFilled] > 10
    assert bool(kinds[e.OutcomeUnknown] and kinds[c.QueryOrder]) == (seed is not None)
