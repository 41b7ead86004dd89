"""Orders that passed the risk gate, as types of their own.

The router takes `Approved` and `ApprovedReplacement` and nothing else that makes or changes an
order. Both are written to the journal as the plain command (same tag), and what is read back
from a journal is the plain command: a replayed order can be compared, never sent.
Only `core/risk/gate.py` may construct them.
"""

from __future__ import annotations

from regimeflow.model.commands import ReplaceOrder, SubmitOrder


class Approved(SubmitOrder, frozen=True, tag="SubmitOrder", kw_only=True):
    """A new order that may leave."""


class ApprovedReplacement(ReplaceOrder, frozen=True, tag="ReplaceOrder", kw_only=True):
    """New terms for a working order that may leave."""
