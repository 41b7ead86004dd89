"""A credential that cannot be printed, serialised or pickled by accident, and where it comes from.

Only `reveal()` gives the text. Secret managers are recognised by their references and refused until
they are built, so that a reference is never mistaken for the secret itself.
"""

from __future__ import annotations

import hmac
import re
from typing import NoReturn

_REFERENCE = re.compile(r"(vault|aws-sm|gcp-sm|azure-kv)://", re.IGNORECASE)


class Secret:
    """Text that shows as `***` everywhere; compare with `==`, read with `reveal()`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself; call it only where it goes on the wire."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __bool__(self) -> bool:
        return bool(self._text)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is never pickled or copied")


def is_secret_reference(text: str) -> bool:
    """Whether the text names a secret in a secret manager (`vault://…` and the like)."""
    return _REFERENCE.match(text) is not None
