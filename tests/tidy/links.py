"""Links between the project's pages lead to files that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import unquote

from tests.tidy.source import CHECKOUT, Finding, SourceFile

LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)>\s]+)>?[^)]*\)")
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|#")


def check_links(source: SourceFile) -> Iterator[Finding]:
    """Relative links of a Markdown page that lead nowhere, or out of the checkout."""
    if not source.path.endswith(".md"):
        return
    folder = PurePosixPath(source.path).parent
    for number, line in enumerate(source.text.splitlines(), start=1):
        for target in LINK.findall(line):
            if ELSEWHERE.match(target):
                continue
            path = (CHECKOUT / folder / unquote(target.split("#")[0])).resolve()
            if not path.is_relative_to(CHECKOUT) or not path.exists():
                yield Finding(source.path, number, f"link to {target}, which does not exist")
