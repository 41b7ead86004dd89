"""The first plan behind a link: what it takes from the broker's word and from its history."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from regimeflow.data.feed import FeedKind
from regimeflow.live.linked_plan import linked_plan
from regimeflow.model.market import Bar
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_S
from regimeflow.run.plan import RunPlan
from tests.faults.scripted_broker import START_NS, SYMBOL, ScriptedBroker
from tests.simulation.playback import config_in, configuration


class Historian(ScriptedBroker):
    """A broker with so many daily bars of history, which names the size of the bars to come."""

    def __init__(self, *, bars: int, bar_size_ns: int | None) -> None:
        super().__init__(lambda broker: None)
        self._bars, self._bar_size_ns = bars, bar_size_ns

    async def history(self, symbol: str, bars: int, end_ns: int) -> list[Bar]:
        closes = [end_ns - age * NS_PER_DAY for age in reversed(range(min(bars, self._bars)))]
        return [
            Bar(symbol, close - NS_PER_DAY, close, 1.0, 1.0, 1.0, 1.0, 1.0, NS_PER_DAY)
            for close in closes
        ]

    async def first_plan(self, directory: Path) -> RunPlan:
        raw = configuration("buy_and_hold", symbols=[SYMBOL])
        config = config_in(raw, directory, warmup={"bars": 5})
        truth = msgspec.structs.replace(await self.connect(), bar_size_ns=self._bar_size_ns)
        plan, _ = await linked_plan(config, self, truth, directory)
        return plan


@pytest.mark.parametrize(
    ("bar_size_ns", "kind"),
    [
        (NS_PER_DAY, FeedKind.DAILY_BARS),
        (60 * NS_PER_S, FeedKind.INTRADAY_BARS),
        (None, FeedKind.QUOTES),
    ],
)
def test_broker_without_history_is_taken_at_its_word(
    bar_size_ns: int | None, kind: FeedKind, tmp_path: Path
) -> None:
    broker = Historian(bars=0, bar_size_ns=bar_size_ns)
    feed = asyncio.run(broker.first_plan(tmp_path)).feed
    assert (feed.kind, feed.bar_size_ns) == (kind, bar_size_ns)
    assert feed.first_ns == feed.last_ns == START_NS


def test_history_that_was_given_is_counted_towards_the_warm_up(tmp_path: Path) -> None:
    plan = asyncio.run(Historian(bars=3, bar_size_ns=NS_PER_DAY).first_plan(tmp_path))
    assert plan.warmup_bars == 5
    assert plan.feed.warmup_available == {SYMBOL: 3}
