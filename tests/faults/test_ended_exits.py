"""F76: exits that work and are ended by the venue, though nobody here asked for that."""

from __future__ import annotations

import pytest

from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import ClientOrderId
from tests.faults.desk_script import LinkedDesk, MakeDesk
from tests.faults.test_rejected_exits import bracket


def working_exits(desk: LinkedDesk) -> tuple[ClientOrderId, ClientOrderId]:
    """The stop and the target of ten bought and held."""
    desk.fill(bracket(desk), 10)
    stop, target = (leg.client_order_id for leg in desk.outputs(c.SubmitOrder)[1:])
    desk.accept(stop)
    desk.accept(target)
    return stop, target


def unprotected(desk: LinkedDesk) -> list[tuple[str, str, str]]:
    found = [d for d in desk.outputs(c.DiscrepancyFound) if d.kind == "not_protected"]
    return [(d.subject, d.ours, d.theirs) for d in found]


@pytest.mark.parametrize("is_expired", [False, True])
def test_f76_exit_that_the_venue_ends_by_itself_is_told(
    make_desk: MakeDesk, is_expired: bool
) -> None:
    desk = make_desk(oco_at_broker=is_expired)
    stop, _ = working_exits(desk)
    if is_expired:
        desk.feed(e.OrderExpired(stop, "expired", desk.now_ns))
    else:
        desk.canceled(stop)
    assert unprotected(desk) == [("ABC", "ended", "10")]


def test_f76_exits_that_a_broker_which_links_them_ends_both_are_told(desk: LinkedDesk) -> None:
    stop, target = working_exits(desk)
    desk.canceled(stop)
    assert unprotected(desk) == []
    desk.canceled(target)
    assert unprotected(desk) == [("ABC", "ended", "10")]


def test_f76_linked_exit_whose_cancel_outruns_its_siblings_fill_is_no_news(
    desk: LinkedDesk,
) -> None:
    stop, target = working_exits(desk)
    desk.canceled(stop)
    desk.fill(target, 10, 120)
    assert unprotected(desk) == []
    assert not desk.held()


@pytest.mark.parametrize("filled", [4, 10])
def test_f76_exit_that_ends_after_its_siblings_fill_is_no_news(
    desk: LinkedDesk, filled: int
) -> None:
    stop, target = working_exits(desk)
    desk.fill(target, filled, 120)
    desk.canceled(stop)
    assert unprotected(desk) == []


def test_f76_exit_that_its_strategy_cancels_is_no_news(desk: LinkedDesk) -> None:
    stop, _ = working_exits(desk)
    desk.cancel(stop)
    desk.canceled(stop)
    assert unprotected(desk) == []


def test_f76_stop_that_expires_beside_a_target_filled_in_part_is_told(desk: LinkedDesk) -> None:
    stop, target = working_exits(desk)
    desk.fill(target, 4, 120)
    desk.feed(e.OrderExpired(stop, "expired", desk.now_ns))
    assert unprotected(desk) == [("ABC", "ended", "6")]
