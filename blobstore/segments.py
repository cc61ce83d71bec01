"""Blobs of segments: written behind the caller, a few segments in flight; read piece by piece."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from blobstore import frames
from blobstore.base import BlobError, BlobStore, Buffer, Full, Unavailable
from blobstore.extents import Extent, Layout, Place
from blobstore.partition import Partition, first_of

RUN = 2  # segments written in one go: each go costs a hop to a thread
GOINGS_ON = 16  # of one body elsewhere: a row names few extents
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

    def __init__(self, name: str, head: bytes) -> None:
        self.name = name
        self.head = head  # before its first segment
        self.held = 0  # bytes of data in its ended segments
        self.offset = 0  # bytes of it in ended runs
        self.partition: Partition | None = None
        self.fresh = False  # its creation may be under way
        self.doubtful: list[Place] = []

    @property
    def store(self) -> BlobStore:
        assert self.partition is not None
        return self.partition.stores.large

    @property
    def room(self) -> int:
        """Runs that may be under way when another begins."""
        return 0 if self.fresh else self.store.in_flight - 1

    def end_before(self, run: "_Run") -> None:
        """Its pool had no room for this one, nor for what follows."""
        assert self.partition is not None
        self.partition.found_full()
        self.held, self.offset = run.before, run.offset

    def extent(self) -> Extent:
        span = frames.segments_span(self.held)
        return Extent(Layout.SEGMENTS, self.store.name, self.name, len(self.head), span, self.held)


@dataclass
class _Run:
    """Whole segments of `blob`, the bytes `start` to `stop` of `buffer`: the blob has `before`
    bytes of data before them, and they begin at `offset`."""

    blob: _Begun
    buffer: memoryview
    start: int
    stop: int
    before: int
    offset: int

    @property
    def data(self) -> memoryview:
        """What is written."""
        return self.buffer[self.start : self.stop]


class _Step(NamedTuple):
    """What is under way: the writing of a run, or the sync of a blob."""

    task: asyncio.Task[None]
    run: _Run | None = None


class SegmentWriter:
    """Writes one body to blobs of at most `limit` bytes each, a multiple of frames.SEGMENT.

    `fresh` gives names of blobs, `candidates` the partitions to try for a new one. As many runs are
    being written as the store takes at once; another is being filled. What is under way is never
    canceled: a thread that still writes must not outlive the deletion of its blob. Where a pool
    gets full on the way, the blob ends and another goes on elsewhere. An error shows in a later
    call; then `abandon`.
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
        self._end = _DATA  # its ended segments
        self._filled = 0  # bytes of data behind them
        self._steps: deque[_Step] = deque()
        self._ends = 0  # blobs that ended because their pool was full

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
                        await self._end_blob()

    async def finish(self) -> list[Extent]:
        if self._buffer is not None:
            blob = self._end_segment(self._buffer) if self._filled else self._blob
            assert blob is not None
            await self._end_run(blob, self._buffer)
        await self._end_blob()
        await self._wait_for(0)
        return [blob.extent() for blob in self._begun]

    async def abandon(self) -> list[Place]:
        """Delete the blobs once nothing is being written to them; those that may still be there."""
        if self._steps:
            await asyncio.wait([step.task for step in self._steps])
        unknown = False
        while self._steps:
            step = self._steps.popleft()
            unknown |= isinstance(step.task.exception(), Unavailable)
            self._ended(step)
        kept = self.doubtful()
        for blob in self._begun:
            if blob.partition is None:
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

    # -------------------------------------------------------------------- segments and runs

    def _end_segment(self, buffer: memoryview) -> _Begun:
        blob = self._blob or self._begin_blob()
        self._end = self._frame(blob, buffer, self._end, self._filled)
        self._filled = 0
        return blob

    def _frame(self, blob: _Begun, buffer: memoryview, at: int, size: int) -> int:
        """Put the table behind the next segment of a blob, `size` bytes at `at`; where it ends."""
        stop = at + size
        checks = frames.table(blob.name, blob.held // frames.BLOCK, buffer[at:stop])
        blob.held += size
        buffer[stop : stop + len(checks)] = checks
        return stop + len(checks)

    def _begin_blob(self) -> _Begun:
        name = self._fresh()
        self._blob = _Begun(name, frames.segments_head(name, self._label))
        self._begun.append(self._blob)
        return self._blob

    async def _end_run(self, blob: _Begun, buffer: memoryview) -> None:
        run = self._run(blob, buffer, self._end)
        self._buffer, self._end = None, _DATA
        await self._begin(run)

    def _run(self, blob: _Begun, buffer: memoryview, stop: int) -> _Run:
        """The last segments of a blob; of its first, the head as well."""
        start = _DATA
        if blob.offset == 0:
            start -= len(blob.head)
            buffer[start:_DATA] = blob.head
        before = blob.held - frames.segments_size(stop - _DATA)
        run = _Run(blob, buffer, start, stop, before, blob.offset)
        blob.offset += stop - start
        return run

    async def _end_blob(self) -> None:
        while full := await self._wait_for(0):
            await self._go_on_elsewhere(full)
        if self._blob is not None:
            self._submit(self._sync(self._blob))
        self._blob = None

    # ------------------------------------------------------------------------------- writing

    async def _begin(self, run: _Run) -> None:
        """Have a run written, once there is room among those that are: so all begin in order."""
        if full := await self._wait_for(run.blob.room if run.offset else 0):
            await self._go_on_elsewhere(full, run)
            return
        self._submit(self._append(run) if run.offset else self._create(run), run)
        run.blob.fresh = run.offset == 0

    async def _go_on_elsewhere(self, full: _Run, following: _Run | None = None) -> None:
        """Write a run that found its pool full, and all after it, to another blob."""
        await asyncio.wait([step.task for step in self._steps])
        self._ends += 1
        for step in self._steps:
            if not isinstance(step.task.exception(), Full) or self._ends > GOINGS_ON:
                step.task.result()
        runs = [step.run for step in self._steps if step.run is not None]
        self._steps.clear()
        full.blob.end_before(full)
        self._submit(self._sync(full.blob))
        self._blob = None
        for run in [*runs, following] if following is not None else runs:
            await self._begin(self._renamed(run))

    def _renamed(self, run: _Run) -> _Run:
        """The same segments, as the next of the present blob."""
        blob = self._blob or self._begin_blob()
        at = _DATA
        while at < run.stop:
            size = min(frames.segments_size(run.stop - at), frames.SEGMENT)
            at = self._frame(blob, run.buffer, at, size)
        return self._run(blob, run.buffer, run.stop)

    async def _create(self, run: _Run) -> None:
        blob = run.blob

        async def create(partition: Partition) -> None:
            blob.partition = partition
            await blob.store.create(blob.name, run.data)

        def unknown(partition: Partition) -> None:
            blob.doubtful.append(Place(partition.stores.large.name, blob.name))

        await first_of(self._candidates(blob.name.encode()), create, unknown)

    async def _append(self, run: _Run) -> None:
        await run.blob.store.append(run.blob.name, run.offset, run.data)

    async def _sync(self, blob: _Begun) -> None:
        await blob.store.sync(blob.name)

    def _submit(self, step: Coroutine[Any, Any, None], run: _Run | None = None) -> None:
        self._steps.append(_Step(asyncio.get_running_loop().create_task(step), run))

    async def _wait_for(self, left: int) -> _Run | None:
        """Until at most so many steps are under way. The first run, behind a blob's first, that
        found its pool full; raises what else one of the others raised."""
        while len(self._steps) > left:
            step = self._steps[0]
            await asyncio.wait((step.task,))  # unlike a bare await, cannot cancel it
            if isinstance(step.task.exception(), Full) and step.run is not None and step.run.offset:
                return step.run
            step.task.result()
            self._ended(self._steps.popleft())
        return None

    def _ended(self, step: _Step) -> None:
        if step.run is not None:
            self._buffers.give_back(step.run.buffer)


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
