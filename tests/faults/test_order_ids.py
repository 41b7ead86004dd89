"""F12 and F71: an id is used once, also by an engine that has forgotten that it used it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from regimeflow.journal import Durability, recover
from regimeflow.live.restart import boot_number
from regimeflow.model import events as e
from regimeflow.model.timestamps import NS_PER_S
from tests.faults.scripted_broker import ScriptedBroker, run_life
from tests.unit.journal_samples import FaultyDisk, epoch, submit, writer


@pytest.mark.parametrize("what_is_left", ["nothing", "what was before the first order"])
def test_f71_order_id_is_new_even_to_an_account_that_knows_more_than_the_journal(
    what_is_left: str, tmp_path: Path
) -> None:
    """The journal was moved away, or restored from a backup; no list of the account says so."""
    log_dir, backup = tmp_path / "logs", tmp_path / "backup"
    quiet = ScriptedBroker(lambda broker: broker.say(e.LinkUp("sim")))
    run_life(log_dir, quiet)
    shutil.copytree(log_dir, backup)
    now_ns, used = quiet.now_ns, []
    for _ in range(3):
        shutil.rmtree(log_dir)
        if what_is_left != "nothing":
            shutil.copytree(backup, log_dir)
        now_ns += NS_PER_S
        broker = ScriptedBroker(ScriptedBroker.come_up, now_ns)
        run_life(log_dir, broker)
        used += [command.client_order_id for command in broker.orders_sent()]
    assert len(used) == len(set(used)) == 3


def test_f71_number_of_a_start_survives_a_power_cut_that_takes_the_unsynced_tail(
    tmp_path: Path,
) -> None:
    """Whatever the durability: a second start must not take the first one's ids."""
    disk = FaultyDisk()
    journal = writer(tmp_path, durability=Durability.PROCESS, disk=disk)
    journal.append_event(1, e.EngineStarted(41))
    journal.append_epoch(1, epoch(boot=41))
    journal.commit()
    journal.append_output(2, 1, submit("rf-15-s-1"))
    journal.commit()
    disk.cut_power()
    recovered = recover(tmp_path)
    assert recovered.boot == 41
    assert boot_number(recovered.boot, now_ns=0) == 42
