"""Every strategy printed in the documentation runs as it is printed."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

import regimeflow as rf

CHECKOUT = Path(__file__).resolve().parents[2]
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
DAYS = {"start_date": "2005-01-03", "end_date": "2006-06-30"}


def blocks(page: str, pattern: re.Pattern[str] = PYTHON) -> list[str]:
    return pattern.findall((CHECKOUT / page).read_text(encoding="utf-8"))


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory to run in, and a place for one strategy that no other test sees."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "examples").mkdir()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path / "my_strategy.py"
    sys.modules.pop("my_strategy", None)


def with_data(config: Mapping[str, object], **days: object) -> dict[str, object]:
    backtest = {"data": {"data_directory": str(CHECKOUT / "examples" / "data")}, **days}
    return {**config, "backtest": backtest}


def test_the_strategy_of_the_readme_trades_with_its_configuration(module: Path) -> None:
    module.write_text(blocks("README.md")[0], encoding="utf-8")
    config = yaml.safe_load(blocks("README.md", YAML)[0])
    report = rf.backtest(with_data(config, **DAYS))
    assert report.counts["fills"]
    assert report.counts["denied"] == 0


@pytest.mark.parametrize("name", ["BuyDips", "EveryOrder"])
def test_a_strategy_of_the_guide_runs_and_is_refused_nothing(module: Path, name: str) -> None:
    text = next(block for block in blocks("docs/strategies.md") if f"class {name}(" in block)
    module.write_text(text, encoding="utf-8")
    config = {
        "strategy": {"name": f"my_strategy:{name}"},
        "live": {"broker": "sim", "symbols": ["MSFT"], "max_order_value": 100_000},
    }
    report = rf.backtest(with_data(config, **DAYS))
    assert report.counts["fills"]
    assert report.counts["denied"] == 0


@pytest.mark.parametrize("page", ["docs/strategies.md", "docs/backtesting.md"])
def test_python_that_calls_the_package_does_what_it_says(
    page: str, module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(block for block in blocks(page) if "import regimeflow as rf" in block)
    module.write_text(text, encoding="utf-8")
    monkeypatch.chdir(CHECKOUT)
    report = importlib.import_module(module.stem).report
    assert report.counts["fills"]


def test_a_second_backtest_in_one_process_is_called_like_the_first() -> None:
    """The package of the same name, imported by the first call, must not take its place."""
    config = {
        "strategy": {"name": "buy_and_hold"},
        "live": {"broker": "sim", "symbols": ["MSFT"], "max_order_value": 10_000},
    }
    first, second = (rf.backtest(with_data(config, **DAYS)) for _ in range(2))
    assert first.document() == second.document()
