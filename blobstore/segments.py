"""Blobs of segments: written behind the caller, a few segments in flight; read piece by piece."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from blobstore import frames
from blobstore.base import BlobError, BlobStore, Buffer, Unavailable
from blobstore.extents import Extent, Layout
from blobstore.ids import BlobNames

RUN = 2  # segments written in one go: each go costs a hop to a thread
GAP = frames.BLOCK  # up to this size it is cheaper to read a gap than to read twice

_DATA = frames.SEGMENTS_HEAD_LIMIT  # where segments begin in a buffer: a head may end there


class Buffers:
    """Room for runs of segments, used again: fresh memory costs a page fault for every 4 KiB."""

    def __init__(self, keep: int = 8) -> None:
        self._keep = keep
        self._free: list[memoryview] = []

    def take(self) -> memoryview:
        if self._free:
            return self._free.pop()
        return memoryview(bytearray(_DATA + RUN * (frames.SEGMENT + frames.TABLE)))

    def give_back(self, buffer: memoryview) -> None:
        if len(self._free) < self._keep:
            self._free.append(buffer)


class SegmentWriter:
    """Writes one body to blobs of at most `limit` bytes each, a multiple of frames.SEGMENT.

    As many runs are being written as the store takes at once; another is being filled. What is
    under way is never canceled: a thread that still writes must not outlive the deletion of its
    blob. An error shows in a later call; then `abandon`.
    """

    def __init__(
        self, store: BlobStore, names: BlobNames, buffers: Buffers, label: bytes, limit: int
    ) -> None:
        self._store = store
        self._names = names
        self._buffers = buffers
        self._label = label
        self._limit = limit
        self._extents: list[Extent] = []
        self._blob = ""  # the one being written; "" before the first and between two
        self._base = 0  # where its first segment begins
        self._held = 0  # bytes of data in its ended segments
        self._offset = 0  # bytes of it in ended runs
        self._buffer: memoryview | None = None  # the run being filled:
        self._start = self._end = _DATA  # its ended segments
        self._filled = 0  # bytes of data behind them
        self._steps: deque[asyncio.Task[None]] = deque()
        self._creation: asyncio.Task[None] | None = None  # of the blob being written
        self._begun: list[str] = []

    async def write(self, piece: Buffer) -> None:
        view = memoryview(piece).cast("B")
        while view:
            if self._buffer is None:
                self._buffer = self._buffers.take()
            count = min(len(view), frames.SEGMENT - self._filled)
            at = self._end + self._filled
            self._buffer[at : at + count] = view[:count]
            self._filled += count
            view = view[count:]
            if self._filled == frames.SEGMENT:
                self._end_segment(self._buffer)
                if self._held == self._limit or self._end + frames.SEGMENT > len(self._buffer):
                    self._end_run(self._buffer)
                    await self._wait_for(self._store.in_flight)

    async def finish(self) -> list[Extent]:
        if self._buffer is not None:
            if self._filled:
                self._end_segment(self._buffer)
            self._end_run(self._buffer)
        if self._blob:
            self._end_blob()
        await self._wait_for(0)
        return self._extents

    async def abandon(self) -> list[str]:
        """Delete the blobs once nothing is being written to them; those that may still be there."""
        if self._steps:
            await asyncio.wait(self._steps)
        unknown = False
        while self._steps:
            unknown |= isinstance(self._steps.popleft().exception(), Unavailable)
        kept = list(self._begun) if unknown else []
        for blob in self._begun:
            try:
                await self._store.delete(blob)
            except BlobError:
                kept.append(blob)
        return kept

    def _end_segment(self, buffer: memoryview) -> None:
        if not self._blob:
            self._begin_blob(buffer)
        stop = self._end + self._filled
        data = buffer[self._end : stop]
        checks = frames.table(self._blob, self._held // frames.BLOCK, data)
        self._held += self._filled
        self._end = stop + len(checks)
        self._filled = 0
        buffer[stop : self._end] = checks

    def _begin_blob(self, buffer: memoryview) -> None:
        self._blob, self._held, self._offset = self._names.fresh(), 0, 0
        self._creation = None
        self._begun.append(self._blob)
        head = frames.segments_head(self._blob, self._label)
        self._base = len(head)
        self._start = _DATA - len(head)
        buffer[self._start : _DATA] = head

    def _end_run(self, buffer: memoryview) -> None:
        run = (self._blob, self._offset, buffer, self._start, self._end)
        before = list(self._steps)[: 1 - self._store.in_flight or None]
        if self._creation is None:
            self._creation = self._submit(before, self._store_run, *run)
        else:
            self._submit([self._creation, *before], self._store_run, *run)
        self._offset += self._end - self._start
        self._buffer, self._start, self._end = None, _DATA, _DATA
        if self._held == self._limit:
            self._end_blob()

    def _end_blob(self) -> None:
        span = frames.segments_span(self._held)
        pool = self._store.name
        self._extents.append(
            Extent(Layout.SEGMENTS, pool, self._blob, self._base, span, self._held)
        )
        self._submit(self._steps, self._store.sync, self._blob)
        self._blob = ""

    async def _store_run(
        self, blob: str, offset: int, buffer: memoryview, start: int, stop: int
    ) -> None:
        if offset == 0:
            await self._store.create(blob, buffer[start:stop])
        else:
            await self._store.append(blob, offset, buffer[start:stop])
        self._buffers.give_back(buffer)

    def _submit(
        self,
        before: Iterable[asyncio.Task[None]],
        work: Callable[..., Awaitable[None]],
        *args: object,
    ) -> asyncio.Task[None]:
        step = asyncio.get_running_loop().create_task(_after(tuple(before), work, *args))
        self._steps.append(step)
        return step

    async def _wait_for(self, left: int) -> None:
        """Until at most so many steps are under way; raises what one of the others raised."""
        while len(self._steps) > left:
            await asyncio.wait((self._steps[0],))  # unlike a bare await, cannot cancel it
            self._steps[0].result()
            self._steps.popleft()


async def _after(
    before: tuple[asyncio.Task[None], ...], work: Callable[..., Awaitable[None]], *args: object
) -> None:
    for step in before:
        await step
    await work(*args)


async def read_piece(store: BlobStore, blob: str, piece: frames.Piece) -> memoryview:
    """The verified bytes of a piece; NotFound, Corrupt."""
    end = piece.offset + piece.length
    length = frames.checks_length(piece)
    if piece.table - end <= GAP:
        raw = memoryview(await store.read(blob, piece.offset, piece.table + length - piece.offset))
        blocks, checks = raw[: piece.length], raw[-length:]
    else:
        found = await asyncio.gather(
            store.read(blob, piece.offset, piece.length), store.read(blob, piece.table, length)
        )
        blocks, checks = memoryview(found[0]), memoryview(found[1])
    return frames.piece_data(blob, piece, blocks, checks)
