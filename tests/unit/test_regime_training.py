"""Training freezes quantiles of its own window, the same to the last bit each time."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path

import pytest

from regimeflow.errors import ConfigError, DataError
from regimeflow.model.market import ActionKind, Bar, CorporateAction
from regimeflow.regime import VolatilityDetector, VolatilityModel, encode_model
from regimeflow.regime.volatility_model import TrainingRecord
from regimeflow.research.train_volatility import train_volatility
from tests.unit.fake_context import bars_of, read_daily

GOOG = Path(__file__).parent.parent / "data" / "GOOG.csv"


def walk(count: int, *, seed: int = 3) -> list[Bar]:
    rng = random.Random(seed)
    closes = [100.0]
    for number in range(count - 1):
        closes.append(closes[-1] * (1.0 + rng.gauss(0.0, 0.005 + 0.02 * (number // 80 % 3))))
    return bars_of("A", closes)


def halved_from(bars: list[Bar], number: int) -> list[Bar]:
    return bars[:number] + bars_of("A", [bar.close / 2 for bar in bars[number:]], first_day=number)


def record_of(model: VolatilityModel) -> TrainingRecord:
    assert model.train is not None
    return model.train


def test_same_bars_give_the_same_file_and_another_bar_another_id() -> None:
    bars = walk(600)
    assert encode_model(train_volatility(bars)) == encode_model(train_volatility(iter(bars)))
    assert train_volatility(bars[:-1]).model_id != train_volatility(bars).model_id


def test_thresholds_are_the_quantiles_of_the_detectors_own_variances() -> None:
    numpy = pytest.importorskip("numpy")
    bars = walk(700)
    model = train_volatility(bars, quantiles=(0.4, 0.8), warmup_bars=50)
    detector = VolatilityDetector(model)
    variances = []
    for bar in bars:
        detector.update(bar)
        variances.append(detector.variance)
    expected = numpy.quantile(numpy.array(variances[49:]), [0.4, 0.8])
    assert model.thresholds == pytest.approx(tuple(expected), rel=1e-12)
    assert record_of(model).occupancy == pytest.approx((0.4, 0.4, 0.2), abs=0.01)
    assert record_of(model).bars == 700
    assert (record_of(model).start, record_of(model).end) == ("1970-01-01", "1971-12-01")


def test_split_in_the_window_is_applied_and_named_in_the_data_hash() -> None:
    bars = walk(600)
    split = CorporateAction("A", bars[300].ts_open_ns, ActionKind.SPLIT, Decimal(2))
    foreign = CorporateAction("B", bars[100].ts_open_ns, ActionKind.SPLIT, Decimal(3))
    plain = train_volatility(bars)
    adjusted = train_volatility(halved_from(bars, 300), actions=[split, foreign])
    ignored = train_volatility(halved_from(bars, 300))
    assert adjusted.thresholds == pytest.approx(plain.thresholds, rel=1e-9)
    assert ignored.thresholds[1] > 1.1 * plain.thresholds[1]
    assert record_of(adjusted).data_sha256 != record_of(ignored).data_sha256


def test_real_prices_put_the_autumn_of_2008_in_crisis() -> None:
    bars = read_daily(GOOG, "GOOG")
    window = [bar for bar in bars if bar.ts_close_ns < 1_199_145_600_000_000_000]  # 2008-01-01
    detector = VolatilityDetector(train_volatility(window))
    labels = {}
    for bar in bars:
        labels[bar.ts_close_ns // 86_400_000_000_000] = detector.update(bar).label
    day_2008_10_15, day_2012_06_15 = 14_167, 15_506
    assert labels[day_2008_10_15] == "crisis"
    assert labels[day_2012_06_15] == "calm"


@pytest.mark.parametrize(
    ("bars", "message"),
    [
        (walk(300), "300 bars"),
        (walk(400) + bars_of("B", [1.0], first_day=400), "one symbol"),
        (walk(400) + walk(1), "sort the file"),
    ],
)
def test_bars_that_cannot_train_a_model_are_refused(bars: list[Bar], message: str) -> None:
    with pytest.raises(DataError, match=message):
        train_volatility(bars)


def test_settings_that_make_no_model_are_refused_with_the_next_step() -> None:
    bars = walk(600)
    for quantiles in ((0.5,), (0.9, 0.5), (0.0, 0.5), (0.5, 1.0)):
        with pytest.raises(ConfigError, match="rising numbers between 0 and 1"):
            train_volatility(bars, quantiles=quantiles)
    with pytest.raises(ConfigError, match=r"at least 0\.05 each"):
        train_volatility(bars, quantiles=(0.5, 0.99))
    with pytest.raises(ConfigError, match="all different"):
        train_volatility(bars, ["same", "same"])
    with pytest.raises(ConfigError, match="decay"):
        train_volatility(bars, decay=1.0)
    with pytest.raises(ConfigError, match="expected rising numbers above 0"):
        train_volatility(bars_of("A", [100.0] * 600))
