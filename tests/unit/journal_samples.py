"""Records and disks that the tests of the journal and the audit share."""

from __future__ import annotations

import errno
import os
from decimal import Decimal
from pathlib import Path

from regimeflow.journal import Durability, EpochOpened, Fingerprint, JournalWriter
from regimeflow.journal.disk import Disk, OsAppendFile, OsDisk
from regimeflow.journal.frames import encode_mark
from regimeflow.model.commands import ReplaceOrder, SubmitOrder
from regimeflow.model.events import OrderAccepted, OrderFilled
from regimeflow.model.ids import (
    BrokerOrderId,
    ClientOrderId,
    ExecutionId,
    IntentId,
    StrategyId,
)
from regimeflow.model.market import Quote
from regimeflow.model.order import OrderType, Side

STRATEGY = StrategyId("ma")
MARK_BYTES = len(encode_mark(0))
"""What every sync leaves behind what it made durable."""


def quote(ts_ns: int = 1, bid: float = 99.5) -> Quote:
    return Quote("AAPL", ts_ns, bid, bid + 0.5, 100.0, 200.0)


def submit(order_id: str = "o1", side: Side = Side.BUY, quantity: int = 10) -> SubmitOrder:
    return SubmitOrder(
        client_order_id=ClientOrderId(order_id),
        strategy_id=STRATEGY,
        symbol="AAPL",
        side=side,
        order_type=OrderType.LIMIT,
        quantity=Decimal(quantity),
        limit_price=Decimal("100.10"),
        intent_id=IntentId(STRATEGY, "AAPL", 1, 0, 0),
        worst_price=Decimal("100.10"),
    )


def renamed(order: str, by: str) -> ReplaceOrder:
    """New terms for an order, under another id."""
    return ReplaceOrder(
        client_order_id=ClientOrderId(by),
        orig_client_order_id=ClientOrderId(order),
        broker_order_id=BrokerOrderId("b1"),
        symbol="AAPL",
        quantity=Decimal(8),
        limit_price=Decimal(101),
        stop_price=None,
        worst_price=Decimal(101),
    )


def accepted(order_id: str = "o1", broker_id: str = "b1") -> OrderAccepted:
    return OrderAccepted(ClientOrderId(order_id), BrokerOrderId(broker_id), 1)


def filled(
    order_id: str = "o1",
    execution_id: str = "x1",
    quantity: int = 10,
    side: Side = Side.BUY,
    broker_id: str = "b1",
) -> OrderFilled:
    return OrderFilled(
        client_order_id=ClientOrderId(order_id),
        broker_order_id=BrokerOrderId(broker_id),
        execution_id=ExecutionId(execution_id),
        symbol="AAPL",
        side=side,
        quantity=Decimal(quantity),
        price=Decimal("100.05"),
        fee=Decimal("0.35"),
        ts_venue_ns=1,
    )


def epoch(number: int = 1, boot: int = 1) -> EpochOpened:
    made_by = Fingerprint(
        code="c0de",
        strategies="57a7",
        lock="10cc",
        config="c0f1",
        venue="7e4e",
        interpreter="CPython 3.11.7",
        seed=7,
    )
    return EpochOpened(
        epoch=number,
        reason="session roll",
        session="2008-01-02",
        boot=boot,
        fingerprint=made_by,
        carry_over=b"\x00books\xff",
    )


class FaultyDisk(OsDisk):
    """A real disk that fails on order and knows what a power cut would leave.

    `faults` lists what the next writes do: a number of bytes to take (a short write), or an
    errno to raise as `-errno`. `sync_errno` makes every sync fail.
    """

    __slots__ = ("calls", "faults", "sync_errno", "synced_sizes")

    def __init__(self) -> None:
        self.faults: list[int] = []
        self.sync_errno = 0
        self.synced_sizes: dict[Path, int] = {}
        self.calls: list[str] = []

    def open_append(self, path: Path) -> OsAppendFile:
        self.synced_sizes.setdefault(path, 0)
        return FaultyFile(path, self)

    def cut_power(self) -> None:
        """Leave of every file what was synced."""
        for path, size_bytes in self.synced_sizes.items():
            os.truncate(path, size_bytes)


class FaultyFile(OsAppendFile):
    """A file of a `FaultyDisk`."""

    __slots__ = ("_disk", "_path")

    def __init__(self, path: Path, disk: FaultyDisk) -> None:
        super().__init__(path)
        self._path = path
        self._disk = disk

    def write(self, content: bytes) -> int:
        self._disk.calls.append(f"write {self._path.name.split('-')[0]}")
        if self._disk.faults:
            fault = self._disk.faults.pop(0)
            if fault < 0:
                raise OSError(-fault, os.strerror(-fault))
            return super().write(content[:fault]) if fault else 0
        return super().write(content)

    def sync(self) -> None:
        self._disk.calls.append(f"sync {self._path.name.split('-')[0]}")
        if self._disk.sync_errno:
            raise OSError(self._disk.sync_errno, os.strerror(self._disk.sync_errno))
        super().sync()
        self._disk.synced_sizes[self._path] = self._path.stat().st_size


ENOSPC = -errno.ENOSPC
EIO = -errno.EIO


def writer(
    directory: Path,
    *,
    durability: Durability = Durability.POWER,
    disk: Disk | None = None,
    segment_bytes_max: int = 64 * 2**20,
) -> JournalWriter:
    return JournalWriter(
        directory, durability=durability, disk=disk, segment_bytes_max=segment_bytes_max
    )
