"""Read-only views of the books for strategies: exact where it matters, floats for thinking."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from regimeflow.core.portfolio import Portfolio
from regimeflow.core.position import Position


class PositionReader:
    """One position, valued at the account's latest price."""

    __slots__ = ("_portfolio", "_position")

    def __init__(self, position: Position, portfolio: Portfolio) -> None:
        self._position = position
        self._portfolio = portfolio

    @property
    def symbol(self) -> str:
        """What is held."""
        return self._position.symbol

    @property
    def quantity(self) -> Decimal:
        """Units held; negative is short."""
        return self._position.quantity

    @property
    def quantity_float(self) -> float:
        """Units held, as a float."""
        return float(self._position.quantity)

    @property
    def average_price(self) -> float:
        """Mean entry price; 0.0 when flat."""
        return self._position.average_price

    @property
    def market_value(self) -> float:
        """Value at the latest price; negative for a short."""
        position = self._position
        return position.quantity_float * self._portfolio.marks.get(position.symbol, 0.0)

    @property
    def unrealized_pnl(self) -> float:
        """Profit if closed at the latest price, before costs."""
        return self.market_value - float(self._position.cost)

    @property
    def realized_pnl(self) -> Decimal:
        """Profit on what was closed, before fees."""
        return self._position.realized_pnl


class PortfolioReader:
    """The account: cash, equity and net positions of all strategies."""

    __slots__ = ("_portfolio",)

    def __init__(self, portfolio: Portfolio) -> None:
        self._portfolio = portfolio

    @property
    def cash(self) -> Decimal:
        """Cash, exact."""
        return self._portfolio.cash

    @property
    def equity(self) -> float:
        """Cash plus positions at the latest prices."""
        return self._portfolio.equity

    @property
    def gross_exposure(self) -> float:
        """Sum of absolute market values."""
        return float(self._portfolio.gross_exposure)

    @property
    def net_exposure(self) -> float:
        """Longs less shorts."""
        return float(self._portfolio.net_exposure)

    @property
    def realized_pnl(self) -> Decimal:
        """Profit realised on closed quantities, before fees."""
        return self._portfolio.realized_pnl

    @property
    def fees(self) -> Decimal:
        """Fees paid so far."""
        return self._portfolio.fees

    @property
    def positions(self) -> Mapping[str, PositionReader]:
        """The account's positions that are not flat, by symbol."""
        held = self._portfolio.held
        return {s: PositionReader(held[s], self._portfolio) for s in sorted(held)}
