"""Moves keys that may be written in two places to the one place the sections know.

`strategy:` becomes the only entry of `strategies`; a limit directly under `live` goes to
`live.risk.limits`. The document remembers where each was written, so errors name that place.
A limit written in both places must have one value.
"""

from __future__ import annotations

from decimal import Decimal

from regimeflow.config.document import Document, Tree
from regimeflow.config.limits import LimitsSection
from regimeflow.config.problems import KeyPath, shown, written
from regimeflow.config.unsupported import unsupported_names

LIMITS_PATH: KeyPath = ("live", "risk", "limits")


def limit_names() -> tuple[str, ...]:
    """Every limit that may stand under `live` or `live.risk.limits`, built or not."""
    return (*LimitsSection.model_fields, *unsupported_names(LIMITS_PATH))


def place(document: Document) -> None:
    """Move what is written in a second place; conflicts become problems."""
    _place_strategy(document)
    _place_limits(document)


def _place_strategy(document: Document) -> None:
    if "strategy" not in document.root:
        return
    if "strategies" in document.root:
        document.refuse(
            ("strategy",),
            seen="both strategy and strategies",
            expected="one of the two",
            next_step="move this one into the list of strategies",
        )
        document.remove(("strategy",))
        return
    document.root["strategies"] = [document.root.pop("strategy")]
    document.moved_from[("strategies", 0)] = ("strategy",)
    document.moved_from[("strategies",)] = ("strategy",)


def _place_limits(document: Document) -> None:
    live = document.at(("live",))
    if not isinstance(live, dict):
        return
    for name in limit_names():
        if name in live:
            limits = _limits(live)
            if limits is None:
                return
            _move_limit(document, live, limits, name)


def _limits(live: dict[str, Tree]) -> dict[str, Tree] | None:
    risk = live.setdefault("risk", {})
    limits = risk.setdefault("limits", {}) if isinstance(risk, dict) else None
    return limits if isinstance(limits, dict) else None


def _move_limit(
    document: Document, live: dict[str, Tree], limits: dict[str, Tree], name: str
) -> None:
    origin: KeyPath = ("live", name)
    target: KeyPath = (*LIMITS_PATH, name)
    value = live.pop(name)
    if name not in limits:
        limits[name] = value
        document.moved_from[target] = origin
        if origin in document.settled:
            document.settled.add(target)
    elif not _is_same(value, limits[name]):
        document.refuse(
            origin,
            seen=f"{shown(value)} here and {shown(limits[name])} in {written(target)}",
            expected="one value for one limit",
            next_step="remove one of the two",
        )


def _is_same(first: Tree, second: Tree) -> bool:
    numbers = (int, Decimal)
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, numbers) and isinstance(second, numbers):
        return first == second
    return type(first) is type(second) and first == second
