"""What an operator may ask of a running engine, as events: the only way to influence it.

A wish becomes one event, processed like any other, journaled before it acts. The answer says
what the engine made of it: a halt always takes effect; a resume is refused while something is
unexplained.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

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
    trading, ledger = engine.ledger.trading, engine.ledger
    state = trading.account if strategy_id is None else trading.of(strategy_id)
    is_active = state is TradingState.ACTIVE
    working = len(ledger.orders.open)
    held = len(ledger.portfolio.held)
    if verb == "halt":
        left = "only cancels leave" if state is TradingState.HALTED else "only exits leave"
        return Answer(not is_active, state.value, f"{left} until you resume")
    if verb == "resume":
        why = "entries may leave" if is_active else trading.account_reason
        return Answer(is_active, state.value, why)
    if verb == "adopt":
        breaks, unknown = engine.reconciler.breaks, engine.externals.unknown_ids
        count = len(breaks) + len(unknown)
        text = f"{count} differences are left; see status" if count else "no difference is left"
        advice = "" if is_active else "; resume to trade on"
        return Answer(not count, state.value, text + advice)
    if verb == "cancel-all":
        return Answer(True, state.value, f"{working} orders wait for the venue's word")
    return Answer(True, state.value, f"{working} orders and {held} positions are being closed")
