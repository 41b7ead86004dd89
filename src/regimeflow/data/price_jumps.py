"""Overnight moves that no corporate action explains: almost always a missing split.

A split that is missing from the actions file would be traded as a crash. A raw price that moves
more than 40 % from one day to the next, after the actions of that morning, is therefore refused
unless the user has said by name that it really happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from regimeflow.errors import DataError
from regimeflow.model.market import ActionKind, CorporateAction
from regimeflow.model.timestamps import NS_PER_DAY, date_from_ns

if TYPE_CHECKING:
    from regimeflow.data.blocks import Floats, Ints

MOVE_MAX = 0.4
# More than this is not a price series; the first ones are enough to refuse it.
JUMPS_MAX = 1_000
CONFIG_KEY = "backtest.data.allow_price_jumps"


class PriceJump(DataError):
    """One unexplained move. `day` is the day of the new price; data after it may be good."""

    def __init__(self, message: str, day: date) -> None:
        super().__init__(message)
        self.day = day


class JumpCheck:
    """Follows one symbol's prices block by block and remembers what nothing explains.

    Jumps are remembered rather than refused at once, since only those inside the stream count,
    and where the stream begins is known when the whole file has been seen.
    """

    __slots__ = ("_actions", "_allowed", "_jumps", "_last", "_next_action", "_symbol")

    def __init__(
        self, symbol: str, actions: Sequence[CorporateAction], allowed: Sequence[str]
    ) -> None:
        """`actions` in time order; `allowed` holds `AAPL` or `AAPL:2000-09-29`."""
        self._symbol = symbol
        self._actions = actions
        self._allowed = frozenset(allowed)
        self._next_action = 0
        self._last: tuple[int, float] | None = None
        self._jumps: list[tuple[int, str]] = []

    def feed(self, times_ns: Ints, prices: Floats) -> None:
        """Look at the next rows: the moment each is for, and its price."""
        if not len(times_ns):
            return
        if self._last is not None:
            times_ns = np.concatenate(([self._last[0]], times_ns))
            prices = np.concatenate(([self._last[1]], prices))
        self._last = int(times_ns[-1]), float(prices[-1])
        expected = prices[:-1].copy()
        self._apply_actions(times_ns, expected)
        days = times_ns // NS_PER_DAY
        is_jump = (days[1:] != days[:-1]) & (
            (expected <= 0) | (np.abs(prices[1:] - expected) > MOVE_MAX * np.abs(expected))
        )
        for index in np.flatnonzero(is_jump)[: JUMPS_MAX - len(self._jumps)].tolist():
            before, after = index, index + 1
            self._remember(
                (int(times_ns[before]), int(times_ns[after])),
                (float(prices[before]), float(prices[after])),
                float(expected[before]),
            )

    def refuse_since(self, first_ns: int) -> None:
        """Raise PriceJump for the first jump to a row later than `first_ns`."""
        for ts_ns, message in self._jumps:
            if ts_ns > first_ns:
                raise PriceJump(message, date_from_ns(ts_ns))

    def _apply_actions(self, times_ns: Ints, expected: Floats) -> None:
        """Turn each previous price into what it is worth after the actions of the next row."""
        while self._next_action < len(self._actions):
            action = self._actions[self._next_action]
            index = int(np.searchsorted(times_ns, action.ts_venue_ns, side="left"))
            if index == len(times_ns):
                return
            self._next_action += 1
            if index == 0:
                continue
            if action.kind is ActionKind.SPLIT:
                expected[index - 1] /= float(action.value)
            else:
                expected[index - 1] -= float(action.value)

    def _remember(
        self, times_ns: tuple[int, int], closes: tuple[float, float], expected: float
    ) -> None:
        days = [date_from_ns(ts_ns).isoformat() for ts_ns in times_ns]
        symbol, entry = self._symbol, f"{self._symbol}:{days[1]}"
        if symbol in self._allowed or entry in self._allowed:
            return
        after = "" if expected == closes[0] else f" ({expected:g} after that day's actions)"
        move = f"{closes[1] / expected - 1:+.1%}" if expected > 0 else "from nothing"
        message = (
            f"{symbol}: the close moves {move} overnight: {closes[0]:g} on {days[0]}{after}, "
            f"{closes[1]:g} on {days[1]}, and no split or dividend explains it. Add the action "
            f'to its actions file or, if the move is real, set {CONFIG_KEY}: ["{entry}"]'
        )
        self._jumps.append((times_ns[1], message))
