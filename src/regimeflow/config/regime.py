"""`regime`: which detector labels the market, and what it learns from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator

from regimeflow.config.scalars import (
    Day,
    Number,
    RegimeLabel,
    Symbol,
    as_tuple,
    distinct,
    not_empty,
)
from regimeflow.config.section import Section, key


class TrainSection(Section):
    """`regime.train`: the days the detector learns its thresholds from."""

    start: Day = key("First day of training, inclusive.")
    end: Day = key("Last day of training, inclusive.")


class RegimeSection(Section):
    """The regime detector."""

    detector: Literal["volatility", "none"] = key(
        "volatility labels by smoothed volatility against fixed thresholds; none has no regimes.",
        default="none",
    )
    labels: Annotated[
        tuple[RegimeLabel, ...],
        BeforeValidator(as_tuple),
        AfterValidator(distinct),
        AfterValidator(not_empty),
    ] = key(
        "Names of the regimes, from the calmest to the most volatile.",
        default=("calm", "normal", "crisis"),
    )
    train: TrainSection | None = key(
        "Days from which the thresholds are learnt; required without thresholds.", default=None
    )
    thresholds: Annotated[tuple[Number, ...], BeforeValidator(as_tuple)] = key(
        "Volatilities between the labels, rising, one fewer than labels; they replace training.",
        default=(),
        unit="annualised volatility as a fraction",
    )
    symbol: Symbol | None = key(
        "Symbol whose bars are labelled. Left out: the first symbol.", default=None
    )
