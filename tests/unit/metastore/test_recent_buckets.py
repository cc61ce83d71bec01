"""Bucket records found without reading them: whoever begins after a change finds the change."""

import asyncio
from functools import partial
from random import Random

import pytest
from msgspec.structs import replace

from metastore.buckets import RECENT, Buckets
from metastore.edits import Edits
from metastore.engine import Table
from metastore.memory import MemoryEngine
from metastore.records import Bucket
from tests.support.virtual import run_virtual

BUCKET = Bucket(id=b"1" * 8, name="films", owner="ann", created_ms=0)


def processes(engine: MemoryEngine, count: int) -> list[Buckets]:
    def now() -> float:
        return asyncio.get_running_loop().time()

    return [Buckets(engine, Edits(epoch), now, RECENT) for epoch in range(1, count + 1)]


def tagged(bucket: Bucket, value: int) -> Bucket:
    return replace(bucket, tags=(("n", str(value)),))


async def found(buckets: Buckets) -> int:
    """What the record says now; -1: no bucket."""
    bucket = await buckets.find("films")
    return -1 if bucket is None else int(dict(bucket.tags).get("n", "0"))


@pytest.mark.parametrize("seed", range(20))
def test_whoever_begins_after_a_change_finds_it(seed: int) -> None:
    random = Random(seed)
    answered = 0

    async def change(writer: Buckets) -> None:
        nonlocal answered
        for value in range(1, 15):
            await writer.change(BUCKET, partial(tagged, value=value))
            answered = value
            await asyncio.sleep(random.random() * 0.1)

    async def look(reader: Buckets) -> None:
        while answered < 14:
            least = answered
            assert await found(reader) >= least
            await asyncio.sleep(random.random() * 0.02)

    async def main() -> None:
        writer, *readers = processes(MemoryEngine(), 4)
        await writer.create(BUCKET)
        await asyncio.gather(change(writer), *map(look, readers))

    run_virtual(main())


def test_a_deleted_bucket_is_gone_for_all() -> None:
    async def main() -> None:
        one, other = processes(MemoryEngine(), 2)
        for _ in range(5):
            await one.create(BUCKET)
            assert await found(other) == 0, "absence is never kept"
            deletion = asyncio.create_task(one.delete(BUCKET))
            while not deletion.done():
                await found(other)
                await asyncio.sleep(0.003)
            assert await found(other) == -1
            assert await found(one) == -1

    run_virtual(main())


def test_one_made_anew_is_found_though_the_old_one_went_unnoticed() -> None:
    async def main() -> None:
        engine = MemoryEngine()
        one, other = processes(engine, 2)
        await one.create(BUCKET)
        await found(other)
        await engine.write(Table.BUCKETS, [(b"films", None)])  # a removal without an outcome
        anew = replace(BUCKET, id=b"2" * 8)
        await one.create(anew)
        bucket = await other.find("films")
        assert bucket is not None
        assert bucket.id == anew.id

    run_virtual(main())


def test_many_requests_read_the_record_once() -> None:
    async def main() -> None:
        engine = MemoryEngine()
        (buckets,) = processes(engine, 1)
        await buckets.create(BUCKET)
        before = engine.counters.reads
        for _ in range(100):
            await found(buckets)
        assert engine.counters.reads - before == 1
        await asyncio.sleep(RECENT)
        await found(buckets)
        assert engine.counters.reads - before == 2

    run_virtual(main())


def test_what_commits_and_deletions_rely_on_is_always_read() -> None:
    async def main() -> None:
        engine = MemoryEngine()
        (buckets,) = processes(engine, 1)
        await buckets.create(BUCKET)
        await found(buckets)
        before = engine.counters.reads
        view = await buckets.open(BUCKET)
        await buckets.confirm(view)
        assert engine.counters.reads - before == 2

    run_virtual(main())
