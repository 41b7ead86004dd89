"""A journal written before engine states were kept boots, replays and goes on as it always did."""

from __future__ import annotations

import asyncio
import json
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from regimeflow.config import Config, load_config
from regimeflow.journal.reader import read_facts
from regimeflow.journal.records import EpochOpened
from regimeflow.journal.state_files import list_states
from regimeflow.live import runner
from regimeflow.live.boot import Booted
from regimeflow.live.boot_linked import boot_linked
from regimeflow.live.runner import LiveRunner
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import AccountRecord, OrderRecord, PositionRecord
from regimeflow.model.ids import BrokerOrderId, ClientOrderId, TimerId
from regimeflow.model.order import OrderStatus, OrderType, Side
from regimeflow.model.session import Session
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_HOUR, NS_PER_S
from regimeflow.run.manifest import plan_of, read_manifest
from regimeflow.run.replay import verify_journal
from tests.faults.scripted_broker import START_NS, SYMBOL, ScriptedBroker
from tests.simulation.playback import Crash, Quiet, configuration, play_live, play_until

OLD = Path(__file__).resolve().parent.parent / "data" / "journal_linked_1"
STRATEGY = "tests.data.journal_linked_1.in_turns:InTurns"
HELD, CASH = Decimal(4), Decimal(999_581)
"""What the venue of that journal held when the engine was killed."""
CUT_OFF = OrderRecord(
    client_order_id=ClientOrderId("20240103-2-s-7"),
    broker_order_id=BrokerOrderId("b-7"),
    symbol=SYMBOL,
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    quantity=Decimal(9),
    filled_quantity=Decimal(0),
    status=OrderStatus.CANCELED,
    limit_price=Decimal(105),
)
"""The order that left as it was killed, as the venue has it."""
KILLED_NS = 1_704_378_725_010_000_000


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The old journal in a `log_dir` of its own."""
    directory = tmp_path / "logs" / "journal"
    shutil.copytree(OLD, directory, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    manifest = directory / "manifest.json"
    text = manifest.read_text(encoding="utf-8").replace("@BASE@", tmp_path.as_posix())
    manifest.write_text(text, encoding="utf-8")
    return directory


def config_of(base: Path) -> Config:
    """The configuration of the old run, as its user still has it."""
    raw = configuration(
        STRATEGY,
        symbols=[SYMBOL],
        live={"max_orders_per_minute": 30, "duplicate_order_window_ms": 500, "log_dir": "logs"},
    )
    raw["live"]["broker_config"] = {"url": "http://127.0.0.1:9"}
    return load_config(raw, environ={}, cwd=base)


def session(day: int) -> Session:
    open_ns = START_NS - NS_PER_HOUR // 2 + day * NS_PER_DAY
    date = f"2024-01-{3 + day:02d}"
    return Session("XNYS", date, open_ns, open_ns + int(6.5 * NS_PER_HOUR))


def life(base: Path, broker: ScriptedBroker, booted: list[Booted]) -> None:
    """One life of the real runner on the old journal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "make_client", lambda config: broker)
        asyncio.run(LiveRunner(config_of(base), Quiet(), on_booted=booted.append).run())


def comes_back(broker: ScriptedBroker) -> None:
    """The order that left is known, the books agree, the session ends, another begins."""
    books = {
        "positions": (PositionRecord(SYMBOL, HELD),),
        "account": AccountRecord("A", "USD", CASH),
    }
    broker.say(e.LinkUp("sim"), broker.listing(**books))
    for sent in broker.sent:
        if isinstance(sent, c.QueryOrder):
            answer = e.OrderStatusReported(sent.client_order_id, CUT_OFF, broker.now_ns)
            broker.say(answer, broker.listing(**books))
    broker.say(broker.quote(103.0), after_s=5)
    broker.now_ns = session(1).close_ns
    broker.say(e.SessionClosed(session(1)))
    broker.say(e.TimerFired(TimerId("session_end"), "engine", session(1).close_ns + 1))
    broker.say(e.SessionOpened(session(2)), after_s=60)
    for number in range(4):
        broker.say(broker.quote(103.0 + number % 2), after_s=5)


def test_older_journal_replays_and_boots_from_its_beginning(journal: Path) -> None:
    report = verify_journal(journal)
    assert report.ok, report
    assert report.verified_from_seq == 1
    booted = boot_linked(plan_of(read_manifest(journal)), journal, ())
    assert not booted.quarantine
    assert booted.from_seq == 0
    books = booted.engine.ledger
    assert (books.portfolio.cash, books.portfolio.position(SYMBOL).quantity) == (CASH, HELD)
    assert len(books.orders.executions.booked) == 6
    assert [order.status for order in books.orders.open.values()] == ["pending_new"]


def test_older_journal_is_continued_and_then_begins_at_a_state(
    journal: Path, tmp_path: Path
) -> None:
    booted: list[Booted] = []
    broker = ScriptedBroker(comes_back, KILLED_NS + 60 * NS_PER_S)
    life(tmp_path, broker, booted)
    assert len(list_states(journal)) == 1
    bodies = [record.body for record in read_facts(journal)]
    digests = [body.state_digest for body in bodies if isinstance(body, EpochOpened)]
    assert [bool(digest) for digest in digests] == [False] * 3 + [False, True]
    again = ScriptedBroker(lambda broker: broker.say(e.LinkUp("sim")), broker.now_ns + NS_PER_S)
    life(tmp_path, again, booted)
    first, second = booted
    assert not first.quarantine + second.quarantine
    assert first.from_seq == 0
    assert first.recovered.next_seq <= second.from_seq < second.recovered.next_seq
    assert verify_journal(journal).ok
    sent = [r.body for r in read_facts(journal) if isinstance(r.body, c.SubmitOrder)]
    assert len({order.client_order_id for order in sent}) == len(sent) > 7


def test_playback_of_an_older_version_is_resumed_although_keys_were_added(tmp_path: Path) -> None:
    raw = configuration("buy_and_hold", symbols=["AAPL"], days=("2005-01-03", "2005-03-01"))
    with pytest.raises(Crash):
        play_until(raw, tmp_path, 30, orderly=False)
    manifest = tmp_path / "journal" / "manifest.json"
    values = json.loads(manifest.read_text(encoding="utf-8"))
    del values["config"]["live"]["journal"]["market_retention_days"]
    manifest.write_text(json.dumps(values), encoding="utf-8")
    assert play_live(raw, tmp_path).reason == "end of data"
    starts = [r for r in read_facts(tmp_path / "journal") if isinstance(r.body, e.EngineStarted)]
    assert len(starts) == 2
