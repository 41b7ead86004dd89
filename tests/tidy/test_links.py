"""Links between pages lead somewhere, and the rule can fail."""

from __future__ import annotations

import pytest

from tests.tidy.links import check_links
from tests.tidy.source import assert_clean, planted, project_files


def test_every_link_between_pages_leads_to_a_file() -> None:
    assert_clean(check_links, project_files())


@pytest.mark.parametrize(
    "text", ["[map](docs/nowhere.md)", "![chart](missing.png)", "[up](../../outside.md)"]
)
def test_planted_link_to_nowhere_is_found(text: str) -> None:
    assert len(planted(check_links, text, path="docs/page.md")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "[licence](../LICENSE)",
        "[rules](../CONTRIBUTING.md#tests)",
        "[below](#tests)",
        "[site](https://example.com/a)",
        "no link [at all] (here)",
    ],
)
def test_link_that_leads_somewhere_is_accepted(text: str) -> None:
    assert planted(check_links, text, path="docs/page.md") == []
