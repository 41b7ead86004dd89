"""A long stream through the engine: prints the peak of memory early and at the end, in MB.

Run in a process of its own: `python -m benchmarks.streaming 5000000`.
"""

from __future__ import annotations

import json
import sys
from itertools import chain

from benchmarks.machine import peak_bytes
from benchmarks.workload import QUOTE_STEP_NS, SYMBOLS, Run, plan_over, sessions, stream_quotes
from regimeflow.data.feed import Feed, FeedKind
from regimeflow.model.events import EngineStarted


def streaming_feed(count: int) -> Feed:
    """A feed whose events exist only while their chunk is in hand."""
    first = sessions()[0].open_ns
    return Feed(
        symbols=SYMBOLS,
        kind=FeedKind.QUOTES,
        bar_size_ns=None,
        span_ns=(first, first + count * QUOTE_STEP_NS),
        event_count=count,
        actions=(),
        data_hash="",
        warmup_available=dict.fromkeys(SYMBOLS, 0),
        make_chunks=lambda: stream_quotes(count),
    )


def main(count: int) -> None:
    """Stream `count` quotes and report."""
    run = Run(plan_over(streaming_feed(count), "benchmarks.strategies:Watcher"))
    take = run.pump.take
    early_mb = 0.0
    events = chain([(0, EngineStarted(1))], run.schedule)
    for number, (ts_ns, event) in enumerate(events):
        take(ts_ns, event)
        if number == count // 50:
            early_mb = peak_bytes() / 2**20
    json.dump([early_mb, peak_bytes() / 2**20], sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]))
