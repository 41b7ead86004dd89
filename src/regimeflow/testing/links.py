"""How the way from one host to another behaves; every field may change while the world runs."""

from __future__ import annotations

import math
import random

import msgspec

SEGMENT_BYTES_MAX = 16_384


class LinkProfile(msgspec.Struct, frozen=True, kw_only=True):
    """One direction between two hosts. Chances are per segment sent, from 0 to 1.

    `latency_s` is the median one-way delay, `jitter` the sigma of its log-normal spread;
    with `tail_chance` a segment takes `tail_s` more (exponential mean), as a lost and
    retransmitted one does. `split_chance` cuts a segment at a random byte. `reset_chance` ends
    the connection inside a segment, `stall_chance` holds it and all behind it for `stall_s`
    (infinite: half-open for ever). `refuse_chance` is per connection attempt. `window_bytes`
    is what may be under way or unread before the sender has to wait.
    """

    latency_s: float = 0.001
    jitter: float = 0.2
    tail_chance: float = 0.0
    tail_s: float = 0.2
    split_chance: float = 0.0
    reset_chance: float = 0.0
    stall_chance: float = 0.0
    stall_s: float = 30.0
    refuse_chance: float = 0.0
    window_bytes: int = 65_536

    def draw_latency_s(self, rng: random.Random) -> float:
        """The delay of one segment, in seconds."""
        delay_s = self.latency_s
        if self.jitter:
            delay_s *= math.exp(rng.gauss(0.0, self.jitter))
        if self.tail_chance and rng.random() < self.tail_chance:
            delay_s += rng.expovariate(1.0) * self.tail_s
        if self.stall_chance and rng.random() < self.stall_chance:
            delay_s += self.stall_s
        return delay_s

    def draw_segment_bytes(self, rng: random.Random, waiting_bytes: int) -> int:
        """How many of the waiting bytes the next segment carries."""
        taken = min(waiting_bytes, SEGMENT_BYTES_MAX)
        if self.split_chance and taken > 1 and rng.random() < self.split_chance:
            return rng.randint(1, taken - 1)
        return taken


PERFECT = LinkProfile(jitter=0.0)
ROUGH = LinkProfile(
    jitter=0.6, tail_chance=0.02, tail_s=0.5, split_chance=0.3, reset_chance=0.002,
    stall_chance=0.001, refuse_chance=0.05,
)  # fmt: skip
