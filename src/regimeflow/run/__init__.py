"""What a backtest and a live run share: building a run from a configuration, and driving it."""
