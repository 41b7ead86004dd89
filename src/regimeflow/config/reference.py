"""The reference page of the configuration, generated from the JSON schema."""

from __future__ import annotations

from typing import Any

from regimeflow.config.problems import KeyPath
from regimeflow.config.schema import walk
from regimeflow.config.unsupported import UNSUPPORTED

_HEAD = """# Configuration reference

Generated from the schema; do not edit. Relative paths are taken from the working directory of the
command, not from the directory of the file. A key that is not listed is refused.

| key | default | meaning |
|---|---|---|
"""
_TAIL = """
## Not supported yet

These keys are refused unless their value means off.

| key | reason |
|---|---|
"""


def config_reference() -> str:
    """Every key with its default, meaning and unit, as one Markdown page."""
    rows = "".join(_row(path, node) for path, node in walk())
    refused = "".join(f"| `{path}` | {row.reason} |\n" for path, row in UNSUPPORTED.items())
    return _HEAD + rows + _TAIL + refused


def _row(path: KeyPath, node: dict[str, Any]) -> str:
    name = ".".join("*" if isinstance(part, int) else part for part in path)
    default = node.get("default")
    is_scalar = default is not None and not isinstance(default, dict)
    shown = f"`{_written(default)}`" if is_scalar and default != "" else ""
    return f"| `{name}` | {shown} | {str(node.get('description', '')).replace('|', '/')} |\n"


def _written(default: Any) -> str:
    if isinstance(default, bool):
        return "true" if default else "false"
    if isinstance(default, list):
        return f"[{', '.join(str(item) for item in default)}]"
    return str(default)
