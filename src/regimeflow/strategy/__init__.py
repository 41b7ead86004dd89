"""The strategy contract: one base class and one context, the same in backtest and live."""

from regimeflow.strategy.base import Strategy
from regimeflow.strategy.context import Context, PortfolioView, PositionView

__all__ = ["Context", "PortfolioView", "PositionView", "Strategy"]
