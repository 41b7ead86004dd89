"""The JSON schema of the configuration, generated from the sections, and walks over it.

The schema describes files as users write them: a limit may stand under `live` too, `strategy` is
one entry of `strategies`. Keys that are refused because they are not built are not in it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from typing import Any

from regimeflow.config.limits import LimitsSection
from regimeflow.config.problems import KeyPath
from regimeflow.config.root import Config
from regimeflow.config.unsupported import unsupported_names

SCHEMA_ID = "regimeflow.config/1"

Schema = dict[str, Any]


def config_schema() -> Schema:
    """A fresh copy of the JSON schema (draft 2020-12) of a configuration file."""
    return copy.deepcopy(_schema())


@cache
def _schema() -> Schema:
    schema = Config.model_json_schema()
    _drop_null(schema)
    definitions = schema["$defs"]
    live = definitions["LiveSection"]["properties"]
    for name in LimitsSection.model_fields:
        limit = copy.deepcopy(definitions["LimitsSection"]["properties"][name])
        limit["description"] += " The same as live.risk.limits." + name + "."
        live[name] = limit
    schema["properties"] = {
        "strategy": {
            "$ref": "#/$defs/StrategySection",
            "description": "The strategy that runs; the only entry of strategies.",
        },
        **schema["properties"],
    }
    schema.pop("required", None)
    schema["oneOf"] = [{"required": ["strategy"]}, {"required": ["strategies"]}]
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$id"] = SCHEMA_ID
    schema["title"] = "RegimeFlow configuration"
    return schema


def _drop_null(node: Any) -> None:
    """An empty value is refused everywhere, so the schema does not offer it."""
    if isinstance(node, dict):
        if node.get("default", 0) is None:
            del node["default"]
        choices = node.get("anyOf")
        if isinstance(choices, list):
            kept = [choice for choice in choices if choice != {"type": "null"}]
            if len(kept) == 1:
                del node["anyOf"]
                node.update({**kept[0], **node})
            else:
                node["anyOf"] = kept
        for child in node.values():
            _drop_null(child)
    elif isinstance(node, list):
        for child in node:
            _drop_null(child)


def keys_at(path: KeyPath) -> frozenset[str]:
    """Every key that may stand under a path as written, the refused ones included."""
    names: set[str] = set()
    for node in _nodes_at(path):
        names.update(node.get("properties", {}))
    return frozenset(names | set(unsupported_names(path))) if names else frozenset()


@cache
def key_paths() -> tuple[KeyPath, ...]:
    """The path of every key, sections before their keys, in the order of the schema."""
    return tuple(path for path, _ in walk())


def walk() -> Iterator[tuple[KeyPath, Schema]]:
    """Every key with its schema; entries of lists as 0, entries of mappings as `*`."""
    yield from _walk(_schema(), ())


def _walk(node: Schema, path: KeyPath) -> Iterator[tuple[KeyPath, Schema]]:
    for form in _forms(node):
        for name, child in form.get("properties", {}).items():
            yield (*path, name), {"description": _description(child), **child}
            yield from _walk(child, (*path, name))
        if "items" in form:
            yield from _walk(form["items"], (*path, 0))
        for child in _entries(form):
            yield from _walk(child, (*path, "*"))


def _nodes_at(path: KeyPath) -> list[Schema]:
    nodes = _forms(_schema())
    for part in path:
        below: list[Schema] = []
        for node in nodes:
            if isinstance(part, int):
                below += _forms(node["items"]) if "items" in node else []
            elif part in node.get("properties", {}):
                below += _forms(node["properties"][part])
            else:
                below += [form for entry in _entries(node) for form in _forms(entry)]
        nodes = below
    return nodes


def _forms(node: Schema) -> list[Schema]:
    """The node itself, what it refers to, and its alternatives."""
    forms = [node]
    reference = node.get("$ref")
    if reference is not None:
        forms += _forms(_schema()["$defs"][reference.rsplit("/", 1)[-1]])
    for word in ("anyOf", "oneOf", "allOf"):
        for choice in node.get(word, ()):
            forms += _forms(choice)
    return forms


def _description(node: Schema) -> str:
    """The key's own description, or that of its section where the two are the same text."""
    return next((str(form["description"]) for form in _forms(node) if "description" in form), "")


def _entries(node: Schema) -> list[Schema]:
    entries = list(node.get("patternProperties", {}).values())
    if isinstance(node.get("additionalProperties"), dict):
        entries.append(node["additionalProperties"])
    return entries
