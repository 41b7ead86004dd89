"""What a packed value is made of, and the two ways in which packing fails."""

from __future__ import annotations

from typing import TypeVar

Packed = None | bool | int | float | str | bytes | list["Packed"]
_T = TypeVar("_T")


class Unstorable(Exception):
    """A value that cannot be saved: what it is, and what its owner could do instead."""

    def __init__(self, seen: str, remedy: str) -> None:
        super().__init__(seen)
        self.remedy = remedy


class Unreadable(Exception):
    """Bytes that no longer make a value."""


def expect(kind: type[_T], value: object) -> _T:
    """`value`, when it is of that kind; raises Unreadable."""
    if not isinstance(value, kind):
        raise Unreadable(f"expected {kind.__name__}, found {type(value).__name__}")
    return value
