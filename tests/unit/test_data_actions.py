"""Corporate actions, the jumps they explain, and how the example actions were derived."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from regimeflow.data.actions import read_actions
from regimeflow.errors import DataError
from regimeflow.model.market import ActionKind, Bar
from regimeflow.model.timestamps import NS_PER_HOUR, NS_PER_MINUTE, format_ns
from tests.conftest import CHECKOUT
from tests.unit.data_files import DAILY_HEADER, events_of, feed_of, ns, write, xnys
from tools.make_actions import convert, derive_actions, split_ratio

EXAMPLES = CHECKOUT / "examples" / "data"
SYMBOLS = ("AAPL", "MSFT", "IBM")


def write_closes(directory: Path, *closes: float) -> None:
    days = ("2008-01-02", "2008-01-03", "2008-01-04", "2008-01-07")
    rows = [f"{d},{c},{c},{c},{c},1" for d, c in zip(days, closes, strict=False)]
    write(directory, "X.csv", DAILY_HEADER, *rows)


def write_actions(directory: Path, *rows: str) -> Path:
    return write(directory, "X_actions.csv", "date,kind,value", *rows)


def test_an_action_is_in_force_from_the_open_of_its_date(tmp_path: Path) -> None:
    path = write_actions(tmp_path, "2008-01-03,split,2", "2008-01-04,dividend,0.25")
    split, dividend = read_actions(path, symbol="X", calendar=xnys())
    assert split.ts_venue_ns == ns("2008-01-03") + 14 * NS_PER_HOUR + 30 * NS_PER_MINUTE
    assert (split.kind, split.value) == (ActionKind.SPLIT, Decimal(2))
    assert (dividend.kind, dividend.value) == (ActionKind.DIVIDEND, Decimal("0.25"))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2008-01-05,split,2", r":3: 2008-01-05 is not a session of XNYS"),
        ("2008-01-04,merger,2", r":3: kind 'merger' is unknown; the kinds are split, dividend"),
        ("2008-01-04,split,0", r":3: value '0' is not a positive number"),
        ("2008-01-04,split,two", r":3: value 'two' is not a positive number"),
        ("2008-01-04,dividend,NaN", r":3: value 'NaN' is not a positive number"),
        ("2008-01-03,dividend,1", r":3: 2008-01-03 dividend does not follow"),
        ("2008-01-02,split,2", r":3: 2008-01-02 split does not follow"),
        ("2008-01-04,split", r":3: 2 columns"),
        ("tomorrow,split,2", r":3: date 'tomorrow' is not of the form"),
    ],
)
def test_a_bad_action_is_refused_with_its_line(tmp_path: Path, row: str, message: str) -> None:
    path = write_actions(tmp_path, "2008-01-03,dividend,1", row)
    with pytest.raises(DataError, match=message):
        read_actions(path, symbol="X", calendar=xnys())


def test_an_actions_file_needs_its_header(tmp_path: Path) -> None:
    path = write(tmp_path, "X_actions.csv", "2008-01-03,dividend,1")
    with pytest.raises(DataError, match="the header must be date,kind,value"):
        read_actions(path, symbol="X", calendar=xnys())


@pytest.mark.parametrize("closes", [(10.0, 5.9), (10.0, 14.1)])
def test_an_unexplained_jump_is_refused_by_name(tmp_path: Path, closes: tuple[float, ...]) -> None:
    write_closes(tmp_path, *closes)
    with pytest.raises(DataError) as refusal:
        feed_of(tmp_path)
    for part in ("X: ", "2008-01-02", "2008-01-03", "10", f"{closes[1]:g}"):
        assert part in str(refusal.value)
    assert 'backtest.data.allow_price_jumps: ["X:2008-01-03"]' in str(refusal.value)
    for allowed in ("X", "X:2008-01-03"):
        assert len(events_of(feed_of(tmp_path, allow_price_jumps=[allowed]))) == 2
    with pytest.raises(DataError, match="overnight"):
        feed_of(tmp_path, allow_price_jumps=["X:2008-01-04", "Y"])


@pytest.mark.parametrize(
    ("closes", "action"),
    [
        ((10.0, 6.0), None),
        ((10.0, 14.0), None),
        ((10.0, 5.1), "2008-01-03,split,2"),
        ((10.0, 99.0), "2008-01-03,split,0.1"),
        ((10.0, 4.0), "2008-01-03,dividend,5.5"),
    ],
)
def test_an_explained_move_passes(
    tmp_path: Path, closes: tuple[float, ...], action: str | None
) -> None:
    write_closes(tmp_path, *closes)
    if action:
        write_actions(tmp_path, action)
    assert len(events_of(feed_of(tmp_path))) == 2


def test_a_wrong_split_is_refused_too(tmp_path: Path) -> None:
    """The price did not move, so a recorded two for one would double the position's value."""
    write_closes(tmp_path, 10.0, 10.0)
    write_actions(tmp_path, "2008-01-03,split,2")
    with pytest.raises(DataError, match=r"5 after that day's actions"):
        feed_of(tmp_path)


def test_a_jump_outside_the_stream_does_not_matter(tmp_path: Path) -> None:
    write_closes(tmp_path, 10.0, 5.0, 5.0, 5.0)
    assert len(events_of(feed_of(tmp_path, start_ns=ns("2008-01-03")))) == 3
    with pytest.raises(DataError, match="overnight"):
        feed_of(tmp_path, start_ns=ns("2008-01-03"), warmup_bars=1)


def test_apple_of_september_2000_has_to_be_allowed() -> None:
    with pytest.raises(DataError, match=r"53\.5 on 2000-09-28, 25\.75 on 2000-09-29"):
        feed_of(EXAMPLES, SYMBOLS)
    feed = feed_of(EXAMPLES, SYMBOLS, allow_price_jumps=["AAPL:2000-09-29"])
    assert feed.event_count == 3 * 3270


@pytest.mark.parametrize(
    ("symbol", "day", "kind", "value"),
    [
        ("AAPL", "2000-06-21", ActionKind.SPLIT, "2"),
        ("AAPL", "2005-02-28", ActionKind.SPLIT, "2"),
        ("AAPL", "2012-08-09", ActionKind.DIVIDEND, "2.65"),
        ("MSFT", "2003-02-18", ActionKind.SPLIT, "2"),
        ("MSFT", "2004-11-15", ActionKind.DIVIDEND, "3.08"),
        ("IBM", "2000-05-08", ActionKind.DIVIDEND, "0.13"),
    ],
)
def test_the_examples_hold_known_actions(
    symbol: str, day: str, kind: ActionKind, value: str
) -> None:
    path = EXAMPLES / f"{symbol}_actions.csv"
    actions = read_actions(path, symbol=symbol, calendar=xnys())
    (found,) = (a for a in actions if format_ns(a.ts_venue_ns).startswith(day))
    assert (found.kind, found.value) == (kind, Decimal(value))


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_raw_prices_and_actions_rebuild_the_adjusted_close(symbol: str, shared_dir: Path) -> None:
    """Method: walk back from the last day; the source adjusts by close / (close + dividend)."""
    with (shared_dir / "data" / "daily" / f"{symbol}.csv").open(encoding="utf-8") as stream:
        adjusted = [float(row["Adj Close"]) for row in csv.DictReader(stream)]
    feed = feed_of(EXAMPLES, (symbol,), allow_price_jumps=["AAPL:2000-09-29"])
    bars = [event for event in events_of(feed) if isinstance(event, Bar)]
    by_open = {action.ts_venue_ns: action for action in feed.actions}
    assert len(by_open) == len(feed.actions) > 0
    factor = adjusted[-1] / bars[-1].close
    for bar, expected in zip(reversed(bars), reversed(adjusted), strict=True):
        assert bar.close * factor == pytest.approx(expected, rel=1e-4)
        action = by_open.get(bar.ts_open_ns)
        if action is None:
            continue
        if action.kind is ActionKind.SPLIT:
            factor /= float(action.value)
        else:
            factor *= bar.close / (bar.close + float(action.value))


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_the_examples_are_what_the_tool_writes(
    symbol: str, shared_dir: Path, tmp_path: Path
) -> None:
    convert(shared_dir / "data" / "daily" / f"{symbol}.csv", tmp_path)
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (EXAMPLES / path.name).read_bytes()


def test_a_factor_that_is_neither_split_nor_dividend_stops_the_derivation() -> None:
    rows = [
        {"Date": "2008-01-02", "Close": "10", "Adj Close": "5"},
        {"Date": "2008-01-03", "Close": "10", "Adj Close": "10"},
    ]
    with pytest.raises(ValueError, match="neither a split nor a dividend"):
        derive_actions(rows)


@pytest.mark.parametrize(
    ("change", "raw_move", "ratio"),
    [("0.5", "0.55", "2"), ("10", "9.5", "0.1"), ("0.5", "1", None), ("0.9967", "0.99", None)],
)
def test_a_split_needs_a_simple_ratio_and_the_move(
    change: str, raw_move: str, ratio: str | None
) -> None:
    found = split_ratio(Decimal(change), raw_move=Decimal(raw_move))
    assert found == (None if ratio is None else Decimal(ratio))
