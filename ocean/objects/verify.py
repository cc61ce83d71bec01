"""Verifying: every byte that an extent names is read, and whose it is."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from enum import StrEnum
from typing import NamedTuple

from blobstore.base import Corrupt, NotFound
from blobstore.blobs import Blobs
from blobstore.extents import Extent, Layout, Slice
from ocean.objects import label
from ocean.objects.label import Label


class FaultKind(StrEnum):
    """What can be wrong."""

    ROW = "row"  # a row cannot be what was written
    MISSING = "missing"  # a row names a blob, or another row, that is not there
    DAMAGED = "damaged"  # the blob is shorter than the row says, or fails its checksum
    ORPHAN = "orphan"  # a blob that no row names and that no job will collect
    STRAY = "stray"  # a file among the blobs that is none


Spend = Callable[[int], Awaitable[None]]  # awaited with the bytes that were read


async def at_once(_size: int) -> None:
    """Wait for nothing."""


class Wrong(NamedTuple):
    """What is wrong with an extent."""

    kind: FaultKind
    what: str


async def verify(
    blobs: Blobs, bucket_id: bytes, extent: Extent, spend: Spend = at_once
) -> Wrong | None:
    """Read all of it; None: it is what was written. Unavailable: nobody knows."""
    try:
        owner = await _read(blobs, extent, spend)
    except NotFound:
        return Wrong(FaultKind.MISSING, "its blob is not there")
    except Corrupt as error:
        return Wrong(FaultKind.DAMAGED, str(error))
    if owner is not None and owner.bucket_id != bucket_id:
        return Wrong(FaultKind.DAMAGED, "its blob is another bucket's")
    return None


async def _read(blobs: Blobs, extent: Extent, spend: Spend) -> Label | None:
    if extent.layout is Layout.NEEDLE:
        owner, _ = await blobs.read_needle(extent)
        await spend(extent.span)
        return label.decode(owner)
    async with aclosing(blobs.read(Slice(extent, 0, extent.size))) as pieces:
        async for piece in pieces:
            await spend(len(piece))
    return label.decode(await blobs.label(extent.place))
