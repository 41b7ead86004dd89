"""Every way in which the broker and the books can differ: what it means, and what follows.

The table is what the engine acts by (`core/discrepancies.py`), what the reference page is made
from, and what a person reads who has to mend something. A kind that is not in it is a bug.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Reaction(StrEnum):
    """What a difference sets off by itself, beside being told and audited."""

    TOLD = "told"
    REDUCES = "REDUCING: exits only"
    HALTS = "HALTED: nothing but cancels"
    CANCELS = "cancelled, its symbol held"


class Explained(NamedTuple):
    """One kind: what was seen, what the engine does, and what ends it."""

    reaction: Reaction
    seen: str
    does: str
    ends: str


_ASKED = "the broker is asked what became of it"
_POLICY = (
    "`reconciliation.external`: `refuse` waits for a person; `adopt`, `flatten`, `ignore` act once "
    "a list made since holds no fill that explains it, and no order of ours may"
)

DIFFERENCES: dict[str, Explained] = {
    "position": Explained(
        Reaction.REDUCES,
        "the same difference of a position in two successive snapshots, for a settle window",
        "the books stay; until it is gone an exit has to reduce in both books",
        _POLICY,
    ),
    "cash": Explained(
        Reaction.REDUCES,
        "the same difference of cash in two successive snapshots, for a settle window",
        "the books stay",
        _POLICY,
    ),
    "order_unknown_here": Explained(
        Reaction.REDUCES,
        "the broker works an order that the books do not",
        "one of our own that has ended here stays ended: cancel it at the broker",
        _POLICY,
    ),
    "order_missing_there": Explained(
        Reaction.REDUCES,
        "an order works here and complete lists do not hold it",
        "in doubt: counted, and asked after by its client order id",
        "the broker's word, or NOT_FOUND after the settle window and two negatives",
    ),
    "order_terms": Explained(
        Reaction.CANCELS,
        "the venue works an order with other terms than ours",
        "nobody here asked for that; only of an adopted order the new terms are taken over",
        "its cancel; then `resume` lifts the hold",
    ),
    "late_order": Explained(
        Reaction.CANCELS,
        "an order lives that had ended, or whose absence had been proved",
        "it counts as exposure again",
        "its cancel; then `resume` lifts the hold",
    ),
    "unanswered": Explained(
        Reaction.TOLD,
        "a request was acknowledged, and nothing more came within a settle window",
        f"the order is in doubt; {_ASKED}",
        "evidence",
    ),
    "unknown_order": Explained(
        Reaction.TOLD, "a report about an order that is not ours", "nothing", "nothing to end"
    ),
    "order_state": Explained(
        Reaction.TOLD,
        "a report that is not possible in our state of the order",
        "the order stays as it is",
        "the next report or list",
    ),
    "unknown_status": Explained(
        Reaction.TOLD,
        "the broker lists an order in a state that is not known here",
        f"it counts as working, its symbol is held, {_ASKED}",
        "a state that is known here; then `resume` lifts the hold",
    ),
    "unknown_report": Explained(
        Reaction.TOLD,
        "a report that is not known here; kept as it came",
        f"its symbol is held (all, if it names none), {_ASKED}",
        "`resume` lifts the hold",
    ),
    "unknown_fill": Explained(
        Reaction.REDUCES,
        "an execution of an order that the books do not have",
        "booked on the account, as no strategy's; its symbol is held, lists are asked for",
        "a person: find out who traded, then adopt and resume",
    ),
    "impossible_fill": Explained(
        Reaction.REDUCES,
        "an execution with a quantity, price or fee that cannot be",
        "not booked; its symbol is held; repeats are dropped",
        "a person: ask the broker, then resume",
    ),
    "impossible_cash": Explained(
        Reaction.REDUCES,
        "a cash posting whose amount is no number",
        "not booked",
        "a person: ask the broker, then adopt the cash and resume",
    ),
    "execution_reused": Explained(
        Reaction.REDUCES,
        "an execution id that stands for another execution",
        "not booked; its symbol is held",
        "a person: ask the broker, then adopt and resume",
    ),
    "fills_missing": Explained(
        Reaction.REDUCES,
        "an order is over there with more filled than the books hold, and a list of fills that "
        "was made after the settle window holds nothing more that can be booked",
        "it ends as the broker says, with what is booked; its symbol is held",
        "a person: ask the broker, then adopt and resume",
    ),
    "old_execution": Explained(
        Reaction.TOLD,
        "an execution older than those remembered: a repeat could not be told from a new one",
        "not booked",
        "positions show whether it was a repeat",
    ),
    "overfill": Explained(
        Reaction.HALTS,
        "more was filled than ordered",
        "booked: it is real",
        "a person: close what is too much, then resume",
    ),
    "bust": Explained(
        Reaction.TOLD,
        "the broker annulled an execution",
        "reversed once, never deleted; its symbol is held, closing, reduce-only and "
        "bracket orders for more than is held are cancelled",
        "`resume` lifts the hold",
    ),
    "unknown_execution": Explained(
        Reaction.TOLD,
        "the broker annulled an execution that the books do not hold",
        "remembered: should it come, it counts for nothing",
        "nothing to end",
    ),
    "own_id_unknown": Explained(
        Reaction.REDUCES,
        "the broker knows an id of our making that this journal never sent (C29)",
        "the journal is older than the account, or a second engine trades there",
        "a person: make sure that no other engine runs, then adopt and resume",
    ),
    "late_bar": Explained(
        Reaction.TOLD, "a bar that is repeated, late or corrected", "it decides nothing", "nothing"
    ),
    "not_flattened": Explained(
        Reaction.TOLD,
        "a flatten met a position in a symbol that is not configured, was refused by a control, "
        "rejected by the venue time and again, or has waited long: for the order rate, or for "
        "orders whose cancels are not answered",
        "it stays; what waits for cancels waits on",
        "a person closes it at the broker",
    ),
    "not_closed": Explained(
        Reaction.TOLD,
        "a strategy's `close_position` was denied, by a control or after it had waited long for "
        "cancels or the order rate, or its closing order ended before all was closed",
        "the position stays, without the exits that were cancelled for it",
        "the strategy closes again, or a person closes it at the broker",
    ),
    "not_protected": Explained(
        Reaction.TOLD,
        "an exit that a filled entry asked for was refused or cut by a control, rejected by the "
        "venue time and again, ended though nobody here wanted that, waited over a split that left "
        "less than a lot of it, or waited when the engine was rebuilt; or has waited long for "
        "cancels of others that are not answered",
        "the position stays, without that exit; what waits for cancels waits on",
        "a person protects or closes it at the broker",
    ),
}
