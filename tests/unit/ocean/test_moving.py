"""Moving bytes between partitions: what may go, and what must stay whatever comes between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from msgspec.structs import replace

from blobstore.base import Corrupt, Unavailable
from blobstore.memory import Memory
from blobstore.partition import State
from metastore.records import Algorithm, LifeState, Version
from ocean.jobs.compact import Compaction
from ocean.jobs.rebalance import Rebalancing
from ocean.objects.census import Census
from ocean.objects.put import Expected, Spool
from ocean.partitions.records import Member, Rebalance, Topology
from tests.support.two import BUCKET, LARGE, OWNER, POOLS, Two, in_memory


async def test_all_of_a_partition_moves() -> None:
    two = await Two.make(threshold=1000)
    bodies = {f"k{number}": bytes([number]) * (100 + 50 * number) for number in range(40)}
    for key, body in bodies.items():
        await two.put(key, body)
    two.begin_drain()
    for _ in range(3):
        await two.drain.once()
    for pool in ("old.small", "old.large", "old.settled"):
        assert await two.places(pool) == []
    for key, body in bodies.items():
        assert await two.get(key) == body


async def test_a_commit_that_comes_between_two_looks_keeps_its_bytes() -> None:
    two = await Two.make()
    commit, begun, go = two.ocean.meta.objects.put, asyncio.Event(), asyncio.Event()

    async def slow(*args: Any, **options: Any) -> Version:
        begun.set()
        await go.wait()
        return await commit(*args, **options)

    two.ocean.meta.objects.put = slow  # type: ignore[method-assign]
    putting = asyncio.create_task(two.put("k"))
    await begun.wait()
    two.begin_drain()
    (place,) = await two.places("old.large")
    looked = two.move._orphans.named

    async def named(*args: Any) -> bool:
        found = await looked(*args)
        go.set()
        await putting
        return found

    two.move._orphans.named = named  # type: ignore[method-assign,assignment]
    assert await two.move.blob(place) is None
    assert await two.get("k") == LARGE
    two.ocean.meta.objects.put = commit  # type: ignore[method-assign]
    await two.drain.once()
    assert await two.get("k") == LARGE
    assert await two.places("old.large") == []


async def test_what_is_damaged_stays_while_it_is_named() -> None:
    two = await Two.make(threshold=4096)
    for key in ("one", "two", "three"):
        await two.put(key, key.encode() * 100)
    volume = two.old.volumes.active
    assert volume is not None
    store = two.old.stores.small
    assert isinstance(store, Memory)
    store.damage(volume, await store.size(volume) // 2, 1)
    two.begin_drain()
    for _ in range(3):
        await two.drain.once()
        await two.keeping.once()
    assert [place.blob for place in await two.places("old.small")] == [volume]
    assert await two.get("one") == b"one" * 100
    with pytest.raises(Corrupt):
        await two.get("two")
    await two.put("two", b"anew")
    for _ in range(3):
        await two.keeping.once()
        await two.drain.once()
    assert await two.places("old.small") == [], "when nothing names it"


async def test_a_copy_that_no_row_names_yet_is_nobodys_garbage() -> None:
    two = await Two.make(threshold=4096)
    await two.put("k", b"k" * 1000)
    two.begin_drain()
    two.old.volumes.seal()
    (volume,) = await two.places("old.small")
    relocate, copied, go = two.ocean.meta.objects.relocate, asyncio.Event(), asyncio.Event()

    async def slow(*args: Any) -> bool:
        copied.set()
        await go.wait()
        return await relocate(*args)

    two.ocean.meta.objects.relocate = slow  # type: ignore[method-assign,assignment]
    compaction = Compaction(two.ocean.meta, two.ocean.blobs, two.ocean.inflight)
    moving = asyncio.create_task(compaction.volume(volume, fence=False, pause=_no_pause))
    await copied.wait()
    two.new.compacted.seal()
    for _ in range(3):
        await two.keeping.once()
    go.set()
    assert await moving
    assert await two.get("k") == b"k" * 1000


async def test_a_stale_row_of_the_current_version_is_not_followed() -> None:
    two = await Two.make()
    await two.put("k")
    heads = two.ocean.meta.objects._heads
    assert await heads.place(BUCKET.id, "k", await heads.read(BUCKET.id, "k"))
    two.begin_drain()
    await two.drain.once()
    assert await two.places("old.large") == []
    assert await two.get("k") == LARGE
    await two.put("k", b"y" * 6000)
    assert await two.get("k") == b"y" * 6000


async def test_one_partition_that_is_away_keeps_no_other_from_being_drained() -> None:
    two = await Two.make()
    await two.put("k")
    two.begin_drain()
    names = two.ocean.blobs.names
    away = in_memory("away", names)
    away.state = State.DRAINING

    def silent(operation: str, _blob: str) -> None:
        raise Unavailable(operation)

    for store in away.stores.all():
        assert isinstance(store, Memory)
        store.before = silent
    two.ocean.blobs.arrange([away, two.old, two.new])
    pools = {"away": away, "old": two.old, "new": two.new}
    two.drain._topology = lambda: Topology(
        tuple(Member(name, state=one.state, pools=POOLS) for name, one in pools.items())
    )
    await two.drain.once()
    assert await two.places("old.large") == []


async def test_no_life_is_forgotten_while_a_partition_is_offline() -> None:
    two = await Two.make()
    await two.put("k")
    lives = two.ocean.meta.lives
    gone = await lives.begin()
    assert await lives.change(gone, LifeState.ENDED, gone.beats)
    await two.watch.once()
    two.old.state, two.new.state = State.OFFLINE, State.ACTIVE
    for _ in range(4):
        with suppress(Unavailable):
            await two.keeping.once()
    assert gone.epoch in {life.epoch for life in await lives.list()}
    two.old.state = State.READ_ONLY
    for _ in range(4):
        await two.keeping.once()
    assert gone.epoch not in {life.epoch for life in await lives.list()}


async def _no_pause() -> None:
    return


@pytest.mark.parametrize("how", ["removed", "offline"])
async def test_an_upload_in_a_partition_that_is_gone_stops_no_pass(how: str) -> None:
    two = await Two.make()
    uploads = two.ocean.multipart
    upload_id = await uploads.create(
        BUCKET,
        "k",
        Version(owner=OWNER),
        initiator=OWNER,
        algorithm=Algorithm.NONE,
        composite=False,
    )
    upload = await uploads.find(BUCKET, "k", upload_id)
    for body in (LARGE, LARGE[1:]):
        spool = Spool(_pieces(body), len(body))
        await uploads.upload_part(BUCKET, upload, 1, spool, Expected())
    if how == "removed":
        two.begin_drain()
        await two.drain.once()
        assert await two.places("old.large") == []
        two.ocean.blobs.arrange([two.new])
        await uploads.abort(BUCKET, "k", upload_id)
    else:
        two.old.state, two.new.state = State.OFFLINE, State.ACTIVE
        with pytest.raises(Unavailable):
            await uploads.abort(BUCKET, "k", upload_id)
    await two.keeping.once()
    assert two.keeping.passes == 1
    two.old.state = State.READ_ONLY
    for _ in range(2):
        await two.keeping.once()
    assert [row async for row in Census(two.ocean.meta.engine).rows()] == []


async def _pieces(body: bytes) -> AsyncIterator[bytes | memoryview]:
    yield body


async def test_a_rebalance_evens_out_and_then_rests() -> None:
    two = await Two.make()
    keys = [f"k{number}" for number in range(200)]
    for key in keys:
        await two.put(key, key.encode() * 100)
    two.new.state = State.ACTIVE
    asked = replace(two.topology(), rebalance=Rebalance(1, stopped=False))
    ocean = two.ocean
    rebalancing = Rebalancing(
        ocean.meta, ocean.blobs, two.watch, two.custody, lambda: asked, ocean.place, ocean.inflight
    )
    await rebalancing.once()
    count = len(await two.places("new.large"))
    assert 70 <= count <= 130, "half of them"
    assert len(await two.places("old.large")) == 200 - count
    for key in keys:
        assert await two.get(key) == key.encode() * 100
    asked = replace(asked, rebalance=Rebalance(2, stopped=False))
    before = await two.places("new.large"), await two.places("old.large")
    await rebalancing.once()
    assert (await two.places("new.large"), await two.places("old.large")) == before
