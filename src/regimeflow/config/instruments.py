"""`instruments`: trading terms of a symbol, where they differ from those of its asset class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, PlainSerializer

from regimeflow.config.scalars import Currency, Flag, FrozenMapping, Number, Symbol
from regimeflow.config.section import Section, key

AssetClass = Literal["equity", "crypto"]


class InstrumentSection(Section):
    """Terms of one symbol; what is left out follows from `live.broker_asset_class`."""

    tick_size: Number | None = key(
        "Smallest step of a price. Left out: 0.01.", default=None, unit="account currency", gt=0
    )
    lot_size: Number | None = key(
        "Smallest step of a quantity. Left out: 1 for equity, 0.00000001 for crypto.",
        default=None,
        unit="shares, contracts or coins",
        gt=0,
    )
    min_notional: Number = key("Least value of an order.", default=0, unit="account currency", ge=0)
    multiplier: Number = key(
        "Value of one unit at a price of one.", default=1, unit="account currency", gt=0
    )
    currency: Currency | None = key(
        "Currency of the prices; must be account.currency.", default=None
    )
    allow_short: Flag | None = key(
        "Whether this symbol may be sold short. Left out: live.risk.limits.allow_short.",
        default=None,
    )


Instruments = Annotated[
    Mapping[Symbol, InstrumentSection], AfterValidator(FrozenMapping), PlainSerializer(dict)
]


@dataclass(frozen=True, slots=True)
class InstrumentTerms:
    """The resolved terms of one symbol; sizes in units of the symbol, money in `currency`."""

    symbol: str
    asset_class: AssetClass
    tick_size: Decimal
    lot_size: Decimal
    min_notional: Decimal
    multiplier: Decimal
    currency: str
    allow_short: bool


TICK_SIZE_DEFAULT = Decimal("0.01")
LOT_SIZE_DEFAULT: Mapping[AssetClass, Decimal] = {
    "equity": Decimal(1),
    "crypto": Decimal("0.00000001"),
}
ALLOW_SHORT_DEFAULT: Mapping[AssetClass, bool] = {"equity": True, "crypto": False}
