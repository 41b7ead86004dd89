"""numpy arrays and scalars inside a strategy's state, without this package importing numpy.

A strategy that keeps arrays has imported numpy itself; the module is taken from there. An array
keeps its type, shape, memory order and bits. Arrays of Python objects and of named fields are
refused.
"""

from __future__ import annotations

from types import ModuleType
from typing import Protocol, cast

from regimeflow.strategy.state_classes import find_module

_Text = str


class _ArrayType(Protocol):
    hasobject: bool
    names: tuple[str, ...] | None

    @property
    def str(self) -> _Text: ...


class _ArrayFlags(Protocol):
    c_contiguous: bool
    f_contiguous: bool


class _Array(Protocol):
    dtype: _ArrayType
    shape: tuple[int, ...]
    flags: _ArrayFlags

    def tobytes(self, order: str = "C") -> bytes: ...
    def reshape(self, shape: tuple[int, ...], order: str) -> _Array: ...
    def copy(self, order: str) -> _Array: ...
    def __getitem__(self, index: int) -> object: ...


def is_numpy(kind: type) -> bool:
    """True for `numpy.ndarray` itself and for numpy's scalar types (`numpy.float64`)."""
    return kind.__module__ == "numpy" and hasattr(kind, "dtype") and hasattr(kind, "tobytes")


def array_parts(value: object, owner: type) -> tuple[str, list[int] | None, str, bytes]:
    """Type, shape (None for a scalar), memory order `C` or `F`, and bytes.

    Raises ValueError, saying what was seen, for an array that could not be read back.
    """
    array = cast("_Array", value)
    dtype = array.dtype
    if dtype.hasobject or dtype.names is not None:
        raise ValueError(f"a numpy array of {dtype}")
    if find_module(owner, "numpy") is None:
        raise ValueError(f"a numpy value, but {owner.__module__} does not import numpy")
    if type(value).__name__ != "ndarray":
        if array.shape != ():
            raise ValueError(f"a numpy {type(value).__name__}, which is not a plain array")
        return dtype.str, None, "C", array.tobytes()
    flags = array.flags
    order = "F" if flags.f_contiguous and not flags.c_contiguous else "C"
    return dtype.str, list(array.shape), order, array.tobytes(order=order)


def array_from_parts(
    owner: type, dtype: str, shape: tuple[int, ...] | None, order: str, data: bytes
) -> object:
    """The array or scalar again, writable; raises LookupError when numpy is out of reach."""
    numpy: ModuleType | None = find_module(owner, "numpy")
    if numpy is None:
        raise LookupError(f"{owner.__module__} does not import numpy")
    flat = cast("_Array", numpy.frombuffer(data, dtype=dtype))
    if shape is None:
        return flat[0]
    return flat.reshape(shape, order=order).copy(order=order)
