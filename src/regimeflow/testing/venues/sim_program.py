"""A simulated venue as a program: from files and options to a server that runs until told."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec

from regimeflow.config import load_config
from regimeflow.data.feed import Feed, open_feed
from regimeflow.data.session_table import load_calendar
from regimeflow.errors import ConfigError
from regimeflow.live.signals import on_stop_signals
from regimeflow.model.instrument import Instrument
from regimeflow.model.session import SessionCalendar
from regimeflow.model.timestamps import NS_PER_DAY, ns_from_date
from regimeflow.run.plan import CALENDAR_FIRST, CALENDAR_LAST, make_plan
from regimeflow.testing.venues.faults import SeededFaults, parse_fault
from regimeflow.testing.venues.playback import Playback
from regimeflow.testing.venues.sim_log import VenueLog
from regimeflow.testing.venues.sim_machine import VenueMachine
from regimeflow.testing.venues.sim_server import SimVenueServer
from regimeflow.venue.model import ExecutionModel
from regimeflow.venue.sim import SimVenue

ACCOUNT = "SIM"
CASH = Decimal(100_000)


@dataclass(frozen=True, slots=True)
class VenueParts:
    """Everything a venue is made of; equal parts and equal commands give equal reports."""

    feed: Feed
    calendar: SessionCalendar
    instruments: dict[str, Instrument]
    model: ExecutionModel
    cash: Decimal
    currency: str
    start_ns: int
    end_ns: int

    @property
    def bar_size_ns(self) -> int | None:
        """The size of its bars; None where its data holds anything but bars."""
        return self.feed.bar_size_ns if self.feed.is_bars else None

    @property
    def identity(self) -> str:
        """A name of data and rules: a state file belongs to one."""
        rules = [
            self.feed.data_hash,
            self.calendar.name,
            {symbol: msgspec.to_builtins(terms) for symbol, terms in self.instruments.items()},
            {name: str(getattr(self.model, name)) for name in self.model.__struct_fields__},
            str(self.cash),
            self.currency,
            self.start_ns,
            self.end_ns,
        ]
        return hashlib.sha256(msgspec.json.encode(rules, order="sorted")).hexdigest()

    def machine(self, log: VenueLog | None) -> VenueMachine:
        """The venue as it was when its log was last written, or at its start."""
        venue = SimVenue(
            instruments=self.instruments,
            model=self.model,
            calendar=self.calendar,
            cash=self.cash,
            currency=self.currency,
            account_id=ACCOUNT,
        )
        playback = Playback(
            self.feed.chunks(),
            calendar=self.calendar,
            end_ns=self.end_ns,
            bar_span_ns=self.feed.bar_size_ns or 0,
            actions=self.feed.actions,
        )
        return VenueMachine(
            venue, playback, instruments=self.instruments, start_ns=self.start_ns, log=log
        )


def parts_from_config(path: Path) -> VenueParts:
    """What the `sim` broker of a configuration would be in process; raises ConfigError."""
    plan = make_plan(load_config(path), "live")
    return VenueParts(
        feed=plan.feed,
        calendar=plan.calendar,
        instruments=plan.instruments,
        model=plan.model,
        cash=plan.cash,
        currency=plan.config.account.currency,
        start_ns=plan.start_ns,
        end_ns=plan.end_ns,
    )


def parts_from_files(
    data_directory: Path, symbols: Sequence[str], start: date | None, end: date | None
) -> VenueParts:
    """Shares on the New York calendar, with default costs and 100,000 USD; raises DataError."""
    calendar = load_calendar("XNYS", ns_from_date(CALENDAR_FIRST), ns_from_date(CALENDAR_LAST))
    end_ns = None if end is None else ns_from_date(end) + NS_PER_DAY
    feed = open_feed(
        symbols=list(symbols),
        data_directory=data_directory,
        start_ns=None if start is None else ns_from_date(start),
        end_ns=end_ns,
        calendar=calendar,
    )
    first_ns = feed.first_ns // NS_PER_DAY * NS_PER_DAY
    return VenueParts(
        feed=feed,
        calendar=calendar,
        instruments={symbol: Instrument(symbol) for symbol in symbols},
        model=ExecutionModel(),
        cash=CASH,
        currency="USD",
        start_ns=first_ns if start is None else ns_from_date(start),
        end_ns=feed.last_ns + 1 if end_ns is None else end_ns,
    )


async def serve(
    parts: VenueParts,
    *,
    port: int,
    state: Path | None,
    speed: float,
    faults: Sequence[str],
    seed: int,
    announce: Callable[[str], None],
) -> None:
    """Serve on loopback until SIGINT or SIGTERM; `announce` is given the address.

    Raises ConfigError for a fault that is none, a port that is taken and a state that cannot be
    written, StartRefused for a state of other data or in use.
    """
    policy = SeededFaults([parse_fault(text) for text in faults], random.Random(seed))
    log = None if state is None else _open_log(state, parts.identity)
    try:
        server = SimVenueServer(
            parts.machine(log),
            account=ACCOUNT,
            currency=parts.currency,
            speed=speed,
            bar_size_ns=parts.bar_size_ns,
            faults=policy,
        )
        is_told = asyncio.Event()

        def stop(_name: str) -> bool:
            is_first = not is_told.is_set()
            is_told.set()
            return is_first

        on_stop_signals(asyncio.get_running_loop(), stop)
        try:
            url = await server.start(port=port)
        except OSError as error:
            raise ConfigError(
                f"--port {port}: nobody can listen there ({error.strerror or error}); stop what "
                "uses it, name another port, or 0 for a free one"
            ) from error
        announce(url)
        await is_told.wait()
        await server.stop()
    finally:
        if log is not None:
            log.close()


def _open_log(state: Path, identity: str) -> VenueLog:
    try:
        return VenueLog(state, identity=identity)
    except OSError as error:
        raise ConfigError(
            f"--state {state}: cannot be written ({error.strerror or error}); mend its "
            "permissions, or name another file"
        ) from error
