"""Pools that get full while a long body is written: it goes on elsewhere, and comes back whole."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blobstore import BlobNames, Blobs, Extent, Full, cut, frames
from blobstore.base import Buffer, Corrupt, Failed, Unavailable
from blobstore.blobs import Writer
from blobstore.memory import Memory
from blobstore.partition import Partition, Stores

MIB = frames.SEGMENT
LIMIT = 16 * MIB


class Wide(Memory):
    """Takes four appends to a blob at once, which end in any order; those writes that `refused`
    names, by their number in this store, find no room and leave nothing or half of it."""

    def __init__(self, name: str, refused: set[int], error: type[Exception], seed: int) -> None:
        super().__init__(name=name)
        self.written: dict[str, dict[int, bytes]] = {}
        self.unsynced: set[str] = set()
        self.under_way = 0
        self._refused = refused
        self._error = error
        self._chance = random.Random(seed)
        self._count = 0

    @property
    def in_flight(self) -> int:
        return 4

    async def create(self, blob: str, data: Buffer) -> None:
        if await self._refuses():
            raise self._error("x")
        await super().create(blob, data)
        self.unsynced.add(blob)
        self.written[blob] = {0: bytes(data)}

    async def append(self, blob: str, offset: int, data: Buffer) -> None:
        refused = await self._refuses()
        kept = bytes(data)  # only now: nobody may have changed it meanwhile
        self.unsynced.add(blob)
        if refused:
            if self._chance.random() < 0.5:
                self.written[blob][offset] = kept[: len(kept) // 2]
            raise self._error("x")
        self.written[blob][offset] = kept

    async def _refuses(self) -> bool:
        self._count += 1
        refused = self._count in self._refused
        self.under_way += 1
        try:
            for _ in range(self._chance.randrange(4)):
                await asyncio.sleep(0)
        finally:
            self.under_way -= 1
        return refused

    async def sync(self, blob: str) -> None:
        await super().sync(blob)
        self.unsynced.discard(blob)

    async def read(self, blob: str, offset: int, length: int) -> Buffer:
        for at, data in self.written[blob].items():
            if at <= offset and offset + length <= at + len(data):
                return data[offset - at : offset - at + length]
        raise Corrupt(f"{blob} has no {length} bytes at {offset}")

    async def delete(self, blob: str, *, size: int | None = None) -> None:
        """As Ceph does: with a size, what lies behind it stays."""
        assert not self.under_way, "it would land behind the deletion"
        await super().delete(blob, size=size)
        for at in list(self.written.get(blob, ())):
            if size is None or at < size:
                del self.written[blob][at]
        if not self.written.get(blob, True):
            del self.written[blob]

    @property
    def left(self) -> int:
        return len(self.written)


def made(refused: list[set[int]], error: type[Exception] = Full, seed: int = 0) -> Blobs:
    names = BlobNames(1)
    partitions = [
        Partition(
            f"p{number}",
            Stores(Memory(name=f"p{number}.small"), Wide(f"p{number}.large", those, error, seed)),
            names,
        )
        for number, those in enumerate(refused)
    ]
    return Blobs(partitions, names, extent_limit=LIMIT)


async def content(blobs: Blobs, extents: list[Extent]) -> bytes:
    size = sum(extent.size for extent in extents)
    async with aclosing(blobs.read_all(cut(extents, 0, size))) as buffers:
        return b"".join([bytes(buffer) async for buffer in buffers])


async def large(blobs: Blobs) -> AsyncIterator[str]:
    for pool in blobs.segment_pools():
        async for place in blobs.list(pool):
            yield place.blob


def stores(blobs: Blobs) -> list[Wide]:
    return [store for store in blobs.pools.values() if isinstance(store, Wide)]


async def write(writer: Writer, body: bytes) -> list[Extent]:
    for at in range(0, len(body), 3 * MIB + 5):
        await writer.write(body[at : at + 3 * MIB + 5])
    return await writer.finish()


refusals = st.lists(st.sets(st.integers(2, 12), max_size=6), min_size=1, max_size=3)
bodies = st.builds(
    lambda seed, size: random.Random(seed).randbytes(size),
    st.integers(0, 1 << 30),
    st.integers(1, 40 * MIB),
)


@settings(deadline=None, max_examples=150)
@given(refused=refusals, body=bodies, seed=st.integers(0, 1 << 30))
@pytest.mark.slow
async def test_a_body_goes_on_elsewhere(refused: list[set[int]], body: bytes, seed: int) -> None:
    """Unless there is no room anywhere for its first bytes in a blob; then nothing is left."""
    blobs = made(refused, seed=seed)
    writer = blobs.writer(b"owner", max(len(body), blobs.threshold + 1))
    try:
        extents = await write(writer, body)
    except Full:
        await writer.abandon()
        assert not any(store.left for store in stores(blobs))
        return
    assert await content(blobs, extents) == body
    assert not any(store.unsynced for store in stores(blobs))
    assert all(extent.size % MIB == 0 for extent in extents[:-1])
    named = [extent.blob for extent in extents]
    assert sorted(named) == sorted([blob async for blob in large(blobs)]), "each blob, once"
    for extent in extents:
        await blobs.delete(extent)
    assert not any(store.left for store in stores(blobs)), "behind its end neither"


@pytest.mark.parametrize("turns", range(0, 60, 3))
async def test_given_up_at_any_moment(turns: int) -> None:
    blobs = made([{3, 5}, {2, 4}], seed=turns)
    writer = blobs.writer(b"owner", 40 * MIB)
    writing = asyncio.create_task(write(writer, bytes(40 * MIB)))
    for _ in range(turns):
        await asyncio.sleep(0)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    await writer.abandon()
    assert not any(store.left for store in stores(blobs))
    assert not any(store.under_way for store in stores(blobs))
    assert len(asyncio.all_tasks()) == 1


async def test_nowhere_else_is_room() -> None:
    blobs = made([{3, 4, 5, 6, 7, 8, 9}])
    writer = blobs.writer(b"owner", 20 * MIB)
    with pytest.raises(Full):
        await write(writer, bytes(20 * MIB))
    await writer.abandon()
    assert not any(store.left for store in stores(blobs))


async def test_a_body_is_not_cut_into_any_number_of_pieces() -> None:
    blobs = made([set(range(2, 200, 2))])
    writer = blobs.writer(b"owner", 100 * MIB)
    with pytest.raises(Full):
        await write(writer, bytes(100 * MIB))
    await writer.abandon()
    assert not any(store.left for store in stores(blobs))


async def test_where_it_goes_on_is_another_partition() -> None:
    blobs = made([{3}, {3}])
    extents = await blobs.put(b"owner", bytes(12 * MIB))
    assert [extent.size for extent in extents] == [4 * MIB, 4 * MIB, 4 * MIB]
    assert extents[0].pool != extents[1].pool


@pytest.mark.parametrize("error", [Unavailable, Failed])
async def test_other_errors_end_it(error: type[Exception]) -> None:
    blobs = made([{3}, {3}], error)
    with pytest.raises(error):
        await blobs.put(b"owner", bytes(12 * MIB))
    assert [blob async for blob in large(blobs)] == []


async def test_full_beside_another_error() -> None:
    """Of two that are under way at once."""
    blobs = made([{3, 4}])
    store = blobs.pools["p0.large"]
    assert isinstance(store, Wide)
    plain = store.append

    async def append(blob: str, offset: int, data: Buffer) -> None:
        try:
            await plain(blob, offset, data)
        except Full:
            if store._count >= 4:
                raise Unavailable("x") from None
            raise

    store.append = append  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        await blobs.put(b"owner", bytes(20 * MIB))
    assert blobs.left_over, "what landed late is looked for again"
