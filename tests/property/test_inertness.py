"""What says nothing changes nothing: polls, heartbeats, links and clocks that agree, anywhere in
a whole run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regimeflow.core.approved import plain
from regimeflow.core.engine import Engine
from regimeflow.core.risk.limits import RiskPolicy
from regimeflow.journal.reader import read_records
from regimeflow.journal.records import EpochOpened, Record
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import AccountRecord, OrderRecord, PositionRecord
from regimeflow.model.ids import BrokerOrderId
from regimeflow.model.order import OrderStatus
from regimeflow.model.timestamps import NS_PER_MS, NS_PER_S
from regimeflow.run.manifest import plan_of, read_manifest
from tests.faults.desk_script import LinkedDesk
from tests.simulation.everything import everything
from tests.simulation.playback import assert_same, play_live, trail
from tests.unit.core_samples import BARS_OLD_NS

POLLS = (
    "order_reconcile_interval_ms",
    "position_reconcile_interval_ms",
    "account_refresh_interval_ms",
)
ANNOUNCEMENTS = c.HealthChanged | c.AccountMarked
"""A link's health is announced, and any event may be the one at which the account is valued;
neither is read by a strategy. What strategies read is in the hashes they log."""
INERT_KINDS = 7
CLOCK_LIMIT_MS = 500
COMPARED = RiskPolicy(reference_age_ns_max=BARS_OLD_NS, max_clock_offset_ms=CLOCK_LIMIT_MS)
Played = tuple[Path, list[Record], list[bytes]]


@pytest.fixture(scope="module", params=["minutes", "quotes"])
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A run without a poll: its events are what the market and the venue said, and no more."""
    directory = tmp_path_factory.mktemp(request.param)
    raw = everything(request.param, directory / "data")
    raw["live"] |= dict.fromkeys(POLLS, 1_000_000_000)
    raw["live"]["max_clock_offset_ms"] = 10
    play_live(raw, directory)
    events = [
        record
        for record in read_records(directory / "journal")
        if not record.cause_seq
        and not isinstance(record.body, EpochOpened | c.RequestSnapshot | e.BrokerSnapshot)
    ]
    return directory, events, outputs(directory, events, [], 0)


@pytest.mark.parametrize("feed", ["daily", "minutes", "quotes"])
def test_polls_of_the_broker_change_no_decision(feed: str, tmp_path: Path) -> None:
    raw = everything(feed, tmp_path / "data")
    trails = []
    for name, interval_ms in (("often", 1), ("seldom", 1_000_000_000)):
        raw["live"] |= dict.fromkeys(POLLS, interval_ms)
        play_live(raw, tmp_path / name)
        trails.append(trail(tmp_path / name))
    assert_same(*trails)


@settings(max_examples=12)
@given(
    places=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=60),
    first=st.integers(0, INERT_KINDS - 1),
)
def test_inert_events_inserted_anywhere_change_no_output(
    places: list[float], first: int, played: Played
) -> None:
    directory, events, without = played
    at = sorted({int(place * len(events)) for place in places})
    assert without
    assert outputs(directory, events, at, first) == without


DESK_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["quote", "buy", "sell", "fill", "beat", "sweep", "reset", "wait"]),
        st.lists(st.tuples(st.integers(-400, 400), st.integers(0, 100)), max_size=2),
    ),
    max_size=30,
)
"""What happens at a desk behind a link, and which agreeing measurements (offset and uncertainty
in ms) come before it."""


@settings(max_examples=60)
@given(steps=DESK_STEPS)
def test_clock_that_agrees_changes_nothing_at_a_desk_behind_a_link(
    steps: list[tuple[str, list[tuple[int, int]]]],
) -> None:
    assert desk_outputs(steps) == desk_outputs([(step, []) for step, _ in steps])


def desk_outputs(steps: list[tuple[str, list[tuple[int, int]]]]) -> list[list[c.Output]]:
    """What a desk decides whose clock has been compared once."""
    desk = LinkedDesk(policy=COMPARED)
    desk.feed(e.ClockMeasured("sim", desk.now_ns, 0))
    decided = []
    for step, measurements in steps:
        for ahead_ms, blur_ms in measurements:
            told = e.ClockMeasured("sim", desk.now_ns + ahead_ms * NS_PER_MS, blur_ms * NS_PER_MS)
            assert desk.feed(told, after_ns=0) == []
        before = len(desk.log)
        take_step(desk, step)
        decided += [outputs for _, _, outputs in desk.log[before:]]
    desk.assert_lawful()
    return decided


def take_step(desk: LinkedDesk, step: str) -> None:
    open_orders = list(desk.engine.ledger.orders.open)
    if step == "quote":
        desk.quote(100.0, 101.0)
    elif step == "buy":
        desk.try_to(lambda ctx: ctx.buy("ABC", 3, limit_price=100.0))
    elif step == "sell":
        desk.try_to(lambda ctx: ctx.close_position("ABC"))
    elif step == "fill" and open_orders:
        desk.fill(open_orders[0], 1)
    elif step == "beat":
        desk.feed(e.Heartbeat("engine"))
    elif step == "sweep":
        desk.sweep()
    elif step == "reset":
        desk.drop_link()
        desk.raise_link()
    elif step == "wait":
        desk.lapse(0.9)


def outputs(directory: Path, events: list[Record], at: list[int], first: int) -> list[bytes]:
    """What a fresh engine decides, with an inert event before each event numbered in `at`."""
    engine = plan_of(read_manifest(directory / "journal")).new_engine()
    decided: list[bytes] = []
    inserted = set(at)
    for index, record in enumerate(events):
        if index in inserted:
            event = list(inert_events(engine, record))[(first + index) % INERT_KINDS]
            for output in engine.process(record.ts_ns, event):
                assert isinstance(plain(output), ANNOUNCEMENTS), (event, output)
        for output in engine.process(record.ts_ns, record.body):  # type: ignore[arg-type]
            if not isinstance(plain(output), ANNOUNCEMENTS):
                decided.append(msgspec.msgpack.encode(plain(output)))
    return decided


def inert_events(engine: Engine, record: Record) -> Iterator[e.Event]:
    """A link, a heartbeat, a failed poll, and what a broker that agrees would list."""
    yield e.LinkUp("sim", "again")
    yield e.Heartbeat("sim")
    yield e.SnapshotFailed(f"inserted-{record.seq}", "timeout")
    yield e.DataConflated("AAA", 3)
    # Without a link there is one clock, the data: nothing said about another is heard.
    yield e.ClockMeasured("sim", record.ts_ns + 3_600 * NS_PER_S, 1)
    yield e.LoopStalled(60 * NS_PER_S)
    books = engine.ledger.portfolio
    known = (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
    working = [order for order in engine.ledger.orders.open.values() if order.status in known]
    yield e.BrokerSnapshot(
        request_id=f"inserted-{record.seq}",
        orders=tuple(
            OrderRecord(
                order.client_order_ids[-1],
                order.broker_order_id or BrokerOrderId("?"),
                order.symbol,
                order.side,
                order.order_type,
                order.quantity,
                order.filled_quantity,
                order.status,
            )
            for order in working
        ),
        fills=None,
        positions=tuple(PositionRecord(p.symbol, p.quantity) for p in books.held.values()),
        account=AccountRecord("SIM", "USD", books.cash),
        ts_venue_ns=record.ts_ns,
    )
