"""The scalar types of the configuration: exact numbers, flags, days, names and paths.

Numbers are `Decimal` from the literal text; a bool is not a number; nothing infinite, undefined or
absurdly large passes. Text taken from the environment is read by the type of its key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BeforeValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from regimeflow.config.problems import FromEnvironment

NUMBER_PATTERN = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?"
SYMBOL_PATTERN = r"[A-Za-z0-9._/-]{1,32}"
STRATEGY_ID_PATTERN = r"[a-z0-9_]{1,12}"
CURRENCY_PATTERN = r"[A-Z]{3,5}"
REGIME_LABEL_PATTERN = r"[A-Za-z0-9_-]{1,32}"

_NUMBER = re.compile(NUMBER_PATTERN)
_MAGNITUDE_MAX = Decimal(10) ** 18
_DECIMAL_PLACES_MAX = 18
_NUMBER_SCHEMA = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": NUMBER_PATTERN}]}

Value = TypeVar("Value")
Name = TypeVar("Name")


def expected(text: str, next_step: str = "correct the value") -> PydanticCustomError:
    """The error of a value that is not what its key expects."""
    return PydanticCustomError("regimeflow", "{expected}", {"expected": text, "next": next_step})


def parse_number(value: object) -> Decimal:
    """The exact number of an int, a `Decimal` or text; a bool is not one; bounded and finite."""
    number: Decimal | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = Decimal(value)
    elif isinstance(value, Decimal):
        number = value
    elif isinstance(value, str) and _NUMBER.fullmatch(value) and len(value) <= 64:
        number = Decimal(value)
    if number is None or not number.is_finite():
        raise expected("a finite number", "write a plain number such as 1000 or 0.25")
    if abs(number) > _MAGNITUDE_MAX:
        raise expected("a number of at most 1e18", "check the number of digits")
    return _plain(number)


def _plain(number: Decimal) -> Decimal:
    if number == 0:
        return Decimal(0)
    exponent = number.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    if exponent < -_DECIMAL_PLACES_MAX or len(number.as_tuple().digits) > 28:
        raise expected("at most 18 decimal places and 28 digits", "round the number")
    return Decimal(int(number)) if exponent >= 0 else number.normalize()


def parse_whole(value: object) -> int:
    """The whole number of an int, or of digits taken from the environment."""
    if isinstance(value, FromEnvironment) and re.fullmatch(r"[-+]?[0-9]{1,18}", value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MAGNITUDE_MAX:
        return value
    raise expected("a whole number", "write digits without a fraction")


def parse_flag(value: object) -> bool:
    """`true` or `false`, also as text taken from the environment."""
    if isinstance(value, bool):
        return value
    if isinstance(value, FromEnvironment) and value in ("true", "false"):
        return value == "true"
    raise expected("true or false", "write true or false without quotes")


def parse_day(value: object) -> date:
    """A day, written unquoted (2008-01-02) or as ISO text."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise expected("a day as YYYY-MM-DD", "write it like 2008-01-02")


def parse_path(value: object, info: ValidationInfo) -> Path:
    """A path; a relative one is taken from the working directory of the load."""
    if isinstance(value, Path):
        value = str(value)
    if not isinstance(value, str) or not value or not value.isprintable() or len(value) > 1024:
        raise expected("a path", "write a file or directory name")
    if value.startswith("~"):
        raise expected("a path without ~", "write the whole path")
    base = (info.context or {}).get("base", Path())
    assert isinstance(base, Path)
    return base / value


def parse_text(value: object) -> str:
    """Text; a bare number is not text, because 00700 and 700 would be the same."""
    if isinstance(value, str) and value.isprintable() and len(value) <= 4096:
        return str(value)
    if isinstance(value, str):
        raise expected("printable text of at most 4096 characters")
    raise expected("text", "put the value in quotes")


def matching(pattern: str, expectation: str) -> Callable[[str], str]:
    """A check that the whole text matches the pattern."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if compiled.fullmatch(value) is None:
            raise expected(expectation)
        return value

    return check


def check_symbol(value: str) -> str:
    """A symbol that is also safe inside a file name pattern."""
    parts = value.split("/")
    if not re.fullmatch(SYMBOL_PATTERN, value) or any(part in ("", ".", "..") for part in parts):
        raise expected("a symbol of 1 to 32 letters, digits and . _ / -", "correct the symbol")
    return value


def check_file_pattern(value: str) -> str:
    """A file name pattern with one `{symbol}`, inside its data directory."""
    plain = value.replace("{symbol}", "", 1)
    parts = value.replace("\\", "/").split("/")
    inside = ".." not in parts and not value.startswith(("/", "\\")) and ":" not in value
    if plain == value or "{" in plain or "}" in plain or not inside:
        raise expected("a file name with {symbol} once", 'write it like "{symbol}.csv"')
    return value


def as_tuple(value: object) -> object:
    """Lists become tuples: what was validated cannot change afterwards."""
    return tuple(value) if isinstance(value, list) else value


def distinct(values: tuple[Value, ...]) -> tuple[Value, ...]:
    """Refuse a list that names a thing twice."""
    for i, value in enumerate(values):
        if value in values[:i]:
            raise expected(f"each entry once, {value} is there twice", "remove one of them")
    return values


def not_empty(values: tuple[Value, ...]) -> tuple[Value, ...]:
    """Refuse an empty list."""
    if not values:
        raise expected("at least one entry", "name one, or remove the key")
    return values


class FrozenMapping(Mapping[Name, Value]):
    """A mapping that cannot change; unlike the standard proxy it can be hashed and copied."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Mapping[Name, Value]) -> None:
        self._entries = dict(entries)

    def __getitem__(self, name: Name) -> Value:
        return self._entries[name]

    def __iter__(self) -> Iterator[Name]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __hash__(self) -> int:
        return hash(frozenset(self._entries.items()))

    def __repr__(self) -> str:
        return repr(self._entries)


Number = Annotated[Decimal, BeforeValidator(parse_number), WithJsonSchema(_NUMBER_SCHEMA)]
Whole = Annotated[int, BeforeValidator(parse_whole), WithJsonSchema({"type": "integer"})]
Flag = Annotated[bool, BeforeValidator(parse_flag), WithJsonSchema({"type": "boolean"})]
Day = Annotated[
    date, BeforeValidator(parse_day), WithJsonSchema({"type": "string", "format": "date"})
]
FilePath = Annotated[Path, BeforeValidator(parse_path), WithJsonSchema({"type": "string"})]
Text = Annotated[str, BeforeValidator(parse_text), WithJsonSchema({"type": "string"})]
Symbol = Annotated[
    str,
    BeforeValidator(parse_text),
    AfterValidator(check_symbol),
    WithJsonSchema({"type": "string", "pattern": f"^{SYMBOL_PATTERN}$"}),
]
Symbols = Annotated[tuple[Symbol, ...], BeforeValidator(as_tuple), AfterValidator(distinct)]
FilePattern = Annotated[
    str,
    BeforeValidator(parse_text),
    AfterValidator(check_file_pattern),
    WithJsonSchema({"type": "string"}),
]
Currency = Annotated[
    str,
    BeforeValidator(parse_text),
    AfterValidator(matching(CURRENCY_PATTERN, "a currency code such as USD")),
    WithJsonSchema({"type": "string", "pattern": f"^{CURRENCY_PATTERN}$"}),
]
RegimeLabel = Annotated[
    str,
    BeforeValidator(parse_text),
    AfterValidator(matching(REGIME_LABEL_PATTERN, "a label of letters, digits, _ and -")),
    WithJsonSchema({"type": "string", "pattern": f"^{REGIME_LABEL_PATTERN}$"}),
]
