"""The text of a first configuration: complete, commented, conservative, and valid as it stands."""

from __future__ import annotations

from collections.abc import Sequence

_TEMPLATE = """\
# RegimeFlow configuration. One file for every command:
#   regimeflow backtest --config FILE       the strategy over history
#   regimeflow_live --config FILE           the same strategy, live
# Check it with: regimeflow config check FILE. Every key: regimeflow config schema.
# Relative paths are taken from the directory in which the command runs.

strategy:
  name: {strategy}              # built-in, entry point, or package.module:Class
  params: {params}

live:
  broker: sim                   # plays recorded data through a simulated venue
  paper: true                   # simulated money
  symbols: [{symbols}]
  broker_asset_class: {asset_class}
  broker_config:
    data_directory: {data_directory}
    file_pattern: "{{symbol}}.csv"
{live_days}    speed: 0                    # 0 = as fast as possible, 1 = real time
  log_dir: logs                 # journal, audit and reports
  max_orders_per_minute: 60     # new, replaced and cancelled orders
  duplicate_order_window_ms: 500
  risk:                         # holds in backtests too
    limits:
      max_order_value: {order_value}      # account currency, one order at its worst price
      max_notional: {notional}         # account currency, all positions and open orders
      max_position_pct: 0.2     # of equity, one symbol
      max_drawdown: 0.1         # of equity, from its peak; then exits only
      daily_loss_limit_pct: 0.02  # of equity, since the session began; then exits only
      price_collar_pct: 0.05    # of the reference price
      max_open_orders: 10
      allow_short: false

backtest:
  data:
    type: csv
    data_directory: {data_directory}
    file_pattern: "{{symbol}}.csv"
    actions_file_pattern: "{{symbol}}_actions.csv"
{backtest_days}  initial_capital: {capital}
  execution:
    fill_model: realistic       # spread, impact, fees and latency are charged
    fees: {fees}

metrics:
  live:
    enable: true                # performance files next to the journal
    # After a backtest, compare the live run with it:
    # baseline_report: out/report.json

account:
  currency: USD
  margin: {{initial_margin_ratio: 1}}   # 1 = positions are fully paid
"""


def starter_config(
    *,
    strategy: str = "moving_average_cross",
    params: str = "{}",
    symbols: Sequence[str] = ("AAPL", "MSFT"),
    asset_class: str = "equity",
    data_directory: str = "examples/data",
    initial_capital: int = 100_000,
    backtest_days: tuple[str, str] | None = None,
    live_days: tuple[str, str] | None = None,
) -> str:
    """YAML for `regimeflow init`; limits are 5 % of capital an order, 50 % in all.

    `params` is a YAML flow mapping; days are pairs of ISO first and last day, None for all of the
    data. The text validates when its arguments do.
    """
    return _TEMPLATE.format(
        strategy=_quoted(strategy),
        params=params,
        symbols=", ".join(_quoted(symbol) for symbol in symbols),
        asset_class=asset_class,
        data_directory=_quoted(data_directory),
        live_days=_days(live_days, "    start", "    end"),
        backtest_days=_days(backtest_days, "  start_date", "  end_date"),
        order_value=max(1, initial_capital // 20),
        notional=max(1, initial_capital // 2),
        capital=initial_capital,
        fees="binance" if asset_class == "crypto" else "none",
    )


def _quoted(text: str) -> str:
    """Plain where YAML reads it back as the same text, else in single quotes."""
    is_plain = text.replace("_", "").replace("/", "").isalpha()
    if is_plain and text.lower() not in ("true", "false", "null", "nan", "inf"):
        return text
    return "'" + text.replace("'", "''") + "'"


def _days(days: tuple[str, str] | None, start: str, end: str) -> str:
    return "" if days is None else f"{start}: {days[0]}\n{end}: {days[1]}\n"
