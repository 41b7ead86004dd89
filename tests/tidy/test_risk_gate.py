"""Only the risk gate makes orders that may leave, and the rule can fail."""

from __future__ import annotations

import ast

import pytest

from tests.tidy.risk_gate import GATE, MADE_BY_THE_GATE, check_one_risk_gate
from tests.tidy.source import assert_clean, planted, python_files


def test_orders_that_may_leave_are_made_only_by_the_gate() -> None:
    assert_clean(check_one_risk_gate, python_files("src/"))


def test_every_guarded_type_exists_so_that_a_renaming_cannot_lift_the_rule() -> None:
    classes = {
        node.name
        for file in python_files("src/")
        for node in ast.walk(file.tree)
        if isinstance(node, ast.ClassDef)
    }
    assert classes >= MADE_BY_THE_GATE


@pytest.mark.parametrize(
    "text",
    [
        "SubmitOrder(symbol='AAPL')",
        "commands.ReplaceOrder(symbol='AAPL')",
        "from regimeflow.core.risk.gate import Approved as A\nA(command)",
        "import regimeflow.model.commands as c\nc.SubmitOrder(symbol='AAPL')",
        "SubmitOrder.__new__(SubmitOrder)",
    ],
)
def test_planted_order_outside_the_gate_is_found(text: str) -> None:
    assert len(planted(check_one_risk_gate, text, path="src/regimeflow/live/router.py")) == 1


def test_the_gate_itself_may_make_orders() -> None:
    assert planted(check_one_risk_gate, "Approved(SubmitOrder())", path=GATE) == []


@pytest.mark.parametrize(
    "text",
    [
        "match c:\n    case SubmitOrder(symbol=s): pass",
        "isinstance(c, SubmitOrder)",
        "class SubmitOrder(Struct): pass",
        "def route(order: Approved) -> SubmitOrder: return order.command",
    ],
)
def test_use_of_an_order_that_makes_none_is_accepted(text: str) -> None:
    assert planted(check_one_risk_gate, text, path="src/regimeflow/live/router.py") == []
