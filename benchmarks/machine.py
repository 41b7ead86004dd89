"""Where a measurement was taken: without it a figure means nothing."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import msgspec


class Machine(msgspec.Struct, frozen=True):
    """The machine, its load and the interpreter."""

    processor: str
    cores: int
    system: str
    python: str
    load: str
    taken: str


def this_machine() -> Machine:
    """What this process runs on, now."""
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 0,
        system=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        load=_load(),
        taken=datetime.now(UTC).strftime("%Y-%m-%d"),
    )


def peak_bytes() -> int:
    """Most memory this process ever held; 0 where the system does not tell.

    What is held now would be too kind: an idle page may have been taken away meanwhile.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    if find_spec("resource") is None:
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _load() -> str:
    if not hasattr(os, "getloadavg"):
        return "unknown"
    return f"{os.getloadavg()[0]:.1f}"
