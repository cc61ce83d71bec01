"""Encrypted bytes are moved as they lie, by jobs that have no key, also under who reads them."""

import pytest
from msgspec.structs import replace

from blobstore.blobs import ANYWHERE, Target
from blobstore.frames import Needle
from metastore.records import Algorithm, EncryptionMode, Version
from ocean.body.cipher import CHUNK, sealed_size
from ocean.jobs.rebalance import Rebalancing
from ocean.objects import label
from ocean.objects.encryption import Cipher, EncryptionRequest, Subject
from ocean.objects.put import Expected
from ocean.partitions.records import Rebalance, Rule
from tests.properties.test_sealed_ranges import POOL, body
from tests.support.two import BUCKET, OWNER, Two

KEY = bytes(range(32))  # a client's: no process of the store has it
ASKED = EncryptionRequest(EncryptionMode.C, customer_key=KEY)
SIZES = {"small": 900, "chunk": CHUNK, "large": 200_000, "long": 2_500_000}


async def put(two: Two, key: str, data: bytes) -> Version:
    return await two.ocean.put(
        BUCKET,
        key,
        Version(owner=OWNER),
        body(data, 70_000, known=True),
        expected=Expected(),
        guard=lambda _current: None,
        encrypt=ASKED,
    )


async def upload(two: Two, key: str, *parts: bytes, complete: bool = True) -> None:
    verbs = two.ocean.multipart
    upload_id = await verbs.create(
        BUCKET,
        key,
        Version(owner=OWNER),
        initiator=OWNER,
        algorithm=Algorithm.NONE,
        composite=False,
        encrypt=ASKED,
    )
    begun = await verbs.find(BUCKET, key, upload_id)
    assert begun.draft.encryption is not None
    subject = Subject.of_upload(BUCKET.id, begun)
    cipher = await two.ocean.ciphers.opened(begun.draft.encryption, subject, KEY)
    asked = []
    for number, data in enumerate(parts, 1):
        spool = body(data, 70_000, known=True)
        part = await verbs.upload_part(BUCKET, begun, number, spool, Expected(), cipher)
        asked.append((number, part.etag.hex(), ""))
    if complete:
        await verbs.complete(
            BUCKET, begun, asked, expected=None, size=None, guard=lambda _current: None
        )


async def opened(two: Two, key: str) -> tuple[Version, Cipher]:
    version = await two.ocean.get.version(BUCKET, key, None)
    assert version.encryption is not None
    subject = Subject.of(BUCKET.id, key, version)
    return version, await two.ocean.ciphers.opened(version.encryption, subject, KEY)


async def get(two: Two, key: str) -> bytes:
    version, cipher = await opened(two, key)
    small = await two.ocean.get.small(BUCKET, key, version, 0, version.size, cipher)
    if small is not None:
        return small
    stream = two.ocean.get.stream(BUCKET, key, version, 0, version.size, cipher)
    return b"".join([bytes(piece) async for piece in stream])


async def test_all_of_a_partition_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCEAN_TEST_MIN_PART", "0")
    two = await Two.make(threshold=1000)
    for key, size in SIZES.items():
        await put(two, key, POOL[:size])
    await upload(two, "parts", POOL[:500], POOL[:100_000], POOL[:1])
    await upload(two, "begun", POOL[:500], POOL[:100_000], complete=False)
    two.begin_drain()
    for _ in range(3):
        await two.drain.once()
    for pool in ("old.small", "old.large", "old.settled"):
        assert await two.places(pool) == []
    for key, size in SIZES.items():
        assert await get(two, key) == POOL[:size]
    assert await get(two, "parts") == POOL[:500] + POOL[:100_000] + POOL[:1]


async def test_bytes_that_move_under_who_reads_them() -> None:
    """The range goes on where it was, in the middle of a chunk."""
    two = await Two.make(threshold=1000)
    await put(two, "key", POOL[: SIZES["long"]])
    version, cipher = await opened(two, "key")
    start, stop = 5, SIZES["long"] - 7
    stream = two.ocean.get.stream(BUCKET, "key", version, start, stop, cipher)
    found = bytes(await anext(stream))
    two.begin_drain()
    for _ in range(2):
        await two.drain.once()
    assert await two.places("old.large") == []
    async for piece in stream:
        found += piece
    assert found == POOL[start:stop]


async def test_a_needle_that_moves_under_who_reads_it() -> None:
    two = await Two.make(threshold=1000)
    await put(two, "key", POOL[:900])
    version, cipher = await opened(two, "key")
    two.begin_drain()
    for _ in range(2):
        await two.drain.once()
    assert await two.places("old.small") == []
    small = await two.ocean.get.small(BUCKET, "key", version, 5, 9, cipher)
    assert small == POOL[5:9]


async def test_rules_of_placement_count_the_bytes_that_clients_see() -> None:
    """At a rebalance as at the put, though more lie there."""
    two = await Two.make(threshold=CHUNK)
    sizes: list[int | None] = []

    def noted(_bucket: str, _key: str, size: int | None, _storage_class: int) -> Target:
        sizes.append(size)
        return ANYWHERE

    for key in ("small", "large"):
        await put(two, key, POOL[: SIZES[key]])
    two.new.state = two.old.state
    rules = (Rule("r", partitions=("old", "new")),)
    asked = replace(two.topology(), rules=rules, rebalance=Rebalance(1, stopped=False))
    ocean = two.ocean
    rebalancing = Rebalancing(
        ocean.meta, ocean.blobs, two.watch, two.custody, lambda: asked, noted, ocean.inflight
    )
    await rebalancing.once()
    assert set(sizes) == {SIZES["small"], SIZES["large"]}


async def test_a_needle_holds_more_than_its_label_says() -> None:
    two = await Two.make(threshold=CHUNK)
    await put(two, "key", POOL[:CHUNK])
    (place,) = await two.places("old.small")
    (needle,) = [found async for found in two.ocean.blobs.scan(place)]
    assert isinstance(needle, Needle)
    owner = label.decode(needle.label)
    assert owner is not None
    assert (needle.size, owner.size) == (sealed_size(CHUNK), CHUNK)
    assert owner.body_size(needle.size) == CHUNK
