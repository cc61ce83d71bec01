"""Quotas that are set, removed and counted while buckets come, fill and empty."""

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from metastore.engine import Corrupt, Swap, Table, Unavailable
from metastore.records import Bucket, Quota
from metastore.usage import Count, Ledger, Usage
from ocean.objects.quotas import of_bucket
from tests.attacks.test_quotas import OF_BUCKET, OF_USER, Store

GRACE = 0.05


Doing = Callable[[], Coroutine[Any, Any, None]]


async def count_beside(store: Store, doing: Doing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Count, and do something between the look at the row and the one at the buckets."""
    scopes, looks = store.counting._scopes, iter((False, True))

    async def look() -> dict[bytes, list[Bucket]]:
        if next(looks):
            await doing()
        return await scopes()

    with monkeypatch.context() as patch:
        patch.setattr(store.counting, "_scopes", look)
        await store.counting.once()


async def stored(store: Store, *names: str) -> tuple[int, int]:
    """What a scan finds in buckets."""
    found = [await store.counting.count(await id_of(store, name)) for name in names]
    return sum(one.size for one in found), sum(one.objects for one in found)


async def announce(store: Store, route: str, **quota: int) -> None:
    """Set a quota that is not counted yet."""
    await store.admin("PUT", route, json.dumps(quota).encode())


@pytest.mark.parametrize("route", [OF_BUCKET, OF_USER])
async def test_what_came_while_there_was_no_quota_is_counted(route: str) -> None:
    store = await Store.begin(route, size=1000)
    await announce(store, route)  # none any more
    for n in range(3):
        assert await store.put(f"/bucket/{n}", bytes(100)) == 200
    await announce(store, route, size=10)
    assert not (await store.admin("GET", route))["counted"]
    await store.counting.once()
    assert await store.used(route) == (300, 3)
    assert await store.put() == 403


async def test_a_bucket_made_while_others_are_counted_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = await Store.begin(grace=GRACE)
    await announce(store, OF_BUCKET, size=1000)
    await announce(store, OF_USER, size=1000)

    async def more() -> None:
        assert await store.put("/second", b"") == 200
        assert await store.put("/second/key", bytes(900)) == 200

    await count_beside(store, more, monkeypatch)
    assert await store.used(OF_USER) >= await stored(store, "bucket", "second")
    assert await store.put("/second/more", bytes(450)) == 403


async def test_a_bucket_without_its_owner_s_quota_gets_it_and_is_counted() -> None:
    """Its creation had begun before the quota was set, or the quota was spread in part."""
    store = await Store.begin(OF_USER, size=1000)
    buckets = store.gateway.ocean.meta.buckets
    bucket = await buckets.find("bucket")
    assert bucket is not None
    for quota in (None, Quota(size=5)):
        await buckets.change(bucket, partial(replace, owner_quota=quota))
        if quota is None:
            assert await store.put(body=bytes(900)) == 200
        await store.counting.once()
        assert await store.used(OF_USER) == (900, 1)
        found = await buckets.find("bucket")
        assert found is not None
        assert found.owner_quota == Quota(size=1000)
    assert await store.put("/bucket/more", bytes(450)) == 403


async def test_a_quota_that_is_set_while_the_leader_looks_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = await Store.begin()
    buckets = store.gateway.ocean.meta.buckets
    listed = buckets.list

    async def slowly() -> AsyncIterator[Bucket]:
        there = [bucket async for bucket in listed()]
        monkeypatch.setattr(buckets, "list", listed)
        await announce(store, OF_USER, size=10)
        for bucket in there:
            yield bucket

    monkeypatch.setattr(buckets, "list", slowly)
    await store.counting.once()
    found = await buckets.find("bucket")
    assert found is not None
    assert found.owner_quota == Quota(size=10)


async def test_a_spread_that_ended_halfway_is_made_good(monkeypatch: pytest.MonkeyPatch) -> None:
    store = await Store.begin()
    assert await store.put("/second", b"") == 200
    buckets = store.gateway.ocean.meta.buckets
    change = buckets.change

    async def failing(bucket: Bucket, how: Callable[[Bucket], Bucket]) -> Bucket:
        if bucket.name == "second":
            raise Unavailable("for a moment")
        return await change(bucket, how)

    monkeypatch.setattr(buckets, "change", failing)
    with suppress(AssertionError):
        await announce(store, OF_USER, size=1000)
    await store.counting.once()
    assert await store.put("/second/key", bytes(900)) == 200
    monkeypatch.setattr(buckets, "change", change)
    await store.counting.once()
    assert await store.used(OF_USER) == (900, 1)


async def test_a_removal_that_a_count_did_not_see_is_taken_off_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = await Store.begin(grace=GRACE)
    for n in range(10):
        assert await store.put(f"/bucket/{n}", bytes(100)) == 200
    await announce(store, OF_BUCKET, size=10_000)

    async def remove() -> None:
        for n in range(4):
            assert (await store.ask("DELETE", f"/bucket/{n}")).status == 204

    await count_beside(store, remove, monkeypatch)
    assert await store.used() >= (600, 6)
    await count_again(store)
    assert await store.used() == (600, 6)


async def count_again(store: Store) -> None:
    """Count as if a day had passed."""
    ledger = store.gateway.ocean.quotas.ledger
    scope = of_bucket(await id_of(store))
    usage = await ledger.find(scope)
    await ledger.counted(scope, Count(usage, usage.used))  # due at once
    await store.counting.once()


async def test_what_is_overwritten_beside_the_first_count_is_put_right_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = await Store.begin(grace=GRACE)
    await announce(store, OF_BUCKET, size=1000)

    async def overwrite() -> None:
        for _ in range(8):
            assert await store.put(body=bytes(100)) == 200

    await count_beside(store, overwrite, monkeypatch)
    assert await store.used() >= (100, 1)
    await count_again(store)
    assert await store.used() == (100, 1)


async def test_a_usage_that_cannot_be_read_keeps_nobody_else_from_being_counted() -> None:
    store = await Store.begin(size=10)
    ocean = store.gateway.ocean
    assert await store.put("/second", b"") == 200
    row = await damage(ocean.meta.engine, ocean.quotas.ledger, await id_of(store))
    await store.set("/v1/buckets/second/quota", size=10)
    assert await store.put("/second/key", bytes(1000)) == 403
    assert await ocean.meta.engine.get(Table.JOBS, row) == b"damaged"


async def id_of(store: Store, name: str = "bucket") -> bytes:
    bucket = await store.gateway.ocean.meta.buckets.find(name)
    assert bucket is not None
    return bucket.id


async def damage(engine: Any, ledger: Ledger, bucket_id: bytes) -> bytes:
    """The row of a usage, which nobody can read any more."""
    row = b"usage\0" + of_bucket(bucket_id)
    old = await engine.get(Table.JOBS, row)
    assert await engine.swap(Swap(Table.JOBS, row, old, b"damaged"))
    with pytest.raises(Corrupt):
        assert isinstance(await ledger.find(of_bucket(bucket_id)), Usage)
    return row
