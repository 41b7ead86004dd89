"""Stands between a simulated program and the real clock, chance, threads and files.

While a world runs, the clock functions of `time` answer in virtual time and `os.urandom` and the
functions of `random` draw from the world's own stream, for callers on the allowlist: the shells
of RegimeFlow and the libraries they use. Anyone else (a strategy, the pure core) is refused with
the name of the replacement. `time.sleep` and threads are refused to everybody.

Not caught, because C code reads them directly: `datetime.now`, `random.Random()` without a seed
(aiohttp's WebSocket masks), functions imported by name before the world ran. None of them may
reach the digest, which therefore holds no payload bytes.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from regimeflow.model.timestamps import NS_PER_S
from regimeflow.testing.clock import HostClock
from regimeflow.testing.failures import ForbiddenCall

ALLOWED = (
    "aiohappyeyeballs", "aiohttp", "asyncio", "hypothesis", "logging", "multidict", "numpy",
    "pyarrow", "pytest", "_pytest", "rich", "warnings", "yarl",
    "regimeflow.brokers", "regimeflow.cli", "regimeflow.live", "regimeflow.testing",
)  # fmt: skip
"""Modules, with all below them, that may ask for time and chance and get virtual ones."""
CHANCE = (
    "betavariate", "choice", "choices", "expovariate", "gauss", "getrandbits", "lognormvariate",
    "normalvariate", "paretovariate", "randbytes", "randint", "random", "randrange", "sample",
    "shuffle", "triangular", "uniform", "vonmisesvariate", "weibullvariate",
)  # fmt: skip
Replacement = tuple[object, str, Callable[..., Any]]


@contextmanager
def replaced(replacements: Sequence[Replacement]) -> Iterator[None]:
    """Put functions into their modules for the length of a block, in this thread only."""
    simulating = threading.get_ident()
    saved = [(module, name, getattr(module, name)) for module, name, _ in replacements]
    try:
        for (module, name, function), (_, _, original) in zip(replacements, saved, strict=True):
            setattr(module, name, _for_thread(simulating, function, original))
        yield
    finally:
        for module, name, original in saved:
            setattr(module, name, original)


def clock_and_chance(
    clock: Callable[[], HostClock], entropy: random.Random, allowed: Sequence[str]
) -> list[Replacement]:
    """Replacements for clocks and sources of chance; `clock` is the running host's."""
    names = (*ALLOWED, *allowed)

    def asked(what: str, answer: Callable[..., Any], instead: str) -> Callable[..., Any]:
        def guarded(*args: Any, **options: Any) -> Any:
            who = _refused_caller(sys._getframe(2), names)
            if who is not None:
                raise ForbiddenCall(f"{what}() was called by {who} in a simulation; {instead}")
            return answer(*args, **options)

        return guarded

    event_time = "take the time from the event (bar.ts_close_ns), or loop.time() in a shell"
    later = "ask to be called later with ctx.schedule_timer, or await asyncio.sleep() in a shell"
    here = "do the work in the callback, everything runs on one loop"
    seeded = "use ctx.rng, or a random.Random with a seed"
    answers: dict[str, Callable[[], float]] = {
        "time": lambda: clock().wall_ns() / NS_PER_S,
        "time_ns": lambda: clock().wall_ns(),
        "monotonic": lambda: clock().monotonic_ns() / NS_PER_S,
        "monotonic_ns": lambda: clock().monotonic_ns(),
        "perf_counter": lambda: clock().monotonic_ns() / NS_PER_S,
        "perf_counter_ns": lambda: clock().monotonic_ns(),
    }
    found: list[Replacement] = [
        (time, name, asked(f"time.{name}", answer, event_time)) for name, answer in answers.items()
    ]
    found += [
        (random, name, asked(f"random.{name}", getattr(entropy, name), seeded)) for name in CHANCE
    ]
    found += [
        (os, "urandom", asked("os.urandom", entropy.randbytes, seeded)),
        (random, "_urandom", asked("random.SystemRandom", entropy.randbytes, seeded)),
        (uuid, "uuid1", asked("uuid.uuid1", uuid.uuid4, seeded)),
        (time, "sleep", _refuse("time.sleep() was called", later)),
        (threading.Thread, "start", _refuse("a thread was started", here)),
    ]
    return found


def caller() -> str:
    """Whose call this is: the nearest module outside the standard library and this package."""
    frame: Any = sys._getframe(1)
    while str(frame.f_globals.get("__name__", "")).startswith("regimeflow.testing."):
        frame = frame.f_back
    return _refused_caller(frame, ()) or "the standard library"


def _for_thread(
    simulating: int, function: Callable[..., Any], original: Callable[..., Any]
) -> Callable[..., Any]:
    """Other threads of the test process keep the real function."""

    def chosen(*args: Any, **options: Any) -> Any:
        if threading.get_ident() == simulating:
            return function(*args, **options)
        return original(*args, **options)

    return chosen


def _refuse(what: str, instead: str) -> Callable[..., NoReturn]:
    def refused(*_: object, **__: object) -> NoReturn:
        raise ForbiddenCall(f"{what} by {caller()} in a simulation; {instead}")

    return refused


def _refused_caller(frame: Any, allowed: Sequence[str]) -> str | None:
    """The nearest caller outside the standard library, unless an allowed module comes first."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if any(module == name or module.startswith(f"{name}.") for name in allowed):
            return None
        if module.split(".")[0] not in sys.stdlib_module_names:
            return f"{module} ({frame.f_code.co_filename}:{frame.f_lineno})"
        frame = frame.f_back
    return None
