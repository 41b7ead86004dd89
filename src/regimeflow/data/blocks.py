"""What every file format is read into: blocks of columns, with the place each came from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

from regimeflow.data.layouts import Layout


class Block(NamedTuple):
    """Consecutive rows of one file.

    `mark` is where the file can be opened again at this block, `first_row` what messages call
    its first row. `times` are days since 1970 when the source `has_dates`, else nanoseconds.
    `values` are in the order of the layout's fields.
    """

    mark: int
    first_row: int
    times: Ints
    values: tuple[Floats, ...]


class BlockSource(Protocol):
    """One open data file."""

    @property
    def layout(self) -> Layout:
        """The columns of the file."""

    @property
    def has_dates(self) -> bool:
        """Whether rows carry a date (a session) rather than a moment."""

    def place(self, row: int) -> str:
        """`file:row`, as every message names a row."""

    def blocks(self, mark: int | None = None, row: int | None = None) -> Iterator[Block]:
        """Blocks from the start, or from a block's `mark` and `first_row`.

        Raises DataError for a row that cannot be read, or a file changed since it was opened.
        """
