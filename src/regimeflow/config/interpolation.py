"""`${NAME}` as a whole value, and references to secret managers.

Only a value that is nothing but `${NAME}` is replaced, once: text around it, or `${…}` inside the
variable's own value, stays as it is. There are no defaults, no nesting and no commands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from regimeflow.config.document import Document, Tree
from regimeflow.config.problems import FromEnvironment, KeyPath
from regimeflow.config.secret import is_secret_reference

_WHOLE_VALUE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]{0,127})\}")


def interpolate(document: Document, environment: Mapping[str, str]) -> None:
    """Replace every whole-value `${NAME}`; unset variables and references become problems."""
    root = _replaced(document, environment, document.root, ())
    assert isinstance(root, dict)
    document.root = root


def _replaced(
    document: Document, environment: Mapping[str, str], value: Tree, path: KeyPath
) -> Tree:
    if isinstance(value, dict):
        return {
            name: _replaced(document, environment, child, (*path, name))
            for name, child in value.items()
        }
    if isinstance(value, list):
        return [
            _replaced(document, environment, child, (*path, i)) for i, child in enumerate(value)
        ]
    if not isinstance(value, str):
        return value
    match = _WHOLE_VALUE.fullmatch(value)
    if match is not None:
        return _from_environment(document, environment, match[1], path)
    return _checked(document, value, path)


def _from_environment(
    document: Document, environment: Mapping[str, str], name: str, path: KeyPath
) -> Tree:
    if name not in environment:
        document.refuse(
            path,
            seen=f"${{{name}}}, which is not set",
            expected="a variable that is set",
            next_step=f"set {name} in the environment or in .env",
        )
        document.settled.add(path)
        return None
    return _checked(document, FromEnvironment(environment[name], name), path)


def _checked(document: Document, text: str, path: KeyPath) -> Tree:
    if not is_secret_reference(text):
        return text
    document.refuse(
        path,
        seen="a reference to a secret manager",
        expected="a value, ${NAME}, or a variable NAME_FILE that names a mounted file",
        next_step="not supported yet: secret managers are not built",
    )
    document.settled.add(path)
    return None
