"""Write the session tables of the package from `exchange_calendars`; run by `make calendars`.

A table row is `date,open,close` in UTC, one a session, so early closes and daylight saving
are plain numbers that need no rule and no time zone data when they are read.
"""

from __future__ import annotations

import argparse
from importlib.metadata import version
from pathlib import Path

import exchange_calendars

TABLE_VERSION = 1
FIRST_DAY = "1990-01-01"
LAST_DAY = "2035-12-31"
CALENDARS = ("XNYS",)
DESTINATION = Path(__file__).resolve().parent.parent / "src/regimeflow/data/calendars"


def table_text(name: str) -> str:
    """The whole table of one exchange, header first."""
    calendar = exchange_calendars.get_calendar(name, start=FIRST_DAY, end=LAST_DAY)
    lines = [
        f"# calendar={name} version={TABLE_VERSION} first={FIRST_DAY} last={LAST_DAY} "
        f"source=exchange_calendars-{version('exchange_calendars')}",
        "date,open,close",
    ]
    for day, opening, closing in zip(
        calendar.sessions, calendar.opens, calendar.closes, strict=True
    ):
        lines.append(f"{day:%Y-%m-%d},{opening:%H:%M},{closing:%H:%M}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write every table, and say what was written."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--output-dir", type=Path, default=DESTINATION)
    output_dir: Path = parser.parse_args().output_dir
    output_dir.mkdir(parents=True, exist_ok=True)
    for name in CALENDARS:
        path = output_dir / f"{name.lower()}.csv"
        text = table_text(name)
        path.write_text(text, encoding="ascii", newline="\n")
        print(f"{path}: {text.count(chr(10)) - 2} sessions, {FIRST_DAY} to {LAST_DAY}")


if __name__ == "__main__":
    main()
