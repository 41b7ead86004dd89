"""A strategy's state comes back with its exact types, or is refused by name at start."""

from __future__ import annotations

import math
import random
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, auto
from typing import ClassVar, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest

from regimeflow.errors import ConfigError
from regimeflow.model.market import Bar, Quote
from regimeflow.model.order import Side
from regimeflow.strategy import Context, Strategy
from regimeflow.strategy.state import check_storable, encode_state, restore_state


class Mood(Enum):
    GREED = 1
    FEAR = 2


class Alarm(Flag):
    PRICE = auto()
    VOLUME = auto()


class Leg(NamedTuple):
    symbol: str
    quantity: int


@dataclass(slots=True, frozen=True)
class Level:
    price: float
    side: Side


class Swing(msgspec.Struct):
    high: float
    low: float = 0.0


class Holder(Strategy):
    transient: ClassVar[tuple[str, ...]] = ("indicator",)

    def initialize(self, ctx: Context) -> None:
        self.indicator = object()

    class Inner(Enum):
        ONE = 1


def holding(**attributes: object) -> Holder:
    strategy = Holder()
    strategy.__dict__.update(attributes)
    return strategy


def there_and_back(value: object) -> object:
    target = Holder()
    restore_state(target, encode_state(holding(value=value)))
    return target.__dict__["value"]


def shape_of(value: object) -> object:
    """Types all the way down."""
    if isinstance(value, dict):
        return dict, [(shape_of(key), shape_of(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple, deque)):
        return type(value), [shape_of(item) for item in value]
    return type(value)


@pytest.mark.parametrize(
    "value",
    [
        [None, True, 1, 1.0, "text", b"bytes", -0.0],
        [0, -1, 2**63, 2**64, -(2**63) - 1, 10**400],
        [math.inf, -math.inf, 5e-324],
        (1, (2, [3, ()])),
        {1: "int", "1": "str", (1, 2): "tuple", None: {}, 1.5: []},
        {"nested": [{"deep": (Decimal("1.50"), Decimal("7"))}]},
        [Decimal("1.500"), Decimal("-0"), Decimal("Infinity"), Decimal("1E+30")],
        [datetime(2020, 1, 2, 3, 4, 5, 6, UTC), date(1999, 12, 31), timedelta(days=-1, seconds=1)],
        datetime(2020, 1, 2, tzinfo=timezone(timedelta(hours=-5))),
        {1, 2, 3},
        frozenset({("a", 1), ("b", 2)}),
        deque([1, 2, 3], maxlen=5),
        deque([[1]], maxlen=None),
        [Mood.FEAR, Side.BUY, Alarm.PRICE, Alarm.PRICE | Alarm.VOLUME, Holder.Inner.ONE],
        Leg("IBM", 3),
        {"level": Level(1.5, Side.SELL), "swing": Swing(2.0)},
        Bar("A", 0, 1, 1.0, 2.0, 0.5, 1.5, 100.0),
        Quote("A", 0, 1.0, 1.1, 5.0, 6.0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_value_comes_back_equal_and_of_the_same_type(value: object) -> None:
    back = there_and_back(value)
    assert back == value
    assert shape_of(back) == shape_of(value)
    assert encode_state(holding(value=back)) == encode_state(holding(value=value))


def test_nan_keeps_its_bits_and_a_deque_its_length() -> None:
    assert math.isnan(there_and_back(math.nan))  # type: ignore[arg-type]
    back = there_and_back(deque([1], maxlen=2))
    assert isinstance(back, deque)
    assert back.maxlen == 2


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f8", "<i4", "?", "<M8[ns]", "<c16", "<U3"])
def test_numpy_array_comes_back_bit_for_bit(dtype: str, order: str) -> None:
    array = np.array(np.arange(6).reshape(2, 3), dtype="<i8").astype(dtype)
    array = np.asarray(array, order=order)  # type: ignore[call-overload]
    back = there_and_back(array)
    assert isinstance(back, np.ndarray)
    assert back.dtype == array.dtype
    assert back.shape == (2, 3)
    assert back.flags.f_contiguous == array.flags.f_contiguous
    assert back.tobytes() == array.tobytes()
    assert back.flags.writeable


def test_numpy_scalar_stays_a_numpy_scalar() -> None:
    back = there_and_back([np.float64(0.1), np.int32(3)])
    assert shape_of(back) == (list, [np.float64, np.int32])
    assert back == [0.1, 3]


def test_equal_states_give_equal_bytes_whatever_their_history() -> None:
    first = holding(a=1, b={f"s{n}" for n in range(100)})
    second = holding(b={f"s{n}" for n in reversed(range(100))}, a=1)
    assert encode_state(first) == encode_state(second)


def test_restored_state_replaces_attributes_and_keeps_transient_ones() -> None:
    strategy = holding(ctx="the world", indicator="rebuilt", kept=1, stale=2)
    restore_state(strategy, encode_state(holding(kept=7, indicator="not saved")))
    assert strategy.__dict__ == {"ctx": "the world", "indicator": "rebuilt", "kept": 7}


@pytest.mark.parametrize(
    ("value", "seen", "remedy"),
    [
        (lambda: 1, "builtins.function", "transient"),
        (defaultdict(list), "collections.defaultdict", "use a plain dict"),
        (random.Random(1), "random.Random", "ctx.rng"),
        ({"deep": [object()]}, "builtins.object", "transient = ('indicator', 'value')"),
        (datetime(2020, 1, 1), "without a zone", "UTC"),  # noqa: DTZ001
        (datetime(2020, 1, 1, tzinfo=ZoneInfo("America/New_York")), "New_York", "UTC"),
        (np.array([object()]), "numpy array of object", "plain numbers"),
        (np.ma.array([1.0]), "MaskedArray", "transient"),
        ("\ud800", "not valid Unicode", "bytes"),
    ],
)
def test_what_cannot_be_saved_is_refused_with_a_way_out(
    value: object, seen: str, remedy: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        check_storable(holding(value=value))
    assert seen in str(refusal.value)
    assert remedy in str(refusal.value)
    assert "Holder" in str(refusal.value)


def test_container_that_holds_itself_is_refused() -> None:
    ring: list[object] = []
    ring.append([ring, ring])
    with pytest.raises(ConfigError, match="contains itself"):
        encode_state(holding(ring=ring))


def test_class_out_of_reach_is_refused_when_saving_not_when_restoring() -> None:
    @dataclass
    class Hidden:
        price: float

    with pytest.raises(ConfigError, match="could not be found again"):
        check_storable(holding(value=Hidden(1.0)))


def test_state_that_names_a_foreign_class_loads_nothing() -> None:
    data = encode_state(holding(value=Mood.FEAR)).replace(b"Mood", b"Evil")
    target = holding(kept=1)
    with pytest.raises(ConfigError, match="not in reach"):
        restore_state(target, data)
    assert target.__dict__ == {"kept": 1}


@pytest.mark.parametrize("data", [b"", b"\x91\x02", b"\xc1", b"\x93\x01\xa1a\x91\xa1?", b"\x05"])
def test_damaged_state_is_refused_and_changes_nothing(data: bytes) -> None:
    target = holding(kept=1)
    with pytest.raises(ConfigError, match="cannot be restored"):
        restore_state(target, data)
    assert target.__dict__ == {"kept": 1}


def test_transient_written_as_a_word_is_refused() -> None:
    class Careless(Holder):
        transient = "rsi"  # type: ignore[assignment]

    with pytest.raises(ConfigError, match=r"write transient = \('rsi',\)"):
        check_storable(Careless())


def test_slots_that_would_be_lost_are_refused() -> None:
    class Slotted(Holder):
        __slots__ = ("hidden",)

    with pytest.raises(ConfigError, match="__slots__"):
        check_storable(Slotted())
