"""What every suite shares: reproducible Hypothesis runs, the shared data, a clean environment.

Tests are never flaky by construction: examples are derived from the test itself, no deadline
depends on the machine, and nothing a developer has exported can reach a broker.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

CHECKOUT = Path(__file__).resolve().parent.parent
BROKER_PREFIXES = ("ALPACA_", "BINANCE_", "IB_")

settings.register_profile(
    "regimeflow",
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# For a longer search with fresh examples: pytest tests/property --hypothesis-profile=deep
settings.register_profile(
    "deep",
    deadline=None,
    max_examples=5_000,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("regimeflow")


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The directory of shared recordings and price files, or a skip that says how to get it."""
    named = os.environ.get("REGIMEFLOW_SHARED")
    directory = Path(named) if named else CHECKOUT.parent / "shared"
    if not directory.is_dir():
        pytest.skip(f"no shared data at {directory}; set REGIMEFLOW_SHARED to its directory")
    return directory


@pytest.fixture(scope="session", autouse=True)
def no_broker_in_the_environment() -> Iterator[None]:
    """Hide the developer's broker addresses and keys, so that no test can reach an account."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(BROKER_PREFIXES):
                patch.delenv(name)
        yield
