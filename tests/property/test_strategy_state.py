"""Whatever storable values a strategy holds, saving and restoring changes nothing."""

from __future__ import annotations

from collections import deque
from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st

from regimeflow.errors import ConfigError
from regimeflow.model.order import Side
from regimeflow.strategy import Context, Strategy
from regimeflow.strategy.state import encode_state, restore_state


class Holder(Strategy):
    def initialize(self, ctx: Context) -> None:
        self.value: object = None


NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(2**70), max_value=2**70),
    st.floats(allow_nan=False),
    NAMES,
    st.binary(max_size=8),
    st.decimals(allow_nan=False),
    st.datetimes(timezones=st.just(UTC)),
    st.dates(),
    st.timedeltas(),
    st.sampled_from(Side),
)
KEYS = st.one_of(ATOMS, st.tuples(ATOMS, ATOMS), st.frozensets(ATOMS, max_size=3))
VALUES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
        st.sets(KEYS, max_size=4),
        st.lists(inner, max_size=4).map(deque),
    ),
    max_leaves=20,
)


def typed(value: object) -> object:
    """Equal only for values that are equal and of equal types all the way down."""
    if isinstance(value, dict):
        return ["dict", [(typed(key), typed(item)) for key, item in value.items()]]
    if isinstance(value, (set, frozenset)):
        return [type(value).__name__, sorted(repr(typed(item)) for item in value)]
    if isinstance(value, (list, tuple, deque)):
        return [type(value).__name__, [typed(item) for item in value]]
    return (type(value).__name__, repr(value))


@given(st.dictionaries(NAMES.filter(lambda name: name != "ctx"), VALUES, max_size=5))
def test_state_survives_the_round_trip_with_its_types(state: dict[str, object]) -> None:
    strategy, restored = Holder(), Holder()
    strategy.__dict__.update(state)
    data = encode_state(strategy)
    restore_state(restored, data)
    assert {name: typed(value) for name, value in restored.__dict__.items()} == {
        name: typed(value) for name, value in state.items()
    }
    assert encode_state(restored) == data


@given(st.dictionaries(st.just("value"), VALUES, min_size=1), st.binary(max_size=30))
def test_damaged_bytes_never_do_worse_than_a_refusal(
    state: dict[str, object], noise: bytes
) -> None:
    strategy, target = Holder(), Holder()
    strategy.__dict__.update(state)
    data = encode_state(strategy)
    middle = len(data) // 2
    before = dict(target.__dict__)
    try:
        restore_state(target, data[:middle] + noise + data[middle + 1 :])
    except ConfigError:
        assert target.__dict__ == before
