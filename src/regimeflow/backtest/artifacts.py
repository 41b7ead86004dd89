"""Files a reader may open at any moment: whole, deterministic, or not there.

Why: reports and status files are read by people and programs while the writer may die. Each
file is written beside its place, then moved over it, so a reader sees the old file or the new
one. Their text is canonical: keys sorted, floats in ten significant digits (enough for every
reader, and free of the last bits in which processors differ), so the same records give the
same bytes.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from regimeflow.errors import ConfigError

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
SIGNIFICANT_DIGITS = 10


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step; creates the directory.

    Raises ConfigError when the place cannot be written: the user's to mend.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        os.replace(temporary, path)  # noqa: PTH105 - the one call documented as atomic
    except OSError as error:
        raise ConfigError(
            f"cannot write {path}: {error.strerror or error}; "
            "free the space or choose another output directory"
        ) from error


def rounded(value: float | None) -> float | None:
    """`value` in ten significant digits; None for None and for what is not finite."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def money(value: Decimal | None) -> float | None:
    """An exact amount as the nearest float, for readers that want JSON numbers."""
    return None if value is None else float(value)


def decimal_text(value: Decimal | None) -> str:
    """Plain digits without an exponent or trailing zeros; empty for None."""
    if value is None:
        return ""
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def float_text(value: float | None) -> str:
    """Shortest text of ten significant digits; empty for None and for what is not finite."""
    short = rounded(value)
    return "" if short is None else repr(short)


def encode_json(document: Mapping[str, Json]) -> bytes:
    """Canonical JSON: sorted keys, two-space indent, rows of a table on one line each."""
    parts = [f"  {json.dumps(key)}: {_encode(document[key])}" for key in sorted(document)]
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def _encode(value: Json) -> str:
    if isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
        rows = (
            json.dumps(row, sort_keys=True, allow_nan=False, ensure_ascii=False) for row in value
        )
        return "[\n    " + ",\n    ".join(rows) + "\n  ]"
    text = json.dumps(value, sort_keys=True, allow_nan=False, ensure_ascii=False, indent=2)
    return text.replace("\n", "\n  ")
