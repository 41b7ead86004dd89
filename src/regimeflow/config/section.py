"""The base of every configuration section, and the one way to declare a key.

Invariants: sections are immutable, unknown keys are errors, types are strict, and every key carries
a description and, where it is a quantity, its unit; the JSON schema and the reference page are
generated from these declarations and from nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticUndefined


class Section(BaseModel):
    """One mapping of the configuration file."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        validate_default=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
    )


def key(
    description: str,
    *,
    default: object = PydanticUndefined,
    default_factory: Callable[[dict[str, Any]], object] | None = None,
    unit: str | None = None,
    gt: int | str | None = None,
    ge: int | str | None = None,
    le: int | str | None = None,
) -> Any:
    """Declare a configuration key: its meaning, default, unit and bounds (inclusive for ge, le).

    `default_factory` is given the keys of the section that stand before this one.
    """
    extra: dict[str, Any] = {} if unit is None else {"unit": unit}
    limits: dict[str, Any] = {}
    for name, keyword, bound in (
        ("gt", "exclusiveMinimum", gt),
        ("ge", "minimum", ge),
        ("le", "maximum", le),
    ):
        if bound is not None:
            limits[name] = bound if isinstance(bound, int) else Decimal(bound)
            extra[keyword] = bound if isinstance(bound, int) else float(bound)
    text = description if unit is None else f"{description} Unit: {unit}."
    if default_factory is not None:
        return Field(
            default_factory=default_factory, description=text, json_schema_extra=extra, **limits
        )
    return Field(default, description=text, json_schema_extra=extra, **limits)
