"""Runs the benchmarks and writes their results: `python -m benchmarks [NAME ...]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import footprint, journal, latency, restart, throughput
from benchmarks.machine import this_machine
from benchmarks.page import line_of, write_json, write_page
from benchmarks.result import Benchmark, Result

CHECKOUT = Path(__file__).resolve().parent.parent
BENCHMARKS: dict[str, Benchmark] = {
    "quotes": throughput.quotes,
    "bars": throughput.bars,
    "orders": throughput.orders,
    "latency": latency.latency,
    "journal": journal.journal,
    "restart": restart.restart,
    "footprint": footprint.footprint,
}


def main() -> int:
    """Run what was named, or everything; only a whole run rewrites the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--page", type=Path, default=CHECKOUT / "docs" / "performance.md")
    parser.add_argument("--json", type=Path, default=CHECKOUT / "out" / "benchmarks.json")
    chosen = parser.parse_args()
    unknown = [name for name in chosen.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    machine = this_machine()
    print(f"{machine.processor}, {machine.cores} cores, {machine.python}, load {machine.load}")
    results: list[Result] = []
    for name in chosen.names or BENCHMARKS:
        found = BENCHMARKS[name]()
        for result in found:
            print(line_of(result), flush=True)
        results += found
    write_json(chosen.json, machine, results)
    if not chosen.names:
        write_page(chosen.page, machine, results)
        print(f"written: {chosen.page}")
    print(f"written: {chosen.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
