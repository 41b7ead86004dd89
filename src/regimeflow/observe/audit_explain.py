"""The whole story of one order, told from the journal: every record about it, with its cause.

Reads the journal several times: first for the ids the order had (its replacements, the broker's
ids), then for the story. Memory is bounded by the story, not by the journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from regimeflow.errors import UsageError
from regimeflow.journal.records import Body, Record
from regimeflow.model import commands, events
from regimeflow.model.events import MARKET_EVENT_TYPES
from regimeflow.model.timestamps import format_ns
from regimeflow.observe.describe import describe, plain, printable

STORY_LINES_MAX = 10_000
"""Lines of one story; what an order has beyond them is counted, not told."""

IDS_MAX = 1_000
"""Ids of one order that are followed."""

ID_FIELDS = ("client_order_id", "orig_client_order_id", "broker_order_id")


class StoryLine(msgspec.Struct, frozen=True):
    """One record of the story. `is_cause` marks an event told only because it caused others."""

    seq: int
    ts_ns: int
    cause_seq: int
    text: str
    is_cause: bool


class OrderStory(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the journal knows of one order; no lines when it knows nothing."""

    order_id: str
    ids: tuple[str, ...]
    lines: tuple[StoryLine, ...]
    left_out: int

    def text(self) -> str:
        """The story for a terminal, one line a record."""
        if not self.lines:
            return f"no record mentions the order {printable(self.order_id)}"
        told = [f"order {printable(', '.join(self.ids))}"]
        for line in self.lines:
            because = f"  (because of {line.cause_seq})" if line.cause_seq else ""
            told.append(f"{format_ns(line.ts_ns)}  #{line.seq}  {line.text}{because}")
        if self.left_out:
            told.append(f"... and {self.left_out} more records")
        return "\n".join(told)


def explain_order(records: Iterable[Record], order_id: str) -> OrderStory:
    """The story of the order that ever had `order_id`, a client or broker order id.

    `records` is read more than once: pass `JournalRecords(directory)` or a list. Raises
    UsageError for an iterator, which can be read only once.
    """
    if isinstance(records, Iterator):
        raise UsageError(
            "explain_order reads its records more than once; pass JournalRecords(directory)"
        )
    ids = _ids_of(records, order_id)
    lines: list[StoryLine] = []
    left_out = 0
    event: Record | None = None
    told_seq = 0
    for record in records:
        if not record.cause_seq:
            event = record
        text = _mention(record.body, ids)
        if not text:
            continue
        if len(lines) >= STORY_LINES_MAX:
            left_out += 1
            continue
        # Outputs follow their event directly, so the last event seen is the one that caused it.
        if record.cause_seq and event and event.seq == record.cause_seq and told_seq < event.seq:
            lines.append(_line(event, describe(event.body), is_cause=True))
        lines.append(_line(record, text, is_cause=False))
        told_seq = record.seq
    return OrderStory(order_id=order_id, ids=tuple(ids), lines=tuple(lines), left_out=left_out)


def _line(record: Record, text: str, *, is_cause: bool) -> StoryLine:
    return StoryLine(record.seq, record.ts_ns, record.cause_seq, text, is_cause)


def _ids_of(records: Iterable[Record], order_id: str) -> dict[str, None]:
    """Every id of the chain.

    A link may lie before the record that ties it to the id asked for, so the records are read
    until a pass finds nothing new: two passes for most orders, one more per replacement at worst.
    """
    ids = {order_id: None}
    known = 0
    while known < len(ids) <= IDS_MAX:
        known = len(ids)
        for record in records:
            linked = _linked_ids(record.body)
            if len(linked) > 1 and any(name in ids for name in linked):
                ids |= dict.fromkeys(linked)
    return ids


def _linked_ids(body: Body) -> list[str]:
    """The ids a record says are one order."""
    if type(body) in MARKET_EVENT_TYPES:
        return []
    return [name for field in ID_FIELDS if (name := getattr(body, field, None))]


def _mention(body: Body, ids: dict[str, None]) -> str:
    """What a record says about the order; empty when it does not mention it."""
    if type(body) in MARKET_EVENT_TYPES:
        return ""
    if isinstance(body, events.BrokerSnapshot):
        return _listed(body, ids)
    if isinstance(body, commands.DiscrepancyFound):
        return describe(body) if body.subject in ids else ""
    if any(getattr(body, field, None) in ids for field in ID_FIELDS):
        return describe(body)
    if isinstance(body, commands.SubmitOrder) and body.parent_id in ids:
        return f"its exit: {describe(body)}"
    return ""


def _listed(body: events.BrokerSnapshot, ids: dict[str, None]) -> str:
    """What a snapshot lists of the order."""
    told = [
        f"the broker lists it as {row.status}, {plain(row.filled_quantity)} of"
        f" {plain(row.quantity)} filled"
        for row in body.orders or ()
        if row.client_order_id in ids or row.broker_order_id in ids
    ]
    told += [
        f"the broker lists execution {row.execution_id}: {plain(row.quantity)} at"
        f" {plain(row.price)}"
        for row in body.fills or ()
        if row.client_order_id in ids or row.broker_order_id in ids
    ]
    return printable("; ".join(told))
