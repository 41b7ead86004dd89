"""RegimeFlow: one strategy, one pipeline, backtest and live."""
