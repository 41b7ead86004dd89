"""The verdict: hard to reach, slow to leave, and never ok for want of evidence."""

from __future__ import annotations

from decimal import Decimal

import pytest

from regimeflow.backtest.execution_fold import ExecutionFold
from regimeflow.model.account import PositionRecord
from regimeflow.model.commands import DiscrepancyFound
from regimeflow.model.events import BrokerSnapshot, FeedGap, FillBusted
from regimeflow.observe.discrepancies import GapWatch, PositionWatch
from regimeflow.observe.verdicts import CHECKS, Severity, Verdicts
from tests.unit.account_records import fill, split

OK, WARN, BREACH = Severity.OK, Severity.WARN, Severity.BREACH


def evaluated(*severities: Severity, code: str = "CORR") -> Verdicts:
    verdicts = Verdicts()
    for number, severity in enumerate(severities):
        verdicts.judge(number, code, severity, n=number)
        verdicts.conclude(number, 100)
    return verdicts


def test_a_breach_seen_once_is_a_warning() -> None:
    assert evaluated(OK, BREACH).verdict == "warn"


def test_a_breach_seen_twice_in_a_row_is_a_breach() -> None:
    assert evaluated(OK, BREACH, BREACH).verdict == "breach"
    assert evaluated(BREACH, OK, BREACH).verdict == "warn"


def test_an_immediate_breach_needs_no_second_look() -> None:
    assert evaluated(BREACH, code="POSITION_MISMATCH").verdict == "breach"


def test_recovery_takes_ten_better_evaluations_in_a_row() -> None:
    breached = [BREACH, BREACH]
    assert evaluated(*breached, *[OK] * 9).verdict == "breach"
    assert evaluated(*breached, *[OK] * 10).verdict == "ok"
    assert evaluated(*breached, *[OK] * 9, BREACH, *[OK] * 9).verdict == "breach"


def test_an_evaluation_that_could_not_be_made_is_not_a_clean_one() -> None:
    assert evaluated(BREACH, BREACH, *[Severity.NONE] * 30).verdict == "breach"


def test_below_twenty_sessions_nothing_is_ok() -> None:
    verdicts = Verdicts()
    verdicts.judge(1, "CORR", OK, n=19)
    assert verdicts.conclude(1, 19) == "insufficient"
    assert verdicts.conclude(2, 20) == "ok"


def test_below_twenty_sessions_a_breach_is_still_a_breach() -> None:
    verdicts = Verdicts()
    verdicts.worsen(1, "POSITION_MISMATCH", BREACH)
    assert verdicts.conclude(1, 1) == "breach"


def test_without_a_comparison_with_the_backtest_nothing_is_ok() -> None:
    verdicts = Verdicts()
    for code in ("BASELINE", "DATA", "POSITION_MISMATCH"):
        verdicts.judge(1, code, OK, n=500)
    assert verdicts.conclude(1, 500) == "insufficient"


@pytest.mark.parametrize("code", ["BASELINE", "DATA"])
def test_without_baseline_or_data_the_verdict_is_unknown(code: str) -> None:
    assert evaluated(BREACH, code=code).verdict == "unknown"


def test_a_real_breach_outranks_an_unknown() -> None:
    verdicts = evaluated(BREACH, code="DATA")
    verdicts.worsen(5, "POSITION_MISMATCH", BREACH)
    assert verdicts.conclude(5, 100) == "breach"
    assert verdicts.reasons == ["POSITION_MISMATCH", "DATA"]


def test_since_is_when_the_verdict_began_not_when_it_was_last_confirmed() -> None:
    verdicts = evaluated(OK, BREACH, BREACH, BREACH)
    assert verdicts.since == "1970-01-01T00:00:00.000000002Z"


def test_every_check_is_reported_and_unmeasured_ones_say_so() -> None:
    rows = evaluated(OK).rows()
    assert [row["code"] for row in rows] == [check.code for check in CHECKS]
    assert {row["verdict"] for row in rows if row["code"] != "CORR"} == {"insufficient"}


def test_only_immediate_checks_can_worsen_between_evaluations() -> None:
    with pytest.raises(AssertionError, match="session evaluations"):
        Verdicts().worsen(1, "CORR", BREACH)


def snapshot(**held: int) -> BrokerSnapshot:
    positions = tuple(PositionRecord(symbol, Decimal(n)) for symbol, n in held.items())
    return BrokerSnapshot("r", None, None, positions, None, 0)


def mismatch(symbol: str, ours: int, theirs: int) -> DiscrepancyFound:
    return DiscrepancyFound("position", symbol, str(ours), str(theirs), "")


def watched(*bodies: object) -> PositionWatch:
    watch, executions = PositionWatch(), ExecutionFold()
    for body in bodies:
        for booking in executions.bookings(body):
            watch.on_booking(booking)
        watch.on_record(body)
    return watch


def test_a_mismatch_warns_when_reported_and_breaches_when_it_outlives_a_snapshot() -> None:
    reported = (snapshot(X=2), mismatch("X", 1, 2))
    assert watched(*reported).severity is WARN
    assert watched(*reported, snapshot(X=2)).severity is BREACH


def test_a_mismatch_is_resolved_when_the_broker_agrees() -> None:
    assert watched(mismatch("X", 1, 2), snapshot(X=1)).severity is OK
    assert watched(mismatch("X", 0, 2), snapshot()).severity is OK


def test_a_mismatch_is_resolved_when_the_missing_fill_arrives() -> None:
    assert watched(mismatch("X", 1, 3), fill("a", 2, 50), snapshot(X=3)).severity is OK


def test_an_annulled_execution_moves_our_side_of_a_mismatch_back() -> None:
    extra = fill("a", 2, 50)
    bodies = (mismatch("X", 1, 1), extra, FillBusted(extra.execution_id, "X", "bust", 0))
    assert watched(*bodies, snapshot(X=1)).severity is OK
    assert watched(*bodies, snapshot(X=3)).severity is BREACH


def test_a_split_is_no_resolution() -> None:
    bodies = (mismatch("X", 1, 2), split(2))
    assert watched(*bodies, snapshot(X=4)).severity is BREACH
    assert watched(*bodies, snapshot(X=2)).severity is OK


def test_one_symbol_agreeing_does_not_excuse_another() -> None:
    watch = watched(mismatch("X", 1, 2), mismatch("Y", 1, 2), snapshot(X=1, Y=2))
    assert watch.severity is BREACH
    assert watch.mismatches == 2


def test_a_snapshot_without_positions_is_no_cycle() -> None:
    unread = BrokerSnapshot("r", (), None, None, None, 0)
    assert watched(mismatch("X", 1, 2), unread, unread).severity is WARN


def test_other_discrepancies_are_not_about_positions() -> None:
    cash = DiscrepancyFound("cash", "account", "1", "2", "")
    assert watched(cash, snapshot()).severity is OK


@pytest.mark.parametrize(("bars", "severity"), [(2, OK), (3, WARN), (10, WARN), (11, BREACH)])
def test_gaps_are_measured_in_bars(bars: int, severity: Severity) -> None:
    watch = GapWatch(bar_ns=60)
    watch.on_gap(FeedGap("X", 1000, 1000 + 60 * bars))
    assert watch.severity is severity
    watch.reset()
    assert watch.severity is OK
    assert watch.gaps == 1
