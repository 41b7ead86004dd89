"""A configuration as plain values, and its hash: what reports and journals record.

Invariants: complete (defaults included), without secrets, equal on every machine (paths under the
working directory are written relative to it), and loading the plain values again gives an equal
hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel

from regimeflow.config.root import Config
from regimeflow.config.secret import Secret


def config_values(config: Config) -> dict[str, object]:
    """The resolved configuration as JSON values; exact numbers as text, unset keys left out."""
    plain = _plain(config, config.base_directory)
    assert isinstance(plain, dict)
    return plain


def config_hash(config: Config) -> str:
    """SHA-256, in hexadecimal, of the canonical JSON of `config_values`."""
    text = json.dumps(config_values(config), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object, base: Path) -> object:
    if isinstance(value, BaseModel):
        names = type(value).model_fields
        pairs = ((name, getattr(value, name)) for name in names)
        return {
            name: _plain(child, base)
            for name, child in pairs
            if child is not None and not isinstance(child, Secret)
        }
    if isinstance(value, Mapping):
        return {str(name): _plain(child, base) for name, child in value.items()}
    if isinstance(value, tuple):
        return [_plain(child, base) for child in value]
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Path):
        return (value.relative_to(base) if value.is_relative_to(base) else value).as_posix()
    if isinstance(value, date):
        return value.isoformat()
    return value
