"""A store in memory whose clock is set by hand, for what lifecycle rules do as time goes by."""

from collections.abc import AsyncIterator
from typing import Any, Self

from msgspec.structs import replace

from blobstore.blobs import Blobs
from blobstore.ids import BlobNames
from blobstore.memory import Memory
from metastore.engine import Engine
from metastore.lifecycle_records import LifecycleFilter, LifecycleRule
from metastore.listing import Scope
from metastore.memory import MemoryEngine
from metastore.records import Algorithm, Bucket, Kind, Version, Versioning
from metastore.store import MetaStore
from ocean.jobs.collect import Collector
from ocean.jobs.expire import Expiring, Figures
from ocean.lifecycle import passes
from ocean.lifecycle.passes import Tally, Timing
from ocean.objects.put import Expected, Spool
from ocean.rules.lifecycle import DAY_MS
from ocean.store import Ocean

NOBODY = "0" * 64
MIDNIGHT = 20_000 * DAY_MS  # of the day on which everything begins, as Unix time in ms
HOUR_MS = 3_600_000


class HandClock:
    """Says the time that it is set to."""

    def __init__(self) -> None:
        self.time_ms = MIDNIGHT + HOUR_MS

    def now_ms(self) -> int:
        return self.time_ms


class Aging:
    """One process on an engine, with a bucket. `done` is what its job told it did."""

    def __init__(self, ocean: Ocean, clock: HandClock, timing: Timing) -> None:
        self.ocean = ocean
        self.meta = ocean.meta
        self.clock = clock
        self.told: list[Figures] = []
        self.job = Expiring(ocean.meta, ocean.discard, clock, timing)
        self.job.tell = self.told.append
        self.collector = Collector(ocean.discard, 0.0)
        ocean.meta.objects.discarded = self.collector.add
        self.bucket: Bucket

    @classmethod
    async def begin(
        cls,
        mode: Versioning = Versioning.OFF,
        *rules: LifecycleRule,
        engine: Engine | None = None,
        timing: Timing = Timing(),  # noqa: B008
    ) -> Self:
        """A store, and `bucket` in it."""
        meta = await MetaStore.begin(engine or MemoryEngine())
        clock, memory = HandClock(), Memory()
        blobs = Blobs.of(memory, memory, BlobNames(meta.life.epoch))
        aging = cls(Ocean(meta, blobs, clock), clock, timing)
        await aging.create("bucket", mode, *rules)
        return aging

    async def beside(self) -> "Aging":
        """Another process on the same engine, at the same time."""
        ocean = Ocean(await MetaStore.begin(self.meta.engine), self.ocean.blobs, self.clock)
        other = Aging(ocean, self.clock, self.job._timing)
        other.bucket = self.bucket
        return other

    async def create(self, name: str, mode: Versioning, *rules: LifecycleRule) -> None:
        """A bucket, which the other verbs are about from then on."""
        bucket = Bucket(
            name=name,
            id=name.encode().rjust(8, b"0"),
            owner=NOBODY,
            created_ms=0,
            versioning=mode,
            lifecycle=rules,
        )
        await self.meta.buckets.create(bucket)
        self.bucket = bucket

    async def change(self, **fields: Any) -> None:
        """Other rules, or versioning."""
        self.bucket = await self.meta.buckets.change(self.bucket, lambda b: replace(b, **fields))

    async def put(self, *names: str, size: int = 1, **fields: Any) -> Version:
        """An object under each key; the last version."""
        for key in names:
            made = await self.ocean.put(
                self.bucket,
                key,
                Version(owner=NOBODY, **fields),
                Spool(_pieces(b"x" * size), size),
                expected=Expected(),
                guard=_anything,
            )
        return made

    async def delete(self, key: str, version_id: str | None = None) -> None:
        await self.ocean.delete(self.bucket, key, version_id, _anything)

    async def amend(self, key: str, version_id: str | None = None, **fields: Any) -> None:
        """Change a version in place: tags, locks."""
        await self.meta.objects.amend(
            self.bucket, key, version_id, lambda version: replace(version, **fields)
        )

    async def begin_upload(self, key: str) -> str:
        """An upload with one part; its id."""
        multipart = self.ocean.multipart
        upload_id = await multipart.create(
            self.bucket,
            key,
            Version(owner=NOBODY),
            initiator=NOBODY,
            algorithm=Algorithm.NONE,
            composite=False,
        )
        upload = await multipart.find(self.bucket, key, upload_id)
        await multipart.upload_part(self.bucket, upload, 1, Spool(_pieces(b"part"), 4), Expected())
        return upload_id

    async def uploads(self) -> list[str]:
        """Keys of the uploads that have not ended."""
        page = await self.meta.uploads.page(Scope(self.bucket.id), "", b"", 1000)
        return [upload.key for upload in page.uploads]

    async def keys(self) -> list[str]:
        """Keys of the objects there are."""
        page = await self.meta.listing.keys(Scope(self.bucket.id), "", 1000)
        return [entry.key for entry in page.entries]

    async def stack(self, key: str) -> str:
        """The versions of a key, newest first: O of an object, M of a delete marker."""
        page = await self.meta.listing.versions(Scope(self.bucket.id, key), "", "", 1000)
        shown = {Kind.OBJECT: "O", Kind.MARKER: "M"}
        found = [entry.summary for entry in page.entries if entry.key == key]
        return "".join(shown[Kind(one.kind & 0x0F)].lower() if one.null else
                       shown[Kind(one.kind & 0x0F)] for one in found)  # fmt: skip

    async def run(self, days: float = 0) -> Tally:
        """Let so many days go by, and pass over all buckets, due or not; what was done."""
        self.clock.time_ms += int(days * DAY_MS)
        engine = self.meta.engine
        await passes.forget(engine, await passes.noted(engine))
        assert not await self.job.once()
        return await self.passed()

    async def passed(self) -> Tally:
        """What the last passes did, which are over."""
        noted = (await passes.noted(self.meta.engine)).values()
        assert all(one.done for one in noted)
        return passes.total([one.tally for one in noted])

    async def waiting(self) -> bool:
        """Whether a pass has not ended, or not begun in the bucket."""
        return not (await passes.of_bucket(self.meta.engine, self.bucket.id)).full_ms

    async def collect(self) -> None:
        """Give back what commits left behind."""
        await self.collector.collect_due()


def rule(name: str = "rule", /, prefix: str = "", **fields: Any) -> LifecycleRule:
    """A rule for keys that begin with `prefix`; conditions besides go to its filter."""
    conditions = {"tags", "object_size_greater_than", "object_size_less_than"}
    chosen = {one: fields.pop(one) for one in conditions & fields.keys()}
    return LifecycleRule(
        id=name,
        enabled=fields.pop("enabled", True),
        filter=LifecycleFilter(prefix=prefix, **chosen),
        **fields,
    )


def _anything(_current: Version | None) -> None:
    """No condition."""


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data
