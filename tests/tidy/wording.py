"""What no text of the project may say: where it was built, where packages come from, later work.

The patterns are written in two halves so that this file does not break its own rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.tidy.source import Finding, SourceFile

UNWANTED = {
    r"pypi\."
    r"org|python"
    r"hosted\.org|registry\."
    r"npmjs|deb\."
    r"debian\.org|--index"
    r"-url": ("a package registry's address; installs use the reader's own configuration"),
    r"(?<![\w.~-])/(?:wo" r"rk|ro" r"ot|fa" r"rm)/": (
        "a path of one machine; write it relative to the checkout"
    ),
    r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX)\b": "unfinished work; finish it, or leave it out",
}
PATTERNS = tuple((re.compile(pattern), remedy) for pattern, remedy in UNWANTED.items())


def check_wording(source: SourceFile) -> Iterator[Finding]:
    """Lines that hold an unwanted text."""
    for number, line in enumerate(source.text.splitlines(), start=1):
        for pattern, remedy in PATTERNS:
            seen = pattern.search(line)
            if seen:
                yield Finding(source.path, number, f"'{seen.group()}': {remedy}")
