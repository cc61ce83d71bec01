"""Extents: where a run of an object's bytes lies. Pure.

Invariant: slicing a list of extents and concatenating what they name equals slicing the whole.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

import msgspec


class Layout(IntEnum):
    """How the bytes are framed in the blob (see frames.py)."""

    NEEDLE = 0  # one checksummed record in a volume that many objects share
    SEGMENTS = 1  # a blob of its own, checksummed block by block


class Place(NamedTuple):
    """Where a blob is. Of one name there may be several: a write went elsewhere when its outcome
    was unknown."""

    pool: str
    blob: str


class Extent(msgspec.Struct, frozen=True, array_like=True):
    """`size` bytes of one object, whole: the unit of writing, of checksums and of deletion.

    `offset` and `span` are bytes in the blob: a needle with its header and checksum lies at
    `offset` and takes `span`; of segments, `offset` is where the first block starts and `span` is
    all that follows.
    """

    layout: Layout
    pool: str
    blob: str
    offset: int
    span: int
    size: int

    @property
    def place(self) -> Place:
        """The blob that it lies in."""
        return Place(self.pool, self.blob)


class Slice(msgspec.Struct, frozen=True):
    """The bytes `start` to `stop` (exclusive) of what an extent holds."""

    extent: Extent
    start: int
    stop: int


def cut(extents: Sequence[Extent], start: int, stop: int) -> Iterator[Slice]:
    """The slices that make up bytes `start` to `stop` (exclusive) of `extents` in a row."""
    position = 0
    for extent in extents:
        end = position + extent.size
        if end > start and position < stop:
            yield Slice(extent, max(start - position, 0), min(stop, end) - position)
        position = end
        if position >= stop:
            return
