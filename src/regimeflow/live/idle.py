"""Work for idle moments: putting committed facts on stable storage, and what may follow that."""

from __future__ import annotations

from collections.abc import Callable

from regimeflow.journal.writer import JournalWriter

SYNC_EVERY_S = 1.0
"""With durability `process`, a power cut takes what was written in about this long."""


class IdleSync:
    """Syncs the journal when called, at most once in `SYNC_EVERY_S` and only if there is news.

    `then` is called whenever every fact is synced.
    """

    __slots__ = ("_journal", "_monotonic", "_next_s", "_then")

    def __init__(
        self,
        journal: JournalWriter,
        monotonic: Callable[[], float],
        then: Callable[[], None] | None = None,
    ) -> None:
        self._journal = journal
        self._monotonic = monotonic
        self._then = then
        self._next_s = monotonic() + SYNC_EVERY_S

    def __call__(self) -> None:
        """An idle moment: raises JournalError when the disk fails."""
        now_s = self._monotonic()
        if now_s >= self._next_s and self._journal.unsynced_bytes:
            self._next_s = now_s + SYNC_EVERY_S
            self._journal.sync()
        if self._then is not None and not self._journal.unsynced_bytes:
            self._then()
