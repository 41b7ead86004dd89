"""From a file or a mapping to a `Config`, or to every problem it has at once.

The steps, in order: read strictly, move keys to their one place, replace `${NAME}`, refuse secrets
and keys that are not built, validate by the sections, check the sections against each other.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from regimeflow.config.consistency import check_consistency
from regimeflow.config.credentials import refuse_inline_secrets
from regimeflow.config.document import Document, document_from_mapping
from regimeflow.config.environment import load_environment
from regimeflow.config.interpolation import interpolate
from regimeflow.config.placement import place
from regimeflow.config.problems import Problem, refusal
from regimeflow.config.root import Config
from regimeflow.config.unsupported import refuse_unsupported
from regimeflow.config.validation import validate
from regimeflow.config.yaml_document import document_from_file
from regimeflow.errors import UsageError


def load_config(
    source: str | os.PathLike[str] | Mapping[str, object],
    *,
    environ: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> Config:
    """Read and validate a configuration file, or a plain mapping of the same shape.

    `environ` defaults to the process environment and is completed by `cwd/.env`; neither is ever
    changed. Relative paths in the configuration are taken from `cwd` (the working directory), not
    from the directory of the file. Raises `ConfigError` (the user's fault, exit 2) with one line
    for each problem, at most 20.

        >>> config = load_config({"strategy": {"name": "buy_and_hold", "symbols": ["AAPL"]}})
        >>> config.strategies[0].id
        'buy_and_hold'
    """
    config, problems = inspect_config(source, environ=environ, cwd=cwd)
    if problems or config is None:
        raise refusal(problems)
    return config


def inspect_config(
    source: str | os.PathLike[str] | Mapping[str, object],
    *,
    environ: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> tuple[Config | None, tuple[Problem, ...]]:
    """As `load_config`, but problems of single keys are returned instead of raised.

    A file that cannot be read as YAML at all still raises `ConfigError`.
    """
    base = Path(cwd if cwd is not None else Path.cwd()).absolute()
    document = _read(source, base)
    environment = load_environment(base, os.environ if environ is None else environ)
    place(document)
    interpolate(document, environment)
    refuse_inline_secrets(document, environment)
    refuse_unsupported(document)
    config = validate(document, base)
    if config is not None and not document.problems:
        check_consistency(document, config)
    problems = tuple(sorted(document.problems, key=lambda problem: problem.line or 0))
    if problems or config is None:
        return None, problems
    if not isinstance(source, Mapping):
        config._source = base / source
    return config, ()


def _read(source: object, base: Path) -> Document:
    if isinstance(source, Mapping):
        return document_from_mapping(source)
    if isinstance(source, str | os.PathLike):
        return document_from_file(base / source, os.fspath(source))
    raise UsageError(
        f"load_config: seen a {type(source).__name__}; expected a path or a mapping; pass one"
    )
