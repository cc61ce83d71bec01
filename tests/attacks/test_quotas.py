"""Quotas hold: writers beside each other get what there is, and what is gone makes room again."""

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from metastore.records import Bucket, LifeState, Quota
from metastore.store import MetaStore
from metastore.usage import Ledger
from ocean.jobs.counting import Counting
from ocean.jobs.watch import Watch
from ocean.lifecycle.acts import Acts
from ocean.objects.quotas import of_bucket
from ocean.rules.lifecycle import DAY_MS
from ocean.store import SystemClock
from tests.attacks.test_authorization import ask
from tests.support.documents import ENABLED, versioning
from tests.support.inprocess import OTHER, OWNER, ROOT, Answer, InProcess
from tests.support.signing import Choices, by_header

OF_BUCKET, OF_USER = "/v1/buckets/bucket/quota", "/v1/users/owner/quota"
SUSPENDED = versioning("Suspended")


class Tomorrow(SystemClock):
    """Three days on."""

    def now_ms(self) -> int:
        return super().now_ms() + 3 * DAY_MS


class Store(NamedTuple):
    """A gateway, and the job that counts."""

    gateway: InProcess
    counting: Counting

    @classmethod
    async def begin(cls, route: str = OF_BUCKET, grace: float = 0, **quota: int) -> "Store":
        """OWNER's empty bucket under a quota that was counted, if there is one."""
        gateway = await InProcess.begin()
        ocean = gateway.ocean
        watch = Watch(ocean.meta)
        counting = Counting(
            ocean.meta, ocean.quotas.ledger, watch, ocean.clock, grace=grace, interval=1
        )
        store = cls(gateway, counting)
        assert await store.put(target="/bucket", body=b"") == 200
        if quota:
            await store.set(route, **quota)
        return store

    async def set(self, route: str, **quota: int) -> None:
        await self.admin("PUT", route, json.dumps(quota).encode())
        await self.counting.once()

    async def admin(self, method: str, route: str, body: bytes = b"") -> Any:
        choices = Choices(pair=ROOT, payload=hashlib.sha256(body).hexdigest())
        signed = by_header(method, route, {}, choices)
        answer = await self.gateway.ask(method, *signed, body, handler=self.gateway.admin.handle)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    async def used(self, route: str = OF_BUCKET) -> tuple[int, int]:
        await self.gateway.ocean.quotas.ledger.settle()
        shown = await self.admin("GET", route)
        return shown["used_size"], shown["used_objects"]

    async def put(self, target: str = "/bucket/key", body: bytes = b"12345") -> int:
        return (await ask(self.gateway, OWNER, "PUT", target, body=body)).status

    async def ask(self, method: str, target: str, body: bytes = b"") -> Answer:
        return await ask(self.gateway, OWNER, method, target, body=body)


async def test_two_hundred_writers_at_the_limit() -> None:
    store = await Store.begin(size=500)
    statuses = await asyncio.gather(*(store.put(f"/bucket/{n}") for n in range(200)))
    assert (statuses.count(200), statuses.count(403)) == (100, 100)
    assert await store.used() == (500, 100)


@pytest.mark.parametrize("route", [OF_BUCKET, OF_USER])
async def test_overwriting_and_deleting_make_room(route: str) -> None:
    store = await Store.begin(route, size=10, objects=2)
    assert [await store.put(f"/bucket/{n}") for n in range(3)] == [200, 200, 403]
    refused = await store.ask("PUT", "/bucket/3", b"12345")
    assert b"<Code>QuotaExceeded</Code>" in refused.body
    assert (await store.ask("DELETE", "/bucket/0")).status == 204
    assert await store.used(route) == (5, 1)
    assert await store.put("/bucket/0", b"1234") == 200
    assert (await store.ask("DELETE", "/bucket/1")).status == 204
    assert await store.used(route) == (4, 1)
    assert await store.put("/bucket/0", b"123456") == 200
    assert await store.used(route) == (6, 1)
    assert await store.put("/bucket/0", b"12345") == 403, "both are there for a moment"


@pytest.mark.parametrize("by", ["PUT", "DELETE"])
async def test_a_null_version_below_others_makes_room_when_it_is_replaced(by: str) -> None:
    store = await Store.begin(size=100)
    assert await store.put(body=b"1") == 200  # a null version, in a row of its own after the next
    assert (await store.ask("PUT", "/bucket?versioning", ENABLED)).status == 200
    assert await store.put(body=b"22") == 200
    assert await store.used() == (3, 2)
    assert (await store.ask("PUT", "/bucket?versioning", SUSPENDED)).status == 200
    assert (await store.ask(by, "/bucket/key", b"4444" * (by == "PUT"))).status < 300
    assert await store.used() == ((6, 2) if by == "PUT" else (2, 1))
    assert await store.put(body=b"88888888") == 200
    assert await store.used() == (10, 2)


async def test_versions_count_until_they_are_erased() -> None:
    store = await Store.begin(size=10)
    assert (await store.ask("PUT", "/bucket?versioning", ENABLED)).status == 200
    first = (await store.ask("PUT", "/bucket/key", b"12345")).headers["x-amz-version-id"]
    assert await store.put() == 200
    assert (await store.ask("DELETE", "/bucket/key")).status == 204
    assert await store.used() == (10, 2), "a delete marker holds nothing and frees nothing"
    assert await store.put() == 403
    assert (await store.ask("DELETE", f"/bucket/key?versionId={first}")).status == 204
    assert await store.used() == (5, 1)
    assert await store.put() == 200


async def test_uploads_in_parts_and_copies_count() -> None:
    store = await Store.begin(size=10)
    made = await store.ask("POST", "/bucket/parts?uploads")
    found = re.search(rb"<UploadId>(.*?)</UploadId>", made.body)
    assert found
    at = f"/bucket/parts?uploadId={found[1].decode()}"
    etag = (await store.ask("PUT", f"{at}&partNumber=1", b"12345678")).headers["etag"]
    assert await store.put() == 200
    whole = (
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
        f"<ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    ).encode()
    full = await store.ask("POST", at, whole)
    assert (full.status, b"QuotaExceeded" in full.body) == (403, True)
    assert await store.used() == (5, 1)
    assert (await store.ask("DELETE", "/bucket/key")).status == 204
    await store.gateway.ocean.quotas.ledger.settle()
    assert (await store.ask("POST", at, whole)).status == 200, "the upload is still there"
    assert await store.used() == (8, 1)
    copy = {"x_amz_copy_source": "/bucket/parts"}
    refused = await ask(store.gateway, OWNER, "PUT", "/bucket/copy", **copy)
    assert b"QuotaExceeded" in refused.body


async def test_what_was_refused_or_failed_takes_no_room() -> None:
    store = await Store.begin(size=10)
    wrong = {"content_md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
    bad = await ask(store.gateway, OWNER, "PUT", "/bucket/key", body=b"12345", **wrong)
    assert bad.status == 400
    assert await store.put() == 200
    unless = {"if_none_match": "*"}
    late = await ask(store.gateway, OWNER, "PUT", "/bucket/key", body=b"12345", **unless)
    assert late.status == 412
    assert await store.used() == (5, 1)


async def test_a_quota_of_a_user_is_over_all_its_buckets_and_nobody_else_s() -> None:
    store = await Store.begin(OF_USER, objects=2)
    assert await store.put("/second", b"") == 200, "a bucket that comes later is under it too"
    assert [await store.put(at) for at in ("/bucket/a", "/second/b", "/second/c")] == [
        200,
        200,
        403,
    ]
    assert (await ask(store.gateway, OTHER, "PUT", "/third")).status == 200
    theirs = [await ask(store.gateway, OTHER, "PUT", f"/third/{n}", body=b"") for n in range(3)]
    assert [one.status for one in theirs] == [200] * 3


async def test_a_bucket_that_goes_while_a_user_s_quota_is_set_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = await Store.begin(OF_USER, objects=2)
    buckets = store.gateway.ocean.meta.buckets
    there = [bucket async for bucket in buckets.list()]
    gone = [replace(bucket, name=f"gone-{bucket.name}") for bucket in there]

    async def listed() -> AsyncIterator[Bucket]:
        for bucket in (*gone, *there):
            yield bucket

    monkeypatch.setattr(buckets, "list", listed)
    await store.admin("PUT", OF_USER, b'{"objects": 3}')
    found = await buckets.find("bucket")
    assert found
    assert found.owner_quota == Quota(None, 3)


async def test_what_was_there_before_is_counted() -> None:
    store = await Store.begin(objects=100)
    assert (await store.ask("PUT", "/bucket?versioning", ENABLED)).status == 200
    for body in (b"1", b"22", b"333"):
        assert await store.put(body=body) == 200
    assert await store.used() == (6, 3)
    await store.set(OF_BUCKET)
    assert await store.put("/bucket/other", b"4444") == 200
    await store.set(OF_BUCKET, objects=4)
    assert await store.used() == (10, 4)
    assert await store.put() == 403


async def test_a_count_puts_right_what_a_life_left_that_is_over() -> None:
    store = await Store.begin(objects=2)
    ocean = store.gateway.ocean
    bucket = await ocean.meta.buckets.find("bucket")
    assert bucket
    await ocean.quotas.take(bucket, 5)  # and dies before it commits
    await ocean.quotas.take(bucket, 5)
    assert await store.put() == 403
    await store.counting.once()
    assert await store.put() == 403, "a life that goes on may commit yet"
    assert ocean.meta.life.state is LifeState.LIVE
    await ocean.meta.lives.change(ocean.meta.life, LifeState.ENDED, 0)
    heir = await MetaStore.begin(ocean.meta.engine)
    ledger = Ledger(heir.engine, heir.edits)
    await Counting(heir, ledger, Watch(heir), ocean.clock, grace=0, interval=1).once()
    assert (await ledger.find(of_bucket(bucket.id))).used == (0, 0)


async def test_what_lifecycle_rules_remove_makes_room() -> None:
    store = await Store.begin(size=100)
    ocean = store.gateway.ocean
    assert (await store.ask("PUT", "/bucket?versioning", ENABLED)).status == 200
    for body in (b"1", b"22", b"333"):
        assert await store.put(body=body) == 200
    rules = (
        b"<LifecycleConfiguration><Rule><ID>old</ID><Status>Enabled</Status><Filter/>"
        b"<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>"
        b"</NoncurrentVersionExpiration></Rule></LifecycleConfiguration>"
    )
    md5 = base64.b64encode(hashlib.md5(rules, usedforsecurity=False).digest()).decode()
    put = await ask(store.gateway, OWNER, "PUT", "/bucket?lifecycle", body=rules, content_md5=md5)
    assert put.status == 200, put.body
    bucket = await ocean.meta.buckets.find("bucket")
    assert bucket
    acts = Acts(ocean.meta, ocean.discard, Tomorrow(), day_ms=DAY_MS)
    await acts.key(bucket, "key", await ocean.meta.objects.head(bucket.id, "key"))
    assert await store.used() == (3, 1)
