"""Encrypted objects from labels alone: readable with their keys, told of without, never garbage."""

import argparse
import asyncio
import os
from pathlib import Path

import pytest

from blobstore.blobs import Blobs
from blobstore.frames import Needle, segments_span
from blobstore.ids import BlobNames, parse
from blobstore.memory import Memory
from metastore.lives import Lives
from metastore.memory import MemoryEngine
from metastore.records import Algorithm, Bucket, EncryptionMode, Version
from metastore.store import MetaStore
from ocean.body.cipher import SEALED, sealed_size
from ocean.cli import rebuild
from ocean.config.schema import Config
from ocean.errors import AccessDenied
from ocean.fsck import Fsck
from ocean.keys import backup, local
from ocean.keys.local import MasterKey
from ocean.keys.named import DEFAULT, LocalKeys, NamedKey, NamedKeys, stored_keys
from ocean.keys.provider import KeyNotFound, UnwrapFailed
from ocean.objects.encryption import EncryptionRequest, Subject
from ocean.objects.put import Expected
from ocean.rebuild import Rebuild, Rebuilt
from ocean.starting import StartError
from ocean.store import Ocean
from tests.properties.test_sealed_ranges import body
from tests.support import embedded
from tests.support.embedded import begun, config_of, make_bucket

OWNER, ROOT = "ab" * 32, "cd" * 32
BUCKET = Bucket(name="bucket", id=b"\x01bucket\xff", owner=OWNER, created_ms=0)
MASTER = MasterKey(bytes(32))
CUSTOMER_KEY = bytes(range(32))
ASKED = {
    "S3": EncryptionRequest(EncryptionMode.S3),
    "KMS": EncryptionRequest(EncryptionMode.KMS, "mine", "e30=", bucket_key=True),
    "C": EncryptionRequest(EncryptionMode.C, customer_key=CUSTOMER_KEY),
}
THRESHOLD, EXTENT = 1000, 1 << 20
SIZES = (1, THRESHOLD, THRESHOLD + 1, 70_000, EXTENT, 2 * EXTENT + 5)


class Silent:
    def step(self, text: str) -> None: ...
    def count(self, amount: int) -> None: ...
    def rows(self, done: int) -> None: ...


class World:
    """The stores of blobs, which stay, under new metadata."""

    def __init__(self) -> None:
        self.small, self.large = Memory(name="small"), Memory(name="large")
        self.saved: list[NamedKey] = []

    async def begin(self, saved: list[NamedKey]) -> Ocean:
        """A process on new metadata, with these keys, and the blobs that are there."""
        engine, names = MemoryEngine(), BlobNames(0)
        blobs = Blobs.of(self.small, self.large, names, threshold=THRESHOLD, extent_limit=EXTENT)
        for pool in blobs.pools:
            epochs = [parse(place.blob).epoch async for place in blobs.list(pool)]
            await Lives(engine).skip(max(epochs, default=0))
        meta = await MetaStore.begin(engine)
        names.epoch = meta.life.epoch
        keys = NamedKeys(engine, MASTER)
        await backup.put_back(keys, saved)
        return Ocean(meta, blobs, keys=LocalKeys(keys))

    async def first(self) -> Ocean:
        """The process that writes, with a bucket and the keys."""
        ocean = await self.begin([])
        await ocean.meta.buckets.create(BUCKET)
        keys = NamedKeys(ocean.meta.engine, MASTER)
        self.saved = [await keys.create(name) for name in (DEFAULT, "mine")]
        return ocean

    async def rebuild(self, saved: list[NamedKey]) -> tuple[Ocean, Rebuilt, Bucket]:
        ocean = await self.begin(saved)
        done = await Rebuild(ocean, ROOT, "us-east-1", {BUCKET.id: "again"}, Silent()).run()
        found = await ocean.meta.buckets.find("again")
        assert found is not None
        check = Fsck(ocean.meta.engine, ocean.blobs, verify=True)
        assert {fault.kind.value async for fault in check.run()} <= {"orphan"}
        return ocean, done, found


@pytest.fixture
def world() -> World:
    return World()


async def put(ocean: Ocean, key: str, data: bytes, asked: EncryptionRequest) -> Version:
    return await ocean.put(
        BUCKET,
        key,
        Version(owner=OWNER, metadata={"color": "green"}),
        body(data, 50_000, known=len(data) != 70_000),
        expected=Expected(algorithm=Algorithm.CRC64NVME),
        guard=lambda _current: None,
        encrypt=asked,
    )


async def content(ocean: Ocean, bucket: Bucket, key: str, customer_key: bytes) -> bytes:
    version = await ocean.get.version(bucket, key, None)
    assert version.encryption is not None
    subject = Subject.of(bucket.id, key, version)
    if version.encryption.mode is not EncryptionMode.C:
        customer_key = b""
    cipher = await ocean.ciphers.opened(version.encryption, subject, customer_key)
    pieces = ocean.get.stream(bucket, key, version, 0, version.size, cipher)
    return b"".join([bytes(piece) async for piece in pieces])


@pytest.mark.parametrize("mode", ASKED)
async def test_objects_come_back_readable(world: World, mode: str) -> None:
    ocean = await world.first()
    data = {f"k{size}": os.urandom(size) for size in SIZES}
    before = {key: await put(ocean, key, bytes_, ASKED[mode]) for key, bytes_ in data.items()}
    again, done, bucket = await world.rebuild(world.saved)
    assert done == Rebuilt(1, len(SIZES), 0, 0, 0)
    for key, old in before.items():
        new = await again.get.version(bucket, key, None)
        same = ["op", "size", "modified_ms", "owner", "manifest", "metadata", "encryption"]
        if mode != "C":  # whose bytes nobody here can open
            same += ["etag", "checksum"]
        for name in same:
            assert getattr(new, name) == getattr(old, name), name
        assert await content(again, bucket, key, CUSTOMER_KEY) == data[key]
    if mode == "C":
        with pytest.raises(AccessDenied):
            await content(again, bucket, key, bytes(32))


@pytest.mark.parametrize("mode", ASKED)
async def test_parts_come_back_readable(world: World, mode: str) -> None:
    """The newest of each number, under its own salt."""
    ocean, asked = await world.first(), ASKED[mode]
    verbs = ocean.multipart
    upload_id = await verbs.create(
        BUCKET,
        "key",
        Version(owner=OWNER),
        initiator="",
        algorithm=Algorithm.NONE,
        composite=False,
        encrypt=asked,
    )
    upload = await verbs.find(BUCKET, "key", upload_id)
    assert upload.draft.encryption is not None
    subject = Subject.of_upload(BUCKET.id, upload)
    cipher = await ocean.ciphers.opened(upload.draft.encryption, subject, asked.customer_key)
    parts = {1: os.urandom(70_000), 2: os.urandom(900), 4: os.urandom(5)}
    etags = []
    for number, data in ((1, b"replaced"), *parts.items()):
        spool = body(data, 1000, known=True)
        part = await verbs.upload_part(BUCKET, upload, number, spool, Expected(), cipher)
        etags.append(part.etag)
    again, done, bucket = await world.rebuild(world.saved)
    assert done == Rebuilt(1, 1, 1, 0, 0)
    assert await content(again, bucket, "key", CUSTOMER_KEY) == b"".join(parts.values())
    version = await again.get.version(bucket, "key", None)
    assert version.size == sum(map(len, parts.values()))


async def test_without_the_keys_it_is_told_and_nothing_is_served(world: World) -> None:
    ocean = await world.first()
    data = os.urandom(70_000)
    for mode in ("S3", "KMS"):
        await put(ocean, mode, data, ASKED[mode])
    again, done, bucket = await world.rebuild([])
    assert done == Rebuilt(1, 2, 0, 0, 0, 2, ("mine", DEFAULT))
    for mode in ("S3", "KMS"):
        version = await again.get.version(bucket, mode, None)
        assert (version.size, version.checksum) == (70_000, None)
        with pytest.raises(KeyNotFound):
            await content(again, bucket, mode, b"")
    await backup.put_back(NamedKeys(again.meta.engine, MASTER), world.saved)
    for mode in ("S3", "KMS"):
        assert await content(again, bucket, mode, b"") == data, "once the keys are back"


async def test_a_stream_that_was_broken_off_or_damaged_is_no_object(world: World) -> None:
    ocean = await world.first()
    for key in ("torn", "rotten", "good"):
        await put(ocean, key, os.urandom(300_000), ASKED["S3"])
    torn, rotten, _ = [name async for name in world.large.list()]
    world.large.cut(torn, 200_000)
    world.large.damage(rotten, 100_000, 1)
    _, done, _ = await world.rebuild(world.saved)
    assert (done.versions, done.incomplete) == (1, 2)


async def test_bytes_under_the_label_of_another_are_never_served(world: World) -> None:
    """Framed rightly, but sealed for somebody else: their data key does not unwrap."""
    ocean = await world.first()
    await put(ocean, "one", os.urandom(500), ASKED["S3"])
    (place,) = [place async for place in ocean.blobs.list("small")]
    (needle,) = [found async for found in ocean.blobs.scan(place)]
    assert isinstance(needle, Needle)
    await ocean.blobs.put_needle(needle.label.replace(b"one", b"two"), needle.data)
    again, done, bucket = await world.rebuild(world.saved)
    assert (done.versions, done.keyless, done.missing_keys) == (2, 1, (DEFAULT,))
    assert len(await content(again, bucket, "one", b"")) == 500
    with pytest.raises(UnwrapFailed):
        await content(again, bucket, "two", b"")


@pytest.mark.parametrize("left", [5, SEALED + 5])
async def test_a_size_that_no_stream_has_is_no_object(world: World, left: int) -> None:
    """Of a body whose size was not known beforehand, so that the label does not tell."""
    ocean = await world.first()
    await put(ocean, "good", b"x", ASKED["S3"])
    for mode, asked in ASKED.items():
        await put(ocean, mode, os.urandom(70_000), asked)
    for name in [name async for name in world.large.list()]:
        whole = await world.large.size(name)
        torn = segments_span(sealed_size(70_000)) - segments_span(left)
        world.large.cut(name, whole - torn)
    _, done, _ = await world.rebuild(world.saved)
    assert (done.versions, done.incomplete) == (1, 3)


# --- `ocean rebuild` ------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A store at rest with an encrypted object, and a backup of its keys in `tmp_path`."""
    made = config_of(tmp_path / "store")

    async def live() -> None:
        async with begun(made) as ocean:
            bucket = await make_bucket(ocean, "bucket")
            await embedded.put(ocean, bucket, "key", b"data", encrypt=ASKED["S3"])
            master = local.read(made.master_key_file)
            saved = [key async for key in stored_keys(ocean.meta.engine)]
            backup.write(tmp_path / "keys", backup.document(saved, master.id))

    asyncio.run(live())
    monkeypatch.setenv("OCEAN_DATA", str(made.data))
    monkeypatch.setenv("OCEAN_MASTER_KEY_FILE", str(made.master_key_file))
    monkeypatch.setenv("OCEAN_DURABILITY", "relaxed")
    return made


def run(*arguments: str | Path) -> int:
    parser = argparse.ArgumentParser()
    rebuild.add(parser.add_subparsers(required=True))
    options = parser.parse_args(["rebuild", *map(str, arguments)])
    status: int = options.run(options)
    return status


def read_back(config: Config) -> bytes:
    async def live() -> bytes:
        async with begun(config) as ocean:
            (bucket,) = [bucket async for bucket in ocean.meta.buckets.list()]
            return await content(ocean, bucket, "key", b"")

    return asyncio.run(live())


def lose_metadata(config: Config) -> None:
    file = config.data / "meta" / "ocean.sqlite"
    file.write_bytes(b"\0" * file.stat().st_size)
    for more in file.parent.glob("ocean.sqlite-*"):
        more.unlink()


def test_keys_are_carried_over_from_metadata_that_can_be_read(config: Config) -> None:
    assert run("--discard-metadata") == 0
    assert read_back(config) == b"data"


def test_keys_come_from_their_backup(
    config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lose_metadata(config)
    for wrong in (tmp_path / "absent", config.master_key_file):
        with pytest.raises(StartError):
            run("--encryption-keys", wrong)
    assert run("--encryption-keys", tmp_path / "keys") == 0
    assert "cannot be read" not in capsys.readouterr().out
    assert read_back(config) == b"data"


def test_keys_that_are_missing_are_named(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    lose_metadata(config)
    assert run() == 0
    told = capsys.readouterr().out
    assert f"1 writes cannot be read without encryption keys that are not here: {DEFAULT}" in told
    with pytest.raises(KeyNotFound):
        read_back(config)
