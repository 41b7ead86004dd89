"""Tasks and futures whose hash is a number of their loop, so that sets of them have one order.

Stock futures hash by address: a `TaskGroup` that fails cancels its children in the order of a
set, which differs from process to process.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import Callable, Coroutine
from typing import Any

from regimeflow.testing.incarnation import CURRENT, Incarnation


class DetFuture(asyncio.Future[Any]):
    """A future with a number."""

    def __init__(self, number: int, loop: asyncio.AbstractEventLoop) -> None:
        self.number = number
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self.number


class DetTask(asyncio.Task[Any]):
    """A task with a number, and the incarnation whose life it shares."""

    def __init__(
        self,
        number: int,
        coro: Coroutine[Any, Any, Any],
        loop: asyncio.AbstractEventLoop,
        *,
        name: object,
        context: contextvars.Context | None,
    ) -> None:
        # The base class puts the task into a set before it returns: the number comes first.
        self.number = number
        self.incarnation: Incarnation | None = (
            CURRENT.get() if context is None else context.get(CURRENT)
        )
        label = f"task-{number}" if name is None else str(name)
        super().__init__(coro, loop=loop, name=label, context=context)

    def __hash__(self) -> int:
        return self.number

    def forget(self) -> None:
        """Collect without a message: its process is dead and can report nothing."""
        self._log_destroy_pending = False
        self._log_traceback = False


def task_of(callback: Callable[..., object]) -> DetTask | None:
    """The task that `callback` wakes, or None for a plain callback."""
    owner = getattr(callback, "__self__", None)
    return owner if type(owner) is DetTask else None


def callback_name(callback: Callable[..., object]) -> str:
    """A name without addresses, equal in every process."""
    while isinstance(callback, functools.partial):
        callback = callback.func
    return getattr(callback, "__qualname__", None) or type(callback).__name__
