"""Where a run came from: what makes a report a baseline that can be trusted, or refused."""

from __future__ import annotations

from decimal import Decimal

import msgspec


class StrategyReference(msgspec.Struct, frozen=True):
    """Which strategy ran: its id, its class by name, and a hash of its parameters."""

    strategy_id: str
    name: str
    params_hash: str


class RealismItem(msgspec.Struct, frozen=True):
    """One item of the realism list: what was simulated, how, and whether that suffices."""

    name: str
    setting: str
    is_met: bool


class ReportHeader(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run came from. Hashes are SHA-256 in hexadecimal, computed by the caller.

    `strategies_hash` covers strategies and their parameters, `venue_hash` the execution model;
    these two, with `data_hash`, are what a live run is compared with. `config_hash` covers the
    whole file and is for people. `initial_equity` is the account before the first event.
    """

    title: str
    strategies: tuple[StrategyReference, ...]
    strategies_hash: str
    venue_hash: str
    config_hash: str
    data_hash: str
    code_hash: str
    engine_version: str
    seed: int
    symbols: tuple[str, ...]
    period_start: str
    period_end: str
    frequency: str
    currency: str
    initial_equity: Decimal
    start_ns: int | None = None
    periods_per_year: float = 252.0
    realism: tuple[RealismItem, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_optimistic(self) -> bool:
        """True when a realism item is not met, or none was stated."""
        return not self.realism or not all(item.is_met for item in self.realism)
