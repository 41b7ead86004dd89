"""Made-up market data with a fixed seed: minute bars and quotes of real sessions, and hours
around the clock.

The days are 21, 23 (a half-day: the market closes at 13:00) and 26 November 2012; the 22nd is
a holiday. Volumes are small, so that orders fill in parts. `BBB` splits and pays a dividend.
"""

from __future__ import annotations

import random
from pathlib import Path

from regimeflow.data.session_table import load_calendar
from regimeflow.model.session import Session
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S

SESSIONS_FROM_NS = 1_353_456_000_000_000_000
"""2012-11-21T00:00:00Z"""
DAYS = ("2012-11-21", "2012-11-26")
SPLIT_DAY = "2012-11-26"


def sessions() -> tuple[Session, ...]:
    """The three sessions of the data."""
    from_ns, to_ns = SESSIONS_FROM_NS, SESSIONS_FROM_NS + 6 * NS_PER_DAY
    return load_calendar("XNYS", from_ns, to_ns).between(from_ns, to_ns)


def write_minutes(directory: Path, *, step_minutes: int = 1, seed: int = 1) -> Path:
    """Bars of AAA and BBB, with the actions of BBB; returns the directory."""
    rng = random.Random(seed)
    for symbol, price in (("AAA", 50.0), ("BBB", 80.0)):
        lines = ["timestamp,open,high,low,close,volume"]
        for session in sessions():
            if symbol == "BBB" and session.date == SPLIT_DAY:
                price /= 2
            step_ns = step_minutes * NS_PER_MINUTE
            for ts_ns in range(session.open_ns, session.close_ns, step_ns):
                opened, price = price, round(max(price + rng.gauss(0, 0.06), 1.0), 2)
                high = round(max(opened, price) + abs(rng.gauss(0, 0.03)), 2)
                low = round(min(opened, price) - abs(rng.gauss(0, 0.03)), 2)
                volume = rng.choice((0, 150, 400, 900, 3000))
                lines.append(f"{ts_ns},{opened:.2f},{high},{low},{price},{volume}")
        _write(directory / f"{symbol}.csv", lines)
    actions = [f"{SPLIT_DAY},split,2", "2012-11-23,dividend,0.37"]
    _write(directory / "BBB_actions.csv", ["date,kind,value", *sorted(actions)])
    return directory


def write_quotes(directory: Path, *, every_s: int = 30, seed: int = 1) -> Path:
    """Quotes of AAA and BBB with small sizes, some of them one-sided; returns the directory."""
    rng = random.Random(seed)
    for symbol, cents in (("AAA", 5000), ("BBB", 8000)):
        lines = ["timestamp,bid,ask,bid_size,ask_size"]
        for session in sessions():
            for ts_ns in range(session.open_ns, session.close_ns, every_s * NS_PER_S):
                cents += rng.choice((-2, -1, -1, 0, 1, 1, 2))
                bid, ask = cents, cents + rng.choice((1, 1, 2, 3))
                sizes = rng.choice((5, 20, 60, 200)), rng.choice((5, 20, 60, 200))
                if rng.random() < 0.01:
                    bid, sizes = 0, (0, sizes[1])
                at_ns = ts_ns + rng.randrange(NS_PER_S)
                lines.append(f"{at_ns},{bid / 100:.2f},{ask / 100:.2f},{sizes[0]},{sizes[1]}")
        _write(directory / f"{symbol}.csv", lines)
    return directory


def write_hours(directory: Path, *, days: int, seed: int = 1) -> Path:
    """Hourly bars of CCC around the clock from `DAYS[0]` on; returns the directory."""
    rng = random.Random(seed)
    price = 200.0
    lines = ["timestamp,open,high,low,close,volume"]
    for hour in range(days * 24):
        opened, price = price, round(max(price + rng.gauss(0, 1.5), 1.0), 2)
        high, low = max(opened, price) + 0.5, min(opened, price) - 0.5
        ts_ns = SESSIONS_FROM_NS + hour * NS_PER_HOUR
        lines.append(f"{ts_ns},{opened:.2f},{high:.2f},{low:.2f},{price},5000")
    _write(directory / "CCC.csv", lines)
    return directory


def _write(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
