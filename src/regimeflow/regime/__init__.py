"""Market regimes: online detectors, pure functions of a model file and the closed bars."""

from regimeflow.regime.detector import RegimeDetector, RegimeState
from regimeflow.regime.volatility import VolatilityDetector
from regimeflow.regime.volatility_model import (
    Hysteresis,
    VolatilityModel,
    decode_model,
    encode_model,
    model_from_volatilities,
)

__all__ = [
    "Hysteresis",
    "RegimeDetector",
    "RegimeState",
    "VolatilityDetector",
    "VolatilityModel",
    "decode_model",
    "encode_model",
    "model_from_volatilities",
]
