"""The environment of a configuration: set variables, mounted secrets and `.env`, never changed.

Precedence of NAME: the variable, the file that NAME_FILE names, then both again in `.env`.
`.env` never overrides what is set, and `os.environ` is never written. Only the variables a broker
knows may be mounted; a mounted file is read when its variable is asked for, and on POSIX it must
belong to this user or root and be closed to everyone else. Contents never enter an error.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from regimeflow.config.broker_variables import VARIABLE_NAMES
from regimeflow.config.problems import Problem, refusal
from regimeflow.errors import ConfigError

DOTENV_NAME = ".env"
DOTENV_BYTES_MAX = 64 * 1024
SECRET_BYTES_MAX = 64 * 1024


class Environment(Mapping[str, str]):
    """A read-only environment whose mounted secrets are read on demand; shows no values."""

    __slots__ = ("_cwd", "_layers")

    def __init__(self, layers: tuple[Mapping[str, str], ...], cwd: Path) -> None:
        self._layers = tuple(dict(layer) for layer in layers)
        self._cwd = cwd

    def __getitem__(self, name: str) -> str:
        for layer in self._layers:
            mounted = layer.get(f"{name}_FILE") if name in VARIABLE_NAMES else None
            if name in layer and mounted is not None:
                expected, step = "one of the two", f"unset {name} or {name}_FILE"
                problem = Problem("environment", (), f"{name} and {name}_FILE", expected, step)
                raise refusal([problem])
            if name in layer:
                return layer[name]
            if mounted is not None:
                return read_mounted_secret(self._cwd / mounted, f"{name}_FILE")
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return name in set(self)

    def __iter__(self) -> Iterator[str]:
        names = {name for layer in self._layers for name in layer}
        mounted = {name for name in VARIABLE_NAMES if f"{name}_FILE" in names}
        return iter(sorted(names | mounted))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"Environment({len(self)} variables)"


def load_environment(cwd: Path, environ: Mapping[str, str]) -> Environment:
    """The set variables, completed by `cwd/.env` when there is one.

    Raises `ConfigError` (the user's fault) for a `.env` that is not `NAME=value` lines.
    """
    return Environment((environ, _read_dotenv(cwd / DOTENV_NAME)), cwd)


def read_mounted_secret(path: Path, variable: str) -> str:
    """The text of a mounted secret without its last line end; errors show only the path."""

    def refused(seen: str, expected: str, next_step: str) -> ConfigError:
        return refusal([Problem(variable, (), f"{path}: {seen}", expected, next_step)])

    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            raw = file.read(SECRET_BYTES_MAX + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise refused(reason, "a readable file", f"correct {variable}") from None
    if sys.platform != "win32":
        mode = stat.S_IMODE(status.st_mode)
        if mode & 0o077:
            step = f"chmod 600 {path}, or mount it with mode 0400"
            raise refused(f"mode {mode:04o}", "mode 0600 or stricter", step)
        if status.st_uid not in (0, os.getuid()):
            step = "change its owner"
            raise refused(f"owner {status.st_uid}", "a file of this user or root", step)
    try:
        text = raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise refused("bytes that are not text", "UTF-8 text", "write it again") from None
    if not text or len(raw) > SECRET_BYTES_MAX or not text.isprintable():
        raise refused("no single line of text", "one line of text", "write it again")
    return text


def _read_dotenv(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            raw = file.read(DOTENV_BYTES_MAX + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        reason = error.strerror or type(error).__name__
        step = "make it readable, or remove it"
        raise refusal([Problem(str(path), (), reason, "a readable file", step)]) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = ""
    if len(raw) > DOTENV_BYTES_MAX or (raw and not text) or "\0" in text:
        expected = f"UTF-8 text of at most {DOTENV_BYTES_MAX} bytes"
        raise refusal([Problem(str(path), (), "something else", expected, "write it again")])
    return _parse_dotenv(path, text)


def _parse_dotenv(path: Path, text: str) -> dict[str, str]:
    from dotenv.parser import parse_stream

    variables: dict[str, str] = {}
    problems: list[Problem] = []
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or (binding.key is not None and binding.value is None):
            expected, step = "NAME=value", "correct the line, or put # before it"
            line = binding.original.line
            problems.append(Problem(str(path), (), "another form", expected, step, line))
        elif binding.key is not None and binding.value is not None:
            variables[binding.key] = binding.value
    if problems:
        raise refusal(problems)
    return variables
