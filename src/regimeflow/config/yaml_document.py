"""Strict YAML: the part of the language a configuration needs, with the line of every key.

Invariants: no tags, no duplicate keys, no merge keys, one document, at most 1 MiB, 64 aliases,
32 levels and 20,000 values. Plain scalars follow the YAML 1.2 core schema, so `NO`, `ON` and `yes`
are text (they are tickers) and only `true` and `false` are booleans. Numbers keep their literal
text and become `int` or `Decimal`. An unquoted `2008-01-02` is a date. Keys are always text.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import yaml

from regimeflow.config.document import DEPTH_MAX, NODES_MAX, Document, Position, Tree
from regimeflow.config.problems import KeyPath, Problem, refusal, shown

FILE_BYTES_MAX = 1024 * 1024
ALIASES_MAX = 64
_NUMBER_CHARACTERS_MAX = 64

_BOOL = "tag:yaml.org,2002:bool"
_NULL = "tag:yaml.org,2002:null"
_INT = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"
_NON_FINITE = "tag:yaml.org,2002:float#non-finite"
_DATE = "tag:yaml.org,2002:timestamp"
_STR = "tag:yaml.org,2002:str"


class _Refused(yaml.MarkedYAMLError):
    """A construct this loader does not read; carries the mark of the construct."""


class _StrictLoader(yaml.SafeLoader):
    """Composes nodes only (it never constructs objects), within bounds and without tags."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0
        self._aliases = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        refused = None
        if getattr(event, "tag", None) is not None:
            refused = f"the tag {event.tag!r}"
        self._aliases += isinstance(event, yaml.AliasEvent)
        if self._aliases > ALIASES_MAX:
            refused = f"more than {ALIASES_MAX} aliases"
        if self._depth >= DEPTH_MAX:
            refused = f"more than {DEPTH_MAX} levels"
        if refused is not None:
            raise _Refused(problem=refused, problem_mark=event.start_mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


_StrictLoader.yaml_implicit_resolvers = {}


def _resolve(tag: str, pattern: str, first: str) -> None:
    _StrictLoader.add_implicit_resolver(tag, re.compile(pattern), list(first))


_resolve(_BOOL, r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF")
_resolve(_NULL, r"^(?:~|null|Null|NULL|)$", "~nN")
_StrictLoader.yaml_implicit_resolvers.setdefault("", []).append((_NULL, re.compile(r"^$")))
_resolve(_INT, r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789")
_resolve(
    _FLOAT,
    r"^[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$",
    "-+.0123456789",
)
_resolve(_NON_FINITE, r"^[-+]?\.(?:inf|Inf|INF|nan|NaN|NAN)$", "-+.")
_resolve(_DATE, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "0123456789")


def document_from_file(path: Path, source: str) -> Document:
    """Read one YAML file, called `source` in errors; raises `ConfigError` when it is not YAML."""
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        expected, step = "a readable YAML file", "check the path, or start one: regimeflow init"
        raise refusal([Problem(source, (), reason, expected, step)]) from None
    return document_from_bytes(raw, source)


def document_from_bytes(raw: bytes, source: str) -> Document:
    """Read YAML bytes; the problems of single keys are recorded, a broken file raises."""
    if len(raw) > FILE_BYTES_MAX:
        seen = f"more than {FILE_BYTES_MAX} bytes"
        step = "remove what is not configuration"
        raise refusal([Problem(source, (), seen, "a small YAML file", step)])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        seen = f"byte 0x{raw[error.start]:02x} at offset {error.start}"
        line = raw.count(b"\n", 0, error.start) + 1
        step = "save the file as UTF-8"
        raise refusal([Problem(source, (), seen, "UTF-8 text", step, line)]) from None
    node = _compose(text, source)
    return _Reader(Document(source)).read(node)


def _compose(text: str, source: str) -> yaml.Node | None:
    expected, step = "plain YAML", "correct the YAML on that line"
    try:
        loader = _StrictLoader(text)
        try:
            node: yaml.Node | None = loader.get_single_node()
            return node
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else None
        if isinstance(error, _Refused):
            expected, step = "plain keys and values", "write the value out"
        seen = " ".join(str(error.problem or error.context or "broken YAML").split())
        raise refusal([Problem(source, (), seen, expected, step, line)]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        seen = f"character #x{ord(text[error.position]):04x}"
        raise refusal([Problem(source, (), seen, "printable text", "remove it", line)]) from None


class _Reader:
    """Turns composed nodes into a tree, recording the position and the problems of each key."""

    __slots__ = ("_budget", "_document")

    def __init__(self, document: Document) -> None:
        self._document = document
        self._budget = NODES_MAX

    def read(self, node: yaml.Node | None) -> Document:
        """Fill the document from the top node, which must be a mapping with something in it."""
        document = self._document
        if not isinstance(node, yaml.MappingNode):
            seen = "an empty file" if node is None else shown(self._value(node, ()))
            step = "start one with: regimeflow init"
            raise refusal([Problem(document.source, (), seen, "a mapping of sections", step, 1)])
        root = self._value(node, ())
        assert isinstance(root, dict)
        document.root = root
        return document

    def _value(self, node: yaml.Node, path: KeyPath) -> Tree:
        self._budget -= 1
        if self._budget < 0 or len(path) > DEPTH_MAX:
            seen = f"aliases that expand to over {NODES_MAX} values or {DEPTH_MAX} levels"
            line, step = node.start_mark.line + 1, "write the values out"
            problem = Problem(self._document.source, path[:4], seen, "fewer values", step, line)
            raise refusal([problem])
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            children = list(enumerate(node.value))
            for i, child in children:
                self._place((*path, i), child)
            return [self._value(child, (*path, i)) for i, child in children]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> Tree:
        tree: dict[str, Tree] = {}
        for key_node, child in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse_at(line, path, "a key that is not text", "text keys", "rename the key")
                continue
            name = str(key_node.value)
            if name in tree:
                first = self._document.positions[(*path, name)].line
                seen = f"the key twice, on lines {first} and {line}"
                self._refuse_at(line, (*path, name), seen, "one value for each key", "remove one")
                continue
            self._place((*path, name), key_node)
            tree[name] = self._value(child, (*path, name))
        return tree

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Tree:
        text = str(node.value)
        if node.tag == _STR:
            return text
        if node.tag == _BOOL:
            return text.lower() == "true"
        if node.tag == _NULL:
            self._document.refuse_empty(path, None)
            return None
        if node.tag == _DATE:
            return self._date(text, path)
        if node.tag == _NON_FINITE or len(text) > _NUMBER_CHARACTERS_MAX:
            self._refuse_value(path, text, "a finite number", "write a plain number")
            return None
        return int(text) if node.tag == _INT else Decimal(text)

    def _date(self, text: str, path: KeyPath) -> Tree:
        try:
            return date.fromisoformat(text)
        except ValueError:
            self._refuse_value(path, text, "a day of the calendar", "correct the date")
            return None

    def _refuse_value(self, path: KeyPath, text: str, expected: str, next_step: str) -> None:
        self._document.refuse(path, seen=text[:40], expected=expected, next_step=next_step)
        self._document.settled.add(path)

    def _refuse_at(self, line: int, path: KeyPath, seen: str, expected: str, step: str) -> None:
        problem = Problem(self._document.source, path, seen, expected, step, line)
        self._document.problems.append(problem)

    def _place(self, path: KeyPath, node: yaml.Node) -> None:
        mark = node.start_mark
        self._document.positions[path] = Position(mark.line + 1, mark.column + 1)
