"""Data keys under a key's newest version: which ones, and what stays as it is."""

import asyncio

import pytest
from msgspec.structs import replace

from blobstore.blobs import Blobs
from blobstore.ids import BlobNames
from blobstore.memory import Memory
from metastore import keys
from metastore.codec import VersionRow
from metastore.engine import EngineError, Swap, Table
from metastore.memory import MemoryEngine
from metastore.records import (
    Algorithm,
    Bucket,
    Encryption,
    EncryptionMode,
    Head,
    Upload,
    Version,
    Versioning,
)
from metastore.store import MetaStore
from ocean.jobs import rewrap
from ocean.jobs.rewrap import Rewrap, Rewrapped
from ocean.keys.local import MasterKey
from ocean.keys.named import DEFAULT, LocalKeys, NamedKeys
from ocean.keys.provider import KeyDisabled, KeyNotFound
from ocean.keys.wrapping import wrapper_of
from ocean.objects.census import Census
from ocean.objects.encryption import EncryptionRequest, Subject
from ocean.objects.put import Expected
from ocean.store import Ocean
from tests.properties.test_sealed_ranges import body

OWNER = "ab" * 32
BUCKET = Bucket(
    name="bucket", id=b"12345678", owner=OWNER, created_ms=0, versioning=Versioning.ENABLED
)
S3 = EncryptionRequest(EncryptionMode.S3)
KMS = EncryptionRequest(EncryptionMode.KMS, f"alias/{DEFAULT}", "e30=")
OTHER = EncryptionRequest(EncryptionMode.KMS, "other")
CUSTOMERS = EncryptionRequest(EncryptionMode.C, customer_key=bytes(32))
SMALL, LARGE = b"small", b"large" * 1000


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrap, "FRESH", 0)


class Distant(MemoryEngine):
    """Swaps take a while, so that those of many rows are under way at once."""

    async def swap(self, swap: Swap) -> bool:
        await asyncio.sleep(0.001)
        return await super().swap(swap)


class Store:
    """A store with its keys, in memory."""

    def __init__(self, meta: MetaStore, blobs: Memory) -> None:
        self.meta = meta
        self.keys = NamedKeys(meta.engine, MasterKey(bytes(32)))
        names = BlobNames(meta.life.epoch)
        stores = Blobs.of(Memory(name="small"), blobs, names, threshold=1000)
        self.blobs = blobs
        self.ocean = Ocean(meta, stores, keys=LocalKeys(self.keys))

    @classmethod
    async def make(cls, engine: MemoryEngine | None = None) -> "Store":
        store = cls(await MetaStore.begin(engine or MemoryEngine()), Memory(name="large"))
        await store.meta.buckets.create(BUCKET)
        for name in (DEFAULT, "other"):
            await store.keys.create(name)
        return store

    async def put(self, key: str, data: bytes, encrypt: EncryptionRequest | None) -> Version:
        return await self.ocean.put(
            BUCKET,
            key,
            Version(owner=OWNER),
            body(data, 1000, known=True),
            expected=Expected(),
            guard=lambda _current: None,
            encrypt=encrypt,
        )

    async def begin(self, key: str, encrypt: EncryptionRequest) -> str:
        return await self.ocean.multipart.create(
            BUCKET,
            key,
            Version(owner=OWNER),
            initiator=OWNER,
            algorithm=Algorithm.NONE,
            composite=False,
            encrypt=encrypt,
        )

    async def rotate(self) -> None:
        """Both keys, of which one is wanted."""
        for name in (DEFAULT, "other"):
            await self.keys.rotate(name)

    async def run(self) -> Rewrapped:
        return await Rewrap(self.meta, LocalKeys(self.keys), DEFAULT, lambda _rows: None).run()

    async def encryptions(self) -> dict[tuple[str, str], list[Encryption]]:
        """By table and key, of all versions and of uploads that go on."""
        found: dict[tuple[str, str], list[Encryption]] = {}
        async for named in Census(self.meta.engine).rows():
            match named.holder:
                case Head(current=Version() as version) | VersionRow(version=version):
                    encryption = version.encryption
                case Upload(draft=draft):
                    encryption = draft.encryption
                case _:
                    continue
            if encryption is not None:
                found.setdefault((named.table.value, named.key), []).append(encryption)
        return found

    async def versions(self, key: str) -> set[int]:
        """Of the named key, that wrap the versions and uploads of `key`."""
        rows = [found for (_, k), found in (await self.encryptions()).items() if k == key]
        return {wrapper_of(one.wrapped).version for some in rows for one in some}

    async def content(self, key: str, customer_key: bytes = b"") -> bytes:
        version = await self.ocean.get.version(BUCKET, key, None)
        if version.encryption is None:
            pieces = self.ocean.get.stream(BUCKET, key, version, 0, version.size)
        else:
            subject = Subject.of(BUCKET.id, key, version)
            cipher = await self.ocean.ciphers.opened(version.encryption, subject, customer_key)
            pieces = self.ocean.get.stream(BUCKET, key, version, 0, version.size, cipher)
        return b"".join([bytes(piece) async for piece in pieces])


ASKED = {"S3": S3, "KMS": KMS, "other": OTHER, "C": CUSTOMERS, "plain": None}


async def test_what_the_key_wraps_goes_under_its_newest_version() -> None:
    store = await Store.make()
    for key, encrypt in ASKED.items():
        for data in (SMALL, LARGE):  # the first becomes a row of `versions`
            await store.put(key, data, encrypt)
    upload = await store.begin("upload", S3)
    before = await store.encryptions()
    assert await store.run() == Rewrapped(0, 1, 0), "nothing, as long as nothing was rotated"
    await store.rotate()
    blobs = {name: bytes(data) for name, data in store.blobs._blobs.items()}
    assert await store.run() == Rewrapped(5, 2, 0)
    assert await store.run() == Rewrapped(0, 1, 0)
    after = await store.encryptions()
    for key in ("S3", "KMS", "upload"):
        assert await store.versions(key) == {2}
    for place, some in before.items():
        if place[1] in {"other", "C"}:
            assert after[place] == some
        for old, new in zip(some, after[place], strict=True):
            assert replace(new, wrapped=old.wrapped) == old
    for key, asked in ASKED.items():
        assert await store.content(key, asked.customer_key if asked else b"") == LARGE
    assert {name: bytes(data) for name, data in store.blobs._blobs.items()} == blobs
    await finish(store, upload)
    assert await store.content("upload") == LARGE


async def test_each_of_many_rows_at_once_is_counted() -> None:
    """They are under way together, and the run ends when a pass has counted nothing."""
    store = await Store.make(Distant())
    for number in range(30):
        await store.put(f"{number}", SMALL, S3 if number % 3 else CUSTOMERS)
    await store.rotate()
    assert await store.run() == Rewrapped(20, 2, 0)


async def finish(store: Store, upload_id: str) -> None:
    verbs = store.ocean.multipart
    upload = await verbs.find(BUCKET, "upload", upload_id)
    assert upload.draft.encryption is not None
    subject = Subject.of_upload(BUCKET.id, upload)
    cipher = await store.ocean.ciphers.opened(upload.draft.encryption, subject)
    spool = body(LARGE, 1000, known=True)
    part = await verbs.upload_part(BUCKET, upload, 1, spool, Expected(), cipher)
    asked = [(1, part.etag.hex(), "")]
    await verbs.complete(
        BUCKET, upload, asked, expected=None, size=None, guard=lambda _current: None
    )


async def test_a_run_that_was_broken_off_is_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrap, "TOGETHER", 1)
    store = await Store.make()
    for number in range(10):
        await store.put(f"k{number}", SMALL, S3)
    await store.rotate()
    relocate, left = store.meta.objects.relocate, [4]

    async def some(*args: object) -> bool:
        left[0] -= 1
        if left[0] < 0:
            raise EngineError("it broke off")
        return await relocate(*args)  # type: ignore[arg-type]

    store.meta.objects.relocate = some  # type: ignore[method-assign,assignment]
    with pytest.raises(EngineError):
        await store.run()
    store.meta.objects.relocate = relocate  # type: ignore[method-assign]
    done = [await store.versions(f"k{number}") == {2} for number in range(10)]
    assert sum(done) == 4
    assert (await store.run()).rewrapped == 6


async def test_a_row_that_is_not_right_is_counted_and_left() -> None:
    store = await Store.make()
    await store.put("good", SMALL, S3)
    bad = await store.put("bad", SMALL, S3)
    assert bad.encryption is not None
    altered = replace(bad.encryption, wrapped=bad.encryption.wrapped[::-1])
    change = replace(bad, encryption=altered)
    assert await store.meta.objects.relocate(BUCKET.id, "bad", bad.seq, lambda _now: change)
    row = keys.object_row(BUCKET.id, "torn")
    await store.meta.engine.write(Table.OBJECTS, [(row, b"no row")])
    await store.rotate()
    assert await store.run() == Rewrapped(1, 2, 2)


async def test_a_version_that_is_replaced_meanwhile_comes_to_no_harm() -> None:
    """What was put between the look and the swap keeps its own data key."""
    store = await Store.make()
    await store.put("key", SMALL, S3)
    await store.rotate()
    relocate = store.meta.objects.relocate

    async def late(*args: object) -> bool:
        store.meta.objects.relocate = relocate  # type: ignore[method-assign]
        await store.put("key", LARGE, OTHER)
        return await relocate(*args)  # type: ignore[arg-type]

    store.meta.objects.relocate = late  # type: ignore[method-assign,assignment]
    done = await store.run()
    assert (done.failed, await store.content("key")) == (0, LARGE)
    assert await store.versions("key") == {2}, "of each key, and of what was replaced as well"


async def test_a_row_that_the_head_has_outrun_is_no_work_for_ever() -> None:
    """A copy of the current version, which nobody reads, keeps its old data key."""
    store = await Store.make()
    await store.put("key", SMALL, S3)
    heads = store.meta.objects._heads
    assert await heads.place(BUCKET.id, "key", await heads.read(BUCKET.id, "key"))
    await store.rotate()
    assert await store.run() == Rewrapped(1, 2, 0)
    assert await store.content("key") == SMALL


async def test_puts_and_passes_at_once() -> None:
    store = await Store.make()

    async def writes() -> None:
        for number in range(100):
            await store.put(f"k{number % 10}", SMALL, S3)
            if number % 20 == 0:
                await store.rotate()

    await asyncio.gather(writes(), store.run())
    await store.run()
    store.ocean.ciphers._keys._current.clear()  # type: ignore[attr-defined]
    for number in range(10):
        assert await store.content(f"k{number}") == SMALL
        assert await store.versions(f"k{number}") == {6}


@pytest.mark.parametrize(("name", "error"), [("none", KeyNotFound), ("off", KeyDisabled)])
async def test_a_key_that_wraps_nothing(name: str, error: type[Exception]) -> None:
    store = await Store.make()
    await store.keys.create("off")
    await store.keys.set_state("off", "disabled")
    with pytest.raises(error):
        await Rewrap(store.meta, LocalKeys(store.keys), name, lambda _rows: None).run()
