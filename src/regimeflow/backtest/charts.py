"""Charts as inline SVG text: axes, lines, shaded spans and markers, without a library.

Why: a report is one file that opens anywhere, offline, for years. Colours come from the page's
style sheet (classes, never literal colours), so charts follow light and dark themes. All text
is escaped here. Sizes are bounded: a line has at most `POINTS_MAX` points, a chart at most
`HOVERS_MAX` hover columns and `MARKERS_MAX` markers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from html import escape

import msgspec

from regimeflow.model.timestamps import NS_PER_DAY, date_from_ns, ns_from_date

POINTS_MAX = 2_000
HOVERS_MAX = 240
MARKERS_MAX = 1_000
WIDTH = 1080
LEFT, RIGHT, TOP, BOTTOM = 66, 14, 10, 24

Series = Sequence[tuple[int, float]]
Label = Callable[[float], str]


class Span(msgspec.Struct, frozen=True):
    """A shaded stretch of time with a style class and a tooltip."""

    start_ns: int
    end_ns: int
    style: str
    title: str


class Marker(msgspec.Struct, frozen=True):
    """A triangle on the line: up below it for a buy, down above it for a sell."""

    ts_ns: int
    value: float
    is_buy: bool
    title: str


class Frame(msgspec.Struct, frozen=True):
    """The mapping from time and value to pixels of one chart."""

    height: int
    start_ns: int
    end_ns: int
    low: float
    high: float

    def x(self, ts_ns: int) -> float:
        """Horizontal pixel of a moment."""
        share = (ts_ns - self.start_ns) / max(self.end_ns - self.start_ns, 1)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Vertical pixel of a value; larger values are higher up."""
        share = (value - self.low) / (self.high - self.low)
        return TOP + (1.0 - share) * (self.height - TOP - BOTTOM)


def time_chart(
    series: Series,
    *,
    name: str,
    height: int,
    label: Label,
    style: str,
    hover: Callable[[int, float], str],
    spans: Sequence[Span] = (),
    markers: Sequence[Marker] = (),
    fill_to: float | None = None,
    baseline: float | None = None,
) -> str:
    """One line over time as an `<svg>`. `fill_to` shades between the line and that value;
    `baseline` draws a dashed level. An empty or single-point series gives a sentence instead.
    """
    if len(series) < 2:
        return f'<p class="empty">{escape(name)}: not enough points to draw.</p>'
    values = [value for _, value in series]
    extra = [level for level in (fill_to, baseline) if level is not None]
    ticks = value_ticks(min(*values, *extra), max(*values, *extra))
    frame = Frame(height, series[0][0], series[-1][0], ticks[0], ticks[-1])
    thin = downsample(series, POINTS_MAX)
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(name)}" preserveAspectRatio="xMidYMid meet">',
        *_spans(frame, spans),
        *_value_axis(frame, ticks, label),
        *_time_axis(frame),
    ]
    if baseline is not None:
        level = f"{frame.y(baseline):.1f}"
        parts.append(
            f'<line class="level" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{level}" y2="{level}"/>'
        )
    if fill_to is not None:
        parts.append(f'<path class="area {style}" d="{_area(frame, thin, fill_to)}"/>')
    parts.append(f'<path class="line {style}" d="{_path(frame, thin)}"/>')
    parts.extend(_hovers(frame, series, hover))
    parts.extend(_markers(frame, markers))
    parts.append("</svg>")
    return "".join(parts)


def downsample(series: Series, limit: int) -> Series:
    """At most `limit` points that keep every bucket's extremes, and both ends."""
    if len(series) <= limit:
        return series
    buckets = (limit - 2) // 2
    inner = series[1:-1]
    kept = [series[0]]
    for number in range(buckets):
        chunk = inner[number * len(inner) // buckets : (number + 1) * len(inner) // buckets]
        lowest = min(chunk, key=lambda point: point[1])
        highest = max(chunk, key=lambda point: point[1])
        kept.extend(sorted({lowest, highest}))
    kept.append(series[-1])
    return kept


def value_ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round values that cover `[low, high]`: steps of 1, 2, 2.5 or 5 times a power of ten."""
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-9):
        pad = abs(high) * 0.01 or 1.0
        low, high = low - pad, high + pad
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * unit for unit in (1, 2, 2.5, 5, 10) if power * unit >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def time_ticks(start_ns: int, end_ns: int) -> list[tuple[int, str]]:
    """Calendar moments worth a label, about ten of them: years, months or days."""
    days = (end_ns - start_ns) / NS_PER_DAY
    first, last = date_from_ns(start_ns), date_from_ns(end_ns)
    if days > 3 * 365:
        step = math.ceil(days / 365 / 12)
        moments = [(date(year, 1, 1), str(year)) for year in range(first.year, last.year + 1, step)]
    elif days > 60:
        step = next(unit for unit in (1, 2, 3, 6) if days / 30 / unit <= 12 or unit == 6)
        months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
        moments = [
            (day := date(month // 12, month % 12 + 1, 1), f"{day:%b %Y}")
            for month in months
            if month % step == 0
        ]
    else:
        step = max(math.ceil(days / 10), 1)
        ordinals = range(first.toordinal(), last.toordinal() + 1, step)
        moments = [(day := date.fromordinal(number), f"{day:%d %b}") for number in ordinals]
    ticks = [(ns_from_date(day), text) for day, text in moments]
    return [(ts_ns, text) for ts_ns, text in ticks if start_ns <= ts_ns <= end_ns]


def _spans(frame: Frame, spans: Sequence[Span]) -> Iterator[str]:
    for span in spans:
        left, right = frame.x(span.start_ns), frame.x(span.end_ns)
        yield (
            f'<rect class="span {escape(span.style)}" x="{left:.1f}" y="{TOP}" '
            f'width="{max(right - left, 0.5):.1f}" height="{frame.height - TOP - BOTTOM}">'
            f"<title>{escape(span.title)}</title></rect>"
        )


def _value_axis(frame: Frame, ticks: Sequence[float], label: Label) -> Iterator[str]:
    for value in ticks:
        level = frame.y(value)
        yield (
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{level:.1f}" '
            f'y2="{level:.1f}"/><text class="tick" x="{LEFT - 8}" y="{level + 4:.1f}" '
            f'text-anchor="end">{escape(label(value))}</text>'
        )


def _time_axis(frame: Frame) -> Iterator[str]:
    bottom = frame.height - BOTTOM
    for ts_ns, text in time_ticks(frame.start_ns, frame.end_ns):
        at = frame.x(ts_ns)
        yield (
            f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{bottom}" y2="{bottom + 4}"/>'
            f'<text class="tick" x="{at:.1f}" y="{frame.height - 6}" '
            f'text-anchor="middle">{escape(text)}</text>'
        )


def _path(frame: Frame, series: Series) -> str:
    return "M" + "L".join(f"{frame.x(ts):.1f},{frame.y(value):.1f}" for ts, value in series)


def _area(frame: Frame, series: Series, level: float) -> str:
    floor = f"{frame.y(level):.1f}"
    left, right = f"{frame.x(series[0][0]):.1f}", f"{frame.x(series[-1][0]):.1f}"
    return f"{_path(frame, series)}L{right},{floor}L{left},{floor}Z"


def _hovers(frame: Frame, series: Series, hover: Callable[[int, float], str]) -> Iterator[str]:
    count = min(len(series), HOVERS_MAX)
    width = (WIDTH - LEFT - RIGHT) / count
    for number in range(count):
        ts_ns, value = series[number * (len(series) - 1) // max(count - 1, 1)]
        at, level = frame.x(ts_ns), frame.y(value)
        yield (
            f'<g class="hover"><rect x="{at - width / 2:.1f}" y="{TOP}" width="{width:.1f}" '
            f'height="{frame.height - TOP - BOTTOM}"/><circle cx="{at:.1f}" cy="{level:.1f}" '
            f'r="3"/><title>{escape(hover(ts_ns, value))}</title></g>'
        )


def _markers(frame: Frame, markers: Sequence[Marker]) -> Iterator[str]:
    for marker in markers[-MARKERS_MAX:]:
        at, level = frame.x(marker.ts_ns), frame.y(marker.value)
        if not LEFT - 1 <= at <= WIDTH - RIGHT + 1:
            continue
        tip, base, style = (
            (level + 2, level + 10, "buy") if marker.is_buy else (level - 2, level - 10, "sell")
        )
        yield (
            f'<path class="marker {style}" d="M{at:.1f},{tip:.1f}L{at - 4.5:.1f},{base:.1f}'
            f'L{at + 4.5:.1f},{base:.1f}Z"><title>{escape(marker.title)}</title></path>'
        )
