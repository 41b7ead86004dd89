"""From symbols and file patterns to the files of a feed, never outside its directory."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from regimeflow.data.layouts import Kind
from regimeflow.errors import DataError

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
NEAR_FILES_SHOWN = 8


def symbol_files(directory: Path, patterns: Sequence[str], symbol: str) -> list[Path]:
    """The data files of one symbol, in the order of the patterns.

    A pattern holds `{symbol}`, and may hold `{kind}` for every of bars, quotes and trades that
    exists. Raises DataError when a pattern matches no file or leaves the directory.
    """
    files: list[Path] = []
    for pattern in patterns:
        kinds = [kind.value for kind in Kind] if "{kind}" in pattern else [""]
        candidates = [inside(directory, pattern, symbol=symbol, kind=kind) for kind in kinds]
        found = [path for path in candidates if path.is_file()]
        if not found:
            names = " or ".join(str(path) for path in candidates)
            raise DataError(f"{symbol}: no file {names}; {_what_is_there(directory)}")
        files.extend(found)
    return files


def inside(directory: Path, pattern: str, *, symbol: str, kind: str = "") -> Path:
    """`pattern` filled in, as a path that is proved to lie under `directory`."""
    name = pattern.replace("{symbol}", symbol).replace("{kind}", kind)
    unknown = _PLACEHOLDER.search(pattern.replace("{symbol}", "").replace("{kind}", ""))
    if unknown:
        raise DataError(
            f"file pattern {pattern!r}: {unknown.group()} is unknown; use {{symbol}} or {{kind}}"
        )
    path = directory / name
    if "\0" in name or not path.resolve().is_relative_to(directory.resolve()):
        raise DataError(
            f"file pattern {pattern!r} with symbol {symbol!r} leads outside {directory}; keep the "
            "files under the data directory"
        )
    return path


def content_hash(directory: Path, files: Iterable[Path]) -> str:
    """SHA-256 over the names (relative, with `/`) and the contents of the files, in order."""
    total = hashlib.sha256()
    for path in files:
        try:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
        total.update(f"{path.relative_to(directory).as_posix()}\0{digest}\n".encode())
    return total.hexdigest()


def _what_is_there(directory: Path) -> str:
    if not directory.is_dir():
        return f"the directory {directory} does not exist"
    names = sorted(path.name for path in directory.iterdir() if path.is_file())
    shown = ", ".join(names[:NEAR_FILES_SHOWN]) or "no file"
    more = f" and {len(names) - NEAR_FILES_SHOWN} more" if len(names) > NEAR_FILES_SHOWN else ""
    return f"{directory} holds {shown}{more}"
