"""Identifiers as distinct types, so that one cannot be passed where another belongs."""

from __future__ import annotations

from typing import NewType

import msgspec

from regimeflow.errors import InvariantViolated

StrategyId = NewType("StrategyId", str)
ClientOrderId = NewType("ClientOrderId", str)
"""Ours: at most 32 of `[A-Za-z0-9_-]`; deterministic; never reused."""
BrokerOrderId = NewType("BrokerOrderId", str)
ExecutionId = NewType("ExecutionId", str)
"""The venue's name of one fill; the key by which a fill is counted once."""
TimerId = NewType("TimerId", str)

CLIENT_ORDER_ID_LENGTH_MAX = 32
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def id_prefix_of(run: str, boot: int) -> str:
    """The part of a client order id that names the run and its start, as `rf-1lz2k0`.

    `boot` is positive and is written to the base of 36: seconds since 1970 take six letters.
    """
    digits = ""
    while boot:
        boot, digit = divmod(boot, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return f"{run}-{digits or '0'}"


def order_id_of(prefix: str, strategy_id: StrategyId, number: int) -> ClientOrderId:
    """A strategy's order by its running number. Raises InvariantViolated if no venue took it."""
    client_order_id = ClientOrderId(f"{prefix}-{strategy_id}-{number}")
    if len(client_order_id) > CLIENT_ORDER_ID_LENGTH_MAX:
        raise InvariantViolated(f"client order id {client_order_id} is too long for a venue")
    return client_order_id


NUMBER_DIGITS_MAX = 18
"""More does not fit the 64 bits that saved books have for a number."""


def own_number(client_order_id: str, run: str) -> tuple[StrategyId, int] | None:
    """Strategy and number of an id of our making (`run-boot-strategy-number`); else None."""
    boot, _, rest = client_order_id.removeprefix(f"{run}-").partition("-")
    strategy, _, number = rest.rpartition("-")
    is_ours = (
        len(client_order_id) <= CLIENT_ORDER_ID_LENGTH_MAX
        and client_order_id.startswith(f"{run}-")
        and boot.isalnum()
        and number.isdecimal()
        and number.isascii()
        and len(number) <= NUMBER_DIGITS_MAX
    )
    return (StrategyId(strategy), int(number)) if is_ours and strategy else None


class IntentId(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Why an order exists: the k-th wish of one strategy about one market event.

    `symbol` is the event's; an order about another symbol counts among its wishes like any.
    Both engines (live and shadow) derive the same intent id from the same data, which is how
    their orders are paired. It is journaled and never put on the wire.
    """

    strategy_id: StrategyId
    symbol: str
    ts_venue_ns: int
    ordinal: int
    k: int
