"""One value of a strategy's state as msgpack can carry it, and back, with its exact type.

A plain value (None, bool, int of 64 bits, float, str, bytes) stands for itself. Everything else
is a list whose first item is a one-letter tag; so a list in the encoding always carries a tag,
and nothing is ever guessed. Types are matched exactly: a subclass that is not known by name is
refused rather than turned into its base.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import cast

import msgspec

from regimeflow.strategy.state_arrays import array_from_parts, array_parts, is_numpy
from regimeflow.strategy.state_classes import find_class, reference_of
from regimeflow.strategy.state_format import Packed, Unreadable, Unstorable, expect

_Packer = Callable[[object, type, int], Packed]
_Unpacker = Callable[[list[Packed], type], object]

NESTING_MAX = 64
_PLAIN: frozenset[type] = frozenset({type(None), bool, float, str, bytes})
_INT_MIN = -(2**63)
_INT_MAX = 2**64 - 1
_encode = msgspec.msgpack.Encoder().encode


def pack(value: object, owner: type, depth: int = 0) -> Packed:
    """`value` as msgpack can carry it; raises Unstorable.

    `owner` is the strategy's class: from its module the classes in the state must be reachable.
    """
    kind = type(value)
    if kind in _PLAIN:
        return cast("Packed", value)
    if depth > NESTING_MAX:
        raise Unstorable(
            f"containers nested deeper than {NESTING_MAX} levels, or one that contains itself",
            "store a flat structure",
        )
    packer = _PACKERS.get(kind)
    if packer is None:
        packer = _packer_of(value, kind)
    return packer(value, owner, depth + 1)


def unpack(packed: object, owner: type) -> object:
    """The value that `pack` was given; raises Unreadable, or what the value's class raises."""
    if not isinstance(packed, list):
        return packed
    if not packed or not isinstance(packed[0], str):
        raise Unreadable("a value has no tag")
    unpacker = _UNPACKERS.get(packed[0])
    if unpacker is None:
        raise Unreadable(f"unknown tag {packed[0]!r}")
    return unpacker(packed, owner)


# --- numbers and moments ----------------------------------------------------------------


def _pack_int(value: object, owner: type, depth: int) -> Packed:
    number = cast("int", value)
    return number if _INT_MIN <= number <= _INT_MAX else ["i", hex(number)]


def _pack_datetime(value: object, owner: type, depth: int) -> Packed:
    moment = cast("datetime", value)
    if moment.tzinfo is None:
        raise Unstorable(f"a datetime without a zone ({moment})", "use datetime.now's UTC form")
    if type(moment.tzinfo) is not timezone:
        raise Unstorable(
            f"a datetime in the zone {moment.tzinfo}", "keep it in UTC: astimezone(timezone.utc)"
        )
    return ["m", moment.isoformat(), moment.fold]


def _moment(text: str, fold: int) -> datetime:
    return datetime.fromisoformat(text).replace(fold=fold)


def _pack_timedelta(value: object, owner: type, depth: int) -> Packed:
    span = cast("timedelta", value)
    return ["x", span.days, span.seconds, span.microseconds]


# --- containers -------------------------------------------------------------------------


def _pack_items(items: Iterable[object], owner: type, depth: int) -> list[Packed]:
    return [pack(item, owner, depth) for item in items]


def _pack_list(value: object, owner: type, depth: int) -> Packed:
    items = cast("list[object]", value)
    if _PLAIN.issuperset(map(type, items)):
        return ["l", cast("list[Packed]", items)]
    return ["l", _pack_items(items, owner, depth)]


def _pack_tuple(value: object, owner: type, depth: int) -> Packed:
    return ["t", _pack_items(cast("tuple[object, ...]", value), owner, depth)]


def _pack_set(value: object, owner: type, depth: int) -> Packed:
    items = _pack_items(cast("set[object]", value), owner, depth)
    items.sort(key=_encode)
    return ["s" if type(value) is set else "f", items]


def _pack_dict(value: object, owner: type, depth: int) -> Packed:
    flat: list[Packed] = []
    for key, item in cast("dict[object, object]", value).items():
        flat.append(pack(key, owner, depth))
        flat.append(pack(item, owner, depth))
    return ["d", flat]


def _pack_deque(value: object, owner: type, depth: int) -> Packed:
    items = cast("deque[object]", value)
    return ["q", items.maxlen, _pack_items(items, owner, depth)]


def _unpack_items(packed: Packed, owner: type) -> list[object]:
    items = expect(list, packed)
    if _PLAIN.issuperset(map(type, items)):
        return cast("list[object]", items)
    return [unpack(item, owner) for item in items]


def _unpack_dict(packed: list[Packed], owner: type) -> object:
    flat = _unpack_items(packed[1], owner)
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _unpack_deque(packed: list[Packed], owner: type) -> object:
    length_max = None if packed[1] is None else expect(int, packed[1])
    return deque(_unpack_items(packed[2], owner), length_max)


# --- named classes ----------------------------------------------------------------------


def _packer_of(value: object, kind: type) -> _Packer:
    """How to pack a value whose type is not one of the built-in ones."""
    if is_numpy(kind):
        return _pack_array
    if isinstance(value, Enum):
        return _pack_enum
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return _pack_named_tuple
    is_record = isinstance(value, msgspec.Struct) or is_dataclass(kind)
    if is_record and not issubclass(kind, (dict, list, tuple, set, frozenset, str, bytes, int)):
        return _pack_record
    base = next((base.__name__ for base in kind.__mro__[1:] if base in _PACKERS), "")
    remedy = f"use a plain {base}" if base else "keep its numbers instead"
    if kind.__module__ == "random":
        remedy = "draw from ctx.rng, which is saved for you"
    raise Unstorable(f"a {kind.__module__}.{kind.__qualname__}, which cannot be saved", remedy)


def _reachable(kind: type, owner: type) -> str:
    reference = reference_of(kind)
    if find_class(owner, reference) is not kind:
        raise Unstorable(
            f"a {kind.__qualname__} of {kind.__module__}, which could not be found again",
            f"define or import that class at the top of {owner.__module__}",
        )
    return reference


def _pack_enum(value: object, owner: type, depth: int) -> Packed:
    member = cast("Enum", value)
    reference = _reachable(type(member), owner)
    if member.name in type(member).__members__:
        return ["e", reference, member.name]
    return ["g", reference, pack(member.value, owner, depth)]  # a combination of flags


def _pack_named_tuple(value: object, owner: type, depth: int) -> Packed:
    items = cast("tuple[object, ...]", value)
    return ["N", _reachable(type(value), owner), _pack_items(items, owner, depth)]


def _pack_record(value: object, owner: type, depth: int) -> Packed:
    """A Struct or dataclass: its fields, and what else a dataclass keeps in its `__dict__`."""
    if isinstance(value, msgspec.Struct):
        tag, names = "S", list(value.__struct_fields__)
    else:
        declared = [field.name for field in fields(value)]  # type: ignore[arg-type]
        names = [name for name in declared if hasattr(value, name)]
        names += [name for name in getattr(value, "__dict__", ()) if name not in names]
        tag = "c"
    flat: list[Packed] = [tag, _reachable(type(value), owner)]
    for name in names:
        flat.append(name)
        flat.append(pack(getattr(value, name), owner, depth))
    return flat


def _unpack_record(packed: list[Packed], owner: type) -> object:
    kind = _class_named(packed[1], owner)
    names = [expect(str, name) for name in packed[2::2]]
    values = [unpack(value, owner) for value in packed[3::2]]
    if packed[0] == "S":
        if not issubclass(kind, msgspec.Struct):
            raise Unreadable(f"{reference_of(kind)} is no longer a Struct")
        return kind(**dict(zip(names, values, strict=True)))
    # A dataclass is put back field by field: its __init__ ran when the value was made.
    record: object = object.__new__(kind)
    for name, value in zip(names, values, strict=True):
        object.__setattr__(record, name, value)
    return record


def _unpack_enum(packed: list[Packed], owner: type) -> object:
    kind = _class_named(packed[1], owner)
    if not issubclass(kind, Enum):
        raise Unreadable(f"{reference_of(kind)} is no longer an enum")
    return kind[expect(str, packed[2])] if packed[0] == "e" else kind(unpack(packed[2], owner))


def _unpack_named_tuple(packed: list[Packed], owner: type) -> object:
    kind = _class_named(packed[1], owner)
    make = getattr(kind, "_make", None)
    if not callable(make):
        raise Unreadable(f"{reference_of(kind)} is no longer a named tuple")
    return cast("object", make(_unpack_items(packed[2], owner)))


def _pack_array(value: object, owner: type, depth: int) -> Packed:
    try:
        dtype, shape, order, data = array_parts(value, owner)
    except ValueError as refusal:
        raise Unstorable(str(refusal), "keep plain numbers in lists") from None
    dimensions: Packed = None if shape is None else [*shape]
    return ["a", dtype, dimensions, order, data]


def _unpack_array(packed: list[Packed], owner: type) -> object:
    _, dtype, shape, order, data = packed
    dimensions = None if shape is None else tuple(expect(int, n) for n in expect(list, shape))
    return array_from_parts(
        owner, expect(str, dtype), dimensions, expect(str, order), expect(bytes, data)
    )


def _class_named(reference: Packed, owner: type) -> type:
    name = expect(str, reference)
    found = find_class(owner, name)
    if found is None:
        raise Unreadable(f"the class {name} is not in reach of {owner.__module__}")
    return found


_PACKERS: dict[type, _Packer] = {
    int: _pack_int,
    Decimal: lambda value, owner, depth: ["n", str(value)],
    datetime: _pack_datetime,
    date: lambda value, owner, depth: ["y", cast("date", value).toordinal()],
    timedelta: _pack_timedelta,
    list: _pack_list,
    tuple: _pack_tuple,
    set: _pack_set,
    frozenset: _pack_set,
    dict: _pack_dict,
    deque: _pack_deque,
}
_UNPACKERS: dict[str, _Unpacker] = {
    "i": lambda packed, owner: int(expect(str, packed[1]), 16),
    "n": lambda packed, owner: Decimal(expect(str, packed[1])),
    "m": lambda packed, owner: _moment(expect(str, packed[1]), expect(int, packed[2])),
    "y": lambda packed, owner: date.fromordinal(expect(int, packed[1])),
    "x": lambda packed, owner: timedelta(*(expect(int, part) for part in packed[1:])),
    "l": lambda packed, owner: _unpack_items(packed[1], owner),
    "t": lambda packed, owner: tuple(_unpack_items(packed[1], owner)),
    "s": lambda packed, owner: set(_unpack_items(packed[1], owner)),
    "f": lambda packed, owner: frozenset(_unpack_items(packed[1], owner)),
    "d": _unpack_dict,
    "q": _unpack_deque,
    "e": _unpack_enum,
    "g": _unpack_enum,
    "N": _unpack_named_tuple,
    "c": _unpack_record,
    "S": _unpack_record,
    "a": _unpack_array,
}
