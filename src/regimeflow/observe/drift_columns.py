"""The columns of live_drift.csv: the first six are RegimeFlow's, the rest ours, order fixed.

An empty cell is a number that cannot be computed; it is never zero and never NaN.
"""

from __future__ import annotations

from collections.abc import Mapping

COLUMNS = (
    "timestamp", "equity", "daily_pnl", "total_return", "drawdown", "shortfall_vs_backtest",
    "expected_src", "session", "kind", "n", "ret_bps", "shadow_ret_bps", "diff_bps",
    "diff_mean_bps", "diff_cs_lo", "diff_cs_hi", "diff_e", "te_ann", "corr", "dtw_ann",
    "cone_z", "cone_pct", "cone_p05", "cone_p50", "cone_p95", "dd_pct", "vol_ratio", "ks_p",
    "energy", "fills", "slip_err_bps", "slip_cs_lo", "slip_cs_hi", "is_delay", "is_spread",
    "is_slippage", "is_fees", "is_opportunity", "is_total_bps", "ord_matched", "ord_missing",
    "ord_extra", "ord_diff", "ord_explained", "parity_rate", "regime", "regime_p",
    "regime_shadow_match", "feed_gap_s", "verdict", "reasons",
)  # fmt: skip


def row_text(cells: Mapping[str, str]) -> str:
    """One line, every column in its place; a cell with a comma, quote or newline is quoted."""
    assert cells.keys() <= set(COLUMNS), f"unknown columns: {sorted(cells.keys() - set(COLUMNS))}"
    return ",".join(_quoted(cells.get(column, "")) for column in COLUMNS) + "\n"


def _quoted(cell: str) -> str:
    if any(character in cell for character in ',"\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell
