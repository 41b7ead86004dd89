"""What one file looks like after the power failed: its synced pages, and chance for the rest.

A sync makes whole pages durable. Between two syncs the kernel may have written any of the dirty
pages, in any order, so any subset may have survived; an append may be torn at any byte, and a
sector that was being written may hold garbage. A failed sync marks pages clean that never
reached the disk: the next sync succeeds and they are still lost.
"""

from __future__ import annotations

import random
from enum import StrEnum

PAGE_BYTES = 4_096
SECTOR_BYTES = 512


class Tear(StrEnum):
    """What became of the unsynced pages of one file."""

    NOTHING = "nothing"
    EVERYTHING = "everything"
    PREFIX = "prefix"
    PAGES = "pages"
    GARBAGE = "garbage"


class CachedFile:
    """One file as the disk holds it (`durable`) and as the kernel believes it does (`clean`).

    Both are the same object until a sync fails. `path` is where its cached content lies, None
    once it has no name. `is_appended` allows syncs to look at the new tail only.
    """

    __slots__ = ("clean", "durable", "is_appended", "path")

    def __init__(self, path: str, durable: bytes = b"") -> None:
        self.path: str | None = path
        self.durable = bytearray(durable)
        self.clean = self.durable
        self.is_appended = True

    def tail_offset(self, size_bytes: int) -> int:
        """From where a sync has to read the cached content: 0, or the first page not known."""
        if self.is_appended and self.clean is self.durable and size_bytes >= len(self.clean):
            return len(self.clean) // PAGE_BYTES * PAGE_BYTES
        return 0

    def sync(self, content: bytes, offset: int) -> None:
        """Every dirty page of the cached content is durable now; `content` starts at `offset`."""
        if self.clean is self.durable:
            del self.durable[offset:]
            self.durable += content
            return
        for page in dirty_pages(self.clean, content):
            put_page(self.durable, content, page)
        del self.durable[len(content) :]
        self.clean = bytearray(content)
        self.is_appended = True

    def touch(self, start: int, size_bytes: int) -> None:
        """These bytes were written: pages that a failed sync dropped are dirty again."""
        if self.clean is self.durable or not size_bytes:
            return
        for page in range(start // PAGE_BYTES, -(-(start + size_bytes) // PAGE_BYTES)):
            at = page * PAGE_BYTES
            held = bytes(self.durable[at : at + PAGE_BYTES])
            known = len(self.clean[at : at + PAGE_BYTES])
            self.clean[at : at + PAGE_BYTES] = held[:known].ljust(known, b"\0")

    def fail_sync(self, content: bytes) -> None:
        """The dirty pages are dropped and count as clean; nobody will write them again."""
        self.clean = bytearray(content)
        self.durable = bytearray(self.durable)

    def survive(self, content: bytes, rng: random.Random) -> bytes:
        """Lose the power with this cached content; what is left is durable, and returned."""
        dirty = dirty_pages(self.clean, content)
        if dirty or len(content) != len(self.clean):
            tear = rng.choice(list(Tear))
            self.durable = _torn(self, content, dirty, tear, rng)
        self.clean = self.durable
        return bytes(self.durable)


def dirty_pages(clean: bytes | bytearray, content: bytes) -> list[int]:
    """Numbers of the pages in which `content` differs from what is believed to be on disk."""
    if content == clean:
        return []
    count = -(-max(len(content), len(clean)) // PAGE_BYTES)
    return [
        page
        for page in range(count)
        if content[page * PAGE_BYTES : (page + 1) * PAGE_BYTES]
        != clean[page * PAGE_BYTES : (page + 1) * PAGE_BYTES]
    ]


def put_page(image: bytearray, content: bytes, page: int) -> None:
    """Write one page of `content`; a gap before it reads as zeros, as a hole does."""
    start = page * PAGE_BYTES
    if len(image) < start:
        image += bytes(start - len(image))
    part = content[start : start + PAGE_BYTES]
    image[start : start + len(part)] = part


def _torn(
    file: CachedFile, content: bytes, dirty: list[int], tear: Tear, rng: random.Random
) -> bytearray:
    image = bytearray(file.durable)
    if tear is Tear.NOTHING:
        return image
    is_append = file.clean is file.durable and content.startswith(bytes(image))
    if tear in (Tear.PREFIX, Tear.GARBAGE) and is_append:
        kept_bytes = rng.randint(len(image), len(content))
        synced_bytes = len(image)
        image = bytearray(content[:kept_bytes])
        if tear is Tear.GARBAGE and kept_bytes > synced_bytes:
            start = rng.randrange(synced_bytes, kept_bytes)
            end = min(start + SECTOR_BYTES, kept_bytes)
            image[start:end] = rng.randbytes(end - start)
        return image
    for page in dirty:
        if tear is Tear.EVERYTHING or rng.random() < 0.5:
            put_page(image, content, page)
    # The length is metadata of its own: it may have been written without the pages.
    if tear is Tear.EVERYTHING or rng.random() < 0.5:
        image += bytes(max(len(content) - len(image), 0))
        del image[len(content) :]
    return image
