"""Metadata from labels alone: over stores in memory, then the rows are thrown away."""

import hashlib
import os
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from blobstore.blobs import Blobs
from blobstore.ids import BlobNames, parse
from blobstore.memory import Memory
from metastore.listing import Scope
from metastore.lives import Lives
from metastore.memory import MemoryEngine
from metastore.records import Algorithm, Bucket, Version
from metastore.retention_records import BucketLock, LockDefault, Retention, RetentionMode
from metastore.store import MetaStore
from ocean.errors import AccessDenied
from ocean.fsck import Fault, Fsck
from ocean.objects.get import version_id_of
from ocean.objects.put import Expected, Spool
from ocean.objects.verify import FaultKind
from ocean.rebuild import MARK, Rebuild, Rebuilt
from ocean.store import Ocean
from tests.support.embedded import content

ROOT = "cd" * 32
OWNER = "ab" * 32
BUCKET = Bucket(name="bucket", id=b"\x01bucket\xff", owner=OWNER, created_ms=0)
THRESHOLD = 1000
EXTENT = 1 << 20


class Clock:
    """Each look is a second later."""

    def __init__(self) -> None:
        self.ms = 1_700_000_000_000

    def now_ms(self) -> int:
        self.ms += 1000
        return self.ms


class World(NamedTuple):
    """The stores of blobs, which stay, and a clock."""

    small: Memory
    large: Memory
    clock: Clock

    async def begin(self) -> Ocean:
        """A process on new metadata and the blobs that are there."""
        engine = MemoryEngine()
        names = BlobNames(0)
        blobs = Blobs.of(self.small, self.large, names, threshold=THRESHOLD, extent_limit=EXTENT)
        for pool in blobs.pools:
            epochs = [parse(place.blob).epoch async for place in blobs.list(pool)]
            await Lives(engine).skip(max(epochs, default=0))
        meta = await MetaStore.begin(engine)
        names.epoch = meta.life.epoch
        return Ocean(meta, blobs, self.clock)


class Rebuildable(NamedTuple):
    """A rebuilt store."""

    ocean: Ocean
    done: Rebuilt
    bucket: Bucket

    async def faults(self) -> list[Fault]:
        fsck = Fsck(self.ocean.meta.engine, self.ocean.blobs, verify=True)
        return [fault async for fault in fsck.run()]


@pytest.fixture
def world() -> World:
    return World(Memory(name="small"), Memory(name="large"), Clock())


@pytest.fixture
async def ocean(world: World) -> Ocean:
    begun = await world.begin()
    await begun.meta.buckets.create(BUCKET)
    return begun


def body(data: bytes, *, known: bool = True) -> Spool:
    async def pieces() -> AsyncIterator[bytes | memoryview]:
        yield data

    return Spool(pieces(), len(data) if known else None)


async def put(
    ocean: Ocean, key: str, data: bytes, bucket: Bucket = BUCKET, **draft: object
) -> Version:
    version = Version(**{"owner": OWNER, **draft})  # type: ignore[arg-type]
    return await ocean.put(
        bucket, key, version, body(data), expected=Expected(), guard=lambda _current: None
    )


async def rebuild(world: World, names: dict[bytes, str] | None = None) -> Rebuildable:
    class Silent:
        def step(self, text: str) -> None: ...
        def count(self, amount: int) -> None: ...
        def rows(self, done: int) -> None: ...

    ocean = await world.begin()
    done = await Rebuild(ocean, ROOT, "us-east-1", names or {}, Silent()).run()
    bucket = await ocean.meta.buckets.find(f"recovered-{BUCKET.id.hex()}")
    return Rebuildable(ocean, done, bucket or BUCKET)


SIZES = (1, THRESHOLD, THRESHOLD + 1, 70_000, EXTENT, 2 * EXTENT + 5)


async def test_objects_come_back_with_all_that_their_labels_say(world: World, ocean: Ocean) -> None:
    data = {f"dir/{size}": os.urandom(size) for size in SIZES}
    draft: dict[str, Any] = {
        "headers": {"content-type": "text/plain"},
        "metadata": {"color": "green"},
        "tags": (("a", "b"),),
    }
    before = {key: await put(ocean, key, bytes_, **draft) for key, bytes_ in data.items()}
    again = await rebuild(world)
    assert again.done == Rebuilt(1, len(SIZES), 0, 0, 0)
    for key, old in before.items():
        new = await again.ocean.get.version(again.bucket, key, None)
        fields = ("op", "size", "modified_ms", "etag", "owner", "checksum", "manifest")
        for name in (*fields, "headers", "metadata", "tags"):
            assert getattr(new, name) == getattr(old, name), name
        assert await content(again.ocean, again.bucket, key) == data[key]
    assert await again.faults() == []


async def test_what_was_written_under_a_lock_stays_under_it(world: World, ocean: Ocean) -> None:
    retention = Retention(RetentionMode.COMPLIANCE, 2**45)
    default = BucketLock(LockDefault(RetentionMode.GOVERNANCE, days=1))
    locked = await ocean.meta.buckets.change(BUCKET, lambda bucket: replace(bucket, lock=default))
    for key, draft in (
        ("own", {"retention": retention}),
        ("held", {"legal_hold": True}),
        ("default", {}),
    ):
        await put(ocean, key, b"data", locked, **draft)
    upload_id = await ocean.multipart.create(
        locked,
        "parts",
        Version(owner=OWNER, retention=retention, legal_hold=True),
        initiator="",
        algorithm=Algorithm.NONE,
        composite=False,
    )
    upload = await ocean.multipart.find(locked, "parts", upload_id)
    await ocean.multipart.upload_part(locked, upload, 1, body(b"part"), Expected())
    again = await rebuild(world)
    assert again.bucket.lock == BucketLock()
    for key in ("own", "held", "default", "parts"):
        version = await again.ocean.get.version(again.bucket, key, None)
        assert version.legal_hold is (True if key in {"held", "parts"} else None)
        mode = RetentionMode.GOVERNANCE if key in {"held", "default"} else RetentionMode.COMPLIANCE
        assert version.retention is not None
        assert version.retention.mode is mode
        with pytest.raises(AccessDenied):
            await again.ocean.delete(
                again.bucket, key, version_id_of(version), lambda _current: None
            )


async def test_the_newest_is_current_and_older_writes_are_versions(
    world: World, ocean: Ocean
) -> None:
    for text in (b"one", b"two", b"three"):
        await put(ocean, "key", text)
    again = await rebuild(world)
    assert await content(again.ocean, again.bucket, "key") == b"three"
    page = await again.ocean.meta.listing.versions(Scope(again.bucket.id), "", "", 10)
    assert [entry.summary.size for entry in page.entries] == [5, 3, 3]


async def test_parts_are_put_together_and_marked(world: World, ocean: Ocean) -> None:
    parts = {1: os.urandom(70_000), 2: os.urandom(900), 4: os.urandom(5)}
    upload_id = await ocean.multipart.create(
        BUCKET, "key", Version(owner=OWNER), initiator="", algorithm=Algorithm.NONE, composite=False
    )
    upload = await ocean.multipart.find(BUCKET, "key", upload_id)
    for number, data in ((1, b"replaced"), *parts.items()):
        await ocean.multipart.upload_part(BUCKET, upload, number, body(data), Expected())
    again = await rebuild(world)
    assert again.done == Rebuilt(1, 1, 1, 0, 0)
    version = await again.ocean.get.version(again.bucket, "key", None)
    assert await content(again.ocean, again.bucket, "key") == b"".join(parts.values())
    md5s = b"".join(hashlib.md5(data).digest() for data in parts.values())
    assert version.etag_text == f"{hashlib.md5(md5s).hexdigest()}-3"
    assert version.metadata == {MARK: "3 parts, the last has number 4"}
    assert version.modified_ms == upload.initiated_ms
    kinds = [fault.kind for fault in await again.faults()]
    assert set(kinds) <= {FaultKind.ORPHAN}


async def test_an_older_upload_does_not_hide_a_newer_object(world: World, ocean: Ocean) -> None:
    upload_id = await ocean.multipart.create(
        BUCKET, "key", Version(owner=OWNER), initiator="", algorithm=Algorithm.NONE, composite=False
    )
    upload = await ocean.multipart.find(BUCKET, "key", upload_id)
    await ocean.multipart.upload_part(BUCKET, upload, 1, body(b"part"), Expected())
    await put(ocean, "key", b"object")
    again = await rebuild(world)
    assert again.done.versions == 2
    assert await content(again.ocean, again.bucket, "key") == b"object"


async def test_a_write_that_was_broken_off_or_damaged_is_left_alone(
    world: World, ocean: Ocean
) -> None:
    for key in ("torn", "rotten", "good"):
        await put(ocean, key, os.urandom(300_000))
    await put(ocean, "small", b"x" * 500)
    torn, rotten, _ = [name async for name in world.large.list()]
    world.large.cut(torn, 200_000)
    world.large.damage(rotten, 100_000, 1)
    await world.large.create("00000001-00000000ffff", b"no blob of ours")
    (volume,) = [name async for name in world.small.list()]
    world.small.damage(volume, 400, 1)
    again = await rebuild(world)
    assert again.done == Rebuilt(1, 1, 0, 3, 1)
    assert len(await content(again.ocean, again.bucket, "good")) == 300_000
    assert {fault.blob for fault in await again.faults()} >= {torn, rotten}


async def test_new_lives_make_new_names(world: World, ocean: Ocean) -> None:
    await put(ocean, "key", b"before")
    again = await rebuild(world)
    lives = await Lives(again.ocean.meta.engine).list()
    assert again.ocean.meta.life.epoch > ocean.meta.life.epoch
    assert ocean.meta.life.epoch in [life.epoch for life in lives]


async def test_a_name_that_could_still_be_read_is_kept(world: World, ocean: Ocean) -> None:
    await put(ocean, "key", b"data")
    again = await rebuild(world, {BUCKET.id: "bucket", b"another.": "other"})
    assert [bucket.name async for bucket in again.ocean.meta.buckets.list()] == ["bucket"]
