"""`strategies`: which strategies run, on which symbols, with which parameters.

`strategy:` in a file is one entry of `strategies` and is moved there before validation, so that
readers of a configuration find strategies in one place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from regimeflow.config.scalars import (
    STRATEGY_ID_PATTERN,
    FrozenMapping,
    Symbols,
    as_tuple,
    expected,
    matching,
    parse_text,
)
from regimeflow.config.section import Section, key

Parameter = str | int | float | bool | None | tuple["Parameter", ...]

_ID_CHARACTERS_MAX = 12
_NAME_PATTERN = r"[A-Za-z_][\w.-]*(:[A-Za-z_]\w*)?"
_PARAMETER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def parameter_value(value: object) -> Parameter:
    """One strategy parameter: a scalar or a list of them; fractions are floats, days ISO text."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Decimal | float) and math.isfinite(value):
        return float(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return tuple(parameter_value(item) for item in value)
    raise expected("a scalar or a list of scalars", "name each parameter on its own")


def parse_parameters(value: object) -> object:
    """A mapping of parameters; what each means is for the strategy to judge."""
    if not isinstance(value, Mapping):
        raise expected("a mapping of parameters", "write name: value, or {} for none")
    for name in value:
        if not isinstance(name, str) or _PARAMETER_NAME.fullmatch(name) is None:
            raise expected("parameter names of letters, digits and _", "rename the parameter")
    return {name: parameter_value(item) for name, item in value.items()}


def default_strategy_id(name: str) -> str:
    """The id of a strategy that names none: its short name, lower case, at most 12 characters."""
    short = re.split(r"[.:]", name)[-1]
    return re.sub(r"[^a-z0-9_]", "_", short.lower())[:_ID_CHARACTERS_MAX].strip("_") or "strategy"


StrategyId = Annotated[
    str,
    BeforeValidator(parse_text),
    AfterValidator(matching(STRATEGY_ID_PATTERN, "1 to 12 lower-case letters, digits and _")),
    WithJsonSchema({"type": "string", "pattern": f"^{STRATEGY_ID_PATTERN}$"}),
]
StrategyName = Annotated[
    str,
    BeforeValidator(parse_text),
    AfterValidator(matching(_NAME_PATTERN, "a built-in, an entry point, or package.module:Class")),
    WithJsonSchema({"type": "string"}),
]
Parameters = Annotated[
    Mapping[str, object],
    BeforeValidator(parse_parameters),
    AfterValidator(FrozenMapping),
    PlainSerializer(dict),
    WithJsonSchema({"type": "object", "additionalProperties": True}),
]


class StrategySection(Section):
    """One strategy that runs."""

    name: StrategyName = key(
        'A built-in strategy, an entry point of "regimeflow.strategies", or "package.module:Class".'
    )
    id: StrategyId = key(
        "Name of this instance in order ids, the audit and reports; unique. "
        "Left out: the name, shortened to 12 characters.",
        default_factory=lambda entry: default_strategy_id(entry.get("name", "")),
    )
    params: Parameters = key(
        "Parameters of the strategy, by name; the strategy checks them when it is loaded.",
        default={},
    )
    symbols: Symbols = key(
        "Symbols this strategy trades; a subset of live.symbols. Left out: all of live.symbols.",
        default=(),
    )


Strategies = Annotated[tuple[StrategySection, ...], BeforeValidator(as_tuple)]
