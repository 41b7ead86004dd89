"""The engine behind a link killed at every step of a busy window: orders leave, fills arrive."""

from __future__ import annotations

import os

import pytest

from regimeflow.testing import Death
from regimeflow.testing.rehearsal.director import rehearse
from regimeflow.testing.rehearsal.scenarios import Scenario
from tests.simulation.rehearsed import busy_config, told

FIRST_STEP, LAST_STEP = 20, 320
"""From the first greeting to some ten orders later."""
SEEDS = int(os.environ.get("REGIMEFLOW_SIM_SEEDS", "4"))
STRIDE = 1 if SEEDS >= 100 else 75


@pytest.mark.parametrize("death", list(Death))
def test_engine_killed_at_every_step_of_a_busy_window_loses_nothing(death: Death) -> None:
    config = busy_config()
    for step in range(FIRST_STEP, LAST_STEP, STRIDE):
        scenario = Scenario(f"kill at {step}", death.value, lasts_s=10, first_kill=(step, death))
        verdict = rehearse(config, scenario, 1)
        assert verdict.kills == 1, step
        assert verdict.is_ok, told(verdict)
