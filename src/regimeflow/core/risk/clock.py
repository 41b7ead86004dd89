"""Our clock against the broker's: a wrong clock makes old data look fresh.

The broker's time is measured, and known to within half a round trip. A difference beyond the
limit *and* beyond that uncertainty stops entries; a later measurement that is sharp enough to
show that it is gone lifts it. What was never measured, or too long ago, agrees with nothing.
"""

from __future__ import annotations

from regimeflow.core.risk.proposal import Denial
from regimeflow.model.commands import HealthChanged, HealthStatus
from regimeflow.model.events import ClockMeasured
from regimeflow.model.timestamps import NS_PER_MS, NS_PER_S

CLOCK = "clock"
AGE_S_MAX = 60
"""Several times what an adapter may let pass between two measurements."""
ADVICE = (
    "entries wait and go on by themselves once the clocks are known to agree; check this "
    "machine's time service (timedatectl, chronyc tracking), or raise max_clock_offset_ms"
)


class ClockGuard:
    """What is known of the offset. Without a limit it judges nothing and says nothing.

    `limit_ms` is real time; `pace` is how many seconds of the engine's time pass in a real one.
    """

    __slots__ = ("_age_ns_max", "_limit_ms", "_limit_ns", "_measured_ns", "_pace", "_sharp_ns",
                 "_status", "_why")  # fmt: skip

    def __init__(self, limit_ms: int | None, pace: float) -> None:
        self._limit_ms = limit_ms
        self._pace = pace
        self._limit_ns = int((limit_ms or 0) * NS_PER_MS * pace)
        self._age_ns_max = int(AGE_S_MAX * NS_PER_S * pace)
        self.start()

    def start(self) -> None:
        """A run begins: nothing has been measured."""
        self._status = HealthStatus.WARMING
        self._why = "the clocks were not compared yet"
        self._sharp_ns = self._limit_ns
        self._measured_ns = 0

    def on_measured(self, ts_ns: int, measured: ClockMeasured) -> HealthChanged | None:
        """Judge one measurement; the change to announce, if it is one."""
        if self._limit_ms is None:
            return None
        offset_ns, blur_ns = measured.ts_venue_ns - ts_ns, measured.uncertainty_ns
        self._measured_ns = ts_ns
        if abs(offset_ns) - blur_ns > self._limit_ns:
            self._sharp_ns = max(self._limit_ns, blur_ns)
            side = "ahead of" if offset_ns > 0 else "behind"
            self._why = (
                f"the broker's clock is {self._real_ms(abs(offset_ns))} ms {side} ours, give or "
                f"take {self._real_ms(blur_ns)} ms"
            )
            return self._turn(HealthStatus.DOWN)
        is_gone = abs(offset_ns) <= self._limit_ns and blur_ns <= self._sharp_ns
        if self._status is HealthStatus.DOWN and not is_gone:
            return None
        self._why = ""
        return self._turn(HealthStatus.OK)

    def on_step(self, delta_ns: int, what: str) -> HealthChanged | None:
        """A clock was set: what was measured before says nothing any more."""
        if self._limit_ms is None or abs(delta_ns) <= self._limit_ns or self._why:
            return None
        self._why = f"{what} by {self._real_ms(delta_ns):+} ms and not compared since"
        return self._turn(HealthStatus.STALE)

    def on_time(self, ts_ns: int) -> HealthChanged | None:
        """Time passed: the last measurement may have become too old."""
        why = self._too_old(ts_ns)
        return self._turn(HealthStatus.STALE, why) if why else None

    def check(self, ts_ns: int) -> Denial | None:
        """C21: our clock and the broker's are known to agree."""
        if self._limit_ms is None:
            return None
        why = self._why or self._too_old(ts_ns)
        if not why:
            return None
        return Denial("C21", f"max_clock_offset_ms {self._limit_ms}", why, f"{why}; {ADVICE}")

    def _too_old(self, ts_ns: int) -> str:
        age_ns = ts_ns - self._measured_ns
        if self._limit_ms is None or self._why or age_ns <= self._age_ns_max:
            return ""
        return f"the clocks were not compared for {self._real_ms(age_ns) // 1_000} s"

    def _turn(self, status: HealthStatus, detail: str = "") -> HealthChanged | None:
        if status is self._status:
            return None
        self._status = status
        detail = detail or self._why or f"our clock and the broker's agree to {self._limit_ms} ms"
        return HealthChanged(CLOCK, status, detail)

    def _real_ms(self, engine_ns: int) -> int:
        return round(engine_ns / self._pace / NS_PER_MS)
