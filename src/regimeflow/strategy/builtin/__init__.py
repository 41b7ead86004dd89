"""The strategies that ship with RegimeFlow, by the name a configuration uses.

Values are `module:Class`, so that a name can be known without importing its module.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

BUILTIN: Mapping[str, str] = MappingProxyType(
    {
        "buy_and_hold": "regimeflow.strategy.builtin.buy_and_hold:BuyAndHold",
        "moving_average_cross": (
            "regimeflow.strategy.builtin.moving_average_cross:MovingAverageCross"
        ),
        "pairs_trading": "regimeflow.strategy.builtin.pairs_trading:PairsTrading",
        "harmonic_pattern": "regimeflow.strategy.builtin.harmonic_pattern:HarmonicPattern",
    }
)

__all__ = ["BUILTIN"]
