"""What a Python caller may get wrong is said as plainly as on the command line."""

from __future__ import annotations

import pytest

import regimeflow as rf


def test_a_window_that_does_not_exist_is_refused_before_anything_runs() -> None:
    with pytest.raises(rf.UsageError, match='seen \'lvie\'; expected "backtest" or "live"'):
        rf.backtest({}, window="lvie")


def test_a_source_of_another_kind_is_named() -> None:
    with pytest.raises(rf.UsageError, match="seen a int; expected a path, a mapping or a Config"):
        rf.backtest(3)  # type: ignore[arg-type]  # the caller's mistake
    with pytest.raises(rf.UsageError, match="seen a NoneType"):
        rf.run_live(None)  # type: ignore[arg-type]  # the caller's mistake
