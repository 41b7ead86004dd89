"""An engine that is rebuilt on the way: what its books remember of the time before."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from regimeflow.core.engine import Engine
from regimeflow.core.ledger_state import ledger_digest, ledger_state
from regimeflow.data.feed import in_memory_feed
from regimeflow.journal.records import EpochOpened, Record
from regimeflow.model.events import OrderFilled
from regimeflow.model.ids import BrokerOrderId, ClientOrderId, ExecutionId
from regimeflow.model.market import Bar
from regimeflow.model.order import Side
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_S
from regimeflow.run.linked_fold import REBUILD_PREFIX, LinkedFold, Restart
from regimeflow.run.plan import LinkTraits, RunPlan, make_linked_plan
from tests.simulation.playback import config_in, configuration

START_NS = 1_600_000_000 * NS_PER_S


@pytest.fixture
def plan(tmp_path: Path) -> RunPlan:
    config = config_in(configuration("buy_and_hold", symbols=["AAPL"]), tmp_path)
    bar = Bar("AAPL", START_NS - NS_PER_DAY, START_NS, 1.0, 1.0, 1.0, 1.0, 1.0)
    link = LinkTraits(settle_window_ns=NS_PER_S, query_interval_ns=NS_PER_S, has_native_oco=True)
    return make_linked_plan(config, feed=in_memory_feed([bar]), start_ns=START_NS, link=link)


def fill(number: int, ts_ns: int) -> OrderFilled:
    return OrderFilled(
        client_order_id=ClientOrderId(f"theirs-{number}"),
        broker_order_id=BrokerOrderId(f"b-{number}"),
        execution_id=ExecutionId(str(number)),
        symbol="AAPL",
        side=Side.BUY,
        quantity=Decimal(10),
        price=Decimal(100),
        fee=Decimal(0),
        ts_venue_ns=ts_ns,
    )


def folded(plan: RunPlan) -> tuple[LinkedFold, OrderFilled]:
    """A fold of two fills that are a month apart, and the older one."""
    fold = LinkedFold(plan)
    old, new = fill(1, START_NS), fill(2, START_NS + 30 * NS_PER_DAY)
    fold.take(Record(1, old.ts_venue_ns, 0, old))
    fold.take(Record(2, new.ts_venue_ns, 0, new))
    return fold, old


def held(engine: Engine) -> Decimal:
    return engine.ledger.portfolio.position("AAPL").quantity


@pytest.mark.parametrize("how", list(Restart))
def test_fill_of_long_ago_is_still_a_repeat_after_a_rebuild(plan: RunPlan, how: Restart) -> None:
    fold, old = folded(plan)
    engine = fold.rebuild(how, ledger_state(fold.ledger))
    assert engine.ledger.orders.executions.is_repeat(old)
    assert held(engine) == 20
    engine.ledger.apply_event(old.ts_venue_ns + 31 * NS_PER_DAY, old)
    assert held(engine) == 20


def test_later_boot_rebuilds_the_same_books_from_the_epoch(plan: RunPlan) -> None:
    fold, old = folded(plan)
    carried = ledger_state(fold.ledger)
    at_once = fold.rebuild(Restart.CARRY, carried)
    epoch = EpochOpened(
        epoch=2,
        reason=f"{REBUILD_PREFIX}carry",
        session="",
        boot=2,
        fingerprint=plan.fingerprint(""),
        carry_over=carried,
    )
    fold.take(Record(3, START_NS + 31 * NS_PER_DAY, 0, epoch))
    assert fold.decisions is not None
    later = fold.decisions.engine
    assert later.ledger.orders.executions.is_repeat(old)
    assert ledger_digest(later.ledger) == ledger_digest(at_once.ledger)
