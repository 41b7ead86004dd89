"""What an HTTP server of ours says of requests that nobody can read: one line, counted.

Any process of the machine can send garbage to a loopback port. aiohttp reports each such request
with a traceback, which would flood the console; what a client did wrong is counted here instead,
and told at the first, the tenth, the hundredth, and so on. Failures of our own handlers keep
their traceback: those are bugs.
"""

from __future__ import annotations

import logging

SERVER_LOGGER = "aiohttp.server"


def server_logger(port_name: str) -> logging.Logger:
    """A logger for `aiohttp.web.AppRunner`; `port_name` is what people call that port."""
    logger = logging.Logger(f"{SERVER_LOGGER}.{port_name}", logging.WARNING)
    logger.addHandler(_Counting(port_name))
    return logger


class _Counting(logging.Handler):
    def __init__(self, port_name: str) -> None:
        super().__init__(logging.WARNING)
        self._port_name = port_name
        self._count = 0
        self._told_at = 1

    def emit(self, record: logging.LogRecord) -> None:
        """Count what a client did wrong; pass on everything else."""
        log = logging.getLogger(SERVER_LOGGER)
        if not _is_clients_fault(record):
            log.handle(record)
            return
        self._count += 1
        if self._count >= self._told_at:
            self._told_at *= 10
            log.warning(
                "%d requests to the %s port so far could not be read and were refused; "
                "find the process that sends them if you did not",
                self._count,
                self._port_name,
            )


def _is_clients_fault(record: logging.LogRecord) -> bool:
    # Only a process that serves pays for loading an HTTP library.
    from aiohttp.http_exceptions import HttpProcessingError

    error = record.exc_info[1] if record.exc_info else None
    return isinstance(error, HttpProcessingError | ConnectionError)
