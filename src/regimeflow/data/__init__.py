"""History: files of bars, quotes, trades and corporate actions, read as one ordered stream.

`open_feed` checks every file before the first event leaves it, so bad data refuses a start
rather than spoiling a run. `load_calendar` gives the trading sessions. Nothing here is used by
the engine itself: a feed only produces the events an engine is fed with.
"""
