"""What a rebuilt engine holds is what the engine before it held, on random days behind a link."""

from __future__ import annotations

from typing import Any

from hypothesis import given

from regimeflow.core.ledger_state import ledger_state
from regimeflow.core.portfolio import EXTERNAL
from regimeflow.run.linked_fold import Restart
from tests.faults.test_rebuilt import fold_of
from tests.property.test_core_engine_state import STEPS, Nights


@given(STEPS)
def test_facts_alone_tell_what_the_engine_held(steps: list[Any]) -> None:
    day = Nights()
    for step in steps:
        day.play(step)
    before, fold = day.world.engine, fold_of(day.world)
    rebuilt = fold.rebuild(Restart.CARRY, ledger_state(fold.ledger))
    assert rebuilt.holds.symbols.keys() == before.holds.symbols.keys()
    assert rebuilt.externals.unknown_ids == before.externals.unknown_ids
    assert rebuilt.discrepancies.capture() == before.discrepancies.capture()
    # A break may have healed in a list that only the engine compared: it may stand too long.
    assert rebuilt.reconciler.breaks.keys() >= before.reconciler.breaks.keys()
    waiting = before.desk.closings.waiting
    closing = {order.symbol for order in waiting if order.strategy_id == EXTERNAL}
    assert set(rebuilt.operator_handler.unfinished) == closing
    assert rebuilt.ledger.losses.opened == before.ledger.losses.opened
