"""The YAML reader takes plain keys and values only, within bounds, and knows every line."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from regimeflow.config import load_config
from regimeflow.config.document import Position
from regimeflow.config.yaml_document import FILE_BYTES_MAX, document_from_bytes
from regimeflow.errors import ConfigError


def refusal(text: str | bytes) -> str:
    raw = text.encode() if isinstance(text, str) else text
    with pytest.raises(ConfigError) as caught:
        document_from_bytes(raw, "rf.yaml")
    return str(caught.value)


def test_scalars_keep_their_literal_value() -> None:
    text = "{a: 0.1, b: 5, c: 1e3, d: 2008-01-02, e: yes, f: NO, g: true, h: '5', i: 010, j: 1_0}"
    assert document_from_bytes(text.encode(), "x").root == {
        "a": Decimal("0.1"),
        "b": 5,
        "c": Decimal(1000),
        "d": date(2008, 1, 2),
        "e": "yes",
        "f": "NO",
        "g": True,
        "h": "5",
        "i": "010",
        "j": "1_0",
    }


def test_number_is_never_read_through_a_float() -> None:
    root = document_from_bytes(b"a: 0.1000000000000000055511151231257827\n", "x").root
    assert root["a"] == Decimal("0.1000000000000000055511151231257827")


def test_line_and_column_of_each_key_are_known() -> None:
    document = document_from_bytes(b"a:\n  b: 1\n  c: [x,\n      y]\n", "x")
    assert document.positions["a", "b"] == Position(2, 3)
    assert document.positions["a", "c", 1] == Position(4, 7)


def test_keys_are_text_whatever_they_look_like() -> None:
    assert document_from_bytes(b"{600519: a, NO: b, true: c}", "x").root == {
        "600519": "a",
        "NO": "b",
        "true": "c",
    }


def test_duplicate_key_names_both_lines() -> None:
    document = document_from_bytes(b"live:\n  paper: true\n  symbols: [A]\n  paper: false\n", "f")
    assert [str(problem) for problem in document.problems] == [
        "f:4: live.paper: seen the key twice, on lines 2 and 4; "
        "expected one value for each key; remove one"
    ]


def test_duplicate_limit_is_refused_by_the_loader(tmp_path: Path) -> None:
    path = tmp_path / "rf.yaml"
    path.write_text("strategy: {name: b, symbols: [A]}\naccount: {currency: USD, currency: EUR}\n")
    with pytest.raises(ConfigError, match=r"rf\.yaml:2: account\.currency: seen the key twice"):
        load_config(path, environ={}, cwd=tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system ['true']\n",
        "a: !!str 5\n",
        "a: !custom x\n",
        "a: ! x\n",
        "!!map {a: 1}\n",
    ],
)
def test_tags_are_refused(text: str) -> None:
    message = refusal(text)
    assert message.startswith("rf.yaml:1: seen the tag")
    assert "expected plain keys and values" in message


def test_billion_laughs_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x]"]
    for i in range(1, 9):
        lines.append(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 7)}]")
    assert "aliases that expand" in refusal("\n".join(lines))


def test_many_aliases_are_refused() -> None:
    assert "more than 64 aliases" in refusal("a: &a 1\nb: [" + "*a, " * 65 + "1]\n")


def test_few_aliases_are_read() -> None:
    root = document_from_bytes(b"a: &days {start: 2000-01-01}\nb: *days\n", "x").root
    assert root["b"] == {"start": date(2000, 1, 1)}


def test_alias_inside_its_own_anchor_is_refused() -> None:
    assert "levels" in refusal("a: &a [*a]\n")


def test_deep_nesting_is_refused() -> None:
    assert "more than 32 levels" in refusal("a: " + "[" * 100_000)


def test_large_file_is_refused() -> None:
    assert "more than 1048576 bytes" in refusal(b"# " + b"x" * FILE_BYTES_MAX)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", "seen an empty file; expected a mapping"),
        (b"# only a comment\n", "seen an empty file"),
        (b"- a\n", "seen a list; expected a mapping"),
        (b"text\n", "seen text 'text'; expected a mapping"),
        (b"a: 1\n---\nb: 2\n", "rf.yaml:2: seen"),
        (b"a: [1\nb: 2\n", "rf.yaml:2: seen"),
        (b"a: 1\nb: \xff\n", "rf.yaml:2: seen byte 0xff"),
        (b"a: 1\nb: \x07\n", "rf.yaml:2: seen character #x0007"),
        (b"a: 1\n\tb: 2\n", "rf.yaml:2: seen"),
        (b"{*x : 1}\n", "seen"),
    ],
)
def test_file_that_is_not_plain_yaml_is_refused(text: bytes, expected: str) -> None:
    assert expected in refusal(text)


def test_key_that_is_a_list_is_recorded() -> None:
    document = document_from_bytes(b"{? [a] : 1, b: 2}", "x")
    assert document.root == {"b": 2}
    assert "a key that is not text" in str(document.problems[0])


def test_merge_key_is_an_unknown_key(tmp_path: Path) -> None:
    path = tmp_path / "rf.yaml"
    path.write_text("strategy: &s {name: b, symbols: [A]}\naccount: {<<: *s}\n")
    with pytest.raises(ConfigError, match=r"account\.<<: seen an unknown key"):
        load_config(path, environ={}, cwd=tmp_path)


def test_missing_file_is_refused_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: seen No such file.*regimeflow init"):
        load_config("nowhere.yaml", environ={}, cwd=tmp_path)


def test_byte_order_mark_is_ignored() -> None:
    assert document_from_bytes(b"\xef\xbb\xbfa: 1\n", "x").root == {"a": 1}
