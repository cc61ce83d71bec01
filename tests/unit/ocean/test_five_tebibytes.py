"""An object of 5 TiB in 10,000 parts: no special case, and its cost follows what is asked for."""

import hashlib

import pytest

from blobstore import frames
from blobstore.blobs import Blobs
from blobstore.extents import Extent, Layout
from blobstore.ids import BlobNames
from blobstore.memory import Memory
from metastore.engine import Table
from metastore.keys import object_row
from metastore.memory import MemoryEngine
from metastore.records import Algorithm, Bucket, Checksum, Part, Upload, Version
from metastore.store import MetaStore
from ocean.body import digests
from ocean.objects import manifest
from ocean.objects.multipart import Wanted
from ocean.store import Ocean
from tests.support.invented import Invented

TIB5 = 5 << 40
PARTS = 10_000
SIZE = 524 << 20  # whole segments, which are what the store invents
OWNER = "a" * 64
BUCKET = Bucket(name="large", id=b"12345678", owner=OWNER, created_ms=0)


def size_of(number: int) -> int:
    return SIZE if number < PARTS else TIB5 - SIZE * (PARTS - 1)


def md5_of(number: int) -> bytes:
    return hashlib.md5(str(number).encode()).digest()


async def filled() -> tuple[Ocean, Upload]:
    """A store with an upload of all parts, none of whose bytes exist."""
    meta = await MetaStore.begin(MemoryEngine())
    ocean = Ocean(meta, Blobs.of(Memory(), Invented(), BlobNames(meta.life.epoch)))
    await meta.buckets.create(BUCKET)
    upload_id = await ocean.multipart.create(
        BUCKET,
        "film",
        Version(owner=OWNER),
        initiator=OWNER,
        algorithm=Algorithm.NONE,
        composite=False,
    )
    upload = await ocean.multipart.find(BUCKET, "film", upload_id)
    for number in range(1, PARTS + 1):
        size = size_of(number)
        span = frames.segments_span(size)
        extent = Extent(Layout.SEGMENTS, "large", f"blob-{number}", 0, span, size)
        part = Part(
            number=number,
            size=size,
            etag=md5_of(number),
            modified_ms=0,
            manifest=manifest.encode_extents([extent]),
            checksum=Checksum(Algorithm.CRC64NVME, digests.encode(number.to_bytes(8, "big"))),
        )
        await meta.uploads.put_part(BUCKET.id, upload, part)
    return ocean, upload


async def complete(ocean: Ocean, upload: Upload) -> Version:
    wanted = [Wanted(number, md5_of(number).hex()) for number in range(1, PARTS + 1)]
    return await ocean.multipart.complete(
        BUCKET, upload, wanted, expected=None, size=TIB5, guard=lambda _: None
    )


async def content(ocean: Ocean, version: Version, start: int, stop: int) -> bytes:
    stream = ocean.get.stream(BUCKET, "film", version, start, stop)
    return b"".join([bytes(piece) async for piece in stream])


@pytest.mark.timeout(60)
async def test_five_tebibytes() -> None:
    ocean, upload = await filled()
    engine = ocean.meta.engine
    made = await complete(ocean, upload)
    assert (made.size, made.parts) == (TIB5, PARTS)
    etag = hashlib.md5(b"".join(md5_of(n) for n in range(1, PARTS + 1))).hexdigest()
    assert made.etag_text == f"{etag}-{PARTS}"
    again = await complete(ocean, upload)
    assert (again.op, again.etag_text) == (made.op, made.etag_text), "the same answer again"

    version = await ocean.get.version(BUCKET, "film", None)
    row = await engine.get(Table.OBJECTS, object_row(BUCKET.id, "film"))
    assert row is not None
    assert len(row) <= 16 << 10, "a Head stays small"
    for start, stop in ((0, 300), (TIB5 // 2, TIB5 // 2 + 5), (TIB5 - 3, TIB5)):
        before = engine.counters.rows
        part, offset = divmod(start, SIZE)
        first = await content(ocean, version, start, stop)
        assert first == bytes((offset + n) % 256 for n in range(stop - start)), part
        assert engine.counters.rows - before <= 4, "a range reads the rows that it lies in"

    found = await ocean.get.part(BUCKET, version, PARTS)
    assert found is not None
    entry, start = found
    assert (entry.size, start) == (size_of(PARTS), SIZE * (PARTS - 1))
    listed = await ocean.get.parts(BUCKET, version, 9_990, 100)
    assert [part.number for part in listed] == list(range(9_991, 10_001))
