"""Who may come in, and what a returning client has missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimeflow.brokers.sim import messages as m
from regimeflow.brokers.sim import translate as t
from regimeflow.brokers.sim.wire import PROTOCOL_VERSION
from regimeflow.testing.venues.admittance import Admittance
from regimeflow.testing.venues.connection import Connection
from regimeflow.testing.venues.faults import FaultKind, VenueFaults
from regimeflow.testing.venues.report_outlet import ReportOutlet
from regimeflow.testing.venues.report_store import Numbered

if TYPE_CHECKING:
    from regimeflow.testing.venues.sim_server import SimVenueServer


class Greeter:
    """Answers `hello`: one trading client at a time, reports repeated as far as they are kept."""

    __slots__ = ("_account", "_admittance", "_currency", "_faults", "_outlet", "_server")

    def __init__(
        self,
        server: SimVenueServer,
        outlet: ReportOutlet,
        faults: VenueFaults,
        admittance: Admittance,
        *,
        account: str,
        currency: str,
    ) -> None:
        self._server = server
        self._outlet = outlet
        self._faults = faults
        self._admittance = admittance
        self._account = account
        self._currency = currency

    def greet(self, connection: Connection, hello: m.Hello) -> None:
        """Let a client in, or say why not; then repeat what it missed."""
        refusal = self._refusal(connection, hello)
        if refusal is not None:
            connection.send(m.Refused(id=hello.id, code=refusal[0], message=refusal[1]))
            return
        server = self._server
        if hello.role == "trade":
            server.begin()
        server.catch_up()
        machine = server.machine
        if not connection.is_greeted and self._faults.strikes(FaultKind.NEW_EPOCH) is not None:
            machine.begin_epoch()
            self._cut_all_but(connection)
        machine.mark()
        connection.client, connection.role = hello.client, hello.role
        connection.is_greeted = True
        connection.send(self._welcome(hello))
        missed, is_complete = self._missed(hello)
        # All at once, and as much as the venue keeps: a long absence is no slowness.
        connection.queue_max += len(missed)
        for numbered in missed:
            message = self._outlet.message_of(numbered)
            if message is not None:
                connection.send(message)
        connection.send(
            m.Resumed(id=hello.id, report_seq=machine.reports.report_seq, is_complete=is_complete)
        )
        server.say_ended([connection])

    def _refusal(self, connection: Connection, hello: m.Hello) -> tuple[str, str] | None:
        if hello.protocol != PROTOCOL_VERSION:
            return "bad_request", f"protocol {hello.protocol}, this venue speaks {PROTOCOL_VERSION}"
        if self._admittance.is_revoked():
            return "forbidden", "the key is not valid"
        if hello.account and hello.account != self._account:
            return "wrong_account", f"account {hello.account} asked for, this is {self._account}"
        if hello.role != "trade":
            return None
        for other in list(self._server.connections):
            if other is connection or not other.is_trading:
                continue
            if other.client != hello.client and not hello.is_takeover:
                return "account_in_use", f"client {other.client} is trading on {self._account}"
            other.cut()
        return None

    def _cut_all_but(self, connection: Connection) -> None:
        for other in list(self._server.connections):
            if other is not connection:
                other.cut()

    def _welcome(self, hello: m.Hello) -> m.Welcome:
        machine, reports = self._server.machine, self._server.machine.reports
        return m.Welcome(
            id=hello.id,
            account=self._account,
            currency=self._currency,
            is_paper=True,
            epoch=reports.epoch,
            venue_ns=machine.now_ns,
            speed=self._server.speed,
            report_seq=reports.report_seq,
            fill_seq=reports.fill_seq,
            session=None if machine.session is None else t.session_line(machine.session),
            instruments=[t.instrument_line(i) for i in machine.instruments.values()],
            capabilities=self._server.capabilities,
            bar_size_ns=self._server.bar_size_ns,
        )

    def _missed(self, hello: m.Hello) -> tuple[list[Numbered], bool]:
        """What to repeat, and whether that is everything that was asked for."""
        reports = self._server.machine.reports
        count = self._faults.strikes(FaultKind.REPLAY)
        again = reports.newest(int(count)) if count is not None else []
        if hello.epoch is not None and hello.epoch != reports.epoch:
            return reports.after(0), reports.complete_after == 0
        if hello.resume_report_seq is not None:
            missed = reports.after(hello.resume_report_seq)
            return again + missed, hello.resume_report_seq >= reports.complete_after
        if hello.resume_fill_seq is not None:
            return again + reports.fills_after(hello.resume_fill_seq), True
        return again, True
