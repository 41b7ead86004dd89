"""Every journal that a test here leaves behind has to obey the laws of journals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from regimeflow.core.ledger_state import ledger_digest
from regimeflow.journal.reader import read_records
from regimeflow.run.folds import ledger_fold
from regimeflow.run.manifest import MANIFEST_NAME, plan_of, read_manifest
from regimeflow.run.replay import verify_journal


def pytest_configure(config: pytest.Config) -> None:
    """Name the mark by which a test says that its journals are broken on purpose."""
    config.addinivalue_line("markers", "planted: leaves journals that break their laws on purpose")


@pytest.fixture(autouse=True)
def journals_obey_their_laws(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """Replayed, a journal gives the decisions and the books it holds; `planted` opts out."""
    yield
    if request.node.get_closest_marker("planted") is None:
        for manifest in sorted(tmp_path.rglob(MANIFEST_NAME)):
            assert_journal_holds(manifest.parent)


def assert_journal_holds(directory: Path) -> None:
    """Decision fold against journal, and ledger fold against decision fold."""
    report = verify_journal(directory)
    assert report.ok, report
    plan = plan_of(read_manifest(directory))
    books = plan.setup().books()
    assert ledger_digest(ledger_fold(books, read_records(directory))) == report.digest
