"""Commands of the engine as requests of the wire."""

from __future__ import annotations

import msgspec

from regimeflow.brokers.sim import messages as m
from regimeflow.brokers.sim.requests import Verb
from regimeflow.brokers.sim.translate import replacement_fields, terms_from
from regimeflow.errors import UsageError
from regimeflow.model.commands import (
    CancelOrder,
    Command,
    QueryOrder,
    ReplaceOrder,
    RequestSnapshot,
    SubmitOrder,
)

REASON_CHARS_MAX = 1_000


def request_for(command: Command, number: int) -> tuple[m.AnyRequest, Verb, str]:
    """The request, what it asks for, and the id under which its answer is told.

    Raises UsageError for a timer: those are the shell's business, not a broker's.
    """
    if isinstance(command, SubmitOrder):
        submit = m.Submit(id=number, order=terms_from(command))
        return submit, Verb.SUBMIT, command.client_order_id
    if isinstance(command, CancelOrder):
        cancel = m.Cancel(
            id=number,
            client_order_id=command.client_order_id,
            broker_order_id=command.broker_order_id,
            symbol=command.symbol,
            reason=command.reason[:REASON_CHARS_MAX],
        )
        return cancel, Verb.CANCEL, command.client_order_id
    if isinstance(command, ReplaceOrder):
        fields = {"verb": "replace", "id": number, **replacement_fields(command)}
        return msgspec.convert(fields, m.Replace), Verb.REPLACE, command.client_order_id
    if isinstance(command, QueryOrder):
        query = m.Query(id=number, client_order_id=command.client_order_id, symbol=command.symbol)
        return query, Verb.QUERY, command.client_order_id
    if isinstance(command, RequestSnapshot):
        return m.Snapshot(id=number, scope=command.scope), Verb.SNAPSHOT, command.request_id
    raise UsageError(f"a broker does not take {type(command).__name__}; the shell keeps timers")
