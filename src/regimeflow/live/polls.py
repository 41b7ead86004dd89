"""When to ask the broker what it holds. In a playback the clock is the data's, and a poll is made
at most once in each gap between market events, because nothing can change inside one.
"""

from __future__ import annotations

from regimeflow.config import Config
from regimeflow.model.commands import RequestSnapshot, SnapshotScope
from regimeflow.model.timestamps import NS_PER_MS


class Polls:
    """Due times of the order, position and account refresh; an interval of zero is off."""

    __slots__ = ("_due_ns", "_interval_ns", "_number", "next_ns")

    def __init__(self, config: Config) -> None:
        live = config.live
        assert live is not None
        intervals = {
            SnapshotScope.ORDERS: live.order_reconcile_interval_ms,
            SnapshotScope.POSITIONS: live.position_reconcile_interval_ms,
            SnapshotScope.ACCOUNT: live.account_refresh_interval_ms,
        }
        self._interval_ns = {k: ms * NS_PER_MS for k, ms in intervals.items() if ms}
        self._due_ns = dict.fromkeys(self._interval_ns, 0)
        self._number = 0
        self.next_ns = 0 if self._interval_ns else 2**63

    def due(self, ts_ns: int) -> RequestSnapshot:
        """The one request that covers every part due by `ts_ns`; call it once `next_ns` is."""
        parts = [scope for scope, due_ns in self._due_ns.items() if due_ns <= ts_ns]
        for scope in parts:
            self._due_ns[scope] = ts_ns + self._interval_ns[scope]
        self.next_ns = min(self._due_ns.values())
        self._number += 1
        scope = parts[0] if len(parts) == 1 else SnapshotScope.ALL
        return RequestSnapshot(f"poll-{ts_ns}-{self._number}", scope)
