"""What the venue in another process remembers: its log, its reports, its data as moments."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from regimeflow.errors import ConfigError, DataError, StartRefused
from regimeflow.model.events import Event, SessionClosed, SessionOpened
from regimeflow.model.ids import BrokerOrderId, ClientOrderId, ExecutionId
from regimeflow.model.instrument import Instrument
from regimeflow.model.market import ActionKind, Bar, CorporateAction, MarketEvent
from regimeflow.model.order import Side
from regimeflow.model.reports import OrderAccepted, OrderFilled
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE
from regimeflow.testing.venues.faults import FaultKind, FaultSpec, parse_fault
from regimeflow.testing.venues.playback import Playback
from regimeflow.testing.venues.report_store import Numbered, ReportStore
from regimeflow.testing.venues.sim_log import EpochBegun, Taken, VenueLog
from regimeflow.testing.venues.sim_machine import VenueMachine
from regimeflow.venue import SimSchedule, SimVenue
from tests.conformance.orders import cancel, submit
from tests.unit.venue_world import (
    CASH,
    FRICTIONLESS,
    calendar,
    close_ns,
    daily,
    minute,
    open_ns,
)
from tests.unit.venue_world import submit as order

INSTRUMENTS = {"ABC": Instrument("ABC")}


def venue() -> SimVenue:
    return SimVenue(instruments=INSTRUMENTS, model=FRICTIONLESS, calendar=calendar(), cash=CASH)


def playback(events: list[MarketEvent], *actions: CorporateAction) -> Playback:
    return Playback(
        iter([events]),
        calendar=calendar(),
        end_ns=close_ns(60),
        bar_span_ns=NS_PER_DAY,
        actions=actions,
    )


def machine(
    events: list[MarketEvent], *actions: CorporateAction, log: VenueLog | None = None
) -> VenueMachine:
    return VenueMachine(venue(), playback(events, *actions), instruments=INSTRUMENTS, log=log)


def days(count: int) -> list[MarketEvent]:
    return [daily(d, (100.0 + d, 103.0 + d, 98.0 + d, 101.0 + d)) for d in range(count)]


def facts(emissions: Sequence[object]) -> list[Event]:
    return [e.report if isinstance(e, Numbered) else e for e in emissions]  # type: ignore[misc]


# --- the same venue as in process ---------------------------------------------------------


def test_machine_reports_what_the_schedule_would() -> None:
    """The same data and commands through the pulled schedule and through the played clock."""
    split = CorporateAction("ABC", open_ns(4), ActionKind.SPLIT, Decimal(2))
    commands = {
        1: order("o1", quantity=10),
        3: order("o2", Side.SELL, 4, limit="106.00"),
        5: order("o3", quantity=7, limit="1.00"),
    }
    schedule = SimSchedule(
        chunks=iter([days(9)]),
        actions=[split],
        venue=venue(),
        calendar=calendar(),
        start_ns=0,
        end_ns=close_ns(60),
    )
    expected: list[tuple[str, object]] = []
    sent: list[tuple[int, object]] = []
    for ts_ns, event in schedule:
        if not isinstance(event, SessionOpened | SessionClosed):
            expected.append((type(event).__name__, event))
        if isinstance(event, Bar):
            day = (event.ts_open_ns - open_ns(0)) // NS_PER_DAY
            if day in commands:
                sent.append((ts_ns, commands[day]))
                schedule.execute(ts_ns, commands[day])
    played = machine(days(9), split)
    seen: list[object] = []
    for ts_ns, command in sent:
        seen += played.advance(ts_ns)
        played.take(ts_ns, command)  # type: ignore[arg-type]
    seen += played.advance(close_ns(9))
    assert [
        (type(event).__name__, event)
        for event in facts(seen)
        if not isinstance(event, SessionOpened | SessionClosed)
    ] == expected


@pytest.mark.parametrize("step_ns", [NS_PER_MINUTE * 7, NS_PER_HOUR, NS_PER_DAY * 3])
def test_reports_and_numbers_do_not_depend_on_how_often_time_is_looked_at(step_ns: int) -> None:
    def run(step: int) -> list[Numbered]:
        played = machine([minute(0, k, (100.0, 101.0, 99.0, 100.0)) for k in range(300)])
        sent_ns = open_ns(0) + 20 * NS_PER_MINUTE + 1
        for ts_ns in range(open_ns(0), sent_ns, step):
            played.advance(ts_ns)
        played.advance(sent_ns)
        played.take(sent_ns, order("o1", quantity=5_000))
        for ts_ns in range(sent_ns, open_ns(1), step):
            played.advance(ts_ns)
        played.advance(open_ns(1))
        return played.reports.after(0)

    assert run(step_ns) == run(NS_PER_MINUTE)


def test_moments_are_bounded_and_continue() -> None:
    played = machine(days(5))
    first = played.advance(close_ns(9), moments_max=3)
    rest = played.advance(close_ns(9))
    assert facts(first + rest) == facts(machine(days(5)).advance(close_ns(9)))
    assert played.is_over


# --- the log ------------------------------------------------------------------------------


def test_venue_rebuilt_from_its_log_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "venue.state"
    with VenueLog(path, identity="x") as log:
        first = machine(days(9), log=log)
        first.advance(close_ns(1))
        first.take(close_ns(1), order("o1", quantity=10))
        first.advance(close_ns(3))
        assert first.bust(close_ns(3), "1") is not None
        first.take(close_ns(3), order("o2", quantity=3))
        first.advance(close_ns(5))
        first.mark()
    with VenueLog(path, identity="x") as log:
        second = machine(days(9), log=log)
        assert second.now_ns == close_ns(5)
        assert second.reports.after(0) == first.reports.after(0)
        assert second.venue.snapshot() == first.venue.snapshot()
        assert second.knows("o1")
        assert second.venue.ledger.positions == {"ABC": Decimal(3)}


def test_torn_last_line_never_happened(tmp_path: Path) -> None:
    path = tmp_path / "venue.state"
    with VenueLog(path, identity="x") as log:
        log.append(Taken(5, submit("o1")))
        log.append(EpochBegun(7))
    path.write_bytes(path.read_bytes()[:-9])
    with VenueLog(path, identity="x") as log:
        assert log.entries == [Taken(5, submit("o1"))]
        log.append(Taken(9, cancel("o1")))
    with VenueLog(path, identity="x") as log:
        assert log.entries == [Taken(5, submit("o1")), Taken(9, cancel("o1"))]


def test_clock_of_the_log_only_goes_forward(tmp_path: Path) -> None:
    path = tmp_path / "venue.state"
    with VenueLog(path, identity="x") as log:
        log.mark(10)
        log.append(EpochBegun(7))
        log.mark(9)
    with VenueLog(path, identity="x") as log:
        assert (log.clock_ns, log.entries) == (10, [EpochBegun(7)])


def test_state_of_other_data_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "venue.state"
    VenueLog(path, identity="x").close()
    with pytest.raises(StartRefused, match="other data or rules"):
        VenueLog(path, identity="y")


def test_state_that_another_venue_has_open_is_refused_under_every_name(tmp_path: Path) -> None:
    path, other_name = tmp_path / "venue.state", tmp_path / "link.state"
    with VenueLog(path, identity="x") as log:
        log.append(EpochBegun(7))
        with pytest.raises(StartRefused, match="in use by another venue"):
            VenueLog(path, identity="x")
        if sys.platform != "win32":
            other_name.symlink_to(path)
            with pytest.raises(StartRefused, match=r"link\.state is in use"):
                VenueLog(other_name, identity="x")
        log.append(EpochBegun(8))
    with VenueLog(path, identity="x") as log:
        assert log.entries == [EpochBegun(7), EpochBegun(8)]


def test_refused_state_is_not_held(tmp_path: Path) -> None:
    path = tmp_path / "venue.state"
    VenueLog(path, identity="x").close()
    with pytest.raises(StartRefused, match="other data or rules"):
        VenueLog(path, identity="y")
    VenueLog(path, identity="x").close()


@pytest.mark.parametrize("content", [b"", b"hello\n", b'{"clock_ns": 1}\n', b"\xff\xfe\n"])
def test_file_that_is_no_state_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "venue.state"
    path.write_bytes(content)
    with pytest.raises(DataError, match="not a venue's state"):
        VenueLog(path, identity="x")


# --- reports kept -------------------------------------------------------------------------


def test_old_reports_are_dropped_but_no_fill_is() -> None:
    store = ReportStore(kept_max=10)
    for number in range(100):
        store.add(OrderAccepted(ClientOrderId(f"o{number}"), BrokerOrderId("1"), number))
        if number % 10 == 0:
            store.add(_fill(number))
    assert [n.fill_seq for n in store.fills_after(0)] == list(range(1, 11))
    assert len(store.after(0)) < 50
    assert 0 < store.complete_after <= store.report_seq - 10
    complete = store.after(store.complete_after)
    assert [n.report_seq for n in complete] == list(
        range(store.complete_after + 1, store.report_seq + 1)
    )


def _fill(number: int) -> OrderFilled:
    return OrderFilled(
        ClientOrderId("o"),
        BrokerOrderId("1"),
        ExecutionId(f"e{number}"),
        "ABC",
        Side.BUY,
        Decimal(1),
        Decimal(1),
        Decimal(0),
        number,
    )


# --- faults on the command line -------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("lost_reply:submit:0.1", FaultSpec(FaultKind.LOST_REPLY, "submit", 0.1, 0.0)),
        ("reorder:0.5", FaultSpec(FaultKind.REORDER, "", 0.5, 0.02)),
        ("late_accept:submit:1:3", FaultSpec(FaultKind.LATE_ACCEPT, "submit", 1.0, 3.0)),
        ("new_epoch", FaultSpec(FaultKind.NEW_EPOCH, "", 1.0, 0.0)),
    ],
)
def test_fault_is_read_as_written(text: str, spec: FaultSpec) -> None:
    assert parse_fault(text) == spec


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("lost:0.1", "use one of lost_request"),
        ("lost_reply:order:0.1", "submit, cancel"),
        ("reorder:submit:0.1", "no verb"),
        ("reorder:1.5", "from 0 to 1"),
        ("reorder:nan", "from 0 to 1"),
        ("reorder:0.1:1:1", "KIND"),
    ],
)
def test_fault_that_is_none_is_refused_with_what_is(text: str, advice: str) -> None:
    with pytest.raises(ConfigError, match=advice):
        parse_fault(text)
