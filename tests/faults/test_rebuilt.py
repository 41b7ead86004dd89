"""An engine that is rebuilt on other decisions forgets nothing that holds trading."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from regimeflow.core.difference_table import DIFFERENCES, Reaction
from regimeflow.core.engine import Engine
from regimeflow.core.engine_state import engine_digest
from regimeflow.core.ledger_state import ledger_state
from regimeflow.core.setup import EngineSetup
from regimeflow.journal.records import EpochOpened, Fingerprint, Record
from regimeflow.live.restart import FATE_UNKNOWN, RESTARTED
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import PositionRecord
from regimeflow.model.ids import ClientOrderId, ExecutionId
from regimeflow.model.order import OrderStatus
from regimeflow.run.linked_fold import REBUILD_PREFIX, LinkedFold, Restart
from regimeflow.run.standing_fold import HOLD_OF_EXECUTIONS, HOLD_OF_ORDERS, HOLD_OF_REPORTS
from tests.faults.desk_script import (
    EXTERNAL,
    SETTLE_S,
    LinkedDesk,
    MakeDesk,
    fill_record,
    foreign_order,
    records_of,
)
from tests.unit.eventful_engines import fresh_setup

EVERY_WAY = pytest.mark.parametrize("how", list(Restart))
NOBODY = Fingerprint(code="", strategies="", lock="", config="", venue="", interpreter="", seed=0)
OURS_UNKNOWN = "rf-1lz2k0-s0-77"


class Plan:
    """What a fold wants of a plan: how to make an engine."""

    link = None

    def __init__(self, setup: EngineSetup) -> None:
        self._setup = setup

    def setup(self) -> EngineSetup:
        return fresh_setup(self._setup)

    def new_engine(self) -> Engine:
        return Engine(self.setup())


def fold_of(desk: LinkedDesk) -> LinkedFold:
    """The desk's journal, read by code that cannot repeat its decisions."""
    fold = LinkedFold(Plan(desk.engine.setup), decides=False)  # type: ignore[arg-type]
    for record in records_of(desk):
        fold.take(record)
    return fold


def rebuild(desk: LinkedDesk, how: Restart = Restart.CARRY) -> None:
    """The next start is with a rebuilt engine, which a later one finds again in the journal."""
    fold = fold_of(desk)
    carried = ledger_state(fold.ledger)
    desk.engine = fold.rebuild(how, carried)
    digest = engine_digest(desk.engine)
    seq = len(records_of(desk)) + 1
    epoch = EpochOpened(
        epoch=2,
        reason=f"{REBUILD_PREFIX}{how.value}",
        session="",
        boot=2,
        fingerprint=NOBODY,
        carry_over=carried,
    )
    fold.take(Record(seq, desk.now_ns, 0, epoch))
    assert fold.decisions is not None
    assert engine_digest(fold.decisions.engine) == digest
    asked = {o.client_order_ids[-1]: o.status for o in desk.engine.ledger.orders.open.values()}
    desk.feed(e.EngineStarted(2))
    for order_id, status in asked.items():
        if status in FATE_UNKNOWN:
            desk.feed(e.OutcomeUnknown(order_id, FATE_UNKNOWN[status], RESTARTED))


def come_up(desk: LinkedDesk) -> None:
    desk.raise_link()
    desk.quote(100.0)
    desk.sweep()


def bust(desk: LinkedDesk) -> None:
    desk.fill(desk.buy(10), 10, execution_id="E")
    desk.feed(e.FillBusted(ExecutionId("E"), "ABC", "error", desk.now_ns))


def stranger(desk: LinkedDesk) -> None:
    desk.fill("manual-1", 5)
    desk.feed(e.Resume("looked at it"))
    desk.fill("manual-2", 5)


def impossible(desk: LinkedDesk) -> None:
    desk.fill("manual-1", -5)


def altered(desk: LinkedDesk) -> None:
    order_id = desk.buy(10)
    desk.answer(order_id, desk.record(order_id, quantity=Decimal(7)))
    desk.canceled(order_id)


def unread(desk: LinkedDesk) -> None:
    desk.feed(e.ReportNotUnderstood(ClientOrderId(""), "ABC", "{}", desk.now_ns))


def listed(desk: LinkedDesk) -> None:
    """An impossible fill that no stream delivered, beside one that is fine."""
    desk.sweep(fills=(fill_record("ok", "manual-1", 1), fill_record("bad", "manual-1", -1)))


@pytest.mark.parametrize("cause", [bust, stranger, impossible, altered, unread, listed])
@EVERY_WAY
def test_symbol_that_was_held_is_held_until_an_operator_resumes(
    how: Restart, cause: Callable[[LinkedDesk], None], desk: LinkedDesk
) -> None:
    cause(desk)
    assert list(desk.engine.holds.symbols) == ["ABC"]
    rebuild(desk, how)
    assert list(desk.engine.holds.symbols) == ["ABC"]
    come_up(desk)
    assert not desk.engine.holds.account
    assert desk.try_to_buy() != ""
    desk.feed(e.Resume("seen to"))
    assert not desk.engine.holds.symbols


def test_hold_that_was_resumed_is_not_brought_back(desk: LinkedDesk) -> None:
    bust(desk)
    desk.feed(e.Resume("seen to"))
    rebuild(desk)
    come_up(desk)
    assert desk.try_to_buy() == ""


@EVERY_WAY
def test_order_in_doubt_is_asked_after_again_and_holds_until_it_is_settled(
    how: Restart, desk: LinkedDesk
) -> None:
    order_id = desk.buy(10)
    desk.lose(order_id)
    rebuild(desk, how)
    asked = len(desk.outputs(c.QueryOrder))
    come_up(desk)
    assert desk.try_to_buy() == "C22"
    desk.lapse(120)
    assert len(desk.outputs(c.QueryOrder)) > asked + 3
    desk.answer(order_id, None)
    desk.sweep(orders=())
    assert desk.order(order_id).status is OrderStatus.NOT_FOUND
    assert not desk.engine.order_truth.doubts


@pytest.mark.parametrize("request_kind", [e.RequestKind.SUBMIT, e.RequestKind.CANCEL])
def test_settle_window_of_a_doubt_begins_anew(
    request_kind: e.RequestKind, desk: LinkedDesk
) -> None:
    order_id = desk.buy(10)
    if request_kind is e.RequestKind.CANCEL:
        desk.accept(order_id)
        desk.cancel(order_id)
    desk.lose(order_id, request_kind)
    desk.wait(SETTLE_S + 1)
    rebuild(desk)
    come_up(desk)
    desk.answer(order_id, None)
    desk.sweep(orders=())
    assert desk.order(order_id).is_open
    assert [d.since_ns > 0 for d in desk.engine.order_truth.doubts.values()] == [True]


@EVERY_WAY
def test_id_that_this_journal_never_sent_still_needs_an_operator_to_adopt(
    how: Restart, make_desk: MakeDesk
) -> None:
    desk = make_desk(id_prefix="rf")
    desk.fill(OURS_UNKNOWN, 5)
    rebuild(desk, how)
    come_up(desk)
    desk.feed(e.Resume("too early"))
    assert desk.trading == "reducing"
    desk.feed(e.Adopt("no other engine runs"))
    rebuild(desk, how)
    come_up(desk)
    desk.feed(e.Resume("adopted"))
    assert desk.trading == "active"


@EVERY_WAY
def test_flatten_that_waits_for_a_cancel_is_finished(how: Restart, desk: LinkedDesk) -> None:
    desk.hold(100)
    order_id = desk.buy(1, 90.0)
    desk.accept(order_id)
    desk.feed(e.Flatten("operator"))
    rebuild(desk, how)
    come_up(desk)
    assert not closing_orders(desk)
    desk.canceled(order_id)
    (closing,) = closing_orders(desk)
    assert closing.reduce_only
    assert closing.quantity == 100
    desk.fill(closing.client_order_id, 100)
    assert desk.held() == 0


def test_flatten_that_is_over_is_not_repeated_over_later_positions(desk: LinkedDesk) -> None:
    desk.hold(100)
    order_id = desk.buy(1, 90.0)
    desk.accept(order_id)
    desk.feed(e.Flatten("operator"))
    desk.canceled(order_id)
    desk.fill(closing_orders(desk)[0].client_order_id, 100)
    working = desk.buy(2, 90.0)
    desk.feed(e.Flatten("operator"))
    desk.canceled(working)
    desk.hold(7)
    rebuild(desk)
    come_up(desk)
    assert len(closing_orders(desk)) == 1
    assert desk.held() == 7


@EVERY_WAY
def test_break_stands_until_a_list_shows_that_it_is_over(how: Restart, desk: LinkedDesk) -> None:
    theirs = (PositionRecord("ABC", Decimal(3)),)
    desk.sweeps(2, positions=theirs)
    assert desk.engine.reconciler.breaks
    rebuild(desk, how)
    desk.feed(e.Resume("too early"))
    assert desk.trading == "reducing"
    come_up(desk)
    desk.feed(e.Resume("gone"))
    assert desk.trading == "active"


def test_break_that_has_healed_is_not_brought_back(desk: LinkedDesk) -> None:
    desk.sweeps(2, positions=(PositionRecord("ABC", Decimal(3)),), orders=(foreign_order(),))
    assert len(desk.engine.reconciler.breaks) == 2
    desk.sweep(orders=(foreign_order(),))
    rebuild(desk)
    assert list(desk.engine.reconciler.breaks) == [("order_unknown_here", "manual-1")]


def test_break_that_policy_settles_is_settled_anew(make_desk: MakeDesk) -> None:
    desk = make_desk(external="ignore")
    parts = {"positions": (PositionRecord("ABC", Decimal(3)),)}
    desk.sweeps(2, **parts)
    rebuild(desk)
    assert not desk.engine.reconciler.breaks
    desk.raise_link()
    desk.sweep(**parts)
    assert desk.try_to_buy() == "C22"
    desk.sweeps(2, **parts)
    assert desk.trading == "active"


def test_fill_in_quarantine_is_told_once_and_the_past_accuses_nobody(desk: LinkedDesk) -> None:
    desk.fill("manual-1", -5, execution_id="bad")
    before_ns = desk.now_ns - 1_000_000
    rebuild(desk)
    desk.fill("manual-1", -5, execution_id="bad")
    assert desk.kinds() == ["impossible_fill"]
    come_up(desk)
    desk.drop_link()
    desk.raise_link()
    desk.sweep(ts_venue_ns=before_ns)
    assert desk.engine.holds.account


def test_every_kind_that_holds_a_symbol_is_known_to_the_fold() -> None:
    """Else a rebuilt engine would free it."""
    holding = {
        kind
        for kind, row in DIFFERENCES.items()
        if row.reaction is Reaction.CANCELS or "symbol is held" in row.does
    }
    assert holding == HOLD_OF_ORDERS | HOLD_OF_EXECUTIONS | HOLD_OF_REPORTS


def closing_orders(desk: LinkedDesk) -> list[c.SubmitOrder]:
    return [o for o in desk.outputs(c.SubmitOrder) if o.strategy_id == EXTERNAL]
