"""What a running program holds: entries of every collection, by the attribute that holds it.

The walk starts at a program's tasks and timers and follows everything they refer to, so that a
collection nobody thought of is found like any other. It reads; it keeps nothing alive.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import sys
import types
from collections import Counter, OrderedDict, deque
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from regimeflow.model.session import SessionCalendar
from regimeflow.testing.clock import HostClock
from regimeflow.testing.incarnation import Incarnation
from regimeflow.testing.venues.sim_machine import VenueMachine

_CONTAINERS = (dict, OrderedDict, list, set, frozenset, deque, tuple, bytearray)
_VALUES = (str, bytes, int, float, complex, Decimal)
_SHARED = (
    type(None), type, types.ModuleType, types.CodeType,
    types.FrameType, contextvars.Context, contextvars.ContextVar, asyncio.AbstractEventLoop,
    HostClock, Incarnation, SessionCalendar,
)  # fmt: skip
"""What is not the program's own: the interpreter's, the world it runs in, the calendar's table."""
_COROUTINES = (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType)
_HARNESS = "regimeflow.testing."
_VENUE = "regimeflow.testing.venues."
_IS_HEAP_TYPE = 1 << 9


class ObjectGraph:
    """Everything reachable from `roots`: `entries` by `Class.attribute`, and `size_bytes`.

    Entries of collections inside a collection are counted under its name with `[]`. A tuple is
    a value and is looked through.
    """

    def __init__(self, roots: Mapping[str, object]) -> None:
        self.entries: Counter[str] = Counter()
        self.size_bytes = 0
        self._seen: set[int] = set()
        for name, root in roots.items():
            self._follow(name, root)

    def _follow(self, name: str, root: object) -> None:
        """Breadth first, without recursion."""
        waiting: deque[tuple[str, object]] = deque([(name, root)])
        while waiting:
            path, found = waiting.popleft()
            if id(found) in self._seen or _is_foreign(found):
                continue
            self._seen.add(id(found))
            self.size_bytes += sys.getsizeof(found)
            if isinstance(found, _VALUES):
                continue
            if isinstance(found, _CONTAINERS) and not isinstance(found, tuple):
                self.entries[path] += len(found)
            waiting.extend(_referred(path, found))


def _referred(path: str, found: Any) -> Iterator[tuple[str, object]]:
    """What an object refers to, each under the name of whoever holds it."""
    kind: type = type(found)
    if isinstance(found, bytearray):
        return
    if isinstance(found, _CONTAINERS):
        inner = path if isinstance(found, tuple) else f"{path}[]"
        parts = [*found, *found.values()] if isinstance(found, dict) else found
        yield from ((inner, part) for part in parts)
        if kind not in _CONTAINERS:
            yield from _attributes(found)
    elif isinstance(found, types.FunctionType):
        for cell in found.__closure__ or ():
            yield f"{found.__qualname__}()", _content(cell)
    elif isinstance(found, _COROUTINES):
        # Its locals. Asking for `f_locals` would leave a copy that keeps them alive.
        yield from ((f"{found.__qualname__}()", part) for part in gc.get_referents(found))
    elif isinstance(found, types.MethodType | types.BuiltinMethodType | functools.partial):
        yield from ((kind.__name__, part) for part in gc.get_referents(found))
    else:
        named = list(_attributes(found))
        yield from named
        if isinstance(found, asyncio.Future) or not kind.__flags__ & _IS_HEAP_TYPE:
            # Made in C: what it refers to has no names.
            known = {id(value) for _, value in named} | {id(getattr(found, "__dict__", None))}
            yield from (
                (kind.__name__, part) for part in gc.get_referents(found) if id(part) not in known
            )


def _attributes(found: Any) -> Iterator[tuple[str, object]]:
    kind: type = type(found)
    for name, value in getattr(found, "__dict__", {}).items():
        yield f"{kind.__name__}.{name}", value
    for name, path in _slots_of(kind):
        try:
            yield path, object.__getattribute__(found, name)
        except AttributeError:
            continue


@cache
def _slots_of(kind: type) -> tuple[tuple[str, str], ...]:
    """Attributes that do not lie in a `__dict__`, with the names they are counted by."""
    names = dict.fromkeys(getattr(kind, "__struct_fields__", ()))
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            is_private = slot.startswith("__") and not slot.endswith("__")
            names[f"_{base.__name__.lstrip('_')}{slot}" if is_private else slot] = None
    unnamed = ("__dict__", "__weakref__")
    return tuple((name, f"{kind.__name__}.{name}") for name in names if name not in unnamed)


def _is_foreign(found: object) -> bool:
    if isinstance(found, _SHARED):
        return True
    if isinstance(found, asyncio.Task | Collection | VenueMachine):
        return False
    module = type(found).__module__
    return module.startswith(_HARNESS) and not module.startswith(_VENUE)


def _content(cell: types.CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None
