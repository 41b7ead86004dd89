"""Whether the server takes requests of a client at all: rates, bans, access that was revoked."""

from __future__ import annotations

import asyncio

from regimeflow.testing.venues.faults import FaultKind, VenueFaults


class Admittance:
    """Refuses what comes while a ban or a revocation lasts; `turned_away` counts how much."""

    __slots__ = ("_banned_until_s", "_faults", "_revoked_until_s", "turned_away")

    def __init__(self, faults: VenueFaults) -> None:
        self._faults = faults
        self._banned_until_s = 0.0
        self._revoked_until_s = 0.0
        self.turned_away = 0

    def refusal(self, verb: str) -> tuple[str, str, float] | None:
        """Code, message and when to come again (0: untold) for a request; None: it is taken."""
        now_s = asyncio.get_running_loop().time()
        ban_s = self._faults.strikes(FaultKind.BAN, verb)
        if ban_s is not None:
            self._banned_until_s = now_s + ban_s
        revoked_s = self._faults.strikes(FaultKind.REVOKED, verb)
        if revoked_s is not None:
            self._revoked_until_s = now_s + revoked_s
        if self.is_revoked():
            return ("forbidden", "the key is not valid", 0.0)
        if now_s < self._banned_until_s:
            self.turned_away += 1
            return "banned", "too many requests", self._banned_until_s - now_s
        wait_s = self._faults.strikes(FaultKind.RATE_LIMIT, verb)
        return None if wait_s is None else ("rate_limited", "slow down", wait_s)

    def is_revoked(self) -> bool:
        """Whether nobody is let in; asking counts as turned away if so."""
        is_revoked = asyncio.get_running_loop().time() < self._revoked_until_s
        self.turned_away += is_revoked
        return is_revoked
