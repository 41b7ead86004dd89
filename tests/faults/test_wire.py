"""F05, F51, F55, F61 and F70 over the wire, between two hosts of a simulated network."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from regimeflow.brokers.protocol import ReconnectPolicy
from regimeflow.brokers.sim.client import SimBrokerClient
from regimeflow.live.restart import RESTARTED
from regimeflow.live.runner import LiveRunner, LiveSummary
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.commands import QueryOrder
from regimeflow.model.events import Event
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.timestamps import NS_PER_S
from regimeflow.testing import Death, LinkProfile, Outcome, World
from regimeflow.testing.rehearsal.faults import HostileFaults
from regimeflow.testing.rehearsal.market import BAR_S
from regimeflow.testing.rehearsal.stage import ENGINE, VENUE, Stage
from regimeflow.testing.venues.faults import FaultKind
from tests.conformance.orders import submit
from tests.faults.stages import SYMBOL, Caller, of, on_stage
from tests.simulation.playback import Quiet

RESTS = "tests.faults.strategies_at_fault:RestsAndWithdraws"
LATENCY_S = 0.2
BAN_S = 40
HEARTBEAT_S = 5
HOUR_S = 3_600
DAY_S = 86_400.0


@pytest.mark.parametrize("reset_after_s", [-LATENCY_S, 0.0, LATENCY_S / 2, LATENCY_S * 1.5])
def test_f05_connection_reset_before_the_write_fails_here_and_after_it_is_unknown(
    reset_after_s: float,
) -> None:
    """Before; as it is handed to the socket; under way; with its answer under way."""
    is_sent, has_arrived = reset_after_s >= 0, reset_after_s > LATENCY_S

    async def play(world: World, stage: Stage, _: HostileFaults) -> list[Event]:
        stage.set_link(LinkProfile(latency_s=LATENCY_S, jitter=0.0))
        caller = Caller(stage)
        broker = await caller.call()
        await asyncio.sleep(5)
        if not is_sent:
            assert world.net.reset_connections(ENGINE, VENUE)
            await asyncio.sleep(-reset_after_s)
        broker.execute(0, submit("o1", 10, limit="1.00", symbol=SYMBOL))
        if is_sent:
            if reset_after_s:
                await asyncio.sleep(reset_after_s)
            assert world.net.reset_connections(ENGINE, VENUE)
        await asyncio.sleep(10)
        assert set(stage.witness.truth().taken) == ({"o1"} if has_arrived else set())
        broker.execute(0, QueryOrder(ClientOrderId("o1"), SYMBOL))
        await asyncio.sleep(5)
        await broker.close()
        return caller.events

    events = on_stage(play, strategy=RESTS, is_engine_run=False).result
    (answer,) = of(events, e.OrderStatusReported)
    assert (answer.order is not None) == has_arrived
    assert [down.reason == "closed" for down in of(events, e.LinkDown)] == [False, True]
    unknown = [doubt.client_order_id for doubt in of(events, e.OutcomeUnknown)]
    assert unknown == (["o1"] if is_sent else [])
    refused = [rejected.reason.split(":")[0] for rejected in of(events, e.OrderRejected)]
    assert refused == ([] if is_sent else ["not sent"])


async def strike_once(faults: HostileFaults, kind: FaultKind, length_s: int) -> None:
    """The venue takes nothing more from the next order on, which one bar brings."""
    faults.next_time(kind, "submit", length_s)
    await asyncio.sleep(2 * BAR_S)
    assert faults.fired[kind]


def turned_away(stage: Stage) -> int:
    assert stage.server is not None
    return stage.server.admittance.turned_away


@pytest.mark.parametrize("kind", [FaultKind.BAN, FaultKind.REVOKED])
def test_f51_nothing_is_sent_in_a_ban_and_trading_recovers_by_itself(kind: FaultKind) -> None:
    """F52 as well: a ban says when it is over, a revoked key does not."""
    names_its_end = kind is FaultKind.BAN

    async def play(_: World, stage: Stage, faults: HostileFaults) -> tuple[int, int, int, int]:
        await strike_once(faults, kind, BAN_S)
        orders, refused = len(stage.witness.truth().taken), turned_away(stage)
        assert 0 < refused <= 4, "only what was under way may meet it"
        await asyncio.sleep(BAN_S - 5)
        assert len(stage.witness.truth().taken) == orders, "an order passed"
        assert turned_away(stage) == refused, "something was sent although nothing was taken"
        await asyncio.sleep(10 if names_its_end else 30)
        is_going_on = stage.is_settled() or len(stage.witness.truth().taken) > orders
        assert is_going_on, "it goes on by itself"
        await asyncio.sleep(30)
        return orders, len(stage.witness.truth().taken), refused, turned_away(stage)

    played = on_stage(play, strategy=RESTS)
    before, after, refused, refused_at_last = played.result
    assert after > before, "it never recovered"
    assert refused_at_last <= refused + 1
    code = "banned" if names_its_end else "forbidden"
    (down,) = [d for d in played.of(e.LinkDown) if d.link == e.REQUESTS]
    assert down.reason.startswith(code)
    assert ("until 2" in down.reason) == names_its_end
    alarms = [h for h in played.of(c.HealthChanged) if h.component == "link:requests"]
    assert [alarm.status for alarm in alarms] == [c.HealthStatus.DOWN, c.HealthStatus.OK]
    denied = played.of(c.OrderDenied)
    assert len(denied) >= BAN_S / BAR_S / 2
    assert all(d.control == "C22" for d in denied)
    assert any(down.reason in d.message for d in denied)
    assert not played.of(c.StrategyFaulted)
    unknown = {doubt.reason for doubt in played.of(e.OutcomeUnknown)}
    assert unknown <= {RESTARTED}, "more than what the start itself doubts"
    sent = [order.client_order_id for order in played.of(c.SubmitOrder)]
    assert len(sent) == len(set(sent)), "a refused order was sent again"


@pytest.mark.parametrize("kind", [FaultKind.BAN, FaultKind.REVOKED])
def test_f52_restart_while_nothing_is_taken_asks_once_and_recovers(kind: FaultKind) -> None:
    async def play(_: World, stage: Stage, faults: HostileFaults) -> tuple[int, int]:
        await strike_once(faults, kind, BAN_S)
        orders, refused = len(stage.witness.truth().taken), turned_away(stage)
        stage.kill_engine()
        await asyncio.sleep(BAN_S / 2)
        starts = len(stage.lives)
        assert turned_away(stage) - refused <= 8 * starts, "a loop"
        assert len(stage.witness.truth().taken) == orders
        await asyncio.sleep(150)
        return orders, len(stage.witness.truth().taken)

    before, after = on_stage(play, strategy=RESTS).result
    assert after > before, "it never recovered"


def test_f52_engine_that_is_cut_off_while_its_key_is_revoked_calls_in_measure() -> None:
    """No login loop: greetings are as rare as questions are, and then the run goes on."""

    async def play(_: World, stage: Stage, faults: HostileFaults) -> tuple[int, int, int, int]:
        await strike_once(faults, FaultKind.REVOKED, HOUR_S)
        orders, refused = len(stage.witness.truth().taken), turned_away(stage)
        stage.drop_connections()
        await asyncio.sleep(HOUR_S)
        asked = turned_away(stage) - refused
        await asyncio.sleep(1_000)
        return orders, len(stage.witness.truth().taken), asked, len(stage.lives)

    before, after, asked, deaths = on_stage(play, strategy=RESTS, trading_s=5_000).result
    assert 4 <= asked <= 8
    assert after > before, "it never recovered"
    assert not deaths, "the run ended"


def test_f55_half_open_link_is_given_up_within_its_limit_and_made_anew() -> None:
    async def play(_: World, stage: Stage, __: HostileFaults) -> tuple[int, int]:
        muted_ns = stage.machine.now_ns
        stage.mute_venue(is_on=True)
        await asyncio.sleep(60)
        taken = len(stage.witness.truth().taken)
        stage.mute_venue(is_on=False)
        await asyncio.sleep(60)
        assert len(stage.witness.truth().taken) > taken, "it never recovered"
        return muted_ns, taken

    played = on_stage(play, strategy=RESTS, heartbeat={"interval_ms": HEARTBEAT_S * 1_000})
    muted_ns, _ = played.result
    down_ns, *_ = played.times_ns(e.LinkDown)
    up_ns = [ts_ns for ts_ns in played.times_ns(e.LinkUp) if ts_ns > down_ns]
    assert 0 < down_ns - muted_ns <= (HEARTBEAT_S + 1) * NS_PER_S
    assert up_ns, "the link was never made anew"
    between = [r.body for r in played.facts if down_ns < r.ts_ns < up_ns[0]]
    assert not [body for body in between if isinstance(body, c.SubmitOrder)]


def test_f61_venue_that_is_gone_for_a_day_is_called_at_the_longest_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called_s: list[float] = []
    connection = SimBrokerClient._connection

    async def counted(self: SimBrokerClient, http: object) -> str:
        called_s.append(asyncio.get_running_loop().time())
        return await connection(self, http)  # type: ignore[arg-type]

    monkeypatch.setattr(SimBrokerClient, "_connection", counted)

    async def play(_: World, stage: Stage, __: HostileFaults) -> tuple[list[Event], int]:
        caller = Caller(stage)
        broker = await caller.call()
        stage.venue.kill(Death.KILL)
        called_s.clear()
        await asyncio.sleep(DAY_S)
        attempts = len(called_s)
        await stage.open_venue()
        await asyncio.sleep(60)
        await broker.close()
        return caller.events, attempts

    events, attempts = on_stage(play, strategy=RESTS, is_engine_run=False).result
    longest_s = ReconnectPolicy().max_ms / 1_000
    assert DAY_S / longest_s <= attempts <= DAY_S / (longest_s / 2) + 10
    pauses_s = [later - earlier for earlier, later in pairwise(called_s[10:])]
    assert min(pauses_s) >= longest_s / 2
    assert len({round(pause_s, 3) for pause_s in pauses_s}) > attempts / 2, "no jitter"
    told = [down.reason == "closed" for down in of(events, e.LinkDown)]
    assert told == [False, True], "told once, not with every attempt"
    assert len(of(events, e.LinkUp)) == 2


def test_f70_second_engine_on_one_account_is_refused_by_the_venue() -> None:
    async def play(world: World, stage: Stage, _: HostileFaults) -> tuple[str, int]:
        second = world.host("second")

        async def live() -> LiveSummary:
            return await LiveRunner(stage.stand.config_in(second.directory / "logs"), Quiet()).run()

        before = len(stage.witness.truth().taken)
        second.start(live)
        ending = await second.ended(within_s=60)
        assert ending.outcome is Outcome.RAISED
        await asyncio.sleep(60)
        return f"{type(ending.error).__name__}: {ending.error}", len(
            stage.witness.truth().taken
        ) - before

    played = on_stage(play, strategy=RESTS)
    refusal, traded = played.result
    assert refusal.startswith("StartRefused: ")
    assert "account_in_use" in refusal
    assert traded > 0, "the first engine stopped trading"
    assert len(played.of(e.EngineStarted)) == 1
    assert len(played.of(e.LinkUp)) == 1, "the second took the first one's place"
