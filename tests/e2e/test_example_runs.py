"""Each example configuration runs over both of its windows and trades without a complaint."""

from __future__ import annotations

from pathlib import Path

import pytest

from regimeflow.backtest.runner import backtest_plan
from regimeflow.config import load_config
from regimeflow.journal.records import Record
from regimeflow.model.commands import AccountMarked, OrderDenied, RiskBreached, StrategyFaulted
from regimeflow.model.events import OrderFilled
from regimeflow.run.plan import make_plan

CHECKOUT = Path(__file__).resolve().parent.parent.parent
COMPLAINTS = (StrategyFaulted, OrderDenied, RiskBreached)


def run(file_name: str, window: str, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was recorded; the examples name their files from the top of the checkout."""
    monkeypatch.chdir(CHECKOUT)
    records: list[object] = []

    def keep(record: Record) -> None:
        records.append(record.body)

    plan = make_plan(load_config(CHECKOUT / "examples" / file_name), window)
    backtest_plan(plan, observers=(keep,))
    return records


@pytest.mark.parametrize("window", ["backtest", "live"])
@pytest.mark.parametrize("file_name", ["rsi.yaml", "intraday.yaml", "rotation.yaml"])
def test_example_trades_and_nothing_is_refused(
    file_name: str, window: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = run(file_name, window, monkeypatch)
    assert [record for record in records if isinstance(record, COMPLAINTS)] == []
    assert sum(isinstance(record, OrderFilled) for record in records) >= 10


def test_intraday_example_is_flat_at_the_end_of_its_day(monkeypatch: pytest.MonkeyPatch) -> None:
    records = run("intraday.yaml", "backtest", monkeypatch)
    marks = [record for record in records if isinstance(record, AccountMarked)]
    assert any(mark.gross_exposure > 0 for mark in marks[:-1])
    assert marks[-1].gross_exposure == 0
