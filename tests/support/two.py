"""A store of two partitions, all of it in this process."""

from collections.abc import AsyncIterator

from blobstore.blobs import Blobs
from blobstore.extents import Place
from blobstore.ids import BlobNames
from blobstore.memory import Memory
from blobstore.partition import Partition, State, Stores
from metastore.memory import MemoryEngine
from metastore.records import Bucket, Version
from metastore.store import MetaStore
from ocean.jobs.collect import Collector
from ocean.jobs.custody import Custody
from ocean.jobs.drain import Drain
from ocean.jobs.housekeeping import Housekeeping
from ocean.jobs.move import Move
from ocean.jobs.watch import Watch
from ocean.objects.put import Expected, Spool
from ocean.partitions.records import Member, Pool, Topology
from ocean.store import Ocean

OWNER = "a" * 64
BUCKET = Bucket(name="bucket", id=b"12345678", owner=OWNER, created_ms=0)
LARGE = b"x" * 5000
POOLS = (Pool("large", "x", "replica:1", 1),)


class Two:
    """A store of two partitions in memory; what is put at first goes to `old`."""

    def __init__(self, ocean: Ocean, old: Partition, new: Partition, watch: Watch) -> None:
        self.ocean = ocean
        self.old = old
        self.new = new
        self.watch = watch
        self.move = Move(ocean.meta, ocean.blobs, ocean.inflight)
        self.custody = Custody(ocean.meta, watch, ocean.inflight)
        self.keeping = Housekeeping(
            ocean, watch, Collector(ocean.discard, 0), interval=1, ratio=0.5
        )
        self.drain = Drain(
            ocean.meta, ocean.blobs, watch, self.custody, self.topology, ocean.inflight
        )

    @classmethod
    async def make(cls, *, threshold: int = 64) -> "Two":
        meta = await MetaStore.begin(MemoryEngine())
        names = BlobNames(meta.life.epoch)
        old, new = (in_memory(name, names) for name in ("old", "new"))
        new.state = State.READ_ONLY
        ocean = Ocean(meta, Blobs([old, new], names, threshold=threshold))
        await meta.buckets.create(BUCKET)
        watch = Watch(meta)
        await watch.once()
        return cls(ocean, old, new, watch)

    def topology(self) -> Topology:
        both = (self.old, self.new)
        return Topology(tuple(Member(one.name, state=one.state, pools=POOLS) for one in both))

    def begin_drain(self) -> None:
        self.old.state, self.new.state = State.DRAINING, State.ACTIVE

    async def put(self, key: str, data: bytes = LARGE) -> Version:
        async def pieces() -> AsyncIterator[bytes | memoryview]:
            yield data

        body = Spool(pieces(), len(data))
        draft = Version(owner=OWNER)
        return await self.ocean.put(
            BUCKET, key, draft, body, expected=Expected(), guard=lambda _: None
        )

    async def get(self, key: str) -> bytes:
        version = await self.ocean.get.version(BUCKET, key, None)
        small = await self.ocean.get.small(BUCKET, key, version, 0, version.size)
        if small is not None:
            return small
        stream = self.ocean.get.stream(BUCKET, key, version, 0, version.size)
        return b"".join([bytes(piece) async for piece in stream])

    async def places(self, pool: str) -> list[Place]:
        return [place async for place in self.ocean.blobs.list(pool)]


def in_memory(name: str, names: BlobNames) -> Partition:
    pools = (Memory(name=f"{name}.{role}") for role in ("small", "large", "settled"))
    return Partition(name, Stores(*pools), names)
