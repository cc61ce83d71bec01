"""The least size of a part is S3's, unless a benchmark sets another."""

import pytest

from blobstore.blobs import Blobs
from blobstore.ids import BlobNames
from blobstore.memory import Memory
from metastore.memory import MemoryEngine
from metastore.records import Algorithm, Bucket, Checksum, Part, Version
from metastore.store import MetaStore
from ocean.body import digests
from ocean.errors import EntityTooSmall
from ocean.objects import manifest
from ocean.objects.multipart import Wanted
from ocean.store import Ocean

BUCKET = Bucket(name="small", id=b"12345678", owner="a" * 64, created_ms=0)
ETAG = b"e" * 16
CHECKSUM = Checksum(Algorithm.SHA256, digests.encode(bytes(32)))


async def completed(*sizes: int) -> Version:
    """What a Complete makes of parts of these sizes."""
    meta = await MetaStore.begin(MemoryEngine())
    verbs = Ocean(meta, Blobs.of(Memory(), Memory(), BlobNames(meta.life.epoch))).multipart
    await meta.buckets.create(BUCKET)
    upload_id = await verbs.create(
        BUCKET,
        "key",
        Version(owner=BUCKET.owner),
        initiator=BUCKET.owner,
        algorithm=Algorithm.SHA256,
        composite=True,
    )
    upload = await verbs.find(BUCKET, "key", upload_id)
    for number, size in enumerate(sizes, 1):
        part = Part(
            number=number,
            size=size,
            etag=ETAG,
            modified_ms=0,
            manifest=manifest.encode_extents(()),
            checksum=CHECKSUM,
        )
        await meta.uploads.put_part(BUCKET.id, upload, part)
    wanted = [Wanted(number, ETAG.hex(), CHECKSUM.value) for number in range(1, len(sizes) + 1)]
    return await verbs.complete(
        BUCKET, upload, wanted, expected=None, size=None, guard=lambda _: None
    )


async def test_five_mebibytes_but_for_the_last() -> None:
    assert (await completed(5 << 20, 5 << 20, 1)).size == (10 << 20) + 1
    with pytest.raises(EntityTooSmall) as caught:
        await completed(5 << 20, (5 << 20) - 1, 1)
    assert caught.value.details["PartNumber"] == "2"
    assert caught.value.details["MinSizeAllowed"] == str(5 << 20)


async def test_what_a_benchmark_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCEAN_TEST_MIN_PART", "2")
    assert (await completed(2, 3, 1)).size == 6
    with pytest.raises(EntityTooSmall):
        await completed(1, 1)
