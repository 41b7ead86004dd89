"""One seed, one run: in every process, with every hash seed, and over unmodified aiohttp."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from regimeflow.testing.loop import Policy
from tests.unit.aiohttp_world import converse

CHECKOUT = Path(__file__).resolve().parent.parent.parent


def in_a_process(hash_seed: str, policy: Policy) -> str:
    command = [sys.executable, "-W", "error", "-m", "tests.unit.aiohttp_world", "11", policy, "100"]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_two_thousand_messages_take_two_thousand_virtual_seconds() -> None:
    first = converse(7, "fifo", 2_000)
    answers, digest, _ = first
    assert answers[0] == [{"serverTime": 1}, True, 2_000]
    assert converse(7, "fifo", 2_000)[1] == digest
    assert converse(8, "fifo", 2_000)[1] != digest


@pytest.mark.parametrize("policy", ["fifo", "shuffle"])
def test_processes_with_different_hash_seeds_agree_step_by_step(policy: Policy) -> None:
    outputs = {in_a_process(hash_seed, policy) for hash_seed in ("0", "1", "4242")}
    assert len(outputs) == 1
    answers, digest, steps = converse(11, policy, 100)
    assert outputs == {f"{answers} {digest} {steps}\n"}
