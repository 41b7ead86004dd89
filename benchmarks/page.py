"""Writes what was measured: a page for readers, JSON for machines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.machine import Machine
from benchmarks.result import Result

INTRODUCTION = """\
# Performance

Written by `make bench` (`python -m benchmarks`); run it to have your own machine's figures.
Absolute times belong to the machine below and to what else it was doing. The ratio to the floor,
measured in the same run, is what carries over: aims are stated as ratios wherever they can be.
"""
READING = """\
## How to read it

* *Event* rows are whole runs of the backtest path: feed, schedule, pump, engine, strategy,
  simulated venue, books, in processor time. An order is three events of the stream and is kept
  in two sets of books, the engine's and the venue's; each has its own acceptance and fill.
* *Latency* rows are percentiles of wall time, in one process, with the journal on a real disk:
  on a machine with other work the 99th is that work.
* A commit that is synced costs what the disk takes. That is why it is a named choice
  (`live.journal.durability`), and why nothing in the engine's own time is worth optimising
  beside it.
"""


def write_page(path: Path, machine: Machine, results: Sequence[Result]) -> None:
    """The page of figures, as Markdown."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        "| what | measured | floor | ratio | aim | met |",
        "|---|---:|---:|---:|---|---|",
        *map(_row, results),
    ]
    notes = [f"* **{result.what}**: {result.detail}." for result in results]
    parts = [INTRODUCTION, _machine_line(machine), *rows, "", READING, "## How measured"]
    path.write_text("\n".join([*parts, "", *notes]) + "\n", encoding="utf-8")


def write_json(path: Path, machine: Machine, results: Sequence[Result]) -> None:
    """The same figures with every digit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = msgspec.json.encode({"machine": machine, "results": list(results)})
    path.write_bytes(msgspec.json.format(encoded, indent=2) + b"\n")


def line_of(result: Result) -> str:
    """One result on one line, for the terminal."""
    ratio = "" if result.ratio is None else f"  {result.ratio:.1f} floors"
    rate = "" if result.rate_per_s is None else f"  {result.rate_per_s:,.0f}/s"
    return f"{result.what}: {_number(result.measured)} {result.unit}{rate}{ratio}  {_met(result)}"


def _machine_line(machine: Machine) -> str:
    return (
        f"{machine.processor}, {machine.cores} cores, {machine.system}, {machine.python}, "
        f"load {machine.load}, {machine.taken}.\n"
    )


def _row(result: Result) -> str:
    measured = f"{_number(result.measured)} {result.unit}"
    if result.rate_per_s is not None:
        measured += f" ({result.rate_per_s:,.0f}/s)"
    floor = "" if result.floor is None else f"{_number(result.floor)} {result.unit}"
    ratio = "" if result.ratio is None else f"{result.ratio:.1f}"
    cells = (result.what, measured, floor, ratio, result.aim, _met(result))
    return f"| {' | '.join(cells)} |"


def _met(result: Result) -> str:
    if result.is_met is None:
        return ""
    return "yes" if result.is_met else "no"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
