"""Market regimes: online detectors, pure functions of a model file and the closed bars."""

from regimeflow.regime.detector import RegimeDetector, RegimeState
from regimeflow.regime.volatility import VolatilityDetector
from regimeflow.regime.volatility_model import VolatilityModel, decode_model, encode_model

__all__ = [
    "RegimeDetector",
    "RegimeState",
    "VolatilityDetector",
    "VolatilityModel",
    "decode_model",
    "encode_model",
]
