"""Which environment variable fills which key of `live.broker_config`, by broker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable and the key of `live.broker_config` that it fills."""

    name: str
    key: str
    is_secret: bool = False
    is_whole: bool = False


BROKER_VARIABLES: Mapping[str, tuple[Variable, ...]] = {
    "sim": (),
    "alpaca": (
        Variable("ALPACA_API_KEY", "api_key", is_secret=True),
        Variable("ALPACA_API_SECRET", "secret_key", is_secret=True),
        Variable("ALPACA_PAPER_BASE_URL", "base_url"),
        Variable("ALPACA_STREAM_URL", "stream_url"),
        Variable("ALPACA_DATA_BASE_URL", "data_url"),
        Variable("ALPACA_TRADING_STREAM_URL", "trading_stream_url"),
    ),
    "binance": (
        Variable("BINANCE_API_KEY", "api_key", is_secret=True),
        Variable("BINANCE_SECRET_KEY", "secret_key", is_secret=True),
        Variable("BINANCE_BASE_URL", "base_url"),
        Variable("BINANCE_STREAM_URL", "stream_url"),
        Variable("BINANCE_RECV_WINDOW_MS", "recv_window_ms", is_whole=True),
    ),
    "ib": (
        Variable("IB_HOST", "host"),
        Variable("IB_PORT", "port", is_whole=True),
        Variable("IB_CLIENT_ID", "client_id", is_whole=True),
    ),
}

VARIABLE_NAMES = frozenset(
    variable.name for variables in BROKER_VARIABLES.values() for variable in variables
)
