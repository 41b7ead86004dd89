"""The state of a whole engine: nothing is forgotten, and what is put back goes on the same way."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec
import pytest

from regimeflow.core.bars import BarBuilder
from regimeflow.core.engine import Engine
from regimeflow.core.engine_state import (
    decode_engine_state,
    engine_digest,
    engine_state,
    restore_engine,
)
from regimeflow.core.exposure import SymbolExposure
from regimeflow.core.position import Position
from regimeflow.errors import ConfigError
from regimeflow.model import events as e
from regimeflow.model.ids import TimerId
from regimeflow.model.market import Bar
from regimeflow.model.timestamps import NS_PER_S
from tests.unit.core_samples import World, puppet, session
from tests.unit.engine_parts import DERIVED, captured_in, components_of, plain, slots_of
from tests.unit.eventful_engines import (
    POLICY,
    daily_world,
    desk_with_everything,
    fresh_setup,
)

STATELESS = {"Engine.answers", "Engine.sweep", "Engine.time_handler"}
"""Components without a memory."""


def restored(engine: Engine) -> Engine:
    state = engine_state(engine)
    assert state is not None
    complete = engine.ledger.orders
    return restore_engine(fresh_setup(engine.setup), decode_engine_state(state), complete)


@pytest.fixture(scope="module")
def engines() -> list[Engine]:
    return [desk_with_everything().engine, daily_world().engine]


def test_every_attribute_of_every_component_is_captured_or_derived(engines: list[Engine]) -> None:
    """One that is new belongs into the state of its component, or into `DERIVED`."""
    kinds = {type(part) for engine in engines for part in components_of(engine)}
    assert kinds == DERIVED.keys()
    for kind, derived in DERIVED.items():
        assert derived.keys() <= set(slots_of(kind)), kind
        assert all(derived.values()), kind


def test_every_captured_attribute_is_put_back_to_the_last_digit(engines: list[Engine]) -> None:
    for engine in engines:
        twin = restored(engine)
        assert engine_state(twin) == engine_state(engine)
        ours, theirs = plain(engine), plain(twin)
        for name, value in ours.items():
            assert theirs[name] == value, name


def test_no_captured_attribute_of_the_sample_is_what_a_new_engine_has(
    engines: list[Engine],
) -> None:
    """Else the comparison above would prove nothing about it."""
    new: dict[tuple[type, str], list[Any]] = defaultdict(list)
    seen: dict[tuple[type, str], list[Any]] = defaultdict(list)
    untouched = [Position("ABC"), BarBuilder("ABC", "5m"), SymbolExposure()]
    for engine in engines:
        untouched += components_of(Engine(fresh_setup(engine.setup)))
        for part in components_of(engine):
            for name, value in captured_in(part):
                seen[type(part), name].append(plain(value))
    for part in untouched:
        for name, value in captured_in(part):
            new[type(part), name].append(plain(value))
    unmoved = [
        f"{kind.__name__}.{name}"
        for (kind, name), values in seen.items()
        if all(value in new[kind, name] for value in values)
    ]
    # What a component has no attributes of its own for cannot move.
    assert set(unmoved) == {"BarBuilder.size", "BarBuilder.symbol", *STATELESS}


def test_restored_engine_decides_as_the_one_that_went_on(engines: list[Engine]) -> None:
    engine = engines[0]
    twin = restored(engine)
    now_ns = engine.now_ns
    for number, event in enumerate(whatever_comes(now_ns)):
        ts_ns = now_ns + number * NS_PER_S
        ours = [plain(o) for o in map(unwrapped, engine.process(ts_ns, event))]
        assert [plain(o) for o in map(unwrapped, twin.process(ts_ns, event))] == ours
    assert engine_digest(twin) == engine_digest(engine)


def unwrapped(output: Any) -> Any:
    return getattr(output, "command", output)


def whatever_comes(now_ns: int) -> list[e.Event]:
    bars = [
        Bar("XYZ", now_ns + at, now_ns + at + NS_PER_S, p, p, p, p, 1.0, NS_PER_S)
        for at, p in ((10**9, 30.0), (3 * 10**9, 90.0), (5 * 10**9, 31.0))
    ]
    return [
        e.Heartbeat("engine"),
        *bars,
        e.TimerFired(TimerId("session_end"), "engine", session(2).close_ns + 1),
        e.CancelAll("test"),
        e.Resume("test"),
        e.Flatten("test"),
        e.Adopt("test"),
        e.EngineStarted(3),
        e.SessionOpened(session(3)),
    ]


def test_state_of_other_strategies_is_refused(engines: list[Engine]) -> None:
    state = engine_state(engines[0])
    assert state is not None
    other = World(puppet(), policy=POLICY).engine.setup
    with pytest.raises(ConfigError, match="the strategies"):
        restore_engine(other, decode_engine_state(state))


@pytest.mark.parametrize("damage", ["cut", "version", "noise"])
def test_damaged_or_unknown_state_is_refused(damage: str, engines: list[Engine]) -> None:
    state = engine_state(engines[1])
    assert state is not None
    if damage == "version":
        values = msgspec.msgpack.decode(state)
        state = msgspec.msgpack.encode({**values, "version": 99})
    else:
        state = state[:-7] if damage == "cut" else b"\xff" + state
    with pytest.raises(ConfigError, match="saved engine state"):
        decode_engine_state(state)


def test_engine_with_a_strategy_that_cannot_be_kept_has_no_state() -> None:
    world = World(puppet(), puppet())
    world.seat(0).strategy.open_file = object()
    assert engine_state(world.engine) is None
    assert engine_digest(world.engine) == engine_digest(world.engine)


def test_state_holds_no_more_bars_than_are_kept() -> None:
    world = World(puppet(on_bar=lambda self, bar: None))
    for number in range(3_000):
        world.bar(100.0 + number % 7)
    state = engine_state(world.engine)
    assert state is not None
    assert len(state) < 2 * 1_024 * 100
