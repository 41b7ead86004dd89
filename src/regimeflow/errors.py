"""Every error RegimeFlow raises on purpose, as one tree.

Each class says whose fault it is and which exit code the command line gives it.

    RegimeFlowError
    ├── ConfigError            the user's configuration or an input file it names      exit 2
    │   └── DataError          a data file is missing, malformed or impossible         exit 2
    ├── StartRefused           everything is readable, but starting would be unsafe    exit 1
    ├── JournalError           the disk failed, or the journal was damaged             exit 4
    │   └── JournalCorrupt     a frame in the middle of the journal is bad             exit 4
    ├── UsageError             the caller broke an API's contract: fix the code        exit 70
    ├── VenueProtocolError     the venue broke its protocol: not our fault             exit 70
    └── InvariantViolated      our bug: the engine stops rather than guess             exit 70

A refusal that is part of trading (an order denied by a limit) is a value, not an exception.
An order whose fate is unknown is a state (`IN_DOUBT`), not an exception.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_REFUSED = 1
EXIT_CONFIG = 2
EXIT_HALTED = 3
EXIT_DISK = 4
EXIT_NOTHING_SHOWN = 5
"""A rehearsal in which nothing happened that could have gone wrong."""
EXIT_BUG = 70
EXIT_SECOND_SIGNAL = 130


class RegimeFlowError(Exception):
    """Base of every deliberate error; `exit_code` is what the command line returns."""

    exit_code: int = EXIT_BUG


class ConfigError(RegimeFlowError):
    """The configuration, or an input file it names, is wrong; the user mends it."""

    exit_code = EXIT_CONFIG


class DataError(ConfigError):
    """A data file is missing, empty, malformed, unsorted or impossible; the user mends it."""


class StartRefused(RegimeFlowError):
    """Starting would be unsafe; the message names the condition and the way out."""

    exit_code = EXIT_REFUSED


class JournalError(RegimeFlowError):
    """The journal could not be written or read; trading stops, nothing is retried."""

    exit_code = EXIT_DISK


class JournalCorrupt(JournalError):
    """A frame before the end of the journal is damaged; trading on it is refused."""


class UsageError(RegimeFlowError):
    """The caller broke an API's contract; the caller's code has to change."""


class VenueProtocolError(RegimeFlowError):
    """The venue sent something its protocol does not allow."""


class InvariantViolated(RegimeFlowError):
    """A belief of the engine proved false: our bug, the engine fail-stops."""
