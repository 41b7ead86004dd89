"""What a planted bug is, and the two plainest ways to plant one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True)
class Mutant:
    """A bug that can be switched on: what it is, how it is planted, which tests kill it."""

    bug: str
    plant: Callable[[pytest.MonkeyPatch], None]
    killed_by: tuple[str, ...]


def replaced(owner: object, name: str, mutant: Any) -> Callable[[pytest.MonkeyPatch], None]:
    """Plant `mutant` in place of what the owner has under that name."""
    return lambda patch: patch.setattr(owner, name, mutant)


def nothing(self: object, *arguments: object, **named: object) -> None:
    """A duty that is not done."""
