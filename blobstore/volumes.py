"""Small objects, many to an append-only volume, each a needle of its own checksum.

A process appends only to volumes it opened in this life: a tail that a crash tore is never
written behind, and no two processes need agree on anything.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import NamedTuple

from blobstore import frames
from blobstore.base import BlobStore, Buffer, Full
from blobstore.extents import Extent, Layout
from blobstore.frames import Damage, Needle
from blobstore.ids import BlobNames

BATCH = 1 << 20  # bytes after which a batch takes no further needle
GATHER = 0.05  # seconds at most for which a batch waits to grow
FEW = 2  # writers that are not worth waiting for
WINDOW = 1 << 20  # bytes that a scan reads at a time


class _Put(NamedTuple):
    label: bytes
    data: Buffer
    stored: asyncio.Future[Extent]


class Volumes:
    """Volumes of about `limit` bytes in one pool; one is active, open for appending."""

    def __init__(self, store: BlobStore, names: BlobNames, *, limit: int = 64 << 20) -> None:
        self._store = store
        self._names = names
        self._limit = limit
        self._active: str | None = None
        self._end = 0  # of the active volume
        self._waiting: deque[_Put] = deque()
        self._bytes = 0  # of those that wait
        self._flushing: asyncio.Task[None] | None = None
        self._around = 0  # puts of the last batch, and those that had come when it was durable
        self._gathered = asyncio.Event()
        self._put_at = 0.0
        self._took = 0.0  # seconds of the last append and sync

    @property
    def active(self) -> str | None:
        """The volume being appended to: not for compaction."""
        return self._active

    async def put(self, label: bytes, data: Buffer) -> Extent:
        """Store `data`, which nobody may change meanwhile; returns once it is durable.

        Puts of one turn of the loop, and those that come while a sync is under way, share one
        append and one sync. ValueError for a label over frames.LABEL_LIMIT; whatever the store
        raises.
        """
        loop = asyncio.get_running_loop()
        put = _Put(frames.checked_label(label), data, loop.create_future())
        self._waiting.append(put)
        self._bytes += len(data)
        if self._complete():
            self._gathered.set()
        if self._flushing is None:
            self._flushing = loop.create_task(self._flush())
        return await put.stored

    def seal(self) -> None:
        """Begin another volume with the next put."""
        if self._flushing is None:
            self._active = None

    def seal_idle(self, seconds: float) -> None:
        """The same, unless something was put in the last `seconds`."""
        if time.monotonic() - self._put_at >= seconds:
            self.seal()

    async def close(self) -> None:
        """Wait for what was put. The store stays open."""
        if self._flushing is not None:
            await self._flushing

    async def _flush(self) -> None:
        try:
            while self._waiting:
                await self._gather()
                batch = self._take()
                if not batch:
                    continue
                begun = time.monotonic()
                try:
                    extents = await self._store_batch(batch)
                except Exception as error:  # noqa: BLE001
                    self._settle_failed(batch, error)  # whatever it is: it is theirs who wait
                else:
                    for put, extent in zip(batch, extents, strict=True):
                        if not put.stored.done():
                            put.stored.set_result(extent)
                self._around = len(batch) + len(self._waiting)
                self._put_at = time.monotonic()
                self._took = self._put_at - begun
        finally:
            self._flushing = None

    async def _gather(self) -> None:
        """Wait for most of those that are around, for little longer than a sync takes.

        Writers that were answered by one commit come back over a few milliseconds, and half of
        them may be in that commit: two halves that alternate would go on as halves, and each sync
        costs far more than the wait.
        """
        if self._around <= FEW or self._complete():
            return
        self._gathered.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(1.5 * self._took, GATHER)):
                await self._gathered.wait()

    def _complete(self) -> bool:
        return 4 * len(self._waiting) >= 3 * self._around or self._bytes >= BATCH

    def _take(self) -> list[_Put]:
        """Puts that still have someone waiting, up to a batch of bytes."""
        batch: list[_Put] = []
        length = 0
        while self._waiting and length < BATCH:
            put = self._waiting.popleft()
            self._bytes -= len(put.data)
            if not put.stored.done():
                batch.append(put)
                length += len(put.data)
        return batch

    async def _store_batch(self, batch: list[_Put]) -> list[Extent]:
        start = offset = 0 if self._active is None else self._end
        volume = self._active or self._names.fresh()
        parts: list[Buffer] = []
        extents: list[Extent] = []
        for put in batch:
            size = len(put.data)
            parts += frames.needle(volume, offset, put.label, put.data)
            span = frames.needle_span(put.label, size)
            extents.append(Extent(Layout.NEEDLE, self._store.name, volume, offset, span, size))
            offset += span
        data = b"".join(parts)
        if self._active is None:
            await self._store.create(volume, data)
        else:
            await self._store.append(volume, start, data)
        self._active, self._end = volume, offset
        await self._store.sync(volume)
        if offset >= self._limit:
            self._active = None
        return extents

    def _settle_failed(self, batch: list[_Put], error: Exception) -> None:
        if not isinstance(error, Full) or self._store.in_flight > 1:  # else it is as it was
            self._active = None  # its end is unknown
        for put in batch:
            if not put.stored.done():
                put.stored.set_exception(error)


async def read_needle(store: BlobStore, extent: Extent) -> tuple[bytes, bytes]:
    """Label and data of a needle, all of it verified; NotFound, Corrupt."""
    raw = await store.read(extent.blob, extent.offset, extent.span)
    data = bytes(frames.needle_data(extent.blob, extent.offset, extent.size, raw))
    return frames.needle_label(raw), data


async def scan(store: BlobStore, volume: str) -> AsyncIterator[Needle | Damage]:
    """Every whole needle of a volume in order, and the damage between; NotFound.

    A torn tail is damage at the end. Of a volume still appended to, what was there when the
    scan began.
    """
    scanner = frames.Scanner(volume)
    size = await store.size(volume)
    for offset in range(0, size, WINDOW):
        window = await store.read(volume, offset, min(WINDOW, size - offset))
        for found in scanner.feed(window):
            yield found
    for found in scanner.finish():
        yield found
