"""Blobs of segments: written behind the caller, a few segments in flight; read piece by piece."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from blobstore import frames
from blobstore.base import BlobError, BlobStore, Buffer, Unavailable
from blobstore.extents import Extent, Layout, Place
from blobstore.partition import Partition, first_of

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


class _Begun:
    """A blob being written: the partition that holds it, and where it may also have come to be."""

    def __init__(self, name: str, base: int) -> None:
        self.name = name
        self.base = base  # where its first segment begins
        self.held = 0  # bytes of data in its ended segments
        self.offset = 0  # bytes of it in ended runs
        self.store: BlobStore | None = None
        self.fresh = False  # its creation may be under way
        self.doubtful: list[Place] = []

    @property
    def in_flight(self) -> int:
        return self.store.in_flight if self.store is not None else 1

    def extent(self) -> Extent:
        assert self.store is not None
        span = frames.segments_span(self.held)
        pool = self.store.name
        return Extent(Layout.SEGMENTS, pool, self.name, self.base, span, self.held)


class SegmentWriter:
    """Writes one body to blobs of at most `limit` bytes each, a multiple of frames.SEGMENT.

    `fresh` gives names of blobs, `candidates` the partitions to try for a new one. As many runs are
    being written as the store takes at once; another is being filled. What is under way is never
    canceled: a thread that still writes must not outlive the deletion of its blob. An error shows
    in a later call; then `abandon`.
    """

    def __init__(
        self,
        candidates: Callable[[bytes], Sequence[Partition]],
        fresh: Callable[[], str],
        buffers: Buffers,
        label: bytes,
        limit: int,
    ) -> None:
        self._candidates = candidates
        self._fresh = fresh
        self._buffers = buffers
        self._label = label
        self._limit = limit
        self._begun: list[_Begun] = []
        self._blob: _Begun | None = None  # None before the first and between two
        self._buffer: memoryview | None = None  # the run being filled:
        self._start = self._end = _DATA  # its ended segments
        self._filled = 0  # bytes of data behind them
        self._steps: deque[asyncio.Task[None]] = deque()

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
                blob = self._end_segment(self._buffer)
                if blob.held == self._limit or self._end + frames.SEGMENT > len(self._buffer):
                    await self._end_run(blob, self._buffer)
                    if blob.held == self._limit:
                        await self._end_blob(blob)

    async def finish(self) -> list[Extent]:
        if self._buffer is not None:
            blob = self._end_segment(self._buffer) if self._filled else self._blob
            assert blob is not None
            await self._end_run(blob, self._buffer)
        if self._blob is not None:
            await self._end_blob(self._blob)
        await self._wait_for(0)
        return [blob.extent() for blob in self._begun]

    async def abandon(self) -> list[Place]:
        """Delete the blobs once nothing is being written to them; those that may still be there."""
        if self._steps:
            await asyncio.wait(self._steps)
        unknown = False
        while self._steps:
            unknown |= isinstance(self._steps.popleft().exception(), Unavailable)
        kept = self.doubtful()
        for blob in self._begun:
            if blob.store is None:
                continue
            if unknown:
                kept.append(Place(blob.store.name, blob.name))
            try:
                await blob.store.delete(blob.name)
            except BlobError:
                kept.append(Place(blob.store.name, blob.name))
        return kept

    def doubtful(self) -> list[Place]:
        """Where blobs may have come to be beside the places that the extents name."""
        return [place for blob in self._begun for place in blob.doubtful]

    def _end_segment(self, buffer: memoryview) -> _Begun:
        blob = self._blob or self._begin_blob(buffer)
        stop = self._end + self._filled
        data = buffer[self._end : stop]
        checks = frames.table(blob.name, blob.held // frames.BLOCK, data)
        blob.held += self._filled
        self._end = stop + len(checks)
        self._filled = 0
        buffer[stop : self._end] = checks
        return blob

    def _begin_blob(self, buffer: memoryview) -> _Begun:
        name = self._fresh()
        head = frames.segments_head(name, self._label)
        self._blob = _Begun(name, len(head))
        self._begun.append(self._blob)
        self._start = _DATA - len(head)
        buffer[self._start : _DATA] = head
        return self._blob

    async def _end_run(self, blob: _Begun, buffer: memoryview) -> None:
        """Have a run written, once there is room among those that are: so all begin in order."""
        await self._wait_for(0 if blob.offset == 0 or blob.fresh else blob.in_flight - 1)
        run = (blob, blob.offset, buffer, self._start, self._end)
        self._submit(self._append(*run) if blob.offset else self._create(*run))
        blob.fresh = blob.offset == 0
        blob.offset += self._end - self._start
        self._buffer, self._start, self._end = None, _DATA, _DATA

    async def _end_blob(self, blob: _Begun) -> None:
        self._blob = None
        await self._wait_for(0)
        self._submit(self._sync(blob))

    async def _create(
        self, blob: _Begun, _offset: int, buffer: memoryview, start: int, stop: int
    ) -> None:
        async def create(partition: Partition) -> None:
            blob.store = partition.stores.large
            await blob.store.create(blob.name, buffer[start:stop])

        def unknown(partition: Partition) -> None:
            blob.doubtful.append(Place(partition.stores.large.name, blob.name))

        await first_of(self._candidates(blob.name.encode()), create, unknown)
        self._buffers.give_back(buffer)

    async def _append(
        self, blob: _Begun, offset: int, buffer: memoryview, start: int, stop: int
    ) -> None:
        assert blob.store is not None
        await blob.store.append(blob.name, offset, buffer[start:stop])
        self._buffers.give_back(buffer)

    async def _sync(self, blob: _Begun) -> None:
        assert blob.store is not None
        await blob.store.sync(blob.name)

    def _submit(self, step: Coroutine[Any, Any, None]) -> None:
        self._steps.append(asyncio.get_running_loop().create_task(step))

    async def _wait_for(self, left: int) -> None:
        """Until at most so many steps are under way; raises what one of the others raised."""
        while len(self._steps) > left:
            await asyncio.wait((self._steps[0],))  # unlike a bare await, cannot cancel it
            self._steps[0].result()
            self._steps.popleft()


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
