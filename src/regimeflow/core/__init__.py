"""The pure engine: events in, commands and notices out. No I/O, no clock, no randomness."""
