"""What is wrong with a configuration, as values that can be listed, sorted and printed.

Every refusal says where (file, line, key), what was seen, what was expected and the next step.
Values that may be secret are never shown: keys that look like credentials print as `***`, a value
taken from the environment prints as the `${NAME}` that was written.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from regimeflow.errors import ConfigError

KeyPath = tuple[str | int, ...]

PROBLEMS_SHOWN_MAX = 20
_SHOWN_CHARACTERS_MAX = 60
_SECRET_KEY = re.compile(r"key|secret|passw|token|passphrase|credential|auth", re.IGNORECASE)


class FromEnvironment(str):
    """Text that replaced a whole-value `${NAME}`; remembers the name so that errors show it."""

    __slots__ = ("name",)
    name: str

    def __new__(cls, value: str, name: str) -> FromEnvironment:
        text = super().__new__(cls, value)
        text.name = name
        return text


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal: where it is, what was seen, what was expected, what to do next."""

    source: str
    path: KeyPath
    seen: str
    expected: str
    next_step: str
    line: int | None = None

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        key = f"{written(self.path)}: " if self.path else ""
        return f"{place}: {key}seen {self.seen}; expected {self.expected}; {self.next_step}"


def written(path: KeyPath) -> str:
    """The key path as a user writes it: `live.symbols[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if part.isprintable() and len(part) <= 64 else repr(part[:64])
            text += f".{name}" if text else name
    return text


def looks_secret(path: KeyPath) -> bool:
    """Whether a key on the path names a credential, so that its value must not be shown."""
    return any(isinstance(part, str) and _SECRET_KEY.search(part) for part in path)


def shown(value: object, path: KeyPath = ()) -> str:
    """The value as an error may print it: short, on one line, never a secret."""
    if isinstance(value, FromEnvironment):
        return f"the value of ${{{value.name}}}"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if looks_secret(path):
        return "***"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        cut = value[:_SHOWN_CHARACTERS_MAX]
        return f"text {cut!r}" + ("…" if len(value) > len(cut) else "")
    if isinstance(value, int | float | Decimal | date):
        return str(value)[:_SHOWN_CHARACTERS_MAX]
    return f"a Python {type(value).__name__}"


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The valid name closest to a misspelt one, or None when nothing is close."""
    candidates = {candidate.lower(): candidate for candidate in sorted(names)}
    found = difflib.get_close_matches(name.lower()[:64], list(candidates), n=1, cutoff=0.6)
    return candidates[found[0]] if found else None


def refusal(problems: Sequence[Problem]) -> ConfigError:
    """One error for all the problems of a file, one a line, at most `PROBLEMS_SHOWN_MAX`."""
    ordered = sorted(problems, key=lambda problem: problem.line or 0)
    lines = [str(problem) for problem in ordered[:PROBLEMS_SHOWN_MAX]]
    if len(ordered) > PROBLEMS_SHOWN_MAX:
        hidden = len(ordered) - PROBLEMS_SHOWN_MAX
        lines.append(f"{ordered[0].source}: and {hidden} more; correct these first")
    return ConfigError("\n".join(lines))
