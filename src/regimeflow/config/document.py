"""A configuration as plain values that remember where they were written.

`Document` is the only thing the later steps see: a tree of dict, list and scalars, the line of each
key, and the path under which the user wrote a key that was moved to its one proper place. Numbers
are `int` or `Decimal`, taken from the literal text and never through `float`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import PurePath

from regimeflow.config.problems import KeyPath, Problem, shown

Tree = dict[str, "Tree"] | list["Tree"] | str | int | Decimal | bool | date | None

DEPTH_MAX = 32
NODES_MAX = 20_000
MAPPING_SOURCE = "configuration"

_EMPTY_ALLOWED_UNDER = "params"


@dataclass(frozen=True, slots=True)
class Position:
    """Where a key stands in its file; both count from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Document:
    """The tree of one configuration, the positions of its keys and the problems found so far."""

    source: str
    root: dict[str, Tree] = field(default_factory=dict)
    positions: dict[KeyPath, Position] = field(default_factory=dict)
    moved_from: dict[KeyPath, KeyPath] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    settled: set[KeyPath] = field(default_factory=set)

    def written_path(self, path: KeyPath) -> KeyPath:
        """The path the user wrote for a path of the tree (they differ for moved keys)."""
        for length in range(len(path), 0, -1):
            origin = self.moved_from.get(path[:length])
            if origin is not None:
                return origin + path[length:]
        return path

    def line_of(self, path: KeyPath) -> int | None:
        """The line of the key, or of its nearest written parent; None without a file."""
        for length in range(len(path), -1, -1):
            position = self.positions.get(path[:length])
            if position is not None:
                return position.line
        return None

    def refuse(self, path: KeyPath, *, seen: str, expected: str, next_step: str) -> None:
        """Record a problem with the key; the path may be that of the tree or the written one."""
        origin = self.written_path(path)
        line = self.line_of(origin)
        self.problems.append(Problem(self.source, origin, seen, expected, next_step, line))

    def at(self, path: KeyPath) -> Tree:
        """The value at a path; None when there is none."""
        node: Tree = self.root
        for part in path:
            if isinstance(node, dict) and isinstance(part, str):
                node = node.get(part)
            elif isinstance(node, list) and isinstance(part, int) and part < len(node):
                node = node[part]
            else:
                return None
        return node

    def has(self, path: KeyPath) -> bool:
        """Whether the key was written (even with an empty value)."""
        parent = self.at(path[:-1])
        return isinstance(parent, dict) and path[-1] in parent

    def remove(self, path: KeyPath) -> None:
        """Take a judged key out of the tree, so that later steps do not judge it again."""
        parent, name = self.at(path[:-1]), path[-1]
        if isinstance(parent, dict) and isinstance(name, str):
            parent.pop(name, None)
        self.settled.add(path)

    def refuse_empty(self, path: KeyPath, value: object) -> None:
        """Refuse a key without a value; under `params` nothing is a value like any other."""
        if value is None and _EMPTY_ALLOWED_UNDER not in path:
            self.refuse(
                path,
                seen="nothing after the key",
                expected="a value",
                next_step="write one, or remove the key",
            )
            self.settled.add(path)


def document_from_mapping(mapping: Mapping[str, object]) -> Document:
    """Copy a plain mapping given through the Python API; never fails, records problems."""
    document = Document(MAPPING_SOURCE)
    budget = [NODES_MAX]
    root = _admit(document, mapping, (), budget)
    if isinstance(root, dict):
        document.root = root
    return document


def _admit(document: Document, value: object, path: KeyPath, budget: list[int]) -> Tree:
    budget[0] -= 1
    if budget[0] < 0 or len(path) > DEPTH_MAX:
        if budget[0] >= -1:
            document.refuse(
                path[:4],
                seen=f"more than {NODES_MAX} values or {DEPTH_MAX} levels",
                expected="a smaller configuration",
                next_step="remove what is not configuration",
            )
            budget[0] = -1
        return None
    if isinstance(value, Mapping):
        return {
            key: _admit(document, child, (*path, key), budget)
            for key, child in value.items()
            if _is_text_key(document, key, path)
        }
    if isinstance(value, list | tuple):
        return [_admit(document, child, (*path, i), budget) for i, child in enumerate(value)]
    return _admit_scalar(document, value, path)


def _is_text_key(document: Document, key: object, path: KeyPath) -> bool:
    if isinstance(key, str):
        return True
    document.refuse(
        path, seen=f"the key {shown(key)}", expected="text keys", next_step="use a str as the key"
    )
    return False


def _admit_scalar(document: Document, value: object, path: KeyPath) -> Tree:
    document.refuse_empty(path, value)
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return Decimal(float.__repr__(value))
    if isinstance(value, Decimal) and value.is_finite():
        return value
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    finite = isinstance(value, float | Decimal)
    document.refuse(
        path,
        seen=shown(value, path),
        expected="a finite number" if finite else "text, a number, true, false, a date or a list",
        next_step="correct the value",
    )
    document.settled.add(path)
    return None
