"""From names in a configuration to strategy objects, checked before anything starts."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import cast

from regimeflow.config import Config
from regimeflow.core.setup import StrategySetup
from regimeflow.errors import ConfigError
from regimeflow.model.ids import StrategyId
from regimeflow.strategy.base import Parameter, Strategy
from regimeflow.strategy.builtin import BUILTIN

ENTRY_POINT_GROUP = "regimeflow.strategies"
_NUMBERS = (int, float)


def load_strategies(config: Config) -> tuple[StrategySetup, ...]:
    """Fresh strategy objects in configuration order.

    Raises ConfigError for an unknown name, a class that is no `Strategy`, an unknown parameter
    or one of another type than its default.
    """
    return tuple(
        StrategySetup(
            strategy_id=StrategyId(entry.id),
            strategy=strategy_class(entry.name, config.base_directory)(),
            params=_checked(entry.name, config, entry.params),
            symbols=config.strategy_symbols(entry.id),
        )
        for entry in config.strategies
    )


def strategy_class(name: str, base_directory: Path) -> type[Strategy]:
    """The class a name stands for: built-in, `package.module:Class`, or an entry point.

    Modules are looked for in `base_directory` (the working directory) too.
    """
    target = BUILTIN.get(name)
    if target is None:
        found = {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP)}
        target = found.get(name)
        if target is None and ":" not in name:
            known = [*BUILTIN, *found]
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ConfigError(
                f"strategy.name: seen {name!r}; {hint}expected one of {', '.join(known)}, or "
                "package.module:Class"
            )
    module_name, _, class_name = (target or name).partition(":")
    path = str(base_directory)
    if path not in sys.path:
        sys.path.insert(0, path)
    try:
        module = importlib.import_module(module_name)
    except (ImportError, SyntaxError) as error:
        raise ConfigError(
            f"strategy.name: {name!r}: module {module_name!r} cannot be imported ({error}); run "
            f"from the directory that holds it (now {base_directory})"
        ) from error
    found_class = getattr(module, class_name, None)
    if not (inspect.isclass(found_class) and issubclass(found_class, Strategy)):
        raise ConfigError(
            f"strategy.name: {name!r}: {class_name!r} in {module_name} is not a subclass of "
            "regimeflow.Strategy"
        )
    return found_class


def source_hash(strategies: tuple[StrategySetup, ...]) -> str:
    """SHA-256 over the source files of the strategies' modules, in configuration order."""
    digest = hashlib.sha256()
    for entry in strategies:
        path = inspect.getsourcefile(type(entry.strategy))
        digest.update(Path(path).read_bytes() if path else repr(type(entry.strategy)).encode())
    return digest.hexdigest()


def _checked(name: str, config: Config, given: Mapping[str, object]) -> dict[str, Parameter]:
    declared = strategy_class(name, config.base_directory).parameters
    for key, value in given.items():
        if key not in declared:
            near = get_close_matches(key, list(declared), n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            known = ", ".join(declared) or "none"
            raise ConfigError(
                f"strategy.params.{key}: seen {value!r}; {hint}{name} has the parameters {known}"
            )
        _check_type(name, key, value, declared[key])
    return cast("dict[str, Parameter]", {**declared, **given})


def _check_type(name: str, key: str, value: object, default: object) -> None:
    if default is None:
        return
    is_number = isinstance(default, _NUMBERS) and not isinstance(default, bool)
    if is_number:
        fits = isinstance(value, _NUMBERS) and not isinstance(value, bool)
        fits = fits and (isinstance(default, float) or isinstance(value, int))
    elif isinstance(default, list | tuple):
        fits = isinstance(value, list | tuple)
    else:
        fits = type(value) is type(default)
    if not fits:
        raise ConfigError(
            f"strategy.params.{key}: seen {value!r}; {name} expects "
            f"{type(default).__name__} values, such as {default!r}"
        )
