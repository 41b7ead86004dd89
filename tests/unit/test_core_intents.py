"""Intent ids: the same for the same data, and never the same for two wishes."""

from __future__ import annotations

from typing import Any

from regimeflow.model import commands as c
from regimeflow.model.market import Quote
from tests.unit.core_samples import World, scripted, session


def test_every_wish_has_an_intent_of_its_own_whatever_symbol_it_trades() -> None:
    def trade_the_other(self: Any, quote: Quote) -> None:
        self.ctx.buy("XYZ" if quote.symbol == "ABC" else "ABC", 1, limit_price=90)
        self.ctx.buy(quote.symbol, 1, limit_price=90)

    world = World(scripted(on_quote=trade_the_other))
    for at_ns in (0, 0, 5, 5, 5):
        for symbol in ("ABC", "XYZ", "ABC"):
            ts_ns = session().open_ns + at_ns
            world.feed(Quote(symbol, ts_ns, 99.0, 100.0, 10.0, 10.0))
    orders = [*world.outputs(c.SubmitOrder), *world.outputs(c.OrderDenied)]
    intents = [order.intent_id for order in orders]
    assert len(intents) == len(set(intents)) == 30
    about_abc = [intent for intent in intents if intent.symbol == "ABC"]
    assert [intent.ordinal for intent in about_abc[::2]] == [0, 1, 2, 3, 0, 1, 2, 3, 4, 5]
    assert {intent.k for intent in about_abc} == {0, 1}
