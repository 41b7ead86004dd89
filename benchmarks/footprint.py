"""Start-up time and memory, each measured in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from statistics import median

from benchmarks.result import Result

IMPORTS = {"regimeflow": 150.0, "regimeflow.cli.main": None}
"""Module, and the aim in milliseconds where there is one."""
ROUNDS = 9
MEMORY_AIM_MB = 80.0
STREAMED_EVENTS = 5_000_000
GROWTH_AIM_MB = 10.0

_IMPORT = """
import time
start_ns = time.perf_counter_ns()
import {module}
elapsed_ns = time.perf_counter_ns() - start_ns
from benchmarks.machine import peak_bytes
print(elapsed_ns / 1e6, peak_bytes() / 2**20)
"""


def footprint() -> list[Result]:
    """Imports, their memory, and the growth over a long stream."""
    results = []
    for module, aim_ms in IMPORTS.items():
        if _is_there(module):
            results += _import(module, aim_ms)
    return [*results, _growth()]


def _import(module: str, aim_ms: float | None) -> list[Result]:
    """Time and memory of one import; the floor is an interpreter that imports `json`."""
    floors = [_run_import("json") for _ in range(ROUNDS)]
    samples = [_run_import(module) for _ in range(ROUNDS)]
    took_ms = median(sample[0] for sample in samples)
    held_mb = median(sample[1] for sample in samples)
    short = module.removeprefix("regimeflow.")
    return [
        Result(
            name=f"import_{short}",
            what=f"import {module}",
            unit="ms",
            measured=took_ms,
            floor=median(sample[0] for sample in floors),
            aim="" if aim_ms is None else f"{aim_ms:.0f} ms",
            is_met=None if aim_ms is None else took_ms <= aim_ms,
            detail=f"median of {ROUNDS} fresh processes, byte code cached; floor: import json",
        ),
        Result(
            name=f"memory_{short}",
            what=f"memory after import {module}",
            unit="MB",
            measured=held_mb,
            floor=median(sample[1] for sample in floors),
            aim="" if aim_ms is None else f"{MEMORY_AIM_MB:.0f} MB",
            is_met=None if aim_ms is None else held_mb <= MEMORY_AIM_MB,
            detail="peak; floor: an interpreter that imported json",
        ),
    ]


def _growth() -> Result:
    """Five million quotes made as they are taken: what remains afterwards."""
    arguments = [sys.executable, "-m", "benchmarks.streaming", str(STREAMED_EVENTS)]
    output = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
    before_mb, after_mb = json.loads(output)
    return Result(
        name="memory_growth",
        what=f"memory added by {STREAMED_EVENTS:,} streamed quotes",
        unit="MB",
        measured=after_mb - before_mb,
        floor=None,
        aim=f"{GROWTH_AIM_MB:.0f} MB",
        is_met=after_mb - before_mb <= GROWTH_AIM_MB,
        detail=f"peak from {before_mb:.0f} MB after the first {STREAMED_EVENTS // 50:,} "
        f"to {after_mb:.0f} MB at the end",
    )


def _run_import(module: str) -> tuple[float, float]:
    arguments = [sys.executable, "-c", _IMPORT.format(module=module)]
    output = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
    took_ms, held_mb = output.split()
    return float(took_ms), float(held_mb)


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
