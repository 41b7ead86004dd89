"""What each number of a report means, in one sentence; written into every report.json."""

from __future__ import annotations

DEFINITIONS: dict[str, str] = {
    "period": "one session; its return is time-weighted, chain-linked at every valuation, an "
    "external flow taken as made at the end of the interval between two valuations",
    "total_return": "growth of one unit invested at the start, less one; flows excluded",
    "cagr": "total return compounded to a year of 365.25 calendar days",
    "volatility": "sample standard deviation of session returns times the root of periods_per_year",
    "sharpe": "mean over standard deviation of session returns, annualised, risk-free rate "
    "zero (Sharpe 1994)",
    "sortino": "mean over root mean square of negative returns (all sessions below), "
    "annualised, target zero (Sortino and Price 1994)",
    "calmar": "cagr over max_drawdown, whole period (Young 1991)",
    "downside_deviation": "root mean square of negative session returns, annualised",
    "var": "historical loss of one session exceeded with probability 5 % (or 1 %); positive",
    "cvar": "mean loss of the sessions at or beyond var; positive",
    "omega_ratio": "sum of positive over sum of negative session returns (threshold zero)",
    "ulcer_index": "root mean square drawdown, as a fraction",
    "tail_ratio": "95 % quantile over 5 % quantile of session returns, absolute",
    "skew": "third standardised moment, population form",
    "kurtosis": "fourth standardised moment, population form, not excess (normal is 3)",
    "max_drawdown": "deepest fall of growth from its highest value, as a positive fraction; "
    "start is the session of the peak (null: the very start), end that of the lowest point",
    "longest_drawdown_days": "longest calendar time from a peak to its recovery, or to the end",
    "exposure_avg": "mean over sessions of gross exposure over equity",
    "time_in_market": "share of sessions that end with a position",
    "turnover": "value bought plus value sold, over mean equity; annual_turnover per year",
    "trade": "a round trip of one strategy in one symbol, from flat to flat; a fill through "
    "zero closes one and opens the next; profit is received less paid, less fees, plus "
    "income (dividends, borrow fees, cash for fractions) posted while open",
    "win_rate": "trades with a profit above zero over closed trades (the hit rate)",
    "profit_factor": "sum of profits over sum of losses of closed trades",
    "avg_win": "mean profit of winning trades; avg_loss, negative, of losing ones",
    "expectancy": "mean profit of closed trades",
    "open_trades_unrealized_pnl": "all that was earned, less closed trades and other cash",
    "regime_performance": "session returns by the regime known when the session began; "
    "time_pct is a fraction of sessions; sharpe annualised",
    "transitions": "return of the first session that began in the new regime",
    "information_ratio": "needs a benchmark; null without one, as treynor_ratio",
    "optimistic": "true when an item of the realism list is missing, so that live is likely "
    "to be worse",
}
