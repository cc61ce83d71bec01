"""Any range of an object of any parts, sealed and read back through the store."""

from collections.abc import AsyncIterator, Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blobstore.blobs import Blobs
from blobstore.ids import BlobNames
from blobstore.memory import Memory
from metastore.memory import MemoryEngine
from metastore.records import Algorithm, Bucket, EncryptionMode, Version
from metastore.store import MetaStore
from ocean.body.cipher import CHUNK
from ocean.keys.local import MasterKey
from ocean.keys.named import LocalKeys, NamedKeys
from ocean.objects.encryption import Cipher, EncryptionRequest, Subject
from ocean.objects.put import Expected, Spool
from ocean.store import Ocean

OWNER = "ab" * 32
BUCKET = Bucket(name="bucket", id=b"12345678", owner=OWNER, created_ms=0)
ASKED = EncryptionRequest(EncryptionMode.S3)
EXTENT = 1 << 20  # the least limit, so that long parts lie in several extents
POOL = Random(1).randbytes(3 * EXTENT)

edges = st.builds(
    lambda chunks, more: max(chunks * CHUNK + more, 0), st.integers(0, 17), st.integers(-2, 2)
)
sizes = edges | st.integers(0, 1000) | st.integers(0, EXTENT + CHUNK)
places = st.integers(-2, 2) | st.integers(0, len(POOL))


async def store(threshold: int) -> Ocean:
    engine = MemoryEngine()
    meta = await MetaStore.begin(engine)
    names = BlobNames(meta.life.epoch)
    small, large = Memory(name="small"), Memory(name="large")
    blobs = Blobs.of(small, large, names, threshold=threshold, extent_limit=EXTENT)
    await meta.buckets.create(BUCKET)
    return Ocean(meta, blobs, keys=LocalKeys(NamedKeys(engine, MasterKey(bytes(32)))))


def body(data: bytes, step: int, *, known: bool) -> Spool:
    async def pieces() -> AsyncIterator[bytes | memoryview]:
        for start in range(0, len(data), step):
            yield data[start : start + step]

    return Spool(pieces(), len(data) if known else None)


async def upload(ocean: Ocean, parts: Sequence[bytes], step: int) -> Version:
    """An object of these parts, of which every second one was sent before."""
    verbs = ocean.multipart
    upload_id = await verbs.create(
        BUCKET,
        "key",
        Version(owner=OWNER),
        initiator=OWNER,
        algorithm=Algorithm.NONE,
        composite=False,
        encrypt=ASKED,
    )
    begun = await verbs.find(BUCKET, "key", upload_id)
    assert begun.draft.encryption is not None
    subject = Subject.of_upload(BUCKET.id, begun)
    cipher = await ocean.ciphers.opened(begun.draft.encryption, subject)
    asked = []
    for number, data in enumerate(parts, 1):
        for sent in (data[::-1], data) if number % 2 else (data,):
            spool = body(sent, step, known=bool(number % 3))
            part = await verbs.upload_part(BUCKET, begun, number, spool, Expected(), cipher)
        asked.append((number, part.etag.hex(), ""))
    return await verbs.complete(
        BUCKET, begun, asked, expected=None, size=None, guard=lambda _current: None
    )


async def put(ocean: Ocean, data: bytes, step: int, *, known: bool) -> Version:
    return await ocean.put(
        BUCKET,
        "key",
        Version(owner=OWNER),
        body(data, step, known=known),
        expected=Expected(),
        guard=lambda _current: None,
        encrypt=ASKED,
    )


async def check(ocean: Ocean, version: Version, whole: bytes, at: Sequence[int]) -> None:
    """Every range between two of the places."""
    assert version.encryption is not None
    subject = Subject.of(BUCKET.id, "key", version)
    cipher = await ocean.ciphers.opened(version.encryption, subject)
    assert version.size == len(whole)
    ends = sorted({min(max(place, 0), len(whole)) for place in (*at, len(whole))})
    for start in ends:
        for stop in ends:
            if start < stop:
                found = await read(ocean, version, start, stop, cipher)
                assert found == whole[start:stop], (start, stop)


async def read(ocean: Ocean, version: Version, start: int, stop: int, cipher: Cipher) -> bytes:
    small = await ocean.get.small(BUCKET, "key", version, start, stop, cipher)
    if small is not None:
        return small
    pieces = ocean.get.stream(BUCKET, "key", version, start, stop, cipher)
    found = [bytes(piece) async for piece in pieces]
    assert all(found), "an empty piece would pass for a verified one"
    return b"".join(found)


def cut(sizes: Sequence[int]) -> list[bytes]:
    """Bytes of these sizes, each part other ones."""
    return [POOL[number * 7 : number * 7 + size] for number, size in enumerate(sizes)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(sizes, min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(0, 5), places), max_size=4),
    st.sampled_from([0, 1000, CHUNK, 3 * CHUNK]),
    st.sampled_from([1000, 100_000, 1 << 20]),
)
async def test_uploads_in_parts(
    sizes: list[int], places: list[tuple[int, int]], threshold: int, step: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OCEAN_TEST_MIN_PART", "0")
        ocean = await store(threshold)
    parts = cut(sizes)
    version = await upload(ocean, parts, step)
    at = [sum(sizes[:part]) + place for part, place in places]
    await check(ocean, version, b"".join(parts), at)


@settings(max_examples=60, deadline=None)
@given(sizes, st.lists(places, max_size=4), st.sampled_from([0, CHUNK, 3 * CHUNK]), st.booleans())
async def test_whole_objects(size: int, places: list[int], threshold: int, known: bool) -> None:
    ocean = await store(threshold)
    version = await put(ocean, POOL[:size], 100_000, known=known)
    await check(ocean, version, POOL[:size], places)


async def test_more_parts_than_the_head_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their salts lie in rows of the manifest, with their places."""
    monkeypatch.setenv("OCEAN_TEST_MIN_PART", "0")
    ocean = await store(1000)
    parts = cut([(37 * number) % 900 for number in range(300)])
    version = await upload(ocean, parts, 1000)
    whole = b"".join(parts)
    await check(ocean, version, whole, [0, 1, 5_000, 50_000, 57_000, len(whole) - 1])


async def test_no_piece_is_empty() -> None:
    """Not where what is read first ends within the chunk that the range begins in."""
    ocean = await store(1000)
    version = await put(ocean, POOL[: 20 * CHUNK], 1 << 20, known=True)
    await check(ocean, version, POOL[: 20 * CHUNK], [15 * CHUNK + 1, 15 * CHUNK + 9, 17 * CHUNK])


async def test_a_range_touches_only_its_chunks() -> None:
    ocean = await store(1000)
    version = await put(ocean, POOL[: 40 * CHUNK], 1 << 20, known=True)
    assert version.encryption is not None
    cipher = await ocean.ciphers.opened(version.encryption, Subject.of(BUCKET.id, "key", version))
    large = ocean.blobs.pools["large"]
    assert isinstance(large, Memory)
    before = large.counters.bytes_read
    assert await read(ocean, version, 20 * CHUNK + 5, 20 * CHUNK + 9, cipher)
    assert large.counters.bytes_read - before <= 3 * CHUNK, (
        "two blocks, where the chunk lies across"
    )


async def test_a_small_object_is_one_needle_and_one_read() -> None:
    for size in (1, CHUNK - 1, CHUNK):
        ocean = await store(CHUNK)
        version = await put(ocean, POOL[:size], 1 << 20, known=True)
        assert version.encryption is not None
        cipher = await ocean.ciphers.opened(
            version.encryption, Subject.of(BUCKET.id, "key", version)
        )
        small = ocean.blobs.pools["small"]
        assert isinstance(small, Memory)
        before = small.counters.reads
        whole = await ocean.get.small(BUCKET, "key", version, 0, size, cipher)
        assert (whole, small.counters.reads - before) == (POOL[:size], 1)
