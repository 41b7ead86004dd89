"""The first words of a connection, repeated on it when reports turn out to be missing."""

from __future__ import annotations

from enum import StrEnum

from regimeflow.brokers.sim import messages as m
from regimeflow.brokers.sim import wire as w


class State(StrEnum):
    """How far the conversation is."""

    DOWN = "down"
    GREETING = "greeting"
    RESUMING = "resuming"
    UP = "up"


class Greeting:
    """Who we are and where we left off; at most one `hello` waits for its answer.

    `resume_fill_seq` is for the first greeting of a process that has forgotten the numbers of
    its reports: every fill after it is repeated. None repeats nothing.
    """

    __slots__ = (
        "_account",
        "_client",
        "_is_takeover",
        "_resume_fill_seq",
        "_texts",
        "_timeout_s",
        "deadline_s",
        "id",
    )

    def __init__(
        self,
        *,
        account: str,
        client: str,
        is_takeover: bool,
        resume_fill_seq: int | None,
        timeout_s: float,
    ) -> None:
        self._account = account
        self._client = client
        self._is_takeover = is_takeover
        self._resume_fill_seq = resume_fill_seq
        self._timeout_s = timeout_s
        self._texts: list[str] = []
        self.id = 0
        self.deadline_s: float | None = None

    @property
    def repeats_fills(self) -> bool:
        """Whether the first greeting asks for old fills."""
        return self._resume_fill_seq is not None

    @property
    def is_waiting(self) -> bool:
        """Whether an answer is due."""
        return self.deadline_s is not None

    @property
    def has_text(self) -> bool:
        """Whether `take` has something."""
        return bool(self._texts)

    def say(self, number: int, now_s: float, *, epoch: int | None, last: int) -> None:
        """Queue a `hello`; without an epoch it is the first of this process."""
        self.id = number
        self.deadline_s = now_s + self._timeout_s
        hello = m.Hello(
            id=number,
            protocol=w.PROTOCOL_VERSION,
            account=self._account,
            client=self._client,
            is_takeover=self._is_takeover,
            epoch=epoch,
            resume_report_seq=None if epoch is None else last,
            resume_fill_seq=self._resume_fill_seq if epoch is None else None,
        )
        self._texts.append(w.encode(hello))

    def take(self) -> list[str]:
        """What is to be written."""
        texts, self._texts = self._texts, []
        return texts

    def finish(self) -> None:
        """The answer has come, or the connection is gone."""
        self._texts.clear()
        self.deadline_s = None
