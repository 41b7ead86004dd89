"""The report page: self-contained, harmless, bounded, and drawn where it should be."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest

from regimeflow.backtest.charts import (
    POINTS_MAX,
    Frame,
    downsample,
    time_chart,
    time_ticks,
    value_ticks,
)
from regimeflow.backtest.figures import DASH, number, percent, short_amount
from regimeflow.backtest.html import render_page
from regimeflow.backtest.report import ReportBuilder
from regimeflow.backtest.report_header import RealismItem, StrategyReference
from regimeflow.model.timestamps import NS_PER_DAY
from tests.unit.account_records import day, fill, header, mark, split, story, submit

HOSTILE = '<img src=x onerror="alert(1)">'


class Tags(HTMLParser):
    """Collects tags and what they would load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [name for name, _ in attrs if name in {"src", "href"} or name[:2] == "on"]


def hostile_page() -> str:
    builder = ReportBuilder(
        header(
            title=HOSTILE,
            strategies=(StrategyReference(HOSTILE, HOSTILE, HOSTILE),),
            symbols=(HOSTILE,),
            notes=(HOSTILE,),
            realism=(RealismItem(HOSTILE, HOSTILE, is_met=True),),
        )
    )
    bodies = [
        submit("o", 1, strategy=HOSTILE, symbol=HOSTILE),
        fill("o", 1, 50, symbol=HOSTILE),
        mark(1, 1000, regime=HOSTILE),
        mark(2, 1010, regime=HOSTILE),
        mark(3, 1020, regime=HOSTILE),
    ]
    for seq, body in enumerate(bodies):
        builder.on_record(seq, day(seq), body)
    return render_page(builder.build(prices={HOSTILE: [(day(n), 1.0 + n) for n in range(5)]}))


def test_hostile_names_are_text_and_nothing_is_loaded() -> None:
    page = hostile_page()
    parsed = Tags()
    parsed.feed(page)
    assert "img" not in parsed.tags
    assert "script" not in parsed.tags
    assert parsed.loads == []
    assert page.count("&lt;img src=x onerror=") >= 7
    assert "default-src &#x27;none&#x27;" in page
    assert "://" not in page


def test_the_page_is_well_formed_markup() -> None:
    """Charts and tables parse as XML, so that no tag is left open."""
    page = hostile_page()
    body = page[page.index("<main>") : page.index("</main>") + len("</main>")]
    root = ET.fromstring(body.replace("&nbsp;", " "))
    assert len(root.findall(".//svg")) == 3


def test_trades_are_drawn_on_split_adjusted_prices() -> None:
    builder = ReportBuilder(header())
    bodies = [submit("o", 1), fill("o", 1, 100), mark(1, 1000), split(2, number=2), mark(3, 1000)]
    for seq, body in enumerate(bodies):
        builder.on_record(seq, day(seq / 2), body)
    prices = [(day(0), 100.0), (day(1), 100.0), (day(2), 50.0), (day(3), 50.0)]
    page = render_page(builder.build(prices={"X": prices}))
    assert "2:1 split" in page
    assert "buy 1 @ 100 s" in page
    assert ": 100.00</title>" not in page
    assert ": 50.00</title>" in page


def test_regimes_are_shaded_with_a_legend() -> None:
    builder = ReportBuilder(header())
    for seq, ts_ns, body in story(30):
        builder.on_record(seq, ts_ns, body)
    page = render_page(builder.build())
    assert 'class="span calm"' in page
    assert 'class="span crisis"' in page
    assert '<i class="calm"></i>calm' in page


def test_downsampling_keeps_extremes_and_ends_within_its_limit() -> None:
    series = [(number, float(number % 97)) for number in range(50_000)]
    series[31_337] = (31_337, 1e6)
    series[7] = (7, -1e6)
    thin = downsample(series, POINTS_MAX)
    assert len(thin) <= POINTS_MAX
    assert thin[0] == series[0]
    assert thin[-1] == series[-1]
    assert {(31_337, 1e6), (7, -1e6)} <= set(thin)
    assert list(thin) == sorted(thin)


def test_a_huge_series_still_makes_a_small_chart() -> None:
    series = [(number * NS_PER_DAY, float(number % 9)) for number in range(20_000)]
    chart = time_chart(
        series, name="n", height=100, label=short_amount, style="up", hover=lambda _, v: str(v)
    )
    assert len(chart) < 120_000


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (5.0, 5.0), (0.0, 0.0), (-0.3, 0.0), (99_950.0, 100_030.0)]
)
def test_value_ticks_cover_the_range(low: float, high: float) -> None:
    ticks = value_ticks(low, high)
    assert ticks[0] <= low <= high <= ticks[-1]
    assert 2 <= len(ticks) <= 9
    frame = Frame(100, 0, 10, ticks[0], ticks[-1])
    assert frame.y(ticks[-1]) < frame.y(ticks[0])


@pytest.mark.parametrize("days", [1, 20, 90, 400, 1_500, 12_000])
def test_time_axis_has_a_readable_number_of_labels(days: int) -> None:
    ticks = time_ticks(day(0), day(days))
    assert 1 <= len(ticks) <= 13
    assert all(day(0) <= ts_ns <= day(days) for ts_ns, _ in ticks)


def test_numbers_that_do_not_exist_are_a_dash() -> None:
    assert percent(None) == number(None) == DASH
    assert percent(0.1234) == "12.34 %"
    assert number(-0.001) == "0.00"
    assert number(-1234.5) == "\N{MINUS SIGN}1,234.50"
