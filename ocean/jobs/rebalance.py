"""Rebalancing: what new weights would place elsewhere is moved there, once.

Rendezvous hashing moves no more than the share that a partition gained or lost. What a partition
that was added gets is a part of what each of the others has.
"""

import asyncio
import logging
from collections.abc import Callable

from msgspec.structs import replace

from blobstore.base import BlobError, NotFound
from blobstore.blobs import Blobs, Target
from blobstore.extents import Place
from blobstore.frames import Needle
from blobstore.partition import Partition, State
from metastore import codec
from metastore.engine import EngineError, Table
from metastore.errors import StoreError
from metastore.listing import Cursor
from metastore.records import Bucket
from metastore.store import MetaStore
from ocean.jobs.compact import Compaction
from ocean.jobs.custody import Custody
from ocean.jobs.drain import TOGETHER
from ocean.jobs.move import Move
from ocean.jobs.pace import Pace, turn
from ocean.jobs.watch import Watch
from ocean.objects import label
from ocean.objects.inflight import InFlight
from ocean.objects.label import Label
from ocean.objects.put import Place as Placed
from ocean.partitions.progress import REBALANCE, Progress, note
from ocean.partitions.records import Topology

log = logging.getLogger(__name__)

INTERVAL = 2.0  # seconds between looks at whether one is asked for


class Rebalancing:
    """Of one process: the volumes that it wrote; the leading one does the rest."""

    def __init__(
        self,
        meta: MetaStore,
        blobs: Blobs,
        watch: Watch,
        custody: Custody,
        topology: Callable[[], Topology],
        placed: Placed,
        inflight: InFlight,
    ) -> None:
        self._meta = meta
        self._blobs = blobs
        self._watch = watch
        self._custody = custody
        self._topology = topology
        self._placed = placed
        self._compaction = Compaction(meta, blobs, inflight)
        self._move = Move(meta, blobs, inflight)
        self._progress = Progress(meta.life.epoch)
        self._buckets: dict[bytes, str] = {}

    async def run(self) -> None:
        """For ever."""
        self._progress = Progress(self._meta.life.epoch, number=self._topology().rebalance.number)
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                await self.once()
            except (EngineError, BlobError, StoreError) as error:
                log.warning("rebalancing: %s", error)  # it begins anew

    async def once(self) -> None:
        """One pass, if one is asked for that this process has not done."""
        asked = self._topology().rebalance
        if asked.stopped or (self._progress.number == asked.number and self._progress.done):
            return
        self._progress = Progress(self._meta.life.epoch, number=asked.number)
        self._custody.begin_round()
        await self._read_buckets()
        pace = Pace(lambda: self._topology().rebalance.rate)
        for partition in list(self._blobs.partitions.values()):
            if partition.state is State.ACTIVE:
                partition.volumes.seal()
                partition.compacted.seal()
                await self._volumes(partition, pace)
                if self._watch.leads:
                    await self._segments(partition, pace)
        self._progress = replace(self._progress, done=True)
        await note(self._meta.engine, REBALANCE, self._progress)

    def _goes_on(self) -> bool:
        asked = self._topology().rebalance
        return not asked.stopped and asked.number == self._progress.number

    async def _volumes(self, partition: Partition, pace: Pace) -> None:
        async def wanted(owner: Label, needle: Needle) -> Partition | None:
            target = await self._target(owner, owner.body_size(needle.size))
            into = self._blobs.preferred(needle.label, target)
            return None if into is partition else into

        for store in partition.stores.of_volumes():
            volumes = [volume async for volume in self._blobs.sealed(store.name)]
            for volume in volumes:
                if not self._goes_on():
                    return
                if not self._custody.ours(volume):
                    continue
                try:
                    moved = await self._compaction.spread(volume, wanted, turn)
                except NotFound:
                    continue
                await self._count(moved, volumes=1 if moved else 0)
                await pace.spend(moved)

    async def _segments(self, partition: Partition, pace: Pace) -> None:
        places = [place async for place in self._blobs.list(partition.stores.large.name)]
        for first in range(0, len(places), TOGETHER):
            if not self._goes_on():
                return
            some = places[first : first + TOGETHER]
            moved = await asyncio.gather(*(self._moved(partition, place) for place in some))
            await pace.spend(sum(moved))

    async def _moved(self, partition: Partition, place: Place) -> int:
        try:
            owner = label.decode(await self._blobs.label(place))
            if owner is None:
                return 0
            target = await self._target(owner, owner.size)
            into = self._blobs.preferred(place.blob.encode(), target)
            if into is None or into is partition:
                return 0
            moved = await self._move.blob(place, target, into)
        except (EngineError, BlobError, StoreError) as error:
            log.info("moving %s: %s", place.blob, error)
            return 0
        if moved:
            await self._count(moved, blobs=1)
        return moved or 0

    async def _target(self, owner: Label, size: int) -> Target:
        """Where the rules let an object be now."""
        if not self._topology().rules:
            return self._placed("", "", None, 0)
        versions = await self._meta.objects.made_by(
            owner.bucket_id, owner.key, op=owner.op, upload=owner.upload
        )
        storage_class = versions[0].storage_class if versions else 0
        bucket = self._buckets.get(owner.bucket_id, "")
        return self._placed(bucket, owner.key, size if size >= 0 else None, storage_class)

    async def _count(self, moved: int, *, blobs: int = 0, volumes: int = 0) -> None:
        now = self._progress
        self._progress = replace(
            now,
            blobs=now.blobs + blobs,
            volumes=now.volumes + volumes,
            bytes=now.bytes + moved,
        )
        await note(self._meta.engine, REBALANCE, self._progress)

    async def _read_buckets(self) -> None:
        async for row in Cursor(self._meta.engine, Table.BUCKETS, b"", None, 500):
            bucket = codec.decode(Bucket, row.value)
            self._buckets[bucket.id] = bucket.name
