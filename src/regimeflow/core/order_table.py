"""The life cycle of an order, as one table. The diagram in the documentation is made from it.

A row says: in this state, this happening leads to that state. Real life is legal: a fill may
come before the acknowledgement, while cancelling, or after we believed the order dead. What
has no row is not a crash: the caller reports a discrepancy and leaves the order as it is.
Fills are not decided here alone: they are booked first and judged second (`Orders.apply_fill`).
"""

from __future__ import annotations

from enum import StrEnum

from regimeflow.model.order import OrderStatus as S


class Happening(StrEnum):
    """What can happen to an order: our own commands and the venue's reports."""

    SENT = "sent"
    DENIED = "denied"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    PART_FILLED = "part filled"
    FILLED = "filled"
    CANCEL_SENT = "cancel sent"
    CANCELED = "canceled"
    CANCEL_REJECTED = "cancel rejected"
    REPLACE_SENT = "replace sent"
    REPLACED = "replaced"
    REPLACE_REJECTED = "replace rejected"
    EXPIRED = "expired"
    LOST_SIGHT = "outcome unknown"
    ABSENCE_PROVED = "absence proved"
    LEG_ENDED = "old leg ended"
    CANCEL_REJECTED_IN_DOUBT = "cancel rejected while in doubt"


H = Happening
ENDS = frozenset({H.CANCELED, H.EXPIRED, H.REJECTED, H.FILLED})
"""What ends a leg. A fill does not say so by itself: see `Orders.apply_fill`."""
REFUSALS = frozenset({H.CANCEL_REJECTED, H.CANCEL_REJECTED_IN_DOUBT, H.REPLACE_REJECTED})
"""What says that a request of ours did not happen."""

ORDER_TABLE: dict[tuple[S, Happening], S] = {
    (S.CREATED, H.SENT): S.PENDING_NEW,
    (S.CREATED, H.DENIED): S.DENIED,
    # The usual life.
    (S.PENDING_NEW, H.ACCEPTED): S.NEW,
    (S.PENDING_NEW, H.REJECTED): S.REJECTED,
    (S.NEW, H.PART_FILLED): S.PARTIALLY_FILLED,
    (S.NEW, H.FILLED): S.FILLED,
    (S.PARTIALLY_FILLED, H.PART_FILLED): S.PARTIALLY_FILLED,
    (S.PARTIALLY_FILLED, H.FILLED): S.FILLED,
    # Streams outrun replies: a fill or an end may arrive before the acknowledgement.
    (S.PENDING_NEW, H.PART_FILLED): S.PARTIALLY_FILLED,
    (S.PENDING_NEW, H.FILLED): S.FILLED,
    (S.PENDING_NEW, H.CANCELED): S.CANCELED,
    (S.PENDING_NEW, H.EXPIRED): S.EXPIRED,
    # The acknowledgement of an order that already moved on confirms and changes nothing.
    (S.NEW, H.ACCEPTED): S.NEW,
    (S.PARTIALLY_FILLED, H.ACCEPTED): S.PARTIALLY_FILLED,
    (S.PENDING_CANCEL, H.ACCEPTED): S.PENDING_CANCEL,
    (S.PENDING_REPLACE, H.ACCEPTED): S.PENDING_REPLACE,
    (S.FILLED, H.ACCEPTED): S.FILLED,
    (S.CANCELED, H.ACCEPTED): S.CANCELED,
    (S.EXPIRED, H.ACCEPTED): S.EXPIRED,
    # A venue may accept with one message and refuse with the next (reject on the stream).
    (S.NEW, H.REJECTED): S.REJECTED,
    (S.IN_DOUBT, H.REJECTED): S.REJECTED,
    # Refused after a part filled: the rest is dead, the fills stand.
    (S.PARTIALLY_FILLED, H.REJECTED): S.CANCELED,
    # Venues cancel and expire on their own: OCO, end of session, self-match prevention.
    (S.NEW, H.CANCELED): S.CANCELED,
    (S.NEW, H.EXPIRED): S.EXPIRED,
    (S.PARTIALLY_FILLED, H.CANCELED): S.CANCELED,
    (S.PARTIALLY_FILLED, H.EXPIRED): S.EXPIRED,
    # Cancelling. A cancel may be sent before the acknowledgement, and repeated.
    (S.PENDING_NEW, H.CANCEL_SENT): S.PENDING_CANCEL,
    (S.NEW, H.CANCEL_SENT): S.PENDING_CANCEL,
    (S.PARTIALLY_FILLED, H.CANCEL_SENT): S.PENDING_CANCEL,
    (S.PENDING_CANCEL, H.CANCEL_SENT): S.PENDING_CANCEL,
    (S.PENDING_REPLACE, H.CANCEL_SENT): S.PENDING_CANCEL,
    (S.IN_DOUBT, H.CANCEL_SENT): S.PENDING_CANCEL,
    (S.PENDING_CANCEL, H.CANCELED): S.CANCELED,
    (S.PENDING_CANCEL, H.EXPIRED): S.EXPIRED,
    (S.PENDING_CANCEL, H.REJECTED): S.REJECTED,
    (S.PENDING_CANCEL, H.PART_FILLED): S.PENDING_CANCEL,
    (S.PENDING_CANCEL, H.FILLED): S.FILLED,
    (S.PENDING_CANCEL, H.CANCEL_REJECTED): S.NEW,
    # Asked for twice (by its strategy, then by an operator), it may be refused twice.
    (S.NEW, H.CANCEL_REJECTED): S.NEW,
    (S.PARTIALLY_FILLED, H.CANCEL_REJECTED): S.PARTIALLY_FILLED,
    (S.PENDING_REPLACE, H.CANCEL_REJECTED): S.PENDING_REPLACE,
    # "Unknown order" refuses a cancel as well: what was in doubt is so still.
    (S.PENDING_CANCEL, H.CANCEL_REJECTED_IN_DOUBT): S.IN_DOUBT,
    (S.IN_DOUBT, H.CANCEL_REJECTED_IN_DOUBT): S.IN_DOUBT,
    # Its replacement may still be answered after we asked to cancel.
    (S.PENDING_CANCEL, H.REPLACED): S.PENDING_CANCEL,
    (S.PENDING_CANCEL, H.REPLACE_REJECTED): S.PENDING_CANCEL,
    # "Too late to cancel" for an order that filled meanwhile is an answer, not an error.
    (S.FILLED, H.CANCEL_REJECTED): S.FILLED,
    (S.CANCELED, H.CANCEL_REJECTED): S.CANCELED,
    (S.EXPIRED, H.CANCEL_REJECTED): S.EXPIRED,
    (S.REJECTED, H.CANCEL_REJECTED): S.REJECTED,
    # Refused late, once its absence was proved: "no such order" is what was proved.
    (S.NOT_FOUND, H.CANCEL_REJECTED): S.NOT_FOUND,
    # Replacing.
    (S.NEW, H.REPLACE_SENT): S.PENDING_REPLACE,
    (S.PARTIALLY_FILLED, H.REPLACE_SENT): S.PENDING_REPLACE,
    (S.PENDING_REPLACE, H.REPLACED): S.NEW,
    (S.PENDING_REPLACE, H.REPLACE_REJECTED): S.NEW,
    (S.PENDING_REPLACE, H.PART_FILLED): S.PENDING_REPLACE,
    (S.PENDING_REPLACE, H.FILLED): S.FILLED,
    (S.PENDING_REPLACE, H.CANCELED): S.CANCELED,
    (S.PENDING_REPLACE, H.EXPIRED): S.EXPIRED,
    (S.PENDING_REPLACE, H.REJECTED): S.REJECTED,
    (S.FILLED, H.REPLACE_REJECTED): S.FILLED,
    (S.CANCELED, H.REPLACE_REJECTED): S.CANCELED,
    (S.EXPIRED, H.REPLACE_REJECTED): S.EXPIRED,
    (S.REJECTED, H.REPLACE_REJECTED): S.REJECTED,
    # Its cancel was refused first, and it works again when the replacement is answered.
    (S.NEW, H.REPLACE_REJECTED): S.NEW,
    (S.PARTIALLY_FILLED, H.REPLACE_REJECTED): S.PARTIALLY_FILLED,
    # A venue changes an order unasked: a split, or a sibling's partial fill.
    (S.NEW, H.REPLACED): S.NEW,
    (S.PARTIALLY_FILLED, H.REPLACED): S.PARTIALLY_FILLED,
    # New terms prove that the venue has the order: as good as an acknowledgement.
    (S.PENDING_NEW, H.REPLACED): S.NEW,
    (S.IN_DOUBT, H.REPLACED): S.NEW,
    # Cancel-and-replace venues end the old leg first. The new one is not answered for yet, so
    # neither leg is over; a cancel of ours stays wished for, and follows the new id.
    (S.NEW, H.LEG_ENDED): S.IN_DOUBT,
    (S.PARTIALLY_FILLED, H.LEG_ENDED): S.IN_DOUBT,
    (S.PENDING_REPLACE, H.LEG_ENDED): S.IN_DOUBT,
    (S.IN_DOUBT, H.LEG_ENDED): S.IN_DOUBT,
    (S.PENDING_CANCEL, H.LEG_ENDED): S.PENDING_CANCEL,
    (S.IN_DOUBT, H.REPLACE_REJECTED): S.IN_DOUBT,
    # A replacement that is taken after all: it counts again, is told and cancelled.
    (S.NOT_FOUND, H.REPLACED): S.NEW,
    (S.CANCELED, H.REPLACED): S.NEW,
    (S.EXPIRED, H.REPLACED): S.NEW,
    (S.REJECTED, H.REPLACED): S.NEW,
    # Not knowing is a state. It is left by evidence alone.
    (S.PENDING_NEW, H.LOST_SIGHT): S.IN_DOUBT,
    (S.NEW, H.LOST_SIGHT): S.NEW,
    (S.PARTIALLY_FILLED, H.LOST_SIGHT): S.PARTIALLY_FILLED,
    (S.PENDING_CANCEL, H.LOST_SIGHT): S.PENDING_CANCEL,
    (S.PENDING_REPLACE, H.LOST_SIGHT): S.PENDING_REPLACE,
    (S.IN_DOUBT, H.LOST_SIGHT): S.IN_DOUBT,
    (S.IN_DOUBT, H.ACCEPTED): S.NEW,
    (S.IN_DOUBT, H.PART_FILLED): S.PARTIALLY_FILLED,
    (S.IN_DOUBT, H.FILLED): S.FILLED,
    (S.IN_DOUBT, H.CANCELED): S.CANCELED,
    (S.IN_DOUBT, H.EXPIRED): S.EXPIRED,
    (S.IN_DOUBT, H.ABSENCE_PROVED): S.NOT_FOUND,
    (S.PENDING_CANCEL, H.ABSENCE_PROVED): S.NOT_FOUND,
    (S.PENDING_REPLACE, H.ABSENCE_PROVED): S.NOT_FOUND,
    (S.NEW, H.ABSENCE_PROVED): S.NOT_FOUND,
    (S.PARTIALLY_FILLED, H.ABSENCE_PROVED): S.NOT_FOUND,
    # The reply is lost, but the stream has told how it ended.
    (S.FILLED, H.LOST_SIGHT): S.FILLED,
    (S.CANCELED, H.LOST_SIGHT): S.CANCELED,
    (S.EXPIRED, H.LOST_SIGHT): S.EXPIRED,
    (S.REJECTED, H.LOST_SIGHT): S.REJECTED,
    # Late fills on orders we believed ended: the books take them, the order says so.
    (S.CANCELED, H.PART_FILLED): S.CANCELED,
    (S.CANCELED, H.FILLED): S.FILLED,
    (S.EXPIRED, H.PART_FILLED): S.EXPIRED,
    (S.EXPIRED, H.FILLED): S.FILLED,
    (S.REJECTED, H.PART_FILLED): S.CANCELED,
    (S.REJECTED, H.FILLED): S.FILLED,
    (S.NOT_FOUND, H.PART_FILLED): S.PARTIALLY_FILLED,
    (S.NOT_FOUND, H.FILLED): S.FILLED,
    (S.NOT_FOUND, H.ACCEPTED): S.NEW,
    # The venue called it filled before its fills were there.
    (S.FILLED, H.PART_FILLED): S.FILLED,
    (S.FILLED, H.FILLED): S.FILLED,
    # A second end of the same order repeats what we know.
    (S.FILLED, H.CANCELED): S.FILLED,
    (S.FILLED, H.EXPIRED): S.FILLED,
    (S.CANCELED, H.CANCELED): S.CANCELED,
    (S.CANCELED, H.EXPIRED): S.CANCELED,
    (S.EXPIRED, H.CANCELED): S.EXPIRED,
    (S.EXPIRED, H.EXPIRED): S.EXPIRED,
    (S.REJECTED, H.REJECTED): S.REJECTED,
}


def next_status(
    status: S, happening: Happening, *, is_part_filled: bool, is_replacing: bool = False
) -> S | None:
    """The state that follows, or None where the table has no row (a discrepancy).

    `is_part_filled` restores PARTIALLY_FILLED where a row says NEW for an order that has
    fills: "working again" after a refused cancel or an answered replace. `is_replacing` says
    that a replacement is unanswered: such an order does not simply work, whatever else was
    answered, or nobody would ask after the replacement and a second one could be sent.
    """
    following = ORDER_TABLE.get((status, happening))
    if is_replacing and following in (S.NEW, S.PARTIALLY_FILLED):
        return S.PENDING_REPLACE
    if following is S.NEW and is_part_filled:
        return S.PARTIALLY_FILLED
    return following
