"""The life of an order as a table: every row, every gap, and what the table promises."""

from __future__ import annotations

import pytest

from regimeflow.core.order_table import ORDER_TABLE, Happening, next_status
from regimeflow.model.order import TERMINAL_STATUSES
from regimeflow.model.order import OrderStatus as S

FILLS = {Happening.PART_FILLED, Happening.FILLED}


@pytest.mark.parametrize(("row", "after"), ORDER_TABLE.items(), ids=str)
def test_every_row_leads_where_it_says(row: tuple[S, Happening], after: S) -> None:
    status, happening = row
    assert next_status(status, happening, is_part_filled=False) is after
    expected = S.PARTIALLY_FILLED if after is S.NEW else after
    assert next_status(status, happening, is_part_filled=True) is expected


def test_order_whose_replacement_is_unanswered_never_simply_works() -> None:
    for (status, happening), after in ORDER_TABLE.items():
        expected = S.PENDING_REPLACE if after in (S.NEW, S.PARTIALLY_FILLED) else after
        for is_part_filled in (False, True):
            found = next_status(status, happening, is_part_filled=is_part_filled, is_replacing=True)
            assert found is expected


def test_what_has_no_row_is_no_state() -> None:
    for status in S:
        for happening in Happening:
            if (status, happening) not in ORDER_TABLE:
                assert next_status(status, happening, is_part_filled=False) is None


def test_an_ended_order_opens_again_only_when_its_absence_or_its_replacement_was_wrong() -> None:
    reopened = {
        row
        for row, after in ORDER_TABLE.items()
        if row[0] in TERMINAL_STATUSES and after not in TERMINAL_STATUSES
    }
    replaced = {(S.CANCELED, Happening.REPLACED), (S.EXPIRED, Happening.REPLACED)}
    replaced.add((S.REJECTED, Happening.REPLACED))
    assert {status for status, _ in reopened - replaced} == {S.NOT_FOUND}
    assert replaced < reopened


def test_an_ended_order_changes_its_end_only_by_a_late_fill_or_a_replacement() -> None:
    for (status, happening), after in ORDER_TABLE.items():
        if status in TERMINAL_STATUSES - {S.NOT_FOUND} and after is not status:
            assert happening in FILLS | {Happening.REPLACED}, (status, happening, after)


def test_the_end_of_an_old_leg_ends_no_order() -> None:
    for (status, happening), after in ORDER_TABLE.items():
        if happening is Happening.LEG_ENDED:
            assert status not in TERMINAL_STATUSES
            assert after is (S.PENDING_CANCEL if status is S.PENDING_CANCEL else S.IN_DOUBT)


@pytest.mark.parametrize("status", sorted(set(S) - TERMINAL_STATUSES - {S.CREATED}))
def test_every_working_state_takes_fills_and_every_end(status: S) -> None:
    assert ORDER_TABLE[status, Happening.FILLED] is S.FILLED
    assert ORDER_TABLE[status, Happening.PART_FILLED] not in TERMINAL_STATUSES
    for ending in (Happening.CANCELED, Happening.EXPIRED, Happening.REJECTED):
        assert ORDER_TABLE[status, ending] in TERMINAL_STATUSES


@pytest.mark.parametrize("status", sorted(set(S) - TERMINAL_STATUSES - {S.CREATED}))
def test_every_working_state_can_be_cancelled(status: S) -> None:
    assert ORDER_TABLE[status, Happening.CANCEL_SENT] is S.PENDING_CANCEL


@pytest.mark.parametrize("status", sorted(set(S) - {S.CREATED, S.DENIED, S.PENDING_NEW}))
def test_every_order_that_left_takes_a_refused_cancel(status: S) -> None:
    """One may be asked for twice, and answered late; it says nothing but that it did not happen."""
    refused = {Happening.CANCEL_REJECTED, Happening.CANCEL_REJECTED_IN_DOUBT}
    after = {ORDER_TABLE[status, told] for told in refused if (status, told) in ORDER_TABLE}
    assert after == ({S.NEW, S.IN_DOUBT} if status is S.PENDING_CANCEL else {status})


def test_doubt_is_left_by_evidence_alone() -> None:
    ways_out = {happening for status, happening in ORDER_TABLE if status is S.IN_DOUBT}
    assert Happening.SENT not in ways_out
    assert Happening.DENIED not in ways_out
    assert ORDER_TABLE[S.IN_DOUBT, Happening.LOST_SIGHT] is S.IN_DOUBT
    assert ORDER_TABLE[S.IN_DOUBT, Happening.ABSENCE_PROVED] is S.NOT_FOUND


def test_only_a_created_order_can_be_denied_or_sent() -> None:
    for status, happening in ORDER_TABLE:
        if happening in (Happening.SENT, Happening.DENIED):
            assert status is S.CREATED


def test_every_state_is_reached_and_every_happening_used() -> None:
    assert set(ORDER_TABLE.values()) == set(S) - {S.CREATED}
    assert {happening for _, happening in ORDER_TABLE} == set(Happening)
