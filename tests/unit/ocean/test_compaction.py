"""Compaction moves what is named, and keeps a damaged volume as long as anything in it is."""

from collections.abc import AsyncIterator

import pytest

from blobstore import Corrupt
from blobstore.blobs import Blobs
from blobstore.extents import Place
from blobstore.ids import BlobNames
from blobstore.memory import Memory
from metastore.memory import MemoryEngine
from metastore.records import Bucket, Version
from metastore.store import MetaStore
from ocean.jobs.compact import Compaction
from ocean.objects.put import Expected, Spool
from ocean.store import Ocean
from tests.support.waiting import no_pause

OWNER = "a" * 64
BUCKET = Bucket(name="bucket", id=b"12345678", owner=OWNER, created_ms=0)


class Filled:
    """A store with three small objects in one volume, which is sealed."""

    def __init__(self, ocean: Ocean, pool: Memory) -> None:
        self.ocean = ocean
        self.pool = pool
        self.compaction = Compaction(ocean.meta, ocean.blobs, ocean.inflight)

    @classmethod
    async def make(cls) -> "Filled":
        meta = await MetaStore.begin(MemoryEngine())
        pool = Memory(name="volumes")
        ocean = Ocean(meta, Blobs.of(pool, Memory(name="blobs"), BlobNames(meta.life.epoch)))
        await meta.buckets.create(BUCKET)
        filled = cls(ocean, pool)
        for key in ("one", "two", "three"):
            await filled.put(key)
        return filled

    async def put(self, key: str) -> None:
        async def pieces() -> AsyncIterator[bytes | memoryview]:
            yield key.encode() * 100

        body = Spool(pieces(), len(key) * 100)
        draft = Version(owner=OWNER)
        await self.ocean.put(BUCKET, key, draft, body, expected=Expected(), guard=lambda _: None)

    async def get(self, key: str) -> bytes:
        version = await self.ocean.get.version(BUCKET, key, None)
        found = await self.ocean.get.small(BUCKET, key, version, 0, version.size)
        assert found is not None
        return found

    async def compact(self, volume: str, live: int) -> bool:
        return await self.compaction.volume(
            Place("volumes", volume), fence=False, pause=no_pause, live=live
        )


async def test_named_needles_move_and_the_volume_goes() -> None:
    filled = await Filled.make()
    volume = filled.ocean.blobs.partitions["local"].volumes.active
    assert volume is not None
    assert await filled.compact(volume, live=900)
    assert [name async for name in filled.pool.list()] != [volume]
    for key in ("one", "two", "three"):
        assert await filled.get(key) == key.encode() * 100


async def test_a_damaged_volume_stays_while_it_is_named(caplog: pytest.LogCaptureFixture) -> None:
    filled = await Filled.make()
    volume = filled.ocean.blobs.partitions["local"].volumes.active
    assert volume is not None
    size = await filled.pool.size(volume)
    filled.pool.damage(volume, size // 2, 1)
    assert not await filled.compact(volume, live=300)
    assert volume in [name async for name in filled.pool.list()]
    assert await filled.get("one") == b"one" * 100
    assert await filled.get("three") == b"three" * 100
    with pytest.raises(Corrupt):
        await filled.get("two")
    for _ in range(3):
        assert not await filled.compact(volume, live=300), "nor by the next passes"
    assert [record.message for record in caplog.records] == [
        f"volume {volume} is damaged and kept: run ocean fsck --verify"
    ]
    assert await filled.compact(volume, live=0), "but when nothing names it"


async def test_a_torn_tail_is_no_damage_to_tell_of(caplog: pytest.LogCaptureFixture) -> None:
    filled = await Filled.make()
    volume = filled.ocean.blobs.partitions["local"].volumes.active
    assert volume is not None
    await filled.pool.append(volume, await filled.pool.size(volume), b"torn" * 30)
    assert not await filled.compact(volume, live=900), "what was counted may lie there"
    assert await filled.compact(volume, live=0)
    assert caplog.records == []
    for key in ("one", "two", "three"):
        assert await filled.get(key) == key.encode() * 100
