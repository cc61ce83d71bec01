"""What every blob store owes, whatever it is made of (blobstore/base.py)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from blobstore.base import BlobStore, Corrupt, Exists, NotFound
from blobstore.ceph.striped import Striped
from blobstore.files import Files
from blobstore.ids import BlobNames
from blobstore.memory import Memory
from tests.support import ceph

BIG = bytes(range(256)) * 12_000  # beyond what any store does inline


STRIPE = 1 << 20  # a third of BIG
ON_CEPH = [
    pytest.param(policy, marks=[pytest.mark.slow, pytest.mark.xdist_group("ceph")])
    for policy in ("replica:2", "ec:2+1")
]


@pytest.fixture(params=["memory", "files", *ON_CEPH])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BlobStore]:
    made: BlobStore
    match request.param:
        case "memory":
            made = Memory()
        case "files":
            made = Files(tmp_path)
        case policy:
            session = ceph.session(ceph.started())
            pool = ceph.emptied(ceph.started(), policy)
            made = Striped(session, pool, name="ceph", stripe=STRIPE)
    yield made
    await made.close()
    if isinstance(made, Striped):
        await session.close()


async def names(store: BlobStore, after: str = "") -> list[str]:
    return [blob async for blob in store.list(after)]


def test_is_a_blob_store(tmp_path: Path) -> None:
    assert isinstance(Memory(), BlobStore)
    assert isinstance(Files(tmp_path), BlobStore)


async def test_reads_what_was_created_and_appended(store: BlobStore) -> None:
    await store.create("blob", b"abc")
    await store.append("blob", 3, bytearray(b"defg"))
    await store.append("blob", 7, memoryview(b"hi"))
    await store.sync("blob")
    assert await store.size("blob") == 9
    assert bytes(await store.read("blob", 0, 9)) == b"abcdefghi"
    assert bytes(await store.read("blob", 2, 5)) == b"cdefg"
    assert bytes(await store.read("blob", 9, 0)) == b""


async def test_big_writes_and_reads(store: BlobStore) -> None:
    await store.create("blob", BIG)
    await store.append("blob", len(BIG), BIG)
    await store.sync("blob")
    assert bytes(await store.read("blob", 0, 2 * len(BIG))) == BIG + BIG
    assert bytes(await store.read("blob", 7, len(BIG))) == BIG[7:] + BIG[:7]


async def test_create_is_exclusive(store: BlobStore) -> None:
    await store.create("blob", b"first")
    with pytest.raises(Exists):
        await store.create("blob", b"second")
    assert bytes(await store.read("blob", 0, 5)) == b"first"


async def test_an_empty_blob(store: BlobStore) -> None:
    await store.create("blob", b"")
    await store.sync("blob")
    assert await store.size("blob") == 0


async def test_an_append_elsewhere_than_at_the_end_is_a_mistake(store: BlobStore) -> None:
    await store.create("blob", b"abc")
    for offset in (0, 2, 4):
        with pytest.raises(ValueError):
            await store.append("blob", offset, b"x")
    assert await store.size("blob") == 3


async def test_a_blob_that_ends_before_is_corrupt(store: BlobStore) -> None:
    await store.create("blob", b"abc")
    for offset, length in ((0, 4), (3, 1), (10, 1)):
        with pytest.raises(Corrupt):
            await store.read("blob", offset, length)


async def test_what_is_not_there_is_not_found(store: BlobStore) -> None:
    with pytest.raises(NotFound):
        await store.read("blob", 0, 1)
    with pytest.raises(NotFound):
        await store.size("blob")
    with pytest.raises(NotFound):
        await store.append("blob", 0, b"x")


async def test_delete(store: BlobStore) -> None:
    await store.create("blob", b"abc")
    await store.sync("blob")
    await store.delete("blob")
    await store.delete("blob")
    await store.delete("never")
    with pytest.raises(NotFound):
        await store.read("blob", 0, 1)
    assert await names(store) == []
    await store.create("blob", b"again")
    assert bytes(await store.read("blob", 0, 5)) == b"again"


async def test_list_is_in_order_and_resumes_anywhere(store: BlobStore) -> None:
    fresh = BlobNames(7).fresh
    blobs = [fresh() for _ in range(30)]
    blobs += ["a", "a-long-name-that-begins-like-" + "x" * 150, "a-long-name", "A", ".hidden"]
    blobs += ["..", "50%", "50%2F", "in/a/folder", "~last"]
    for blob in reversed(blobs):
        await store.create(blob, b"x")
    ordered = sorted(blobs)
    assert await names(store) == ordered
    for index, blob in enumerate(ordered):
        assert await names(store, blob) == ordered[index + 1 :]
    assert await names(store, "50%2") == [blob for blob in ordered if blob > "50%2"]


async def test_list_while_others_delete(store: BlobStore) -> None:
    for index in range(50):
        await store.create(f"{index:021}", b"x")
    listing = store.list()
    seen = [await anext(listing), await anext(listing)]
    await asyncio.gather(*(store.delete(f"{index:021}") for index in range(1, 50, 2)))
    seen += [blob async for blob in listing]
    assert seen == sorted(set(seen))
    assert {f"{index:021}" for index in range(0, 50, 2)} <= set(seen)


async def test_callers_at_once(store: BlobStore) -> None:
    async def one(index: int) -> None:
        blob = f"blob-{index}"
        await store.create(blob, bytes([index]) * 1000)
        await store.sync(blob)
        await store.append(blob, 1000, BIG)
        await store.sync(blob)
        assert bytes(await store.read(blob, 999, 3)) == bytes([index]) + BIG[:2]

    await asyncio.gather(*(one(index) for index in range(16)))
