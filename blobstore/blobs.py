"""The facade of the package: bodies of any length in, extents out; verified bytes back."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from contextlib import suppress

from blobstore import frames
from blobstore.base import BlobError, BlobStore, Buffer, NotFound
from blobstore.extents import Extent, Layout, Slice
from blobstore.files import Files
from blobstore.ids import BlobNames
from blobstore.segments import Buffers, SegmentWriter, read_piece
from blobstore.volumes import Volumes


class Blobs:
    """All pools of this process, and where new bytes go.

    Up to `threshold` bytes become a needle in a volume of the pool `small`; more become blobs of
    their own in `large`, of at most `extent_limit` bytes each (a multiple of frames.SEGMENT).
    `others` are pools that are only read and deleted from. `compacted` is `small` once more, as
    the pool that compaction writes to: it may use the reserve, or a full disk would stay full.
    `left_over` names (pool and blob) what could not be deleted after a failure, or may yet appear:
    delete it again after the grace period, see `delete_left_over`.
    """

    def __init__(
        self,
        small: BlobStore,
        large: BlobStore,
        names: BlobNames,
        *,
        others: Iterable[BlobStore] = (),
        threshold: int = 64 << 10,
        extent_limit: int = 1 << 30,
        volume_limit: int = 64 << 20,
        compacted: BlobStore | None = None,
    ) -> None:
        if extent_limit < frames.SEGMENT or extent_limit % frames.SEGMENT:
            raise ValueError(f"extent_limit is a multiple of {frames.SEGMENT}, not {extent_limit}")
        self.pools = {store.name: store for store in (small, large, *others)}
        self.volumes = Volumes(small, names, limit=volume_limit)
        self.compacted = Volumes(compacted or small, names, limit=volume_limit)
        self._small = small
        self.threshold = threshold
        self.left_over: set[tuple[str, str]] = set()
        self._large = large
        self._names = names
        self._extent_limit = extent_limit
        self._buffers = Buffers()

    # ------------------------------------------------------------------------------- writing

    def writer(self, label: bytes, size: int | None = None) -> "Writer":
        """A writer of one body; `size`, if known, saves holding back the first bytes."""
        return Writer(self, label, size)

    async def put(self, label: bytes, data: Buffer) -> list[Extent]:
        """A whole body at hand: as with a writer, in one call."""
        if 0 < len(data) <= self.threshold:
            return [await self.volumes.put(label, data)]
        writer = self.writer(label, len(data))
        try:
            await writer.write(data)
            return await writer.finish()
        except BaseException:
            await writer.abandon()
            raise

    def segment_writer(self, label: bytes) -> SegmentWriter:
        return SegmentWriter(self._large, self._names, self._buffers, label, self._extent_limit)

    async def delete(self, extent: Extent) -> None:
        """Delete a blob of segments; absent is success. A needle's space is its volume's: for the
        caller to account and, by and by, to compact."""
        if extent.layout is Layout.SEGMENTS:
            pool = self._pool(extent.pool)
            await pool.delete(extent.blob, size=extent.offset + extent.span)

    def keep_in_mind(self, blobs: Iterable[str]) -> None:
        self.left_over.update((self._large.name, blob) for blob in blobs)

    async def delete_left_over(self) -> None:
        """Try what is left over once more; what still fails stays."""
        for pool, blob in list(self.left_over):
            with suppress(BlobError):
                await self._pool(pool).delete(blob)
                self.left_over.discard((pool, blob))

    # ------------------------------------------------------------------------------- reading

    async def read_small(self, extent: Extent, start: int, stop: int) -> bytes:
        """Bytes `start` to `stop` (exclusive) of a needle, all of which was verified."""
        store = self._pool(extent.pool)
        raw = await store.read(extent.blob, extent.offset, extent.span)
        return bytes(frames.needle_data(extent.blob, extent.offset, extent.size, raw)[start:stop])

    def read(self, part: Slice) -> AsyncGenerator[Buffer, None]:
        """The bytes of a slice; see read_all."""
        return self.read_all((part,))

    async def read_all(self, parts: Iterable[Slice]) -> AsyncGenerator[Buffer, None]:
        """The bytes of slices in a row, as verified buffers of at most 1 MiB.

        While one is in the caller's hands the next is being read. Raises NotFound and Corrupt,
        never hands out a byte that failed its checksum. Close it (contextlib.aclosing) when
        leaving early.
        """
        ahead: asyncio.Task[Buffer] | None = None
        try:
            for extent, piece in _pieces(parts):
                current, ahead = ahead, asyncio.create_task(self._fetch(extent, piece))
                if current is not None:
                    yield await current
            if ahead is not None:
                yield await ahead
        finally:
            if ahead is not None and not ahead.cancel() and not ahead.cancelled():
                ahead.exception()  # whether it failed interests nobody any more

    async def label(self, pool: str, blob: str) -> bytes:
        """The label of a blob of segments; NotFound, Corrupt."""
        store = self._pool(pool)
        length = min(await store.size(blob), frames.SEGMENTS_HEAD_LIMIT)
        return frames.segments_label(blob, await store.read(blob, 0, length))

    def sealed(self) -> AsyncIterator[str]:
        """Volumes that this process does not append to (other processes may)."""
        return self._sealed()

    async def _sealed(self) -> AsyncIterator[str]:
        async for name in self._small.list():
            if name not in (self.volumes.active, self.compacted.active):
                yield name

    async def volume_size(self, volume: str) -> int:
        """Bytes of a volume; NotFound."""
        return await self._small.size(volume)

    async def delete_volume(self, volume: str) -> None:
        """Delete a volume of which no needle is named any more; absent is success."""
        await self._small.delete(volume)

    def large(self) -> AsyncIterator[str]:
        """Names of the blobs of segments."""
        return self._large.list()

    async def has_large(self, blob: str) -> bool:
        """Whether a blob of segments is there."""
        try:
            await self._large.size(blob)
        except NotFound:
            return False
        return True

    async def size(self, extent: Extent) -> int | None:
        """Bytes of the blob that an extent lies in; None when it is not there."""
        try:
            return await self._pool(extent.pool).size(extent.blob)
        except NotFound:
            return None

    async def strays(self) -> AsyncIterator[str]:
        """What lies among the blobs of pools that are folders and is none."""
        for store in self.pools.values():
            if isinstance(store, Files):
                async for path in store.strays():
                    yield path

    async def large_label(self, blob: str) -> bytes:
        """The label of a blob of segments; NotFound, Corrupt."""
        return await self.label(self._large.name, blob)

    async def large_extent(self, blob: str) -> tuple[Extent, bytes]:
        """What a blob of segments holds, by its size, and its label; NotFound, Corrupt."""
        data = await self.large_label(blob)
        offset = len(frames.segments_head(blob, data))
        span = await self._large.size(blob) - offset
        size = frames.segments_size(span)
        return Extent(Layout.SEGMENTS, self._large.name, blob, offset, span, size), data

    async def delete_large(self, blob: str) -> None:
        """Delete a blob of segments by its name; absent is success."""
        await self._large.delete(blob)

    async def close(self) -> None:
        await self.volumes.close()
        await self.compacted.close()
        for store in self.pools.values():
            await store.close()

    def _pool(self, name: str) -> BlobStore:
        try:
            return self.pools[name]
        except KeyError:
            raise NotFound(f"there is no pool {name!r} here") from None

    async def _fetch(self, extent: Extent, piece: Slice | frames.Piece) -> Buffer:
        if isinstance(piece, Slice):
            return await self.read_small(extent, piece.start, piece.stop)
        return await read_piece(self._pool(extent.pool), extent.blob, piece)


class Writer:
    """`write` any number of pieces, then `finish`; or `abandon`, at any time, also after an error.

    ValueError for a label over frames.LABEL_LIMIT.

    One task uses a writer. What `write` was given may be changed once it has returned.
    """

    def __init__(self, blobs: Blobs, label: bytes, size: int | None) -> None:
        self._blobs = blobs
        self._label = frames.checked_label(label)
        self._small = bytearray()
        self._segments: SegmentWriter | None = None
        if size is not None and size > blobs.threshold:
            self._segments = blobs.segment_writer(label)

    async def write(self, piece: Buffer) -> None:
        """Take the bytes of `piece`; waits while 4 MiB are in flight. Raises what failed."""
        if self._segments is None:
            self._small += piece
            if len(self._small) <= self._blobs.threshold:
                return
            piece, self._small = self._small, bytearray()
            self._segments = self._blobs.segment_writer(self._label)
        await self._segments.write(piece)

    async def finish(self) -> list[Extent]:
        """The extents that hold the body in this order, durable; none for an empty body."""
        if self._segments is not None:
            return await self._segments.finish()
        if not self._small:
            return []
        return [await self._blobs.volumes.put(self._label, self._small)]

    async def abandon(self) -> None:
        """Delete what was written. Never raises BlobError: see Blobs.left_over."""
        if self._segments is not None:
            self._blobs.keep_in_mind(await self._segments.abandon())


def _pieces(parts: Iterable[Slice]) -> Iterator[tuple[Extent, Slice | frames.Piece]]:
    for part in parts:
        extent = part.extent
        if extent.layout is Layout.SEGMENTS:
            for piece in frames.pieces(extent.offset, extent.size, part.start, part.stop):
                yield extent, piece
        elif part.start < part.stop:
            yield extent, part
