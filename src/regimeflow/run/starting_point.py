"""Where the folds of a journal behind a link may begin: at its beginning, or at a saved state.

A state was captured in the middle of the event that ended a session (see `core/engine_state.py`):
it has all records up to its `seq` behind it, outputs of that event among them. Facts before it are
still folded, because books, executions and the files for people want all of them; market data
before it is not needed any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from regimeflow.core.engine_state import EngineState, decode_engine_state
from regimeflow.errors import ConfigError, JournalError
from regimeflow.journal.epochs import EpochMark
from regimeflow.journal.segments import market_pruned_before
from regimeflow.journal.state_files import list_states, read_state, state_path


class Start(NamedTuple):
    """The last record behind it, the event in hand there, the engine; all nothing at the
    journal's beginning."""

    seq: int
    cause_seq: int
    state: EngineState | None


class KeptState(NamedTuple):
    """A state beside the journal: its epoch, and the last record behind it."""

    mark: EpochMark
    seq: int


class Starts(NamedTuple):
    """Where the folds may begin, oldest first; the states those are; the first market record left
    where some were pruned (else 0); and what was wrong with other files."""

    starts: list[Start]
    states: list[KeptState]
    pruned_before: int
    problems: list[str]


class _SavedState(msgspec.Struct, frozen=True, array_like=True):
    seq: int
    cause_seq: int
    engine: msgspec.Raw


BEGINNING = Start(0, 0, None)


def encode_state(seq: int, cause_seq: int, engine: bytes) -> bytes:
    """The payload of a state file: an engine captured behind record `seq`, in event `cause_seq`."""
    return msgspec.msgpack.encode(_SavedState(seq, cause_seq, msgspec.Raw(engine)))


def decode_state(payload: bytes) -> Start:
    """What a state file holds. Raises ConfigError for bytes this code does not read."""
    try:
        saved = msgspec.msgpack.decode(payload, type=_SavedState)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"the saved engine state cannot be read: {error}") from error
    return Start(saved.seq, saved.cause_seq, decode_engine_state(bytes(saved.engine)))


def possible_starts(directory: Path, marks: Sequence[EpochMark]) -> Starts:
    """Where the folds of a journal with these epochs may begin.

    A state counts when its file is whole, is the one its epoch names, and the market data behind
    it is there. The journal's beginning counts as long as nothing was pruned.
    """
    pruned_before = market_pruned_before(directory)
    by_seq = {mark.seq: mark for mark in marks if mark.state_digest}
    starts: list[Start] = [] if pruned_before else [BEGINNING]
    kept: list[KeptState] = []
    problems: list[str] = []
    for seq in list_states(directory):
        name = state_path(directory, seq).name
        mark = by_seq.get(seq)
        if mark is None:
            problems.append(f"{name}: no epoch of this journal names it")
            continue
        try:
            start = decode_state(read_state(directory, mark))
        except (ConfigError, JournalError) as error:
            problems.append(str(error) if name in str(error) else f"{name}: {error}")
            continue
        if start.seq + 1 < pruned_before:
            problems.append(f"{name}: market data behind it was pruned")
            continue
        starts.append(start)
        kept.append(KeptState(mark, start.seq))
    return Starts(starts, kept, pruned_before, problems)
