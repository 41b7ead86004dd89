"""The equity curve: deposits are not performance, and every session counts once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from regimeflow.backtest.equity import EquityCurve
from regimeflow.model.commands import AccountMarked, MarkKind
from tests.unit.account_records import day, mark


def curve_of(*marks: AccountMarked) -> EquityCurve:
    curve = EquityCurve(Decimal(1000), day(0))
    for body in marks:
        curve.on_mark(day(body.bars), body)
    return curve


def test_returns_of_a_plain_run() -> None:
    curve = curve_of(mark(1, 1100), mark(2, 990))
    assert curve.returns == pytest.approx([0.10, -0.10])
    assert curve.total_return == pytest.approx(-0.01)
    assert curve.points[1].drawdown == pytest.approx(0.10)


def test_a_deposit_is_not_a_return() -> None:
    curve = curve_of(mark(1, 1100), mark(2, 2100, flows=1000), mark(3, 2310, flows=1000))
    assert curve.returns == pytest.approx([0.10, 0.0, 0.10])


def test_a_withdrawal_is_not_a_drawdown() -> None:
    curve = curve_of(mark(1, 1000), mark(2, 400, flows=-600))
    assert curve.points[-1].drawdown == 0.0
    assert curve.total_return == pytest.approx(0.0)


def test_marks_inside_a_session_link_into_one_return() -> None:
    interval = mark(1, 1100, kind=MarkKind.INTERVAL)
    curve = curve_of(interval, mark(1, 1210))
    assert curve.returns == pytest.approx([0.21])


def test_the_final_mark_replaces_its_session_and_adds_none() -> None:
    curve = curve_of(mark(1, 1100), mark(2, 1200), mark(2, 1200, kind=MarkKind.FINAL))
    assert len(curve.points) == 2
    assert curve.returns[-1] == pytest.approx(1200 / 1100 - 1)


def test_losing_everything_is_minus_one_for_good() -> None:
    curve = curve_of(mark(1, -50), mark(2, 500, flows=550))
    assert curve.total_return == -1.0
    assert curve.returns[-1] == 0.0


def test_without_initial_equity_the_first_mark_is_the_start() -> None:
    curve = EquityCurve()
    curve.on_mark(day(1), mark(1, 500, flows=500))
    curve.on_mark(day(2), mark(2, 550, flows=500))
    assert curve.returns == pytest.approx([0.0, 0.10])
    assert curve.initial_equity == 500


def test_a_return_is_credited_to_the_regime_known_when_it_began() -> None:
    curve = curve_of(
        mark(1, 1000, regime="calm"), mark(2, 900, regime="crisis"), mark(3, 910, regime="crisis")
    )
    assert [point.regime for point in curve.points] == ["", "calm", "crisis"]


def test_a_session_without_a_name_is_its_date() -> None:
    curve = EquityCurve(Decimal(1), day(0))
    point = curve.on_mark(0, mark(0, 1, session=""))
    assert point.session == "1970-01-01"
