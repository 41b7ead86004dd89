"""The audit file: lines bound to each other by hashes, as JSON lines or CSV.

A line's hash is SHA-256 over the canonical JSON (keys sorted, no spaces, ASCII) of its other
six fields, `prev_hash` among them; the first follows 64 zeros. The same line has the same hash in
both formats, and any language can check it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

import msgspec

from regimeflow.errors import JournalError
from regimeflow.journal.records import GENESIS_HASH

FIELDS = ("seq", "timestamp", "type", "details", "metadata", "prev_hash", "hash")
CSV_HEADER = ",".join(FIELDS) + "\n"

Metadata = dict[str, str | int]


class AuditFormat(StrEnum):
    """How lines are written."""

    JSONL = "jsonl"
    CSV = "csv"


class AuditLine(msgspec.Struct, frozen=True):
    """One line. `seq` counts lines from 1 without a gap; `metadata` names the journal's seq."""

    seq: int
    timestamp: str
    type: str
    details: str
    metadata: Metadata
    prev_hash: str
    hash: str


class AuditVerification(msgspec.Struct, frozen=True, kw_only=True):
    """What verification found; `problem` is empty when the chain is intact."""

    is_intact: bool
    lines: int
    head: str
    anchor_found: bool | None
    problem: str


def chained(
    seq: int, timestamp: str, kind: str, details: str, metadata: Metadata, prev_hash: str
) -> AuditLine:
    """The line with its hash."""
    unsigned = {
        "seq": seq,
        "timestamp": timestamp,
        "type": kind,
        "details": details,
        "metadata": metadata,
        "prev_hash": prev_hash,
    }
    digest = sha256(_canonical(unsigned).encode("ascii")).hexdigest()
    return AuditLine(seq, timestamp, kind, details, metadata, prev_hash, digest)


def encode_line(line: AuditLine, form: AuditFormat) -> str:
    """One line of the file, newline included."""
    row = msgspec.structs.asdict(line)
    if form is AuditFormat.JSONL:
        return json.dumps(row, separators=(",", ":"), ensure_ascii=True) + "\n"
    sink = io.StringIO()
    row["metadata"] = _canonical(line.metadata)
    csv.writer(sink, lineterminator="\n").writerow(row[name] for name in FIELDS)
    return sink.getvalue()


def decode_line(text: str, form: AuditFormat) -> AuditLine:
    """The reverse of `encode_line`. Raises ValueError for anything that is no line."""
    try:
        if form is AuditFormat.JSONL:
            return _DECODE(text)
        row: dict[str, object] = dict(zip(FIELDS, next(csv.reader([text])), strict=True))
        row["seq"] = int(str(row["seq"]))
        row["metadata"] = json.loads(str(row["metadata"]))
        return msgspec.convert(row, AuditLine)
    except (msgspec.MsgspecError, StopIteration, csv.Error, ValueError) as error:
        raise ValueError(f"not an audit line: {error}") from error


def read_lines(path: Path) -> Iterator[AuditLine]:
    """The whole lines of an audit file, unchecked. Raises ValueError at one that is none."""
    form = format_of(path)
    with path.open("rb") as stream:
        for raw in stream:
            if not raw.endswith(b"\n"):
                return
            text = raw.decode("utf-8")
            if text != CSV_HEADER:
                yield decode_line(text, form)


def format_of(path: Path) -> AuditFormat:
    """Told by the name: `audit.jsonl`, anything else is CSV."""
    return AuditFormat.JSONL if path.suffix == ".jsonl" else AuditFormat.CSV


def verify_audit(path: Path, anchor: str | None = None) -> AuditVerification:
    """Check every line against the chain; finds changed, moved, added and removed lines.

    That the newest lines are gone shows only against `anchor`, a head printed earlier. Raises
    JournalError where the file cannot be read at all.
    """
    head = GENESIS_HASH
    lines = 0
    anchor_found = None if anchor is None else anchor == head
    problem = ""
    try:
        for line in read_lines(path):
            problem = _problem(line, lines + 1, head)
            if problem:
                break
            lines += 1
            head = line.hash
            anchor_found = True if head == anchor else anchor_found
    except ValueError as error:
        problem = f"line {lines + 1}: {error}"
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error}") from error
    if not problem and anchor_found is False:
        problem = (
            f"no line has the hash {anchor}: lines at the end are missing, the file was rewritten,"
            " or the anchor belongs to another file"
        )
    return AuditVerification(
        is_intact=not problem, lines=lines, head=head, anchor_found=anchor_found, problem=problem
    )


def _problem(line: AuditLine, seq: int, prev_hash: str) -> str:
    if line.seq != seq:
        return f"line {seq} has the number {line.seq}: lines were removed, added or moved"
    expected = chained(
        line.seq, line.timestamp, line.type, line.details, line.metadata, line.prev_hash
    )
    if line.hash != expected.hash:
        return f"line {seq} was changed: its hash is {line.hash}, its text gives {expected.hash}"
    if line.prev_hash != prev_hash:
        return f"line {seq} follows {line.prev_hash}, but the line before it is {prev_hash}"
    return ""


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


_DECODE = msgspec.json.Decoder(AuditLine).decode
