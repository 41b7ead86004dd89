"""How a simulation fails, and the one exception that stands for the death of a process.

SimulationFailed
├── Deadlock          nothing is ready and no timer is set: someone waits for ever
├── Livelock          too many steps, in all or without time passing
├── TimeLimit         the scenario did not end within its virtual time
├── ForbiddenCall     code under test reached for the real clock, chance, disk or network
└── UnhandledErrors   a callback or task failed and nobody looked
"""

from __future__ import annotations

import traceback

from regimeflow.errors import RegimeFlowError


class SimulationFailed(RegimeFlowError):
    """Base of what a simulation reports about the code that runs in it."""


class Deadlock(SimulationFailed):
    """Nothing can ever happen again; the message names the tasks that wait and where."""


class Livelock(SimulationFailed):
    """The step cap was reached; the message names the task that ran last."""


class TimeLimit(SimulationFailed):
    """Virtual time ran out before the scenario or a harness wait ended."""


class ForbiddenCall(SimulationFailed):
    """A call that would make the run unrepeatable; the message names caller and replacement."""


class UnhandledErrors(SimulationFailed):
    """Errors that reached the loop's exception handler; the first ones are listed."""


class HostKilled(BaseException):
    """Unwinds the call in which a simulated process died; never to be caught.

    From the moment of death nothing that process does has an effect: the `finally` blocks of
    the call that is being unwound run, but against a dead disk and a dead network.
    """


def let_go(error: BaseException | None) -> None:
    """Keep of an error's frames their text alone: what they refer to could not be buried."""
    told: set[int] = set()
    while error is not None and id(error) not in told:
        told.add(id(error))
        if error.__traceback__ is not None and isinstance(error, Exception):
            error.add_note("raised at:\n" + "".join(traceback.format_tb(error.__traceback__)))
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
