"""Judges a document by the sections, and words each of pydantic's errors as one refusal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from regimeflow.config.document import Document
from regimeflow.config.execution import UNION_TAGS
from regimeflow.config.problems import KeyPath, nearest, shown, written
from regimeflow.config.root import Config
from regimeflow.config.schema import key_paths, keys_at

_KEYS_LISTED_MAX = 12
_PLAIN: Mapping[str, tuple[str, str]] = {
    "model_type": ("a mapping", "write its keys below it, indented"),
    "model_attributes_type": ("a mapping", "write its keys below it, indented"),
    "dict_type": ("a mapping", "write its keys below it, indented"),
    "mapping_type": ("a mapping", "write its keys below it, indented"),
    "tuple_type": ("a list", "write it like [A, B]"),
    "string_type": ("text", "put the value in quotes"),
    "bool_type": ("true or false", "write true or false without quotes"),
}


def validate(document: Document, base: Path) -> Config | None:
    """The configuration of a document without problems; else None, with the problems recorded."""
    try:
        config = Config.model_validate(document.root, context={"base": base})
    except ValidationError as error:
        details: Iterable[Any] = error.errors(include_url=False)
        for detail in details:
            path = _tree_path(detail["loc"])
            if not _is_settled(document, path):
                _refuse(document, path, detail)
        return None
    config._base = base
    return config


def _tree_path(location: Iterable[int | str]) -> KeyPath:
    return tuple(part for part in location if part not in UNION_TAGS and part != "[key]")


def _is_settled(document: Document, path: KeyPath) -> bool:
    return any(path[:length] in document.settled for length in range(1, len(path) + 1))


def _refuse(document: Document, path: KeyPath, detail: Mapping[str, Any]) -> None:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        _refuse_unknown(document, path)
        return
    if kind == "missing":
        _refuse_missing(document, path)
        return
    seen = shown(detail["input"], path)
    if kind == "regimeflow":
        expected, step = context["expected"], context["next"]
    elif kind == "literal_error":
        expected = f"one of {context['expected']}".replace("'", "").replace(" or ", ", ")
        close = nearest(str(detail["input"]), expected.removeprefix("one of ").split(", "))
        step = f"did you mean {close}?" if close else "choose one of them"
    elif kind in _PLAIN:
        expected, step = _PLAIN[kind]
    else:
        expected, step = _bound(kind, context)
    document.refuse(path, seen=seen, expected=expected, next_step=step)


def _bound(kind: str, context: Mapping[str, Any]) -> tuple[str, str]:
    if kind == "greater_than":
        return f"a number above {context['gt']}", "raise it, or remove the key to do without it"
    if kind == "greater_than_equal":
        return f"a number of at least {context['ge']}", "raise it"
    if kind == "less_than_equal":
        return f"a number of at most {context['le']}", (
            "lower it; fractions: 0.2 is 20 per cent" if context["le"] <= 4 else "lower it"
        )
    return "a value of the documented kind", "see: regimeflow config schema"


def _refuse_missing(document: Document, path: KeyPath) -> None:
    if path == ("strategies",):
        document.refuse(
            path,
            seen="no strategy",
            expected="strategy or strategies",
            next_step="name one: strategy: {name: buy_and_hold}",
        )
        return
    document.refuse(
        path, seen="no such key", expected="a value", next_step=f"add {written(path[-1:])}"
    )


def _refuse_unknown(document: Document, path: KeyPath) -> None:
    origin = document.written_path(path)
    parent, name = origin[:-1], str(origin[-1])
    valid = keys_at(parent)
    if name in valid:
        return  # a limit that could not be moved to its place: what stands there is refused
    close = nearest(name, valid)
    elsewhere = [other for other in key_paths() if other[-1] == name]
    if close is not None:
        step = f"did you mean {close}?"
    elif elsewhere:
        step = f"did you mean {written(elsewhere[0])}?"
    else:
        step = "remove it"
    listed = sorted(valid)
    more = ", …" if len(listed) > _KEYS_LISTED_MAX else ""
    expected = f"one of {', '.join(listed[:_KEYS_LISTED_MAX])}{more}" if listed else "no such key"
    document.refuse(path, seen="an unknown key", expected=expected, next_step=step)
