"""What the venue has seen of each market, and the causal estimates made from it.

Per event this is one list append or one dict store; bars are folded into days at session close
and the estimates are computed only when an order fills, then kept until the next fold.
Invariants: an estimate at a session uses earlier sessions only; a split restates what was seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from regimeflow.model.market import Bar, Quote, Trade

DAYS_KEPT = 61
DAYS_USED = 21
VOLATILITY_DAYS_MIN = 5
VOLATILITY_UNKNOWN = 0.02
"""Daily volatility of an ordinary single stock, used until five returns are known."""
TAPE_MAX = 4_096
"""Prints kept before they are folded into the running day."""

_CS_DIVISOR = 3.0 - 2.0 * math.sqrt(2.0)
# Plausible full spreads in basis points by average daily value traded: (value, least, most).
# Daily ranges overstate the spread of liquid names several times over, so the estimate is kept
# inside the range of its class.
_SPREAD_RANGE_BPS = (
    (100e6, 1.0, 10.0),
    (10e6, 3.0, 30.0),
    (1e6, 8.0, 80.0),
    (0.0, 20.0, 300.0),
)
_SPREAD_UNKNOWN_BPS = 10.0


class Day(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One session of one symbol."""

    high: float
    low: float
    close: float
    volume: float


class Estimates(msgspec.Struct, frozen=True, gc=False):
    """Daily volatility (fraction), average daily volume (units; 0 unknown), spread (bps)."""

    volatility: float
    volume: float
    spread_bps: float


class Observed(msgspec.Struct):
    """Latest quote and print, the session so far and the days before it, by symbol."""

    quotes: dict[str, Quote] = {}
    trades: dict[str, Trade] = {}
    bars: dict[str, list[Bar]] = {}
    tape: dict[str, list[Trade]] = {}
    days: dict[str, list[Day]] = {}
    running: dict[str, Day] = {}
    estimated: dict[str, Estimates] = {}

    def see_trade(self, trade: Trade) -> None:
        """Keep a print; the day's high, low and volume are folded now and then."""
        symbol = trade.symbol
        self.trades[symbol] = trade
        tape = self.tape.setdefault(symbol, [])
        tape.append(trade)
        if len(tape) >= TAPE_MAX:
            self._fold_tape(symbol)

    def see_bar(self, bar: Bar) -> None:
        """Keep a finished bar until the session is folded."""
        try:
            self.bars[bar.symbol].append(bar)
        except KeyError:
            self.bars[bar.symbol] = [bar]

    def last_price(self, symbol: str) -> float | None:
        """The newest print, else the newest mid; None before anything was seen."""
        bars = self.bars.get(symbol)
        trade = self.trades.get(symbol)
        if bars and (trade is None or bars[-1].ts_close_ns >= trade.ts_venue_ns):
            return bars[-1].close
        if trade is not None:
            return trade.price
        quote = self.quotes.get(symbol)
        if quote is not None and quote.bid > 0.0 and quote.ask > 0.0:
            return quote.mid
        return self.previous_close(symbol)

    def previous_close(self, symbol: str) -> float | None:
        """The close of the last finished session."""
        days = self.days.get(symbol)
        return days[-1].close if days else None

    def close_session(self) -> None:
        """Fold the session's bars, or its prints where there are no bars, into one day each."""
        for symbol, bars in self.bars.items():
            if bars:
                self._add_day(symbol, _day_of_bars(bars))
                self.tape.pop(symbol, None)
                self.running.pop(symbol, None)
                bars.clear()
        for symbol in list(self.tape):
            self._fold_tape(symbol)
        for symbol, day in self.running.items():
            self._add_day(symbol, day)
        self.running.clear()
        self.estimated.clear()

    def split(self, symbol: str, ratio: float) -> None:
        """Restate the past in new shares; quotes and prints of old shares are forgotten."""
        self.quotes.pop(symbol, None)
        self.trades.pop(symbol, None)
        self.estimated.pop(symbol, None)
        if symbol in self.days:
            self.days[symbol] = [
                Day(day.high / ratio, day.low / ratio, day.close / ratio, day.volume * ratio)
                for day in self.days[symbol]
            ]

    def estimates(self, symbol: str) -> Estimates:
        """Volatility, volume and spread from finished sessions."""
        known = self.estimated.get(symbol)
        if known is None:
            days = self.days.get(symbol, [])
            volume = mean_volume(days)
            known = Estimates(volatility(days), volume, spread_bps(days, volume))
            self.estimated[symbol] = known
        return known

    def _add_day(self, symbol: str, day: Day) -> None:
        days = self.days.setdefault(symbol, [])
        days.append(day)
        del days[:-DAYS_KEPT]

    def _fold_tape(self, symbol: str) -> None:
        tape = self.tape[symbol]
        if not tape:
            return
        prices = [trade.price for trade in tape]
        high, low = max(prices), min(prices)
        volume = sum(trade.size for trade in tape)
        day = self.running.get(symbol)
        if day is not None:
            high, low, volume = max(high, day.high), min(low, day.low), volume + day.volume
        self.running[symbol] = Day(high, low, prices[-1], volume)
        tape.clear()


def _day_of_bars(bars: Sequence[Bar]) -> Day:
    if len(bars) == 1:
        bar = bars[0]
        return Day(bar.high, bar.low, bar.close, bar.volume)
    return Day(
        max([bar.high for bar in bars]),
        min([bar.low for bar in bars]),
        bars[-1].close,
        math.fsum([bar.volume for bar in bars]),
    )


def volatility(days: Sequence[Day]) -> float:
    """Standard deviation of simple daily returns, around zero; a default until five are known."""
    recent = days[-DAYS_USED - 1 :]
    returns = [later.close / earlier.close - 1.0 for earlier, later in pairwise(recent)]
    if len(returns) < VOLATILITY_DAYS_MIN:
        return VOLATILITY_UNKNOWN
    return math.sqrt(math.fsum([change * change for change in returns]) / len(returns))


def mean_volume(days: Sequence[Day]) -> float:
    """Average volume of the last 21 sessions; 0 when none is known."""
    recent = days[-DAYS_USED:]
    return math.fsum([day.volume for day in recent]) / len(recent) if recent else 0.0


def spread_bps(days: Sequence[Day], volume: float) -> float:
    """Full spread in basis points: Corwin-Schultz over 21 sessions, inside its class's range.

    Pairs are averaged with their sign, then floored, since flooring each pair first is what
    makes the estimator read several times too wide for liquid names.
    """
    recent = days[-DAYS_USED:]
    if not recent or volume <= 0.0:
        return _SPREAD_UNKNOWN_BPS
    value = volume * recent[-1].close
    least, most = next((low, high) for bound, low, high in _SPREAD_RANGE_BPS if value >= bound)
    pairs = [corwin_schultz(a, b) for a, b in pairwise(recent)]
    mean = 1e4 * math.fsum(pairs) / len(pairs) if pairs else least
    # The last bits of a logarithm differ between machines; four decimals of a basis point do not.
    return round(min(max(mean, least), most), 4)


def corwin_schultz(first: Day, second: Day) -> float:
    """Spread as a fraction of price from the ranges of two sessions; negative values are kept.

    The second session is moved by an overnight gap first. Source: Corwin and Schultz (2012),
    "A Simple Way to Estimate Bid-Ask Spreads from Daily High and Low Prices", Journal of Finance
    67(2), equations 14 and 18.
    """
    gap = max(second.low - first.close, 0.0) + min(second.high - first.close, 0.0)
    high, low = second.high - gap, second.low - gap
    if min(first.low, low) <= 0.0:
        return 0.0
    beta = math.log(first.high / first.low) ** 2 + math.log(high / low) ** 2
    gamma = math.log(max(first.high, high) / min(first.low, low)) ** 2
    alpha = (math.sqrt(2.0 * beta) - math.sqrt(beta)) / _CS_DIVISOR
    alpha -= math.sqrt(gamma / _CS_DIVISOR)
    return 2.0 * math.tanh(alpha / 2.0)
