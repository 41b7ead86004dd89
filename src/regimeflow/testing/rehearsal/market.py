"""A day of intraday prices made from a seed, lively enough that trend followers trade.

Each symbol is a random walk around a wave of its own, so that averages cross every minute or
so of it. Prices are on the cent. Equal arguments give equal bars on every machine: the draws
are `random.Random`'s and the arithmetic is addition and multiplication.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from regimeflow.model.market import Bar
from regimeflow.model.timestamps import NS_PER_S

BAR_S = 2
FIRST_PRICE = 100.0
NOISE = 0.0005
"""Standard deviation of one bar's return: about 0.7 % an hour, a nervous share."""
DRIFT = 0.0008
"""Return of each bar while a swing lasts."""
SWING_BARS = (4, 16)
VOLUME = 20_000.0


def intraday_bars(
    symbols: Sequence[str], *, seed: int, first_ns: int, count: int, bar_s: int = BAR_S
) -> list[Bar]:
    """`count` bars of `bar_s` seconds for each symbol, from `first_ns` on, in time order."""
    walks = [_walk(symbol, seed, first_ns, count, bar_s * NS_PER_S) for symbol in symbols]
    return [bar for together in zip(*walks, strict=True) for bar in together]


def _walk(symbol: str, seed: int, first_ns: int, count: int, size_ns: int) -> list[Bar]:
    rng = random.Random(f"{seed}/market/{symbol}")
    price, direction, left = FIRST_PRICE, 1, 0
    bars = []
    for number in range(count):
        if not left:
            left = rng.randint(*SWING_BARS)
            # Back towards the start, mostly: a rehearsal is no place for a crash to zero.
            direction = -1 if rng.random() < price / FIRST_PRICE / 2 else 1
        left -= 1
        opened = price
        closed = opened * (1 + direction * DRIFT + rng.gauss(0.0, NOISE))
        spread = opened * abs(rng.gauss(0.0, NOISE))
        open_ns = first_ns + number * size_ns
        price = round(closed, 2)
        bars.append(
            Bar(
                symbol=symbol,
                ts_open_ns=open_ns,
                ts_close_ns=open_ns + size_ns,
                open=opened,
                high=round(max(opened, price) + spread, 2),
                low=round(min(opened, price) - spread, 2),
                close=price,
                volume=float(round(VOLUME * (0.5 + rng.random()))),
                size_ns=size_ns,
            )
        )
    return bars
