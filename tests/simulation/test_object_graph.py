"""The walk finds a hoard wherever it is hidden, and calls growth what grows."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from functools import partial

import msgspec

from tests.simulation.object_graph import ObjectGraph
from tests.simulation.soak_samples import grown


class Slotted:
    """Keeps things in slots, one of them with a private name."""

    __slots__ = ("__secret", "kept")

    def __init__(self) -> None:
        self.kept = deque([1, 2, 3])
        self.__secret = {"a", "b"}


class Dressed(Slotted):
    """Has slots and a dictionary of attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.more = [[1], [2, 3]]


class Row(msgspec.Struct):
    """Holds a list in a field."""

    cells: list[int]


class Register(OrderedDict[str, int]):
    """A collection with attributes of its own."""

    def __init__(self) -> None:
        super().__init__(a=1)
        self.aside = [1, 2]


def hoarder() -> Callable[[], None]:
    """A function that keeps a list between its calls."""
    hoard = [1, 2, 3, 4]
    return lambda: hoard.append(5)


def test_collections_are_found_in_slots_attributes_fields_and_inside_each_other() -> None:
    found = ObjectGraph({"root": [Dressed(), Row([1, 2]), Register()]}).entries
    assert found == {
        "root": 3,
        "Dressed.kept": 3,
        "Dressed._Slotted__secret": 2,
        "Dressed.more": 2,
        "Dressed.more[]": 3,
        "Row.cells": 2,
        "root[]": 1,
        "Register.aside": 2,
    }


def test_collections_are_found_in_closures_bound_methods_and_waiting_coroutines() -> None:
    async def wait(forever: asyncio.Event) -> None:
        waiting_with = {"a": 1}
        await forever.wait()
        waiting_with.clear()

    async def look() -> ObjectGraph:
        task = asyncio.create_task(wait(asyncio.Event()))
        await asyncio.sleep(0)
        roots = {"task": task, "function": hoarder(), "bound": partial(Row([7]).cells.append, 1)}
        graph = ObjectGraph(roots)
        task.cancel()
        return graph

    found = asyncio.run(look()).entries
    (waiting,) = [count for name, count in found.items() if name.endswith("wait()")]
    (hoarded,) = [count for name, count in found.items() if "hoarder" in name]
    assert (waiting, hoarded) == (1, 4)
    assert found["builtin_function_or_method"] == 1


def test_an_object_is_counted_once_and_its_size_with_what_it_holds() -> None:
    shared = list(range(1_000))
    graph = ObjectGraph({"a": {"x": shared}, "b": {"y": shared}})
    assert graph.entries == {"a": 1, "b": 1, "a[]": 1_000}
    assert graph.size_bytes > 8_000


def test_growth_is_what_lasts_and_a_declared_name_is_left_out() -> None:
    samples = [{"Tally.orders": day, "Inbox.queue": day % 3, "Book.fills": day} for day in range(9)]
    found = grown(samples, noise=1.0, declared=("Book.",))
    assert [line.split()[0] for line in found] == ["Tally.orders"]
    assert grown(samples[:2], noise=1.0) == []
