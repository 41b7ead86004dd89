"""The volatility detector sees only the past, and goes on after a restart bit for bit."""

from __future__ import annotations

import math
import random
from decimal import Decimal
from itertools import pairwise

import msgspec
import pytest

from regimeflow.errors import ConfigError
from regimeflow.model.market import Bar
from regimeflow.regime import (
    RegimeDetector,
    RegimeState,
    VolatilityDetector,
    VolatilityModel,
    decode_model,
    encode_model,
    model_from_volatilities,
)
from regimeflow.regime.volatility_model import Hysteresis, TrainingRecord
from tests.unit.fake_context import bars_of

DAILY = 0.01
RECORD = TrainingRecord(
    symbol="A",
    start="2000-03-01",
    end="2007-12-31",
    bars=1_970,
    data_sha256="0" * 64,
    quantiles=(0.5, 0.9),
    occupancy=(0.5, 0.4, 0.1),
)


def model(**changes: object) -> VolatilityModel:
    settings: dict[str, object] = {
        "labels": ("calm", "normal", "crisis"),
        "thresholds": (DAILY**2, (3 * DAILY) ** 2),
        "train": RECORD,
        "warmup_bars": 20,
    }
    return VolatilityModel(**{**settings, **changes})  # type: ignore[arg-type]


def walk(count: int, *, seed: int = 7) -> list[Bar]:
    """Closes whose volatility changes every hundred bars: 0.4, 1.8, 6 per cent."""
    rng = random.Random(seed)
    closes = [100.0]
    for number in range(count - 1):
        volatility = (0.004, 0.018, 0.06)[number // 100 % 3]
        closes.append(closes[-1] * math.exp(rng.gauss(0.0, volatility)))
    return bars_of("A", closes)


def run(bars: list[Bar], detector: RegimeDetector | None = None) -> list[RegimeState]:
    detector = detector or VolatilityDetector(model())
    return [detector.update(bar) for bar in bars]


def batch_variances(bars: list[Bar], decay: float) -> list[float]:
    """The definition, term by term, for each bar separately."""
    squares = [math.log(b.close / a.close) ** 2 for a, b in pairwise(bars)]
    variances = [0.0]
    for newest in range(len(squares)):
        weights = [decay ** (newest - i) for i in range(newest + 1)]
        total = math.fsum(w * r for w, r in zip(weights, squares, strict=False))
        variances.append(total / math.fsum(weights))
    return variances


def test_one_by_one_equals_the_definition_over_the_whole_batch() -> None:
    bars = walk(400)
    detector = VolatilityDetector(model())
    for bar, expected in zip(bars, batch_variances(bars, 0.94), strict=True):
        detector.update(bar)
        assert detector.variance == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("every", [1, 7, 50])
def test_cut_and_restart_at_every_kth_bar_gives_equal_states_and_bytes(every: int) -> None:
    bars = walk(350)
    whole = VolatilityDetector(model())
    cut = VolatilityDetector(model())
    for number, bar in enumerate(bars):
        assert cut.update(bar) == whole.update(bar)
        if number % every == 0:
            saved = cut.snapshot()
            cut = VolatilityDetector(model())
            cut.restore(saved)
            assert cut.state == whole.state
        assert cut.snapshot() == whole.snapshot()


def test_later_bars_change_nothing_that_was_said_before() -> None:
    bars = walk(350)
    whole = run(bars)
    for kept in (1, 19, 20, 21, 150, 349):
        assert run(bars[:kept]) == whole[:kept]
        altered = bars[:kept] + walk(350, seed=99)[kept:]
        assert run(altered)[:kept] == whole[:kept]
        shuffled = bars[kept:]
        random.Random(kept).shuffle(shuffled)
        assert run(bars[:kept] + shuffled)[:kept] == whole[:kept]


def test_labels_follow_volatility_and_probabilities_sum_to_one() -> None:
    states = run(walk(300))
    assert [states[n].label for n in (99, 199, 299)] == ["calm", "normal", "crisis"]
    for state in states[19:]:
        assert state.is_warm
        assert sum(state.probabilities) == pytest.approx(1.0, abs=1e-12)
        assert min(state.probabilities) >= 0.0
        assert (
            state.probability
            == state.probabilities[("calm", "normal", "crisis").index(state.label)]
        )
    assert [state.seq for state in states] == list(range(1, 301))


def test_no_label_is_given_before_the_warmup_is_over() -> None:
    states = run(walk(20))
    assert {(state.label, state.is_warm) for state in states[:19]} == {("", False)}
    assert states[18].probability == 0.0
    assert states[19].is_warm


def test_hysteresis_switches_less_than_the_bare_thresholds() -> None:
    """The price moves by exactly what separates calm from normal."""
    rng = random.Random(11)
    closes = [100.0]
    for _ in range(1_500):
        closes.append(closes[-1] * math.exp(rng.gauss(0.0, DAILY)))
    bars = bars_of("A", closes)

    def switches(hysteresis: Hysteresis) -> int:
        states = run(bars, VolatilityDetector(model(hysteresis=hysteresis)))
        return sum(a.label != b.label for a, b in pairwise(states))

    nervous = switches(Hysteresis(enter=0.5, exit=0.5, min_dwell=0))
    assert 2 < switches(Hysteresis(enter=0.8, exit=0.2, min_dwell=0)) < nervous / 2


def test_higher_label_is_taken_at_once_and_a_lower_one_after_the_dwell() -> None:
    """Thirty calm bars, one crash, then silence; with a fast decay labels would fall soon."""
    closes = [100.0 * (1.001 if n % 2 else 1.0) for n in range(30)] + [50.0] * 40
    bars = bars_of("A", closes)

    def labels(min_dwell: int) -> list[str]:
        hysteresis = Hysteresis(enter=0.8, exit=0.2, min_dwell=min_dwell)
        states = run(bars, VolatilityDetector(model(decay=0.5, hysteresis=hysteresis)))
        return [state.label for state in states]

    assert labels(20)[29:31] == labels(0)[29:31] == ["calm", "crisis"]
    assert labels(20)[30:50] == ["crisis"] * 20
    assert labels(20)[50] == "calm"
    assert labels(0)[49] == "calm"


def test_split_told_in_time_is_no_volatility() -> None:
    bars = walk(200)
    split = [
        bar if n < 120 else msgspec.structs.replace(bar, close=bar.close / 2)
        for n, bar in enumerate(bars)
    ]
    detector = VolatilityDetector(model())
    for number, bar in enumerate(split):
        if number == 120:
            detector.on_split(Decimal(2))
        detector.update(bar)
    plain = VolatilityDetector(model())
    run(bars, plain)
    assert detector.variance == pytest.approx(plain.variance, rel=1e-9)
    assert detector.state.label == plain.state.label


def test_constant_price_is_calm_and_a_price_without_logarithm_is_passed_over() -> None:
    states = run(bars_of("A", [100.0] * 30))
    assert states[-1].label == "calm"
    assert states[-1].probabilities == (1.0, 0.0, 0.0)
    detector = VolatilityDetector(model())
    run(bars_of("A", [100.0, 0.0, -3.0, math.nan, 101.0]), detector)
    assert detector.variance == pytest.approx(math.log(1.01) ** 2)


def test_model_file_round_trips_and_its_id_covers_every_number() -> None:
    original = model()
    assert decode_model(encode_model(original)) == original
    assert encode_model(decode_model(encode_model(original))) == encode_model(original)
    for change in ({"decay": 0.95}, {"warmup_bars": 21}, {"thresholds": (1e-4, 2e-4)}):
        assert model(**change).model_id != original.model_id


def test_thresholds_given_as_annual_volatilities_become_variances_per_bar() -> None:
    given = model_from_volatilities(["low", "high"], [0.2], bars_per_year=250)
    assert given.thresholds == pytest.approx((0.04 / 250,))
    assert given.train is None
    assert decode_model(encode_model(given)) == given
    for volatilities in ([], [0.3, 0.2], [-0.2], [math.nan]):
        with pytest.raises(ConfigError, match=r"regime\.thresholds"):
            model_from_volatilities(["low", "high"], volatilities)


def test_edited_or_foreign_model_file_is_refused() -> None:
    data = encode_model(model())
    with pytest.raises(ConfigError, match="changed after training"):
        decode_model(data.replace(b'"decay":0.94', b'"decay":0.95'))
    for damaged in (b"", b"[]", b"{}", data.replace(b'"decay"', b'"decoy"'), data[:-1]):
        with pytest.raises(ConfigError, match="not a regime model"):
            decode_model(damaged)


def test_snapshot_of_another_model_is_refused_and_changes_nothing() -> None:
    other = VolatilityDetector(model(decay=0.9))
    run(walk(30), other)
    detector = VolatilityDetector(model())
    before = detector.snapshot()
    for data in (other.snapshot(), b"", b"\x01"):
        with pytest.raises(ConfigError, match="saved regime"):
            detector.restore(data)
    assert detector.snapshot() == before


@pytest.mark.parametrize(
    "change",
    [
        {"labels": ("one",), "thresholds": ()},
        {"labels": ("a", "a", "b")},
        {"labels": ("a", "", "b")},
        {"thresholds": (1e-4,)},
        {"thresholds": (2e-4, 1e-4)},
        {"thresholds": (0.0, 1e-4)},
        {"thresholds": (1e-4, math.inf)},
        {"thresholds": (1e-4, math.nan)},
        {"decay": 1.0},
        {"warmup_bars": 1},
    ],
    ids=str,
)
def test_numbers_that_make_no_model_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        model(**change)
