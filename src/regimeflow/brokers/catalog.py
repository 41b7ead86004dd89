"""What is true of each broker today, as values: the command line and the docs print these.

Invariant: a capability stands here only when the code has it, and a validation status only when
its evidence exists. Tests hold the simulated broker's row against the simulated venue.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from regimeflow.brokers.capabilities import SIM_CAPABILITIES
from regimeflow.brokers.capabilities import Capabilities as Capabilities


class Validation(StrEnum):
    """How far a broker's support has been proved."""

    IMPLEMENTED = "implemented"
    NOT_SUPPORTED = "not supported yet"


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    """One value of `live.broker`. `evidence` says what the status rests on."""

    name: str
    title: str
    validation: Validation
    evidence: str
    capabilities: Capabilities | None = None


def _not_yet(name: str, title: str) -> Broker:
    return Broker(
        name=name,
        title=title,
        validation=Validation.NOT_SUPPORTED,
        evidence="no adapter exists; the configuration refuses it",
    )


BROKERS: tuple[Broker, ...] = (
    Broker(
        name="sim",
        title="Simulated venue, playing recorded data",
        validation=Validation.IMPLEMENTED,
        evidence="conformance suite, in process and over the network; not a real broker",
        capabilities=SIM_CAPABILITIES,
    ),
    _not_yet("alpaca", "Alpaca"),
    _not_yet("binance", "Binance spot"),
    _not_yet("ib", "Interactive Brokers"),
)
"""Every broker the configuration names, in its order."""
