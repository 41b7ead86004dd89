"""What an operator may ask of a running engine, as events: the only way to influence it.

A wish becomes one event, processed like any other, journaled before it acts. The answer says
what the engine made of it: a halt always takes effect; a resume is refused while something is
unexplained.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from regimeflow.core.closing_orders import is_operators
from regimeflow.core.engine import Engine
from regimeflow.errors import UsageError
from regimeflow.model import events as e
from regimeflow.model.commands import TradingState
from regimeflow.model.ids import StrategyId

VERBS = ("halt", "resume", "cancel-all", "flatten", "adopt")
STRATEGY_VERBS = frozenset({"halt", "resume"})
"""Those that may be meant for one strategy."""
REASON_LENGTH_MAX = 200


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One command of an operator. `id` makes it unique: a repeat is refused, not carried out.

    `allows_exits` belongs to a halt: orders that reduce a position may still leave.
    """

    id: Annotated[str, Meta(min_length=8, max_length=64)]
    reason: Annotated[str, Meta(max_length=REASON_LENGTH_MAX)] = ""
    strategy: Annotated[str, Meta(max_length=12)] | None = None
    allows_exits: bool = False


class Answer(msgspec.Struct, frozen=True):
    """Whether it took effect, the trading state now, and a sentence about both."""

    ok: bool
    state: str
    text: str


def event_of(engine: Engine, verb: str, wish: Wish) -> e.Event:
    """The event of a wish.

    Raises UsageError for a strategy that does not exist or cannot be named with this verb.
    """
    strategy_id = _strategy(engine, verb, wish)
    reason = f"operator: {wish.reason or verb}"
    if verb == "halt":
        return e.Halt(reason, strategy_id, wish.allows_exits)
    if verb == "resume":
        return e.Resume(reason, strategy_id)
    if verb == "cancel-all":
        return e.CancelAll(reason)
    return e.Flatten(reason) if verb == "flatten" else e.Adopt(reason)


def _strategy(engine: Engine, verb: str, wish: Wish) -> StrategyId | None:
    if wish.strategy is None:
        return None
    if verb not in STRATEGY_VERBS:
        raise UsageError(f"{verb} is for the whole account; leave the strategy out")
    strategy_id = StrategyId(wish.strategy)
    if strategy_id not in engine.callbacks.seats:
        known = ", ".join(engine.callbacks.seats)
        raise UsageError(f"no strategy has the id {wish.strategy!r}; use one of {known}")
    return strategy_id


def answer_of(engine: Engine, verb: str, wish: Wish) -> Answer:
    """What came of a wish whose event has been processed."""
    strategy_id = _strategy(engine, verb, wish)
    trading, working = engine.ledger.trading, len(engine.ledger.orders.open)
    state = trading.account if strategy_id is None else trading.of(strategy_id)
    is_active = state is TradingState.ACTIVE
    if verb == "halt":
        leave = "only cancels leave" if state is TradingState.HALTED else "only exits leave"
        return Answer(not is_active, state.value, f"{leave} until you resume")
    if verb == "resume":
        return Answer(is_active, state.value, _after_resume(engine, is_active=is_active))
    if verb == "adopt":
        count = len(engine.reconciler.breaks) + len(engine.externals.unknown_ids)
        text = f"{count} differences are left; see status" if count else "no difference is left"
        changed = sorted({f"{found[0]} {found[1]}" for found in engine.externals.changed_since()})
        if changed:
            text += (
                f"; changed since; repeat once the broker has listed again: {', '.join(changed)}"
            )
        advice = "" if is_active else "; resume to trade on"
        return Answer(not count, state.value, text + advice)
    if verb == "cancel-all":
        suspension = engine.holds.suspension
        later = (
            f"; nothing leaves yet ({suspension}), then they are cancelled" if suspension else ""
        )
        return Answer(True, state.value, f"{working} orders wait for the venue's word{later}")
    return _after_flatten(engine, state)


def _after_resume(engine: Engine, *, is_active: bool) -> str:
    """Whether entries may leave, and what else they wait for."""
    trading = engine.ledger.trading
    if not is_active:
        return trading.account_reason
    waits = list(engine.holds.account.values())
    waits += [f"{symbol} is held" for symbol in engine.holds.symbols]
    waits += [f"{i} is {s.value}" for i, s in trading.by_strategy.items() if s is not s.ACTIVE]
    return f"entries still wait: {'; '.join(waits)}" if waits else "entries may leave"


def _after_flatten(engine: Engine, state: TradingState) -> Answer:
    """What is being closed, and what is not."""
    orders, held = engine.ledger.orders.open.values(), engine.ledger.portfolio.held
    queued = engine.desk.closings.waiting
    closing = {order.symbol for order in (*orders, *queued) if is_operators(order)}
    waiting = [] if engine.holds.outage else queued
    throttled = [order.symbol for order in waiting if is_operators(order) and order.created_ns]
    left = sorted(held.keys() - closing)
    differing = sorted(f"{kind} {subject}" for kind, subject in engine.reconciler.breaks)
    text = f"{len(orders)} orders work or wait for their cancel, {len(closing)} positions close"
    if throttled:
        text += f"; {', '.join(throttled)} waits for the order rate and leaves by itself"
    if engine.holds.outage:
        text += f"; nothing leaves yet ({engine.holds.outage}), then it does by itself"
    if left:
        text += f"; NOT closed: {', '.join(left)} (see the audit log)"
    if differing:
        text += f"; the broker's books differ ({', '.join(differing)}): look there"
    return Answer(not left and not differing, state.value, text)
