"""Housekeeping knows the other lives by its last look: who came since is alive."""

import os
from collections.abc import AsyncIterator

from blobstore.blobs import Blobs
from blobstore.ids import BlobNames
from blobstore.memory import Memory
from metastore.engine import Engine
from metastore.memory import MemoryEngine
from metastore.records import Bucket, Version
from metastore.store import MetaStore
from ocean.jobs.collect import Collector
from ocean.jobs.housekeeping import Housekeeping
from ocean.jobs.watch import Watch
from ocean.objects.put import Expected, Spool
from ocean.store import Ocean


async def begin(engine: Engine, small: Memory, large: Memory) -> Ocean:
    meta = await MetaStore.begin(engine)
    return Ocean(meta, Blobs.of(small, large, BlobNames(meta.life.epoch)))


async def put(ocean: Ocean, bucket: Bucket, key: str, data: bytes) -> None:
    async def body() -> AsyncIterator[bytes | memoryview]:
        yield data

    spool = Spool(body(), len(data))
    await ocean.put(bucket, key, Version(), spool, expected=Expected(), guard=lambda _current: None)


async def read(ocean: Ocean, bucket: Bucket, key: str) -> bytes:
    version = await ocean.get.version(bucket, key, None)
    pieces = ocean.get.stream(bucket, key, version, 0, version.size)
    return b"".join([bytes(piece) async for piece in pieces])


async def test_the_volume_of_a_process_that_began_since_the_last_look_stays() -> None:
    engine, small, large = MemoryEngine(), Memory(name="small"), Memory(name="large")
    first = await begin(engine, small, large)
    watch = Watch(first.meta)
    await watch.once()
    collector = Collector(first.discard, 60.0)
    keeping = Housekeeping(first, watch, collector, interval=0.0, ratio=1.0)

    second = await begin(engine, small, large)
    bucket = Bucket(name="bucket", id=b"12345678", owner="0" * 64, created_ms=0)
    await second.meta.buckets.create(bucket)
    data = {f"key{n}": os.urandom(1000) for n in range(4)}
    for key, content in data.items():
        await put(second, bucket, key, content)
        await put(second, bucket, key, content[::-1])
        await keeping.once()
    assert {key: await read(second, bucket, key) for key in data} == {
        key: content[::-1] for key, content in data.items()
    }
