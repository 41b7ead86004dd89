"""A progress bar is seen where somebody watches, and nowhere else."""

from __future__ import annotations

import io

from rich.console import Console

from regimeflow.cli.progress import progress_bar


def test_no_bar_is_drawn_where_the_output_is_no_terminal() -> None:
    out = io.StringIO()
    with progress_bar("work", console=Console(file=out)) as progress:
        assert progress is None
    assert out.getvalue() == ""


def test_a_bar_on_a_terminal_shows_how_far_the_work_is() -> None:
    out = io.StringIO()
    with progress_bar("work", console=Console(file=out, force_terminal=True, width=80)) as progress:
        assert progress is not None
        progress(1, 4)
    assert "work" in out.getvalue()
    assert "25%" in out.getvalue()
