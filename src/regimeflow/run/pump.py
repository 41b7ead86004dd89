"""The pump: one event through engine, recorder, router and observers, in that order.

    record the event -> process -> record the outputs -> commit -> dispatch -> observers

Nothing is dispatched before the commit that holds it, and an observer can neither change nor
delay a decision. Backtest and live use this same class; they differ in the recorder (memory or
journal), in the link behind the router, and in who calls `take`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from regimeflow.core.approved import EngineOutput, plain
from regimeflow.core.engine import Engine
from regimeflow.core.ledger_state import ledger_state
from regimeflow.errors import InvariantViolated
from regimeflow.journal.records import EpochOpened, Fingerprint, Record
from regimeflow.model.commands import CancelOrder, RequestSnapshot, StrategyStateSaved
from regimeflow.model.events import Event
from regimeflow.run.recorder import Recorder
from regimeflow.run.router import Link, Router

Observer = Callable[[Record], None]
UNCOMMITTED_EVENTS_MAX = 64
"""Facts without consequences wait for company at most this long."""


class Pump:
    """Drives one engine. `take` is not re-entrant: an observer or link must not call it."""

    __slots__ = (
        "_epoch",
        "_fingerprint",
        "_is_taking",
        "_link",
        "_observers",
        "_uncommitted",
        "engine",
        "recorder",
        "router",
        "ts_ns",
    )

    def __init__(
        self,
        engine: Engine,
        recorder: Recorder,
        link: Link,
        observers: Sequence[Observer] = (),
        *,
        fingerprint: Fingerprint | None = None,
        epoch: int = 0,
        ts_ns: int = 0,
    ) -> None:
        self.engine = engine
        self.recorder = recorder
        self.router = Router(link)
        self._link = link
        self._observers = tuple(observers)
        self._fingerprint = fingerprint
        self._epoch = epoch
        self._uncommitted = 0
        self._is_taking = False
        self.ts_ns = ts_ns

    def take(self, ts_ns: int, event: Event) -> None:
        """Put one event through. `ts_ns` must not be before the last one's."""
        if self._is_taking or ts_ns < self.ts_ns:
            raise InvariantViolated(f"event at {ts_ns} taken out of turn (now {self.ts_ns})")
        self.ts_ns = ts_ns
        self._is_taking = True
        recorder = self.recorder
        seq = recorder.append_event(ts_ns, event)
        outputs = self.engine.process(ts_ns, event)
        if outputs:
            for output in outputs:
                recorder.append_output(ts_ns, seq, plain(output))
            self._uncommitted = 0
            records = recorder.commit()
            # An order does not wait for the files that are kept about it.
            dispatch = self.router.dispatch
            for output in outputs:
                dispatch(ts_ns, output)
            self._show(records)
            # What `on_start` wishes after a roll follows the saved state.
            if self._fingerprint is not None and any(
                type(output) is StrategyStateSaved for output in outputs
            ):
                self.open_epoch("session")
        else:
            self._uncommitted += 1
            if self._uncommitted >= UNCOMMITTED_EVENTS_MAX:
                self.commit()
        self._is_taking = False

    def take_now(self, event: Event) -> None:
        """Put an operator's event through at the time of the last one, and commit it.

        For a playback, whose clock is the data; call it between two events.
        """
        self.take(self.ts_ns, event)
        self.commit()

    def finish_cut_event(self, seq: int, outputs: Sequence[EngineOutput]) -> None:
        """Record and dispatch what the journal's last event led to, after a crash cut it off.

        Right only where the clock is the data: there, a wish is never stale.
        """
        for output in outputs:
            self.recorder.append_output(self.ts_ns, seq, plain(output))
        self.commit()
        for output in outputs:
            self.router.dispatch(self.ts_ns, output)

    def record_unsent(self, seq: int, output: EngineOutput) -> None:
        """Record what the journal's last event led to without sending it (see `live/linked`)."""
        self.recorder.append_output(self.ts_ns, seq, plain(output))

    def send_unjournaled(self, command: CancelOrder) -> None:
        """Send a cancel although the journal is dead: the one exception to "write, then act"."""
        self._link.execute(self.ts_ns, command)

    def request_snapshot(self, command: RequestSnapshot) -> None:
        """A poll by the shell: recorded like any command, but no decision of the engine."""
        self.recorder.append_output(self.ts_ns, 0, command)
        self.commit()
        self._link.execute(self.ts_ns, command)

    def commit(self) -> None:
        """Make what was recorded durable and show it to the observers."""
        self._uncommitted = 0
        self._show(self.recorder.commit())

    def open_epoch(self, reason: str, boot: int = 0) -> None:
        """Begin a new epoch: its record carries what produced it and the books so far."""
        if self._fingerprint is None:
            return
        session = self.engine.session_handler.session
        self._epoch += 1
        self.recorder.append_epoch(
            self.ts_ns,
            EpochOpened(
                epoch=self._epoch,
                reason=reason,
                session=session.date if session is not None else "",
                boot=boot,
                fingerprint=self._fingerprint,
                carry_over=ledger_state(self.engine.ledger),
            ),
        )
        self.commit()

    def _show(self, records: Sequence[Record]) -> None:
        for observer in self._observers:
            for record in records:
                observer(record)
