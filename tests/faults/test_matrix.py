"""The matrix is whole: each row has tests or a reason, and the page is what the tests say."""

from __future__ import annotations

from docs.fault_matrix import NO_ADAPTER, SECTIONS, fault_matrix, named_tests, problems


def test_each_row_has_tests_or_a_reason_and_never_both() -> None:
    assert problems() == []


def test_rows_are_numbered_without_a_hole() -> None:
    rows = [row for section in SECTIONS.values() for row in section]
    assert rows == [f"F{number:02d}" for number in range(1, 79)]


def test_page_names_every_test_and_passes_no_venue_without_an_adapter() -> None:
    page = fault_matrix()
    for tests in named_tests().values():
        assert all(f"`{test}`" in page for test in tests)
    assert "not tested" not in page
    rows = [line for line in page.splitlines() if line.startswith("| F")]
    assert len(rows) == 78
    assert all(line.count(NO_ADAPTER) == 3 for line in rows)
