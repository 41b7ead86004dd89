"""A venue that links exits, and a desk whose brackets it fills, rejects, cuts and bans.

It shares no code with the simulated venue and knows the truth: what is held, and which exits work.
Reports come in order, late. One symbol, bought by brackets. `settle` makes it honest and quick;
after that every position has its stop or somebody was told, and no exits are for more than is held.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from regimeflow.core.closing_orders import FLATTEN
from regimeflow.core.risk.limits import RiskPolicy
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.order import OrderType
from regimeflow.model.timestamps import NS_PER_S
from tests.faults.desk_script import LinkedDesk
from tests.simulation.exits_book import REQUEST_KINDS, ExitsBook, Request, Working, refusal
from tests.simulation.scripted_time import ScriptedTime
from tests.unit.core_samples import BARS_OLD_NS

QUICK_S, TIMEOUT_S = 0.01, 5.0
SETTLING_ROUNDS, ROUND_S = 40, 20
TOLD = frozenset({"not_protected", "not_flattened", "not_closed"})
"""Differences that tell a person of a position without its exits."""
IMPOSSIBLE = frozenset({"overfill", "unknown_fill", "execution_reused", "order_unknown_here"})
"""Differences that nothing here explains: the engine made them up."""


@dataclass(frozen=True)
class Manners:
    """How often the venue does what (0 to 1), and what the desk does beside buying."""

    rejects: float = 0
    refuses_cancels: float = 0
    loses: float = 0
    cuts_off: bool = False
    moves_stops: bool = False
    cancels_entries: bool = False
    closes: bool = False
    flattens: bool = False


class ExitsVenue(ScriptedTime):
    """See the module's docstring. `told` is what happened, in order."""

    def __init__(self, seed: int, manners: Manners) -> None:
        self.chance, self.manners = Random(seed), manners
        rate = self.chance.choice([4, 6, 10, 1_000, 1_000])
        policy = RiskPolicy(max_orders_per_minute=rate, reference_age_ns_max=BARS_OLD_NS)
        super().__init__(LinkedDesk(policy=policy))
        self.book = ExitsBook(self._say)
        self.told: list[str] = []
        self.is_honest = self.is_banned = False
        self.is_up = True
        self._last_ns = 0
        self._read = len(self.desk.log)

    # --- what a test does ---------------------------------------------------------------

    def wish(self, wish: Callable[[Any], Any]) -> None:
        """The strategy wants something."""
        self.desk.do(wish)
        self._obey()

    def trade(self, order: Working) -> None:
        """A part or all of an order fills; its siblings shrink by as much, or end with it."""
        if not order.is_open:
            return
        part = self.chance.randint(1, order.leaves) if self._happens(0.4) else order.leaves
        self.book.fill(order, part, self.desk.now_ns)
        if order.leaves and order.command.order_type is OrderType.MARKET:
            self._after(0.5, partial(self.trade, order))
        assert self.book.held() >= 0, f"sold {-self.book.held()} too many"

    def cut_off(self) -> None:
        """A ban begins or ends, or the link goes or comes back."""
        if self.chance.random() < 0.5:
            self.is_banned = not self.is_banned
            name = e.REQUESTS
            self.deliver(e.LinkDown(name, "banned") if self.is_banned else e.LinkUp(name))
        else:
            self.is_up = not self.is_up
            self.deliver(e.LinkUp("sim") if self.is_up else e.LinkDown("sim", "reset"))

    def settle(self) -> None:
        """From now on everything is granted at once: nothing may be left naked untold, or twice."""
        self.is_honest = True
        if self.is_banned:
            self.is_banned = False
            self.deliver(e.LinkUp(e.REQUESTS))
        if not self.is_up:
            self.is_up = True
            self.deliver(e.LinkUp("sim"))
        for _ in range(SETTLING_ROUNDS):
            self.lapse(ROUND_S)
            self.book.list_all("poll", self.desk.now_ns)
            self.desk.quote(100.0)
            self._obey()
        self.lapse(ROUND_S)
        desk, book, kinds = self.desk, self.book, set(self.desk.kinds())
        assert desk.held() == book.held(), f"held {desk.held()}, filled {book.held()}"
        assert not [o for o in desk.engine.ledger.orders.open.values() if o.in_doubt]
        assert book.may_sell() <= book.held(), f"{book.may_sell()} may sell {book.held()}"
        is_told = bool(kinds & TOLD)
        assert is_told or book.stopped() >= book.held(), f"{book.stopped()} of {book.held()}"
        assert not desk.engine.desk.protection.waiting
        assert not desk.engine.desk.closings.waiting
        assert not IMPOSSIBLE & kinds, kinds
        desk.assert_lawful()

    # --- what travels -------------------------------------------------------------------

    def deliver(self, event: e.Event) -> None:
        """An event reaches the engine; what it sends in return is on its way."""
        if not isinstance(event, e.BrokerSnapshot):
            self.told.append(f"{self.desk.now_ns / NS_PER_S:.3f} {event}"[:250])
        self.desk.feed(event, after_ns=0)
        self._obey()

    def _obey(self) -> None:
        """Take what the engine has sent since; it may be lost, and its answer, too."""
        unread, self._read = self.desk.log[self._read :], len(self.desk.log)
        for command in (output for _, _, outputs in unread for output in outputs):
            if isinstance(command, c.QueryOrder | c.RequestSnapshot):
                if self.is_up and not self.is_banned:
                    self._after(self._delay_s(), partial(self._answer, command))
            elif isinstance(command, Request):
                self.told.append(f"{self.desk.now_ns / NS_PER_S:.3f} -> {command}"[:250])
                self._receive(command)

    def _receive(self, command: Request) -> None:
        assert not self.is_banned, f"sent in a ban: {command}"
        if not self.is_up:
            self._after(0.001, partial(self._refuse, command))
            return
        if self._happens(self.manners.loses):
            unknown = e.OutcomeUnknown(
                command.client_order_id, REQUEST_KINDS[type(command)], "timeout"
            )
            self._after(TIMEOUT_S, partial(self.deliver, unknown))
            if self._happens(0.5):
                return
        self._after(self._delay_s(), partial(self._take, command))

    def _refuse(self, command: Request) -> None:
        self.deliver(refusal(command, "no connection", self.desk.now_ns))

    def _take(self, command: Request) -> None:
        """The venue has it: it does as it is told, or refuses as its manners are."""
        ts_ns, manners = self.desk.now_ns, self.manners
        if isinstance(command, c.SubmitOrder):
            is_duty = command.parent_id is not None or command.tag == FLATTEN
            if is_duty and self._happens(manners.rejects):
                self.book.refuse(command, "margin", ts_ns)
                return
            self.book.submit(command, ts_ns)
            order = self.book.orders.get(command.client_order_id)
            if order is not None and command.order_type is OrderType.MARKET:
                self._after(self._delay_s(), partial(self.trade, order))
        elif isinstance(command, c.CancelOrder):
            if self._happens(manners.refuses_cancels):
                self.book.refuse(command, "slow down", ts_ns)
            else:
                self.book.cancel(command, ts_ns)
        elif self._happens(0.2):
            self.book.refuse(command, "too late", ts_ns)
        else:
            self.book.replace(command, ts_ns)

    def _answer(self, command: c.QueryOrder | c.RequestSnapshot) -> None:
        if isinstance(command, c.QueryOrder):
            self.book.query(command.client_order_id, self.desk.now_ns)
        else:
            self.book.list_all(command.request_id, self.desk.now_ns)

    def _say(self, event: e.Event) -> None:
        """A report leaves for the engine, behind those before it."""
        due_ns = self.desk.now_ns + int(self._delay_s() * NS_PER_S)
        self._last_ns = max(self._last_ns, due_ns)
        self._at(self._last_ns, partial(self.deliver, event))

    def _happens(self, likelihood: float) -> bool:
        return not self.is_honest and self.chance.random() < likelihood

    def _delay_s(self) -> float:
        if self.is_honest:
            return QUICK_S
        return self.chance.choice([QUICK_S, QUICK_S, 0.3, self.chance.uniform(0, 3)])
