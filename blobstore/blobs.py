"""The facade of the package: bodies of any length in, extents out; verified bytes back."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from blobstore import frames
from blobstore.base import BlobError, BlobStore, Buffer, NotFound, Unavailable
from blobstore.extents import Extent, Layout, Place, Slice
from blobstore.files import Files
from blobstore.frames import Damage, Needle
from blobstore.ids import BlobNames
from blobstore.partition import Partition, State, Stores, first_of
from blobstore.placement import ordered
from blobstore.segments import Buffers, SegmentWriter, read_piece
from blobstore.volumes import read_needle, scan

NAMES = 1000  # tried for one that prefers a partition of small weight
LOCAL = "local"  # the partition that every store has: folders on this machine


class Target(NamedTuple):
    """Where new bytes may go: to these partitions (None: any), and into a volume up to
    `threshold` bytes (None: as all do)."""

    among: frozenset[str] | None = None
    threshold: int | None = None


ANYWHERE = Target()


class Blobs:
    """All partitions of this process, and where new bytes go.

    Up to `threshold` bytes become a needle in a volume of a partition's pool `small`; more become
    blobs of their own in `large`, of at most `extent_limit` bytes each (a multiple of
    frames.SEGMENT). `left_over` are places of what could not be deleted after a failure, or may yet
    appear: delete it again after the grace period, see `delete_left_over`. `refresh` is asked when
    a pool is not known: another process may have added it just now.
    """

    def __init__(
        self,
        partitions: Iterable[Partition],
        names: BlobNames,
        *,
        threshold: int = 64 << 10,
        extent_limit: int = 1 << 30,
    ) -> None:
        if extent_limit < frames.SEGMENT or extent_limit % frames.SEGMENT:
            raise ValueError(f"extent_limit is a multiple of {frames.SEGMENT}, not {extent_limit}")
        self.partitions: dict[str, Partition] = {}
        self.pools: dict[str, BlobStore] = {}
        self.names = names
        self.threshold = threshold
        self.left_over: set[Place] = set()
        self.refresh: Callable[[], Awaitable[None]] | None = None
        self.closed: frozenset[str] = frozenset()  # partitions that are there and cannot be opened
        self.knows: Callable[[], bool] = lambda: True  # whether what is known of them is fresh
        self._owners: dict[str, Partition] = {}  # by pool
        self._extent_limit = extent_limit
        self._buffers = Buffers()
        self.arrange(partitions)

    @classmethod
    def of(
        cls,
        small: BlobStore,
        large: BlobStore,
        names: BlobNames,
        *,
        compacted: BlobStore | None = None,
        volume_limit: int = 64 << 20,
        threshold: int = 64 << 10,
        extent_limit: int = 1 << 30,
    ) -> "Blobs":
        """One partition with these pools."""
        stores = Stores(small, large, compacted=compacted)
        local = Partition(LOCAL, stores, names, volume_limit=volume_limit)
        return cls([local], names, threshold=threshold, extent_limit=extent_limit)

    def arrange(self, partitions: Iterable[Partition]) -> None:
        """From here on there are these. Whoever takes one away closes it."""
        self.partitions = {partition.name: partition for partition in partitions}
        self._owners = {
            store.name: partition
            for partition in self.partitions.values()
            for store in partition.stores.all()
        }
        self.pools = {
            store.name: store
            for partition in self.partitions.values()
            for store in partition.stores.all()
        }

    # ------------------------------------------------------------------------------- writing

    def threshold_of(self, target: Target) -> int:
        """Up to how many bytes a body becomes a needle."""
        return self.threshold if target.threshold is None else target.threshold

    def candidates(self, key: bytes, target: Target = ANYWHERE) -> list[Partition]:
        """The partitions to try for new bytes: those with room, in the order that `key` prefers
        them, then the others that are active."""
        if not self.knows():
            raise Unavailable("which partitions there are has not been seen for too long")
        active = [
            partition
            for partition in self.partitions.values()
            if partition.state is State.ACTIVE
            and (target.among is None or partition.name in target.among)
        ]
        if len(active) < 2:
            return active
        first = ordered(key, [(partition.name, partition.share) for partition in active])
        rest = [partition for partition in active if partition.name not in first]
        return [self.partitions[name] for name in first] + rest

    def writer(self, label: bytes, size: int | None = None, target: Target = ANYWHERE) -> "Writer":
        """A writer of one body; `size`, if known, saves holding back the first bytes."""
        return Writer(self, label, size, target)

    async def put(self, label: bytes, data: Buffer, target: Target = ANYWHERE) -> list[Extent]:
        """A whole body at hand: as with a writer, in one call."""
        if 0 < len(data) <= self.threshold_of(target):
            return [await self.put_needle(label, data, target)]
        writer = self.writer(label, len(data), target)
        try:
            await writer.write(data)
            return await writer.finish()
        except BaseException:
            await writer.abandon()
            raise

    async def put_needle(self, label: bytes, data: Buffer, target: Target = ANYWHERE) -> Extent:
        """A body of any length in a volume."""
        return await first_of(
            self.candidates(label, target), lambda partition: partition.volumes.put(label, data)
        )

    async def move_needle(
        self, volume: Place, needle: Needle, into: Partition | None = None
    ) -> Extent:
        """A durable copy among what compaction writes, for the caller to refer to instead: in
        `into`, or the same partition, unless that is to be emptied."""
        owner = into or self._owners[volume.pool]
        among = [owner] if owner.state is State.ACTIVE else self.candidates(needle.label)
        return await first_of(
            among, lambda partition: partition.compacted.put(needle.label, needle.data)
        )

    def names_for(self, into: Partition, target: Target) -> Callable[[], str]:
        """Fresh names for which `into` is the preferred partition: what is moved there stays."""

        def fresh() -> str:
            for _ in range(NAMES):
                name = self.names.fresh()
                if self.preferred(name.encode(), target) is into:
                    break
            return name

        return fresh

    def preferred(self, key: bytes, target: Target = ANYWHERE) -> Partition | None:
        """The partition that new bytes with this key would go to, if any has room."""
        shares = [
            (name, one.share)
            for name, one in self.partitions.items()
            if target.among is None or name in target.among
        ]
        first = ordered(key, shares)
        return self.partitions[first[0]] if first else None

    def segment_writer(
        self, label: bytes, target: Target = ANYWHERE, fresh: Callable[[], str] | None = None
    ) -> SegmentWriter:
        """A writer of blobs of segments, whose names `fresh` gives."""
        return SegmentWriter(
            lambda key: self.candidates(key, target),
            fresh or self.names.fresh,
            self._buffers,
            label,
            self._extent_limit,
        )

    async def delete(self, extent: Extent) -> None:
        """Delete a blob of segments; absent is success. A needle's space is its volume's: for the
        caller to account and, by and by, to compact."""
        if extent.layout is Layout.SEGMENTS:
            # One of whole segments may have been ended: behind it there may be bytes for which
            # there was no room.
            ended = extent.size % frames.SEGMENT == 0
            size = None if ended else extent.offset + extent.span
            with suppress(NotFound):  # nothing is in a partition that was removed
                pool = await self.pool(extent.pool)
                await pool.delete(extent.blob, size=size)

    def keep_in_mind(self, places: Iterable[Place]) -> None:
        self.left_over.update(places)

    async def delete_left_over(self) -> None:
        """Try what is left over once more; what still fails stays."""
        for place in list(self.left_over):
            with suppress(BlobError):
                await self.delete_blob(place)
                self.left_over.discard(place)

    # ------------------------------------------------------------------------------- reading

    async def read_small(self, extent: Extent, start: int, stop: int) -> bytes:
        """Bytes `start` to `stop` (exclusive) of a needle, all of which was verified."""
        store = await self.pool(extent.pool)
        raw = await store.read(extent.blob, extent.offset, extent.span)
        return bytes(frames.needle_data(extent.blob, extent.offset, extent.size, raw)[start:stop])

    async def read_needle(self, extent: Extent) -> tuple[bytes, bytes]:
        """Label and data of a needle, verified; NotFound, Corrupt."""
        return await read_needle(await self.pool(extent.pool), extent)

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

    async def _fetch(self, extent: Extent, piece: Slice | frames.Piece) -> Buffer:
        if isinstance(piece, Slice):
            return await self.read_small(extent, piece.start, piece.stop)
        return await read_piece(await self.pool(extent.pool), extent.blob, piece)

    # ------------------------------------------------------------------ pools and their blobs

    async def pool(self, name: str) -> BlobStore:
        """A pool that may be asked; Unavailable when its partition is offline, NotFound."""
        if name not in self.pools and self.refresh is not None:
            await self.refresh()
        owner = self._owners.get(name)
        if owner is None and name.partition(".")[0] in self.closed:
            raise Unavailable(f"the partition of the pool {name!r} cannot be used here")
        if owner is None:
            raise NotFound(f"there is no pool {name!r} here")
        if owner.state is State.OFFLINE:
            raise Unavailable(f"the partition {owner.name} is offline")
        return self.pools[name]

    def partition_of(self, pool: str) -> Partition | None:
        """Whose pool it is."""
        return self._owners.get(pool)

    def volume_pools(self) -> list[str]:
        """Names of the pools of volumes that may be asked."""
        return [store.name for one in self._online() for store in one.stores.of_volumes()]

    def segment_pools(self) -> list[str]:
        """Names of the pools of blobs of segments that may be asked."""
        return [one.stores.large.name for one in self._online()]

    @property
    def all_open(self) -> bool:
        """Whether nothing lies where it cannot be looked at now."""
        return not self.closed and len(self._online()) == len(self.partitions)

    def _online(self) -> list[Partition]:
        return [one for one in self.partitions.values() if one.state is not State.OFFLINE]

    async def list(self, pool: str) -> AsyncIterator[Place]:
        """Everything in a pool."""
        store = await self.pool(pool)
        async for blob in store.list():
            yield Place(pool, blob)

    async def sealed(self, pool: str) -> AsyncIterator[Place]:
        """Volumes that this process does not append to (other processes may)."""
        owner = self._owners.get(pool)
        active = set() if owner is None else {owner.volumes.active, owner.compacted.active}
        async for place in self.list(pool):
            if place.blob not in active:
                yield place

    async def scan(self, volume: Place) -> AsyncIterator[Needle | Damage]:
        """Every whole needle of a volume in order, and the damage between; NotFound."""
        async for found in scan(await self.pool(volume.pool), volume.blob):
            yield found

    async def blob_size(self, place: Place) -> int:
        """Bytes of a blob; NotFound."""
        return await (await self.pool(place.pool)).size(place.blob)

    async def has(self, place: Place) -> bool:
        """Whether a blob is there."""
        try:
            await self.blob_size(place)
        except NotFound:
            return False
        return True

    async def label(self, place: Place) -> bytes:
        """The label of a blob of segments; NotFound, Corrupt."""
        store = await self.pool(place.pool)
        length = min(await store.size(place.blob), frames.SEGMENTS_HEAD_LIMIT)
        return frames.segments_label(place.blob, await store.read(place.blob, 0, length))

    async def segments(self, place: Place) -> tuple[Extent, bytes]:
        """What a blob of segments holds, by its size, and its label; NotFound, Corrupt."""
        data = await self.label(place)
        offset = len(frames.segments_head(place.blob, data))
        span = await self.blob_size(place) - offset
        return Extent(Layout.SEGMENTS, *place, offset, span, frames.segments_size(span)), data

    async def delete_blob(self, place: Place) -> None:
        """Delete a blob or volume by its place; absent is success."""
        await (await self.pool(place.pool)).delete(place.blob)

    async def strays(self) -> AsyncIterator[str]:
        """What lies among the blobs of pools that are folders and is none."""
        for store in self.pools.values():
            if isinstance(store, Files):
                async for path in store.strays():
                    yield path

    async def close(self) -> None:
        for partition in self.partitions.values():
            await partition.close()


class Writer:
    """`write` any number of pieces, then `finish`; or `abandon`, at any time, also after an error.

    ValueError for a label over frames.LABEL_LIMIT.

    One task uses a writer. What `write` was given may be changed once it has returned.
    """

    def __init__(self, blobs: Blobs, label: bytes, size: int | None, target: Target) -> None:
        self._blobs = blobs
        self._label = frames.checked_label(label)
        self._target = target
        self._threshold = blobs.threshold_of(target)
        self._small = bytearray()
        self._segments: SegmentWriter | None = None
        if size is not None and size > self._threshold:
            self._segments = blobs.segment_writer(label, target)

    async def write(self, piece: Buffer) -> None:
        """Take the bytes of `piece`; waits while some MiB are in flight. Raises what failed."""
        if self._segments is None:
            self._small += piece
            if len(self._small) <= self._threshold:
                return
            piece, self._small = self._small, bytearray()
            self._segments = self._blobs.segment_writer(self._label, self._target)
        await self._segments.write(piece)

    async def finish(self) -> list[Extent]:
        """The extents that hold the body in this order, durable; none for an empty body."""
        if self._segments is not None:
            extents = await self._segments.finish()
            self._blobs.keep_in_mind(self._segments.doubtful())
            return extents
        if not self._small:
            return []
        return [await self._blobs.put_needle(self._label, self._small, self._target)]

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
