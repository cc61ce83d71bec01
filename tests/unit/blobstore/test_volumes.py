"""Volumes: many small objects to a blob, coalesced, verified, scanned, copied."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blobstore import BlobNames, BlobStore, Corrupt, Damage, Extent, Full, NotFound, Unavailable
from blobstore.extents import Layout
from blobstore.files import Files
from blobstore.memory import Memory
from blobstore.volumes import BATCH, Volumes, read_needle, scan


@pytest.fixture
def store() -> Memory:
    return Memory()


@pytest.fixture
def volumes(store: Memory) -> Volumes:
    return Volumes(store, BlobNames(1), limit=10_000)


async def found(store: BlobStore, volume: str) -> list[tuple[int, int, int, bytes]]:
    return [tuple(item)[:4] async for item in scan(store, volume)]  # type: ignore[misc]


async def data_of(store: BlobStore, extent: Extent) -> bytes:
    return (await read_needle(store, extent))[1]


async def test_put_get_scan(volumes: Volumes, store: Memory) -> None:
    puts = [(b"label %d" % n, bytes([n]) * n) for n in range(50)]
    extents = [await volumes.put(label, data) for label, data in puts]
    for (label, data), extent in zip(puts, extents, strict=True):
        assert extent.layout is Layout.NEEDLE
        assert await data_of(store, extent) == data
        assert await read_needle(store, extent) == (label, data)
    (volume,) = {extent.blob for extent in extents}
    assert volume == volumes.active
    assert await found(store, volume) == [
        (extent.offset, extent.span, extent.size, label)
        for (label, _), extent in zip(puts, extents, strict=True)
    ]


async def test_puts_of_one_turn_share_an_append_and_a_sync(volumes: Volumes, store: Memory) -> None:
    await asyncio.gather(*(volumes.put(b"", b"%d" % n) for n in range(64)))
    assert (store.counters.writes, store.counters.fsyncs) == (1, 1)


@pytest.mark.parametrize("puts", [20])
async def test_fsyncs_of_64_writers(tmp_path: Path, puts: int) -> None:
    store = Files(tmp_path)
    volumes = Volumes(store, BlobNames(1))

    async def writer(number: int) -> None:
        for turn in range(puts):
            extent = await volumes.put(b"%d" % number, b"%d" % turn)
            assert await data_of(store, extent) == b"%d" % turn

    await asyncio.gather(*(writer(number) for number in range(64)))
    assert store.counters.fsyncs <= 64 * puts / 8
    await store.close()


class Slow(Memory):
    """Its syncs take 10 ms."""

    async def sync(self, blob: str) -> None:
        await asyncio.sleep(0.01)
        await super().sync(blob)


@pytest.mark.parametrize("size", [1, BATCH])
async def test_two_halves_that_alternate_become_one(size: int) -> None:
    """Each writer is busy elsewhere, as with a commit, for as long as a sync takes."""
    store = Slow()
    volumes = Volumes(store, BlobNames(1), limit=1 << 30)

    async def writer(first: float) -> None:
        await asyncio.sleep(first)
        for _ in range(10):
            await volumes.put(b"", bytes(size))
            await asyncio.sleep(0.01)

    await asyncio.gather(*(writer(n % 2 * 0.01) for n in range(8)))
    if size == BATCH:  # there is nothing to gather: each put is a batch
        assert store.counters.fsyncs == 80
    else:
        assert store.counters.fsyncs <= 15


async def test_a_put_during_a_sync_goes_with_the_next(volumes: Volumes, store: Memory) -> None:
    await volumes.put(b"", b"first")
    tasks = [asyncio.create_task(volumes.put(b"", b"%d" % n)) for n in range(3)]
    await asyncio.sleep(0)
    tasks.append(asyncio.create_task(volumes.put(b"", b"late")))
    extents = await asyncio.gather(*tasks)
    assert await data_of(store, extents[-1]) == b"late"
    assert store.counters.fsyncs <= 3


async def test_rolls_at_the_limit(volumes: Volumes, store: Memory) -> None:
    extents = [await volumes.put(b"", bytes(1000)) for _ in range(50)]
    names = [blob async for blob in store.list()]
    assert sorted({extent.blob for extent in extents}) == names
    assert len(names) == 5
    for name in names:
        assert 9000 < await store.size(name) < 12_000


async def test_never_appends_to_a_volume_of_another_life(store: Memory) -> None:
    first = await Volumes(store, BlobNames(1)).put(b"", b"x")
    store.cut(first.blob, first.span - 1)
    second = Volumes(store, BlobNames(2))
    extent = await second.put(b"", b"y")
    assert extent.blob != first.blob
    assert await data_of(store, extent) == b"y"
    with pytest.raises(Corrupt):
        await data_of(store, first)
    assert [item async for item in scan(store, first.blob)] == [Damage(0, first.span - 1)]


async def test_every_flip_is_corrupt(volumes: Volumes, store: Memory) -> None:
    extent = await volumes.put(b"label", b"data")
    for offset in range(extent.span):
        store.damage(extent.blob, offset, 0x10)
        with pytest.raises(Corrupt):
            await data_of(store, extent)
        store.damage(extent.blob, offset, 0x10)
    assert await data_of(store, extent) == b"data"


async def test_no_such_volume(store: Memory) -> None:
    with pytest.raises(NotFound):
        await data_of(store, Extent(Layout.NEEDLE, "memory", "none", 0, 20, 1))
    with pytest.raises(NotFound):
        await found(store, "none")


async def test_copy_keeps_label_and_data(volumes: Volumes, store: Memory) -> None:
    old = await volumes.put(b"label", b"data")
    for _ in range(12):
        await volumes.put(b"", bytes(1000))
    new = await volumes.put(*await read_needle(store, old))
    assert new.blob != old.blob
    await store.delete(old.blob)
    assert await read_needle(store, new) == (b"label", b"data")


@pytest.mark.parametrize("operation", ["create", "append", "sync"])
@pytest.mark.parametrize("error", [Full, Unavailable])
async def test_an_error_reaches_all_and_the_next_put_succeeds(
    volumes: Volumes, store: Memory, operation: str, error: type[Exception]
) -> None:
    before = None if operation == "create" else await volumes.put(b"", b"before")

    def fail(called: str, blob: str) -> None:
        if called == operation:
            raise error("on purpose")

    store.before = fail
    outcomes = await asyncio.gather(
        *(volumes.put(b"", b"%d" % n) for n in range(5)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [error] * 5
    store.before = None
    after = await volumes.put(b"", b"after")
    assert await data_of(store, after) == b"after"
    if before is not None:
        assert await data_of(store, before) == b"before"
        assert (after.blob == before.blob) == (error is Full)


async def test_a_canceled_put_disturbs_nobody(volumes: Volumes, store: Memory) -> None:
    tasks = [asyncio.create_task(volumes.put(b"", b"%d" % n)) for n in range(5)]
    await asyncio.sleep(0)
    tasks[2].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[2], asyncio.CancelledError)
    for number in (0, 1, 3, 4):
        extent = outcomes[number]
        assert isinstance(extent, Extent)
        assert await data_of(store, extent) == b"%d" % number
    assert len(await found(store, volumes.active or "")) == 4  # nobody waits for the fifth


async def test_of_canceled_puts_alone_nothing_is_written(volumes: Volumes, store: Memory) -> None:
    task = asyncio.create_task(volumes.put(b"", b"nobody's"))
    await asyncio.sleep(0)
    task.cancel()
    await volumes.close()
    assert (store.counters.writes, volumes.active) == (0, None)


@given(st.lists(st.tuples(st.binary(max_size=50), st.binary(max_size=3000)), max_size=30))
async def test_scan_finds_what_was_put(puts: list[tuple[bytes, bytes]]) -> None:
    store = Memory()
    volumes = Volumes(store, BlobNames(3), limit=5000)
    await asyncio.gather(*(volumes.put(label, data) for label, data in puts))
    items = [item async for name in store.list() async for item in scan(store, name)]
    assert [(item.label, item.size) for item in items if not isinstance(item, Damage)] == [
        (label, len(data)) for label, data in puts
    ]
