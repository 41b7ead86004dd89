"""SIGINT and SIGTERM: the first stops in order, the second at once."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable


def on_stop_signals(loop: asyncio.AbstractEventLoop, stop: Callable[[str], bool]) -> None:
    """Call `stop(name)` for each signal; when it answers False, raise KeyboardInterrupt."""

    def on_signal(name: str) -> None:
        if not stop(name):
            raise KeyboardInterrupt

    for name in ("SIGINT", "SIGTERM"):
        number = getattr(signal, name)
        if sys.platform == "win32":
            # Event loops of Windows have no signal handlers of their own.
            signal.signal(number, lambda *_, name=name: loop.call_soon_threadsafe(on_signal, name))
        else:
            loop.add_signal_handler(number, on_signal, name)
