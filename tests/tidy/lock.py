"""The requirements files pin, with hashes, everything that pyproject.toml asks for.

Versions are not compared with their bounds: `make lock` does that. What this rule catches is a
dependency added without running it, and a pin that anybody could replace under the same name.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==\S+")
HASH = re.compile(r"^\s+--hash=sha256:[0-9a-f]{64}( \\)?$")
NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


def lock_problems(pyproject: str, lock: str, *, extra: str = "") -> Iterator[str]:
    """What a requirements file lacks of the project's dependencies, those of `extra` included."""
    project: dict[str, Any] = tomllib.loads(pyproject)["project"]
    wanted = list(project["dependencies"])
    if extra:
        wanted += project["optional-dependencies"][extra]
    hashes = _hashes_by_name(lock)
    for requirement in wanted:
        name = _normal(NAME.findall(requirement)[0])
        if name not in hashes:
            yield f"{name} is asked for and not locked; run make lock"
    for name, count in hashes.items():
        if count == 0:
            yield f"{name} is locked without a hash; run make lock"


def _hashes_by_name(lock: str) -> dict[str, int]:
    hashes: dict[str, int] = {}
    current = ""
    for line in lock.splitlines():
        pin = PIN.match(line)
        if pin:
            current = _normal(pin.group(1))
            hashes.setdefault(current, 0)
        elif HASH.match(line):
            hashes[current] += 1
    return hashes


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
