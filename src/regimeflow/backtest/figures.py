"""Numbers as people read them. A number that does not exist is a dash, never a zero."""

from __future__ import annotations

DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


def percent(value: object, digits: int = 2) -> str:
    """A fraction as a percentage: 0.1234 is `12.34 %`."""
    return DASH if not isinstance(value, int | float) else f"{_number(value * 100, digits)} %"


def number(value: object, digits: int = 2) -> str:
    """A number with thousands separated."""
    return DASH if not isinstance(value, int | float) else _number(value, digits)


def count(value: object) -> str:
    """A whole number with thousands separated."""
    return DASH if not isinstance(value, int | float) else _number(value, 0)


def short_amount(value: float) -> str:
    """An axis label: 1.25M, 250k, 900."""
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return _trim(f"{value / size:.2f}") + unit
    return _trim(f"{value:.2f}")


def tone(value: object) -> str:
    """The style class of a signed number: gain, loss, or none."""
    if not isinstance(value, int | float) or value == 0:
        return ""
    return "gain" if value > 0 else "loss"


def _number(value: float, digits: int) -> str:
    text = f"{value:,.{digits}f}"
    return text.replace("-", MINUS) if float(text.replace(",", "")) else text.lstrip("-")


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
