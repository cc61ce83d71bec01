"""A whole store in this process, on disk, without a gateway: for tests of what works on folders."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from metastore.records import Bucket, Version, Versioning
from metastore.store import MetaStore
from ocean.config.schema import Config, Root
from ocean.engines import open_blobs, open_engine
from ocean.identity.root import open_root
from ocean.identity.sealed import open_key
from ocean.keys.named import LocalKeys, NamedKeys
from ocean.objects.encryption import EncryptionRequest
from ocean.objects.put import Expected, Spool
from ocean.starting import stop_for_good
from ocean.store import Ocean

MADE_MS = 1_700_000_000_000


def config_of(folder: Path) -> Config:
    """Data and master key in `folder`; nothing waits for a disk."""
    return Config(data=folder / "data", master_key_file=folder / "master.key", durability="relaxed")


@asynccontextmanager
async def begun(config: Config) -> AsyncIterator[Ocean]:
    """One life of a process on the store, with root's pair in the store."""
    config.data.mkdir(parents=True, exist_ok=True)
    engine = open_engine(config, stop_for_good)
    key = await open_key(engine, config.master_key_file)
    await open_root(engine, key, Root())
    meta = await MetaStore.begin(engine)
    blobs = open_blobs(config, meta.life.epoch, stop_for_good)
    ocean = Ocean(meta, blobs, keys=LocalKeys(NamedKeys(engine, key)))
    try:
        yield ocean
        await meta.lease.end()
    finally:
        await ocean.close()


async def make_bucket(
    ocean: Ocean, name: str, *, versioning: Versioning = Versioning.OFF
) -> Bucket:
    """A bucket; its id is made of its name, so that two stores agree."""
    bucket = Bucket(
        name=name,
        id=name.encode()[:8].ljust(8, b"."),
        owner="ab" * 32,
        created_ms=MADE_MS,
        versioning=versioning,
    )
    await ocean.meta.buckets.create(bucket)
    return bucket


async def put(
    ocean: Ocean,
    bucket: Bucket,
    key: str,
    data: bytes,
    *,
    encrypt: EncryptionRequest | None = None,
    **draft: object,
) -> Version:
    """Store `data`; `draft` are further fields of the version."""

    async def body() -> AsyncIterator[bytes | memoryview]:
        yield data

    version = Version(**{"owner": bucket.owner, **draft})  # type: ignore[arg-type]
    spool = Spool(body(), len(data))
    return await ocean.put(
        bucket,
        key,
        version,
        spool,
        expected=Expected(),
        guard=lambda _current: None,
        encrypt=encrypt,
    )


async def content(ocean: Ocean, bucket: Bucket, key: str, version_id: str | None = None) -> bytes:
    """The bytes of a version."""
    version = await ocean.get.version(bucket, key, version_id)
    pieces = ocean.get.stream(bucket, key, version, 0, version.size)
    return b"".join([bytes(piece) async for piece in pieces])
