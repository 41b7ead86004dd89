"""Save a strategy's state to bytes and put it back, type by type, without pickle.

State is the instance's `__dict__` less `ctx` and the names in `transient`. It is saved and put
back at every session roll, in backtests too, so what cannot be saved is refused at start, by
name, instead of being lost on the first night.

Kept exactly: None, bool, int of any size, float (also infinities and NaN), str, bytes, Decimal,
aware datetime, date, timedelta, list, tuple, named tuple, set, frozenset, dict, deque with its
length, enum, dataclass, msgspec Struct, numpy array and numpy scalar.

Invariants: equal states give equal bytes (attributes by name, sets by their encoding, dicts in
their own order); `encode(restore(encode(x))) == encode(x)`; a state that fails to decode leaves
the strategy as it was. Sharing is not kept: one list under two attributes comes back as two.
A container that holds itself is refused. Time zones are kept as fixed offsets only.

Sketch: one walk in Python and one msgpack call; about 1 us for each attribute that is a number
or a list of numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from regimeflow.errors import ConfigError
from regimeflow.strategy.base import Strategy
from regimeflow.strategy.state_format import Packed, Unreadable, Unstorable
from regimeflow.strategy.state_values import pack, unpack

STATE_FORMAT = 1
STATE_BYTES_MAX = 64 * 1024 * 1024

# What damaged bytes make decoding, a constructor or a look-up raise.
_DAMAGE = (
    Unreadable,
    msgspec.DecodeError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)

_encode = msgspec.msgpack.Encoder().encode
_decode: Callable[[bytes], object] = msgspec.msgpack.Decoder().decode


def encode_state(strategy: Strategy) -> bytes:
    """The state of `strategy` as bytes.

    Raises ConfigError naming the attribute, what it holds and the way out when something in it
    cannot be saved, or when the state is larger than `STATE_BYTES_MAX`.
    """
    owner = type(strategy)
    flat: list[Packed] = [STATE_FORMAT]
    for name, value in _state_of(strategy):
        try:
            packed = pack(value, owner)
        except Unstorable as refusal:
            raise ConfigError(_refusal(owner, name, refusal)) from None
        flat.append(name)
        flat.append(packed)
    try:
        data = _encode(flat)
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"the state of {owner.__name__} holds text that is not valid Unicode: {error.reason}; "
            "decode the bytes with the right encoding, or keep them as bytes"
        ) from None
    if len(data) > STATE_BYTES_MAX:
        raise ConfigError(
            f"the state of {owner.__name__} is {len(data)} bytes, at most {STATE_BYTES_MAX} are "
            "kept; bound its lists (deque with maxlen) or name what can be rebuilt in `transient`"
        )
    return data


def restore_state(strategy: Strategy, data: bytes) -> None:
    """Make the state of `strategy` what `data` holds; `ctx` and transient attributes stay.

    Call it after `initialize` and before `on_start`. Attributes that are not in `data` are
    removed. Raises ConfigError, with the strategy unchanged, when `data` is not a state this
    strategy can read (its class moved or was deleted, or the bytes are damaged).
    """
    owner = type(strategy)
    not_state = _not_state(strategy)
    state = {name: value for name, value in _read(owner, data).items() if name not in not_state}
    attributes = strategy.__dict__
    for name in [name for name in attributes if name not in not_state]:
        del attributes[name]
    attributes.update(state)


def check_storable(strategy: Strategy) -> None:
    """Refuse at start what could not be saved later; call it after `initialize`.

    Raises ConfigError: `transient` is not a tuple of names, a class keeps attributes in
    `__slots__` (they would be lost), or an attribute holds something that cannot be saved and
    read back.
    """
    owner = type(strategy)
    transient: object = owner.transient
    if isinstance(transient, str) or not isinstance(transient, (tuple, list)):
        raise ConfigError(
            f"{owner.__name__}.transient is {transient!r}, expected a tuple of attribute names; "
            f"write transient = ({str(transient)!r},)"
        )
    for base in owner.__mro__:
        slots = vars(base).get("__slots__", ())
        if slots:
            raise ConfigError(
                f"{base.__name__} keeps {slots!r} in __slots__, which is not saved; "
                "remove __slots__ from the strategy class"
            )
    _read(owner, encode_state(strategy))


def _read(owner: type, data: bytes) -> dict[str, object]:
    try:
        flat = _decode(data)
        if not isinstance(flat, list) or not flat or flat[0] != STATE_FORMAT:
            raise Unreadable("it does not begin as a saved state does")
        names, values = flat[1::2], flat[2::2]
        return {str(name): unpack(value, owner) for name, value in zip(names, values, strict=True)}
    except _DAMAGE as error:
        raise ConfigError(
            f"the saved state of {owner.__name__} cannot be restored: {error}; "
            "run the code that saved it, or start with a warm-up instead of the saved state"
        ) from error


def _not_state(strategy: Strategy) -> frozenset[str]:
    return frozenset(("ctx", *type(strategy).transient))


def _state_of(strategy: Strategy) -> Iterable[tuple[str, object]]:
    not_state = _not_state(strategy)
    attributes = strategy.__dict__
    return [(name, attributes[name]) for name in sorted(attributes) if name not in not_state]


def _refusal(owner: type, name: str, refusal: Unstorable) -> str:
    transient = (*getattr(owner, "transient", ()), name)
    return (
        f"{owner.__name__}.{name} holds {refusal}; {refusal.remedy}, or name the attribute in "
        f"`transient = {transient!r}` and rebuild it in on_start"
    )
