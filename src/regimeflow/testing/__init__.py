"""Shipped tools to test with: a deterministic world, simulated venues, faults, rehearsal.

    with World(seed) as world:          # one seed: schedule, network, disks, clocks
        world.run(scenario)             # async def scenario(world)

A scenario starts programs on hosts, makes links and disks fail, kills what it likes, and says
what must hold. The same seed repeats the run exactly, on the same minor version of Python.
"""

from __future__ import annotations

from regimeflow.testing.clock import HostClock
from regimeflow.testing.disk import DiskFaults, SimDisk
from regimeflow.testing.failures import (
    Deadlock,
    ForbiddenCall,
    HostKilled,
    Livelock,
    SimulationFailed,
    TimeLimit,
    UnhandledErrors,
)
from regimeflow.testing.host import Ending, Host, Outcome
from regimeflow.testing.incarnation import Death, Incarnation
from regimeflow.testing.links import PERFECT, ROUGH, LinkProfile
from regimeflow.testing.loop import DetLoop
from regimeflow.testing.network import Network
from regimeflow.testing.world import World

__all__ = [
    "PERFECT",
    "ROUGH",
    "Deadlock",
    "Death",
    "DetLoop",
    "DiskFaults",
    "Ending",
    "ForbiddenCall",
    "Host",
    "HostClock",
    "HostKilled",
    "Incarnation",
    "LinkProfile",
    "Livelock",
    "Network",
    "Outcome",
    "SimDisk",
    "SimulationFailed",
    "TimeLimit",
    "UnhandledErrors",
    "World",
]
