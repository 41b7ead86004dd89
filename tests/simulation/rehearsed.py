"""Two configurations that trade often, and runs of them that other processes can repeat.

`python -m tests.simulation.rehearsed SEED…` prints one digest a seed. Odd seeds cross averages at
the market; even ones go through every order type and call that a strategy has.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from regimeflow.config import Config, load_config
from regimeflow.testing.rehearsal.director import Verdict, rehearse, scenario_of
from regimeflow.testing.rehearsal.scorecard import counted

BUSY: dict[str, Any] = {
    "strategy": {
        "name": "moving_average_cross",
        "id": "sma",
        "params": {"fast_period": 2, "slow_period": 5, "quantity": 100},
    },
    "live": {
        "broker": "sim",
        "paper": True,
        "symbols": ["AAPL", "MSFT", "IBM"],
        "broker_config": {"url": "http://127.0.0.1:1"},
        "max_order_value": 100_000,
        "max_orders_per_minute": 0,
        "risk": {
            "limits": {
                "max_notional": 25_000,
                "max_position": 200,
                "max_clock_offset_ms": 1_000,
            }
        },
    },
    "backtest": {
        "initial_capital": 100_000,
        "execution": {"latency_ms": 250, "fees": "ibkr_fixed"},
    },
}


EVERY_CALL: dict[str, Any] = {
    **BUSY,
    "strategy": {
        "name": "tests.simulation.strategies_under_test:EveryCall",
        "id": "every",
        "params": {"quantity": 30, "every": 2, "timer_s": 7, "larger_bars": "1m"},
    },
}


def busy_config() -> Config:
    """Three shares, crossing averages every few bars, limits that bind."""
    return load_config(BUSY, environ={})


FORMER_LIMITS = {"max_notional": 250_000, "max_position": 200, "max_clock_offset_ms": 1_000}
"""Those under which the older seeds once failed: with others they tell another story."""


def run(scenario: str, seed: int, limits: Mapping[str, int] | None = None) -> Verdict:
    """One run of the configuration that belongs to the seed, under other limits if given."""
    raw = BUSY if seed % 2 else EVERY_CALL
    if limits is not None:
        raw = {**raw, "live": {**raw["live"], "risk": {"limits": dict(limits)}}}
    return rehearse(load_config(raw, environ={}), scenario_of(scenario, seed), seed)


def told(verdict: Verdict) -> str:
    """Why a run failed, with what repeats it."""
    broken = [f"{f.invariant}: {'; '.join(f.problems)}" for f in verdict.findings if not f.holds]
    return "\n".join(
        [
            f"scenario {verdict.scenario} seed {verdict.seed} ({verdict.story})",
            *broken,
            f"injected: {counted(verdict.injected)}",
            "to repeat: REGIMEFLOW_SIM_SEED="
            f"{verdict.scenario}/{verdict.seed} pytest tests/simulation/test_seeds.py -k repeated",
        ]
    )


def main(seeds: Sequence[str]) -> None:
    """Print a digest for each seed of the swarm."""
    for seed in seeds:
        print(run("random", int(seed)).digest)


if __name__ == "__main__":
    main(sys.argv[1:])
