"""Write the made-up quotes of the intraday example: DEMO, two sessions, one quote each 30 s.

The price follows the imbalance of the displayed sizes a little, so that the example has
something to find; nothing can be concluded from it about a real market. The same file comes out
each time. Usage: python tools/make_demo_quotes.py [FILE]
"""

from __future__ import annotations

import math
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

SESSIONS = ("2012-06-04", "2012-06-05")
FIRST_QUOTE = "13:30:00"
STEP_S = 30
QUOTES_PER_SESSION = 780
DEFAULT_FILE = Path(__file__).resolve().parent.parent / "examples" / "data" / "DEMO_quotes.csv"


def quote_lines() -> list[str]:
    """The lines of the file, header first; prices in cents until they are written."""
    rng = random.Random(20120604)
    lines = ["timestamp,bid,ask,bid_size,ask_size"]
    mid_cents, pressure = 5_000.0, 0.0
    for day in SESSIONS:
        opened = datetime.fromisoformat(f"{day}T{FIRST_QUOTE}").replace(tzinfo=UTC)
        for number in range(QUOTES_PER_SESSION):
            pressure = 0.95 * pressure + rng.gauss(0.0, 0.25)
            mid_cents += 0.6 * pressure + rng.gauss(0.0, 1.5)
            bid_cents = math.floor(mid_cents)
            ask_cents = bid_cents + 1 + (rng.random() < 0.3)
            share = 1.0 / (1.0 + math.exp(-1.5 * pressure))
            bid_size = 100 * (1 + int(20 * share * rng.random()))
            ask_size = 100 * (1 + int(20 * (1.0 - share) * rng.random()))
            moment = opened + timedelta(seconds=STEP_S * number)
            lines.append(
                f"{moment:%Y-%m-%dT%H:%M:%SZ},{bid_cents / 100:.2f},{ask_cents / 100:.2f},"
                f"{bid_size},{ask_size}"
            )
    return lines


def main(arguments: list[str]) -> int:
    """Write the file named on the command line, or the example's own."""
    target = Path(arguments[0]) if arguments else DEFAULT_FILE
    target.write_bytes(("\n".join(quote_lines()) + "\n").encode())
    print(f"{target}: {len(SESSIONS) * QUOTES_PER_SESSION} quotes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
