"""Where numbered records go: a journal on disk, or nowhere but to the observers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from regimeflow.journal.records import EpochOpened, Record
from regimeflow.model.commands import Output
from regimeflow.model.events import MARKET_EVENT_TYPES, Event


class Recorder(Protocol):
    """Numbers what happens; `commit` makes it durable (where it can) and returns the facts."""

    next_seq: int

    def append_event(self, ts_ns: int, event: Event) -> int: ...
    def append_output(self, ts_ns: int, cause_seq: int, output: Output) -> int: ...
    def append_epoch(self, ts_ns: int, epoch: EpochOpened) -> int: ...
    def commit(self) -> Sequence[Record]: ...


class MemoryRecorder:
    """A recorder for backtests: the same numbers as a journal, kept until the next commit."""

    __slots__ = ("_facts", "next_seq")

    def __init__(self) -> None:
        self.next_seq = 1
        self._facts: list[Record] = []

    def append_event(self, ts_ns: int, event: Event) -> int:
        """Number an event; market events are only counted."""
        seq = self.next_seq
        self.next_seq = seq + 1
        if type(event) not in MARKET_EVENT_TYPES:
            self._facts.append(Record(seq, ts_ns, 0, event))
        return seq

    def append_output(self, ts_ns: int, cause_seq: int, output: Output) -> int:
        """Number an output of the event `cause_seq`."""
        seq = self.next_seq
        self.next_seq = seq + 1
        self._facts.append(Record(seq, ts_ns, cause_seq, output))
        return seq

    def append_epoch(self, ts_ns: int, epoch: EpochOpened) -> int:
        """Number the opening of an epoch."""
        seq = self.next_seq
        self.next_seq = seq + 1
        self._facts.append(Record(seq, ts_ns, 0, epoch))
        return seq

    def commit(self) -> Sequence[Record]:
        """The facts since the last commit."""
        facts = self._facts
        if facts:
            self._facts = []
        return facts
