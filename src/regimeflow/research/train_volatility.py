"""Train the volatility detector's model: quantiles of the training window, then frozen.

The result is the same to the last bit on the same data and platform: the detector's own EWMA,
sorting and linear interpolation, no library. Train on a window that ends before the backtest and
the live run begin; thresholds from the test period are look-ahead.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import pairwise

import msgspec

from regimeflow.errors import ConfigError, DataError
from regimeflow.model.market import ActionKind, Bar, CorporateAction
from regimeflow.model.timestamps import date_from_ns
from regimeflow.regime.ewma import EwmaVariance
from regimeflow.regime.volatility_model import Hysteresis, TrainingRecord, VolatilityModel

DEFAULT_LABELS = ("calm", "normal", "crisis")
# A crisis is the most volatile tenth of the training window, calm its quieter half.
DEFAULT_QUANTILES = {2: (0.8,), 3: (0.5, 0.9)}
OCCUPANCY_MIN = 0.05
BARS_MIN = 250


def train_volatility(
    bars: Iterable[Bar],
    labels: Sequence[str] = DEFAULT_LABELS,
    *,
    actions: Iterable[CorporateAction] = (),
    quantiles: Sequence[float] | None = None,
    decay: float = 0.94,
    warmup_bars: int = 60,
    hysteresis: Hysteresis | None = None,
    activated_from: str = "",
    parent_model_id: str = "",
) -> VolatilityModel:
    """A model whose thresholds are `quantiles` of the EWMA variance over `bars`.

    `bars` are raw closed bars of one symbol in order of time, `actions` its corporate actions
    (splits are applied before the first bar that closes after them; others are ignored).
    `quantiles` rise, one fewer than labels; by default 0.5 and 0.9 for three labels, 0.8 for
    two, evenly spaced for more. The first `warmup_bars` variances are left out.

    Raises DataError for bars of several symbols, out of order, too few (fewer than `BARS_MIN`
    after warm-up) or without movement; ConfigError for settings that do not make a model.
    """
    levels = _quantiles_for(len(labels), quantiles)
    window = _TrainingWindow(EwmaVariance(decay), warmup_bars, actions)
    for bar in bars:
        window.add(bar)
    if len(window.variances) < BARS_MIN:
        raise DataError(
            f"{len(window.observed)} bars to train the regime model on, expected at least "
            f"{BARS_MIN + warmup_bars - 1}; widen regime.train, or add data"
        )
    ranked = sorted(window.variances)
    thresholds = tuple(_quantile(ranked, level) for level in levels)
    record = window.record(levels, thresholds)
    try:
        model = VolatilityModel(
            labels=tuple(labels),
            thresholds=thresholds,
            train=record,
            decay=decay,
            warmup_bars=warmup_bars,
            hysteresis=Hysteresis() if hysteresis is None else hysteresis,
            activated_from=activated_from,
            parent_model_id=parent_model_id,
        )
    except ValueError as error:
        raise ConfigError(
            f"no volatility model for {window.symbol}: {error}; change the regime section"
        ) from error
    if min(record.occupancy) < OCCUPANCY_MIN:
        shares = [round(share, 3) for share in record.occupancy]
        raise ConfigError(
            f"labels {list(labels)} hold {shares} of the training bars, expected at least "
            f"{OCCUPANCY_MIN} each; use fewer labels, other quantiles, or a longer regime.train"
        )
    return model


class _TrainingWindow:
    """The bars of one symbol as the detector will see them, and the variances they gave."""

    def __init__(
        self, ewma: EwmaVariance, warmup_bars: int, actions: Iterable[CorporateAction]
    ) -> None:
        self.symbol = ""
        self.observed: list[tuple[int, float]] = []
        self.variances: list[float] = []
        self._ewma = ewma
        self._warmup_bars = warmup_bars
        splits = [action for action in actions if action.kind is ActionKind.SPLIT]
        self._pending = deque(sorted(splits, key=lambda action: action.ts_venue_ns))
        self._applied: list[tuple[int, str]] = []

    def add(self, bar: Bar) -> None:
        """Take in the next bar, and before it the splits it is the first to close after."""
        self._check(bar)
        while self._pending and self._pending[0].ts_venue_ns < bar.ts_close_ns:
            split = self._pending.popleft()
            if split.symbol == self.symbol:
                self._ewma.on_split(float(split.value))
                self._applied.append((split.ts_venue_ns, _plain(split.value)))
        self.observed.append((bar.ts_close_ns, bar.close))
        variance = self._ewma.update(bar.close)
        if len(self.observed) >= self._warmup_bars:
            self.variances.append(variance)

    def record(self, levels: tuple[float, ...], thresholds: tuple[float, ...]) -> TrainingRecord:
        """What the model was made from."""
        data = msgspec.json.encode([self.observed, self._applied])
        return TrainingRecord(
            symbol=self.symbol,
            start=date_from_ns(self.observed[0][0] - 1).isoformat(),
            end=date_from_ns(self.observed[-1][0] - 1).isoformat(),
            bars=len(self.observed),
            data_sha256=hashlib.sha256(data).hexdigest(),
            quantiles=levels,
            occupancy=_occupancy(self.variances, thresholds),
        )

    def _check(self, bar: Bar) -> None:
        if self.symbol and bar.symbol != self.symbol:
            raise DataError(
                f"bars of {self.symbol} and {bar.symbol}, expected one symbol; "
                "train one model for each"
            )
        if self.observed and bar.ts_close_ns <= self.observed[-1][0]:
            raise DataError(
                f"a bar of {bar.symbol} closes on {date_from_ns(bar.ts_close_ns)}, not after the "
                "one before it; sort the file by time"
            )
        self.symbol = bar.symbol


def _quantiles_for(label_count: int, quantiles: Sequence[float] | None) -> tuple[float, ...]:
    if quantiles is None:
        evenly = tuple(step / label_count for step in range(1, label_count))
        return DEFAULT_QUANTILES.get(label_count, evenly)
    levels = tuple(float(level) for level in quantiles)
    inside = all(0.0 < level < 1.0 for level in levels)
    if len(levels) != label_count - 1 or not inside or any(a >= b for a, b in pairwise(levels)):
        raise ConfigError(
            f"quantiles {list(levels)} for {label_count} labels, expected {label_count - 1} "
            "rising numbers between 0 and 1; change the quantiles"
        )
    return levels


def _quantile(ranked: Sequence[float], level: float) -> float:
    """Linear interpolation between order statistics.

    Source: R. Hyndman, Y. Fan, "Sample Quantiles in Statistical Packages", The American
    Statistician 50 (1996), definition 7.
    """
    position = level * (len(ranked) - 1)
    below = int(position)
    share = position - below
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (ranked[above] - ranked[below]) * share


def _occupancy(variances: Sequence[float], thresholds: Sequence[float]) -> tuple[float, ...]:
    counts = [0] * (len(thresholds) + 1)
    for variance in variances:
        counts[sum(1 for threshold in thresholds if variance >= threshold)] += 1
    return tuple(count / len(variances) for count in counts)


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")
