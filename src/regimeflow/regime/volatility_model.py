"""The model file of the volatility detector: frozen numbers, and the name they give the model.

The file is canonical JSON (keys sorted, no blanks), and `model_id` is the SHA-256 of that text
without the id itself. A file that was edited by hand no longer matches its id and is refused.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Literal

import msgspec

from regimeflow.errors import ConfigError


class Hysteresis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How sure a change of label must be.

    A higher label is taken when the probability of being above its threshold reaches `enter`; it
    is left when that probability falls to `exit`, and not before `min_dwell` bars in it.
    """

    enter: float = 0.8
    exit: float = 0.2
    min_dwell: int = 5

    def __post_init__(self) -> None:
        if not 0.0 < self.exit <= 0.5 <= self.enter < 1.0:
            raise ValueError(
                f"hysteresis enter {self.enter}, exit {self.exit}; "
                "expected 0 < exit <= 0.5 <= enter < 1"
            )
        if self.min_dwell < 0:
            raise ValueError(f"hysteresis min_dwell {self.min_dwell}; expected 0 or more")


class TrainingRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a model was made from. Dates are UTC days of the first and last close.

    `occupancy` is the fraction of training bars in each bucket, `data_sha256` covers times,
    closes and splits.
    """

    symbol: str
    start: str
    end: str
    bars: int
    data_sha256: str
    quantiles: tuple[float, ...]
    occupancy: tuple[float, ...]


class VolatilityModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Labels, calmest first, and the variances per bar that separate them.

    `decay` is the EWMA's weight of the past; the first label comes with bar `warmup_bars`.
    `train` is None where the thresholds were given, not learnt. Raises ValueError when the
    numbers do not make a model.
    """

    labels: tuple[str, ...]
    thresholds: tuple[float, ...]
    train: TrainingRecord | None = None
    decay: float = 0.94
    warmup_bars: int = 60
    hysteresis: Hysteresis = Hysteresis()
    activated_from: str = ""
    parent_model_id: str = ""
    type: Literal["volatility"] = "volatility"
    schema: Literal["regimeflow.regime_model/1"] = "regimeflow.regime_model/1"

    def __post_init__(self) -> None:
        if len(self.labels) < 2 or len(set(self.labels)) != len(self.labels) or "" in self.labels:
            raise ValueError(f"labels {self.labels}; expected two or more, all different")
        if len(self.thresholds) != len(self.labels) - 1:
            raise ValueError(
                f"{len(self.thresholds)} thresholds for {len(self.labels)} labels; "
                "expected one fewer than labels"
            )
        bounds = (0.0, *self.thresholds)
        rising = all(low < high for low, high in zip(bounds, self.thresholds, strict=False))
        if not (rising and math.isfinite(bounds[-1])):
            raise ValueError(f"thresholds {self.thresholds}; expected rising numbers above 0")
        if not 0.0 < self.decay < 1.0:
            raise ValueError(f"decay {self.decay}; expected a number between 0 and 1")
        if self.warmup_bars < 2:
            raise ValueError(f"warmup_bars {self.warmup_bars}; expected 2 or more")

    @property
    def model_id(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal."""
        return hashlib.sha256(_canonical(self)).hexdigest()


def model_from_volatilities(
    labels: Sequence[str],
    volatilities: Sequence[float],
    *,
    bars_per_year: float = 252.0,
    warmup_bars: int = 60,
    hysteresis: Hysteresis | None = None,
) -> VolatilityModel:
    """A model with thresholds given as annualised volatilities (0.2 is 20 % a year).

    The variance per bar is volatility^2 / bars_per_year. Raises ConfigError when the numbers do
    not make a model.
    """
    try:
        return VolatilityModel(
            labels=tuple(labels),
            thresholds=tuple(v * abs(v) / bars_per_year for v in volatilities),
            warmup_bars=warmup_bars,
            hysteresis=Hysteresis() if hysteresis is None else hysteresis,
        )
    except ValueError as error:
        raise ConfigError(
            f"regime.thresholds {list(volatilities)} make no model: {error}; "
            "give rising volatilities, one fewer than labels"
        ) from error


def encode_model(model: VolatilityModel) -> bytes:
    """The model file: canonical JSON with `model_id` among the keys."""
    return msgspec.json.encode(
        {"model_id": model.model_id, **msgspec.to_builtins(model)}, order="sorted"
    )


def decode_model(data: bytes) -> VolatilityModel:
    """The model in a model file; raises ConfigError when it is malformed or was edited."""
    try:
        fields = msgspec.json.decode(data, type=dict[str, object])
        claimed = fields.pop("model_id", None)
        model = msgspec.convert(fields, VolatilityModel)
    except (msgspec.DecodeError, ValueError) as error:
        raise ConfigError(f"not a regime model: {error}; train the model again") from error
    if claimed != model.model_id:
        raise ConfigError(
            f"the regime model says model_id {claimed}, its content has {model.model_id}; "
            "it was changed after training: train the model again"
        )
    return model


def _canonical(model: VolatilityModel) -> bytes:
    return msgspec.json.encode(model, order="sorted")
