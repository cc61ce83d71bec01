"""Draining: what a partition holds is moved to others, while clients go on.

Each process takes apart the volumes that it wrote; the leading one those of processes that are
gone, and all blobs of segments. It can end at any moment: what was moved is named where it is, and
what was not is found again.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from blobstore.base import BlobError, NotFound
from blobstore.blobs import Blobs
from blobstore.extents import Place
from blobstore.partition import Partition, State
from metastore.engine import EngineError
from metastore.errors import StoreError
from metastore.records import LifeState
from metastore.store import MetaStore
from ocean.jobs.compact import Compaction
from ocean.jobs.custody import Custody
from ocean.jobs.move import Move
from ocean.jobs.orphans import Orphans
from ocean.jobs.pace import Pace, turn
from ocean.jobs.watch import Watch
from ocean.objects.inflight import InFlight
from ocean.partitions.progress import Progress, note
from ocean.partitions.records import Member, Topology

log = logging.getLogger(__name__)

INTERVAL = 1.0  # seconds between passes
TOGETHER = 4  # blobs moved at once
SAY = 2.0  # seconds between notes of how far it is


class Drain:
    """Of all partitions that are to be drained."""

    def __init__(
        self,
        meta: MetaStore,
        blobs: Blobs,
        watch: Watch,
        custody: Custody,
        topology: Callable[[], Topology],
        inflight: InFlight,
    ) -> None:
        self._meta = meta
        self._blobs = blobs
        self._watch = watch
        self._custody = custody
        self._topology = topology
        self._compaction = Compaction(meta, blobs, inflight)
        self._move = Move(meta, blobs, inflight)
        self._orphans = Orphans(meta, blobs)
        self._progress: dict[str, Progress] = {}
        self._said = 0.0

    async def run(self) -> None:
        """Drain for ever."""
        while True:
            try:
                await self.once()
            except (EngineError, BlobError, StoreError) as error:
                log.warning("draining: %s", error)
            await asyncio.sleep(INTERVAL)

    async def once(self) -> None:
        """One pass over each partition that is to be drained."""
        self._custody.begin_round()
        for partition in list(self._blobs.partitions.values()):
            if self._drains(partition):
                try:
                    await self._pass(partition)
                except BlobError as error:  # of the others each may go on
                    log.warning("draining %s: %s", partition.name, error)

    def _member(self, partition: Partition) -> Member | None:
        return self._topology().member(partition.name)

    def _drains(self, partition: Partition) -> bool:
        member = self._member(partition)
        return member is not None and member.state is State.DRAINING and not member.paused

    async def _pass(self, partition: Partition) -> None:
        partition.volumes.seal()
        partition.compacted.seal()
        pace = Pace(lambda: member.rate if (member := self._member(partition)) else 0)
        before = self._progress.get(partition.name)
        self._note(partition, stayed=-(before.stayed if before else 0))
        await self._volumes(partition, pace)
        await self._segments(partition, pace)
        if self._progress[partition.name] != before:
            await self._say(partition, at_once=True)

    async def _volumes(self, partition: Partition, pace: Pace) -> None:
        for store in partition.stores.of_volumes():
            volumes = [volume async for volume in self._blobs.sealed(store.name)]
            for volume in volumes:
                if not self._drains(partition):
                    return
                if not self._custody.ours(volume):
                    continue
                fence = self._custody.state(volume) is LifeState.ENDED
                try:
                    size = await self._blobs.blob_size(volume)
                except NotFound:
                    continue  # another process was faster
                # What is damaged stays for housekeeping, which knows whether a row names it.
                if await self._compaction.volume(volume, fence=fence, pause=turn, live=1):
                    self._note(partition, volumes=1, size=size)
                else:
                    self._note(partition, stayed=1)
                await self._say(partition)
                await pace.spend(size)

    async def _segments(self, partition: Partition, pace: Pace) -> None:
        places = [place async for place in self._blobs.list(partition.stores.large.name)]
        for first in range(0, len(places), TOGETHER):
            if not self._drains(partition):
                return
            some = places[first : first + TOGETHER]
            moved = await asyncio.gather(*(self._moved(partition, place) for place in some))
            await self._say(partition)
            await pace.spend(sum(moved))

    async def _moved(self, partition: Partition, place: Place) -> int:
        size: int | None = 0
        try:
            if self._watch.leads:
                size = await self._move.blob(place)
            if not size and self._custody.ours(place):
                size = 0 if await self._orphans.judge_one(place) else None
        except (EngineError, BlobError, StoreError) as error:
            log.info("moving %s: %s", place.blob, error)
            size = None
        if not size:
            self._note(partition, stayed=size is None)
            return 0
        self._note(partition, blobs=1, size=size)
        return size

    def _note(
        self,
        partition: Partition,
        *,
        blobs: int = 0,
        volumes: int = 0,
        size: int = 0,
        stayed: int = 0,
    ) -> None:
        now = self._progress.get(partition.name) or Progress(self._meta.life.epoch)
        self._progress[partition.name] = Progress(
            now.epoch,
            now.blobs + blobs,
            now.bytes + size,
            now.volumes + volumes,
            now.stayed + stayed,
            time.time_ns() // 1_000_000 if blobs or volumes else now.updated_ms,
        )

    async def _say(self, partition: Partition, *, at_once: bool = False) -> None:
        """Store how far it is, now and then."""
        if not at_once and time.monotonic() - self._said < SAY:
            return
        self._said = time.monotonic()
        await note(self._meta.engine, partition.name, self._progress[partition.name])
