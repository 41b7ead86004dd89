"""Read a built-in strategy's parameters once, in `initialize`, with their bounds.

The configuration has checked names and types against `Strategy.parameters` already; what only
the strategy can know (bounds, and how two parameters relate) is checked here. Every refusal is a
ConfigError with the value seen, the value expected and the next step.
"""

from __future__ import annotations

import math

from regimeflow.errors import ConfigError
from regimeflow.strategy.base import Parameter, Strategy
from regimeflow.strategy.context import Context

ROUTING_PARAMETERS = frozenset(
    {"venue_switch_confidence", "passive_venue_weight", "aggressive_venue_weight"}
)


class Parameters:
    """What the configuration set, over the strategy's defaults."""

    __slots__ = ("_strategy", "_values")

    def __init__(self, strategy: Strategy, ctx: Context) -> None:
        self._strategy = type(strategy).__name__
        declared = type(strategy).parameters
        for name in ctx.params:
            if name in ROUTING_PARAMETERS:
                raise self.refuse(name, "a parameter", "nothing: routing is not supported yet")
            if name not in declared:
                raise self.refuse(name, "an unknown parameter", f"one of {', '.join(declared)}")
        self._values: dict[str, Parameter] = {**declared, **ctx.params}

    def integer(self, name: str, *, at_least: int) -> int:
        """A whole number, `at_least` or more."""
        value = self._values[name]
        if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
            raise self.refuse(name, value, f"a whole number of at least {at_least}")
        return value

    def number(self, name: str, *, at_least: float = 0.0, at_most: float = math.inf) -> float:
        """A finite number within the bounds, both included."""
        value = self._values[name]
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or not math.isfinite(value)
            or not at_least <= value <= at_most
        ):
            bounds = (
                f"at least {at_least:g}" if at_most == math.inf else f"{at_least:g}-{at_most:g}"
            )
            raise self.refuse(name, value, f"a number, {bounds}")
        return float(value)

    def positive(self, name: str) -> float:
        """A finite number above zero."""
        value = self.number(name)
        if value == 0.0:
            raise self.refuse(name, value, "a number above 0")
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._values[name]
        if not isinstance(value, bool):
            raise self.refuse(name, value, "true or false")
        return value

    def symbol(self, name: str, ctx: Context) -> str:
        """One of the symbols of this run."""
        value = self._values[name]
        if not isinstance(value, str) or value not in ctx.symbols:
            raise self.refuse(name, value, f"one of the run's symbols ({', '.join(ctx.symbols)})")
        return value

    def refuse(self, name: str, seen: object, expected: str) -> ConfigError:
        """The error for a parameter; the caller raises it."""
        return ConfigError(
            f"{self._strategy}: strategy.params.{name} is {seen!r}, expected {expected}; "
            f"change strategy.params.{name}"
        )
