"""What an adapter does while its venue takes no requests: a ban, a revoked key, a blocked address.

Whatever is asked then is refused, and asking may prolong it: Binance bans an address that goes on
after a refusal (HTTP 418), longer each time, for up to three days. So nothing is sent before the
time that the venue named, or where it named none after pauses that double up to `PAUSE_S_MAX`. Then
one question goes, and only its answer ends the suspension.

Source: https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits (read 2026-11-30).
"""

from __future__ import annotations

PAUSE_S = 60.0
PAUSE_S_MAX = 900.0
ASK_AGAIN_S = 5.0
"""Pause after a question that got no answer."""
WAIT_S_MIN = 1.0
"""A venue that names a shorter time is asked no sooner."""


class Suspension:
    """`reason` is why the venue takes nothing, empty while it does. Seconds are the owner's clock.

    `until_s` is when to ask next; `question` is the number of the request that asks.
    """

    __slots__ = ("_refusals", "question", "reason", "until_s")

    def __init__(self) -> None:
        self._refusals = 0
        self.question: int | None = None
        self.reason = ""
        self.until_s = 0.0

    def is_due(self, now_s: float) -> bool:
        """Whether to ask now if it is over."""
        return bool(self.reason) and self.question is None and now_s >= self.until_s

    def wait_s(self, now_s: float) -> float:
        """How long nothing may be sent yet, not even a greeting."""
        return max(self.until_s - now_s, 0.0) if self.reason else 0.0

    def refused(self, number: int, reason: str, now_s: float, wait_s: float) -> bool:
        """The venue takes nothing, for `wait_s` as far as it says (0: it does not say).

        Returns whether that is news: it begins, or the question was refused. Requests that were
        under way when it began are refused one by one; they prolong no pause.
        """
        is_news = not self.reason or number == self.question
        if is_news:
            self.reason = reason
            self._pause(now_s, wait_s)
        elif wait_s:
            self.until_s = max(self.until_s, now_s + wait_s)
        return is_news

    def unanswered(self, number: int, now_s: float) -> None:
        """A request came to nothing; if it was the question, it is soon asked again.

        Silence is no refusal: it may be over, and exits wait for it.
        """
        if number == self.question:
            self.question, self.until_s = None, max(self.until_s, now_s + ASK_AGAIN_S)

    def answered(self, number: int) -> bool:
        """A request was answered: if it was the question, the venue takes requests again."""
        if self.question is None or number != self.question:
            return False
        self._refusals, self.question, self.reason = 0, None, ""
        return True

    def _pause(self, now_s: float, wait_s: float) -> None:
        pause_s = min(PAUSE_S * 2.0**self._refusals, PAUSE_S_MAX)
        self._refusals = min(self._refusals + 1, 30)
        self.question = None
        self.until_s = now_s + (max(wait_s, WAIT_S_MIN) if wait_s else pause_s)
