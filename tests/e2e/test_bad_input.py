"""Whatever is wrong with the input: one clear message, the right exit code, no traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from regimeflow.cli.main import live_main, main
from regimeflow.journal.reader import read_facts
from regimeflow.live.lock import EngineLock
from regimeflow.model import commands as c

CHECKOUT = Path(__file__).resolve().parent.parent.parent
CONFIG = """\
strategy: {name: buy_and_hold, params: {symbol: MSFT, quantity: 10}}
live:
  broker: sim
  symbols: [MSFT]
  broker_config: {data_directory: data}
  log_dir: logs
backtest: {data: {data_directory: data}}
"""
HEADER = "Date,Open,High,Low,Close,Volume"
Cli = Callable[..., tuple[int, str]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with forty days of MSFT and a configuration that runs."""
    rows = (CHECKOUT / "examples/data/MSFT.csv").read_text(encoding="utf-8").splitlines()
    write_data(tmp_path, [row for row in rows[1:] if row.startswith(("2008-01", "2008-02"))])
    (tmp_path / "run.yaml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cli(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a program of ours in this process; returns its exit code and all it said."""

    def run(*arguments: str) -> tuple[int, str]:
        program = main if arguments else live_main
        named = arguments or ("--config", "run.yaml")
        monkeypatch.setattr(sys, "argv", ["regimeflow", *named])
        with pytest.raises(SystemExit) as ended:
            program()
        said = capsys.readouterr()
        text = " ".join((said.out + said.err).split())
        assert "Traceback" not in text
        assert isinstance(ended.value.code, int)
        return ended.value.code, text

    return run


def write_data(place: Path, rows: list[str], *, header: str = HEADER) -> None:
    (place / "data").mkdir(exist_ok=True)
    text = "\n".join([header, *rows]) + "\n"
    (place / "data" / "MSFT.csv").write_text(text, encoding="utf-8")


def rows_of(place: Path) -> list[str]:
    return (place / "data" / "MSFT.csv").read_text(encoding="utf-8").splitlines()[1:]


def edit(place: Path, old: str, new: str) -> None:
    path = place / "run.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_input_all_others_are_made_from_is_good(cli: Cli) -> None:
    code, text = cli()
    assert (code, "orders 1" in text or "1 order" in text) == (0, True), text


LOG_DIR = "  log_dir: logs\n"


@pytest.mark.parametrize(
    ("old", "new", "fragments"),
    [
        (LOG_DIR, LOG_DIR + "  max_order_valu: 5\n", ["max_order_valu", "max_order_value", ":7"]),
        (LOG_DIR, LOG_DIR + "  broker: sim\n", ["broker", "lines 3 and 7", "twice"]),
        (LOG_DIR, LOG_DIR + "  dry_run: true\n", ["live.dry_run", "not supported yet"]),
        (LOG_DIR, LOG_DIR + "  max_order_value: .nan\n", ["max_order_value", "finite"]),
        (LOG_DIR, LOG_DIR + "  max_order_value: [1]\n", ["max_order_value", "number"]),
        ("buy_and_hold", "buy_and_hodl", ["buy_and_hodl", "did you mean 'buy_and_hold'"]),
        ("quantity: 10", "quantty: 10", ["quantty", "did you mean 'quantity'"]),
        ("quantity: 10", "quantity: ten", ["quantity", "ten"]),
        ("buy_and_hold, params", "'no_such.module:Thing', params", ["no_such", "imported"]),
        ("buy_and_hold, params", "'json:loads', params", ["loads", "not a subclass"]),
        ("[MSFT]", "[MSFT, NVDA]", ["NVDA", "no file", "MSFT.csv"]),
        ("{data_directory: data}\n  log", "{data_directory: dato}\n  log", ["dato", "not exist"]),
        ("  log_dir", "  paper: false\n  log_dir", ["paper"]),
        ("backtest:", "instruments: {MSFT: {currency: EUR}}\nbacktest:", ["EUR", "USD"]),
        (
            "backtest:",
            "metrics: {live: {baseline_report: out/report.json}}\nbacktest:",
            ["out/report.json"],
        ),
        ("live:", "live: [\n", ["run.yaml"]),
    ],
)
def test_a_wrong_configuration_gives_two_and_names_what_is_wrong(
    old: str, new: str, fragments: list[str], cli: Cli, place: Path
) -> None:
    edit(place, old, new)
    code, text = cli()
    assert code == 2, text
    assert [fragment for fragment in fragments if fragment not in text] == [], text


def swap(rows: list[str]) -> list[str]:
    return [rows[1], rows[0], *rows[2:]]


def doubled(rows: list[str]) -> list[str]:
    return [rows[0], *rows]


def with_cell(column: int, cell: str) -> Callable[[list[str]], list[str]]:
    def change(rows: list[str]) -> list[str]:
        cells = rows[5].split(",")
        cells[column] = cell
        return [*rows[:5], ",".join(cells), *rows[6:]]

    return change


def halved(rows: list[str]) -> list[str]:
    """A split that nobody recorded."""
    changed = []
    for row in rows[20:]:
        day, *prices, volume = row.split(",")
        changed.append(",".join([day, *(f"{float(p) / 2:.2f}" for p in prices), volume]))
    return rows[:20] + changed


@pytest.mark.parametrize(
    ("change", "fragments"),
    [
        (lambda rows: [], ["MSFT.csv", "no "]),
        (swap, ["MSFT.csv", "order"]),
        (doubled, ["MSFT.csv"]),
        (with_cell(2, "0.01"), ["MSFT.csv:7", "high"]),
        (with_cell(4, "-3"), ["MSFT.csv:7"]),
        (with_cell(4, "nan"), ["MSFT.csv:7"]),
        (with_cell(4, "many"), ["MSFT.csv"]),
        (with_cell(0, "2008-01-06"), ["MSFT.csv", "2008-01-06"]),
        (halved, ["MSFT", "2008-01-31", "actions"]),
    ],
    ids=["empty", "unsorted", "doubled", "high", "negative", "nan", "text", "sunday", "split"],
)
def test_wrong_data_gives_two_and_names_file_and_row(
    change: Callable[[list[str]], list[str]], fragments: list[str], cli: Cli, place: Path
) -> None:
    write_data(place, change(rows_of(place)))
    for arguments in ((), ("backtest", "--config", "run.yaml")):
        code, text = cli(*arguments)
        assert code == 2, text
        assert [fragment for fragment in fragments if fragment not in text] == [], text


def test_a_real_jump_is_allowed_by_name(cli: Cli, place: Path) -> None:
    write_data(place, halved(rows_of(place)))
    edit(
        place,
        "{data: {data_directory: data}}",
        "{data: {data_directory: data, allow_price_jumps: ['MSFT:2008-01-31']}}",
    )
    assert cli()[0] == 0


def test_a_header_that_is_not_understood_is_shown(cli: Cli, place: Path) -> None:
    write_data(place, rows_of(place), header="a,b,c,d,e,f")
    code, text = cli()
    assert (code, "a,b,c,d,e,f" in text) == (2, True), text


def test_an_integer_is_a_number_and_binds(cli: Cli, place: Path) -> None:
    edit(place, LOG_DIR, LOG_DIR + "  max_order_value: 100\n")
    assert cli()[0] == 0
    facts = [record.body for record in read_facts(place / "logs" / "journal")]
    denied = [fact for fact in facts if isinstance(fact, c.OrderDenied)]
    assert {fact.control for fact in denied} == {"C02"}
    assert not any(isinstance(fact, c.SubmitOrder) for fact in facts)


@pytest.mark.parametrize(
    ("body", "fragments"),
    [
        ("self.made_in_vain = print", ["made_in_vain", "transient"]),
        ("self.guard = __import__('threading').Lock()", ["guard", "transient"]),
        ("self.rows = [object()]", ["rows", "transient"]),
    ],
)
def test_a_strategy_that_cannot_start_is_refused_by_name(
    body: str, fragments: list[str], cli: Cli, place: Path, request: pytest.FixtureRequest
) -> None:
    module = f"mine_{abs(hash(body))}"
    (place / f"{module}.py").write_text(
        "import regimeflow as rf\n\n\nclass Mine(rf.Strategy):\n"
        f"    def initialize(self, ctx):\n        {body}\n",
        encoding="utf-8",
    )
    edit(place, "buy_and_hold, params: {symbol: MSFT, quantity: 10}", f"'{module}:Mine'")
    code, text = cli()
    assert code == 2, text
    assert [fragment for fragment in fragments if fragment not in text] == [], text


def test_a_baseline_of_another_strategy_is_refused(cli: Cli, place: Path) -> None:
    assert cli("backtest", "--config", "run.yaml", "--output-dir", "out")[0] == 0
    edit(
        place,
        "name: buy_and_hold, params: {symbol: MSFT, quantity: 10}",
        "name: moving_average_cross",
    )
    edit(place, "backtest:", "metrics: {live: {baseline_report: out/report.json}}\nbacktest:")
    code, text = cli()
    assert code == 2, text
    assert "buy_and_hold" in text
    assert "moving_average_cross" in text


@pytest.mark.parametrize("name", ["logs", "logs/journal", "logs/status.json"])
def test_a_log_dir_that_cannot_be_written_gives_two_or_four(
    name: str, cli: Cli, place: Path
) -> None:
    """A file where a directory has to be, or the other way round; root may write anywhere."""
    path = place / name
    path.parent.mkdir(exist_ok=True)
    if path.suffix:
        path.mkdir()
    else:
        path.write_text("in the way", encoding="utf-8")
    code, text = cli()
    assert code in (2, 4), text
    assert path.name in text


def test_a_refused_start_leaves_the_last_run_where_it_was(cli: Cli, place: Path) -> None:
    assert cli()[0] == 0
    edit(place, "MSFT", "NONE")
    assert cli()[0] == 2
    assert (place / "logs" / "status.json").exists()
    assert not (place / "logs" / "archive").exists()


def test_two_engines_never_share_a_log_dir(cli: Cli, place: Path) -> None:
    with EngineLock(place / "logs"):
        code, text = cli()
    assert code == 1, text
    assert "another engine" in text


def test_damage_in_the_middle_of_the_facts_refuses_to_trade(cli: Cli, place: Path) -> None:
    assert cli()[0] == 0
    facts = place / "logs" / "journal" / "facts-000001.rfj"
    content = bytearray(facts.read_bytes())
    content[len(content) // 2] ^= 0xFF
    facts.write_bytes(content)
    before = {path.name: path.read_bytes() for path in facts.parent.iterdir()}
    code, text = cli()
    assert code == 4, text
    assert "damaged at byte" in text
    assert {path.name: path.read_bytes() for path in facts.parent.iterdir()} == before
