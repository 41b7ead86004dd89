"""The default regime detector: how volatile is it now, against frozen training quantiles.

It separates next-day volatility as well as a hidden Markov model does, costs about a
microsecond, and cannot be fitted to noise.

Sketch: two logarithms, one error function per threshold and one Struct a bar.
"""

from __future__ import annotations

import math
from decimal import Decimal

import msgspec

from regimeflow.errors import ConfigError
from regimeflow.model.market import Bar
from regimeflow.regime.detector import RegimeState
from regimeflow.regime.ewma import EwmaVariance
from regimeflow.regime.volatility_model import VolatilityModel

SNAPSHOT_FORMAT = 1


class _Snapshot(msgspec.Struct, frozen=True, array_like=True):
    format: int
    model_id: str
    last_close: float
    total_square: float
    total_weight: float
    dwell: int
    state: RegimeState


class VolatilityDetector:
    """EWMA variance of one symbol's log returns, put into the model's buckets with hysteresis.

    The variance is an estimate from about (1 + decay) / (1 - decay) returns, so the log of the
    true one lies around its log with a standard error of sqrt(2 / that number). From it follows
    the probability of being above each threshold, and of each label.
    Source: variance of the log of a scaled chi-square, to first order (2 / degrees of freedom).

    A higher label is taken at once when sure enough; a lower one only after `min_dwell` bars, so
    that limits tighten quickly and loosen slowly.
    """

    __slots__ = (
        "_dwell",
        "_ewma",
        "_hysteresis",
        "_labels",
        "_log_thresholds",
        "_model_id",
        "_scale",
        "_state",
        "_warmup_bars",
    )

    def __init__(self, model: VolatilityModel) -> None:
        self._model_id = model.model_id
        self._labels = model.labels
        self._hysteresis = model.hysteresis
        self._warmup_bars = model.warmup_bars
        self._log_thresholds = tuple(math.log(threshold) for threshold in model.thresholds)
        standard_error = math.sqrt(2.0 * (1.0 - model.decay) / (1.0 + model.decay))
        self._scale = 1.0 / (standard_error * math.sqrt(2.0))
        self._ewma = EwmaVariance(model.decay)
        self._dwell = 0
        self._state = RegimeState("", (), self._model_id, 0, is_warm=False)

    @property
    def model_id(self) -> str:
        """SHA-256 of the model, in hexadecimal."""
        return self._model_id

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, calmest first."""
        return self._labels

    @property
    def state(self) -> RegimeState:
        """What the last `update` returned; not warm before the first."""
        return self._state

    @property
    def variance(self) -> float:
        """The EWMA variance per bar; 0 before the second close."""
        ewma = self._ewma
        return ewma.total_square / ewma.total_weight if ewma.total_weight > 0.0 else 0.0

    def update(self, bar: Bar) -> RegimeState:
        """The regime after one more closed bar of the symbol; bars come in order of time."""
        variance = self._ewma.update(bar.close)
        previous = self._state
        seq = previous.seq + 1
        if seq < self._warmup_bars:
            self._state = RegimeState("", (), self._model_id, seq, is_warm=False)
            return self._state
        above, probabilities = self._probabilities(variance)
        if previous.is_warm:
            index = self._next_index(previous.index, above)
        else:
            index = sum([probability >= 0.5 for probability in above])
        self._dwell = self._dwell + 1 if index == previous.index else 1
        label = self._labels[index]
        self._state = state = RegimeState(label, probabilities, self._model_id, seq, True, index)
        return state

    def on_split(self, ratio: Decimal | float) -> None:
        """The next bar's prices are per new share; `ratio` is new shares per old share."""
        self._ewma.on_split(float(ratio))

    def snapshot(self) -> bytes:
        """Everything that later updates depend on, bit for bit."""
        ewma = self._ewma
        return msgspec.msgpack.encode(
            _Snapshot(
                SNAPSHOT_FORMAT,
                self._model_id,
                ewma.last_close,
                ewma.total_square,
                ewma.total_weight,
                self._dwell,
                self._state,
            )
        )

    def restore(self, data: bytes) -> None:
        """Go on where `snapshot` was taken.

        Raises ConfigError, with nothing changed, when `data` is damaged or another model's.
        """
        try:
            saved = msgspec.msgpack.decode(data, type=_Snapshot)
        except msgspec.DecodeError as error:
            raise ConfigError(
                f"the saved regime cannot be read: {error}; start with a warm-up instead"
            ) from error
        if saved.format != SNAPSHOT_FORMAT or saved.model_id != self._model_id:
            raise ConfigError(
                f"the saved regime is of model {saved.model_id}, this run uses {self._model_id}; "
                "use the model it was saved with, or start with a warm-up"
            )
        self._ewma.last_close = saved.last_close
        self._ewma.total_square = saved.total_square
        self._ewma.total_weight = saved.total_weight
        self._dwell = saved.dwell
        self._state = saved.state

    def _probabilities(self, variance: float) -> tuple[list[float], tuple[float, ...]]:
        """How likely the true variance lies above each threshold, and in each bucket."""
        log_variance = math.log(variance) if variance > 0.0 else -math.inf
        scale = self._scale
        above: list[float] = []
        buckets: list[float] = []
        above_previous = 1.0
        for level in self._log_thresholds:
            probability = 0.5 + 0.5 * math.erf((log_variance - level) * scale)
            above.append(probability)
            buckets.append(above_previous - probability)
            above_previous = probability
        buckets.append(above_previous)
        return above, tuple(buckets)

    def _next_index(self, index: int, above: list[float]) -> int:
        hysteresis = self._hysteresis
        highest = index
        while highest < len(above) and above[highest] >= hysteresis.enter:
            highest += 1
        if highest > index:
            return highest
        if self._dwell >= hysteresis.min_dwell:
            while index > 0 and above[index - 1] <= hysteresis.exit:
                index -= 1
        return index
