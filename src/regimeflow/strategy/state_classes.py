"""Which classes a saved state may name, and how a name becomes a class again.

A state names a class as `module:qualname`. Nothing is ever imported for such a name; only what
the strategy's own module already holds can be found: what is defined in it, the modules it
imported, the modules of the classes and functions it imported by name, and `regimeflow.model`.
So a damaged or foreign state cannot load code, and a state that was saved can be read by the
same strategy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import FunctionType, ModuleType

from regimeflow.model import account, commands, events, ids, instrument, market, order, session

_MODEL_MODULES = (market, order, account, events, commands, instrument, session, ids)


def reference_of(kind: type) -> str:
    """The name under which a class is saved."""
    return f"{kind.__module__}:{kind.__qualname__}"


@lru_cache(maxsize=1_024)
def find_class(owner: type, reference: str) -> type | None:
    """The class `reference` names for the strategy class `owner`; None when out of reach."""
    module_name, _, qualname = reference.partition(":")
    for namespace in _namespaces(owner):
        if namespace.get("__name__") == module_name:
            found = _walk(namespace, qualname)
            if found is not None:
                return found
    for namespace in _namespaces(owner):
        found = _among_imports(namespace, module_name, qualname)
        if found is not None:
            return found
    return None


@lru_cache(maxsize=64)
def find_module(owner: type, name: str) -> ModuleType | None:
    """The module `name`, when the strategy's module (or one of its bases') imported it."""
    for namespace in _namespaces(owner):
        for value in namespace.values():
            if isinstance(value, ModuleType) and value.__name__ == name:
                return value
    return None


def _namespaces(owner: type) -> Iterator[Mapping[str, object]]:
    """Globals of the modules that define `owner` and its bases, then the model's modules."""
    seen: list[Mapping[str, object]] = []
    for base in owner.__mro__:
        namespace = _globals_behind(base)
        if namespace and not any(namespace is known for known in seen):
            seen.append(namespace)
    yield from seen
    for module in _MODEL_MODULES:
        yield vars(module)


def _among_imports(namespace: Mapping[str, object], module_name: str, qualname: str) -> type | None:
    top_name, _, rest = qualname.partition(".")
    for value in namespace.values():
        if isinstance(value, ModuleType):
            found = _walk(vars(value), qualname) if value.__name__ == module_name else None
        elif isinstance(value, type) and reference_of(value) == f"{module_name}:{top_name}":
            found = _walk(vars(value), rest) if rest else value
        elif getattr(value, "__module__", None) == module_name:
            found = _walk(_globals_behind(value), qualname)
        else:
            continue
        if found is not None:
            return found
    return None


def _globals_behind(value: object) -> Mapping[str, object]:
    """The module namespace that a class's methods, or a function, were defined in."""
    members = vars(value).values() if isinstance(value, type) else (value,)
    for member in members:
        if isinstance(member, FunctionType) and member.__module__ == value.__module__:
            return member.__globals__
    return {}


def _walk(namespace: Mapping[str, object], qualname: str) -> type | None:
    found: object = None
    for name in qualname.split("."):
        found = namespace.get(name)
        if not isinstance(found, type):
            return None
        namespace = vars(found)
    return found if isinstance(found, type) else None
