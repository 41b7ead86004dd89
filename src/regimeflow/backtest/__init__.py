"""Backtests: running the engine over history, and measuring what an account did."""
