"""Clocks and order statistics."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from time import perf_counter_ns


def elapsed_ns(action: Callable[[], object]) -> int:
    """How long one call takes, what exists already being left out of garbage collection."""
    gc.collect()
    gc.freeze()
    try:
        start_ns = perf_counter_ns()
        action()
        return perf_counter_ns() - start_ns
    finally:
        gc.unfreeze()


def best_per_item_ns(count: int, rounds: Sequence[Callable[[], object]]) -> float:
    """The fastest round's time per item: what the code costs when nobody interrupts it."""
    return min(elapsed_ns(action) for action in rounds) / count


def percentile(samples: Sequence[float], fraction: float) -> float:
    """The sample below which `fraction` of all lie; `samples` is sorted."""
    return samples[min(int(len(samples) * fraction), len(samples) - 1)]
