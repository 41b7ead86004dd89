"""What may leave: one state for the account, one latch per strategy. Halt is easier than resume:
a state only ever gets stricter by itself, and only an operator's `Resume` loosens it.
"""

from __future__ import annotations

from regimeflow.model.commands import TradingState, TradingStateChanged
from regimeflow.model.ids import StrategyId

_STRICTNESS = {TradingState.ACTIVE: 0, TradingState.REDUCING: 1, TradingState.HALTED: 2}


class TradingStates:
    """The account's state and each strategy's, changed only by `apply`."""

    __slots__ = ("account", "account_reason", "by_strategy")

    def __init__(self) -> None:
        self.account = TradingState.ACTIVE
        self.account_reason = ""
        self.by_strategy: dict[StrategyId, TradingState] = {}

    def of(self, strategy_id: StrategyId) -> TradingState:
        """The stricter of the account's state and the strategy's own."""
        own = self.by_strategy.get(strategy_id, TradingState.ACTIVE)
        return own if _STRICTNESS[own] > _STRICTNESS[self.account] else self.account

    def would_tighten(self, state: TradingState, strategy_id: StrategyId | None = None) -> bool:
        """Whether moving to `state` is stricter than what holds now."""
        current = (
            self.account
            if strategy_id is None
            else self.by_strategy.get(strategy_id, TradingState.ACTIVE)
        )
        return _STRICTNESS[state] > _STRICTNESS[current]

    def apply(self, change: TradingStateChanged) -> None:
        """Take over a journaled change."""
        if change.strategy_id is None:
            self.account = change.state
            self.account_reason = change.reason
        else:
            self.by_strategy[change.strategy_id] = change.state
