"""Housekeeping: passes over the rows, and over the volumes and blobs that they leave."""

import asyncio
import logging
import time
from bisect import bisect_right
from collections import Counter
from contextlib import suppress

import msgspec

from blobstore.base import BlobError, NotFound
from blobstore.extents import Place
from blobstore.partition import State
from metastore.engine import Corrupt, EngineError, Full, Table
from metastore.errors import StoreError
from metastore.records import LifeState
from ocean.jobs.collect import Collector
from ocean.jobs.compact import Compaction
from ocean.jobs.custody import Custody
from ocean.jobs.orphans import Orphans, epoch_of
from ocean.jobs.purge import Purge
from ocean.jobs.sweep import Sweep
from ocean.jobs.watch import Watch
from ocean.store import Ocean

log = logging.getLogger(__name__)

_LIVE = b"live"  # row of `volumes`: live bytes by volume, as the last pass counted them
COMPACTING = 10.0  # seconds of one round at most: what died is judged between rounds
SETTLE = 600.0  # seconds without a write after which a volume settles, if it has where to
SETTLED_RATIO = 0.85  # of a settled volume that is live, below which it is written anew
REST = 19  # times as long as the work took: at most a twentieth of one core goes into passes


class Housekeeping:
    """What every process does now and then; the leading one also sweeps for all."""

    def __init__(
        self,
        ocean: Ocean,
        watch: Watch,
        collector: Collector,
        *,
        interval: float,
        ratio: float,
        settle: float = SETTLE,
    ) -> None:
        meta, blobs = ocean.meta, ocean.blobs
        self._meta = meta
        self._blobs = blobs
        self._watch = watch
        self._inflight = ocean.inflight
        self._sweep = Sweep(meta, ocean.discard, collector, ocean.clock)
        self._purge = Purge(meta, ocean.discard)
        self._orphans = Orphans(meta, blobs)
        self._compaction = Compaction(meta, blobs, ocean.inflight)
        self._interval = interval
        self._ratio = ratio
        self._custody = Custody(meta, watch, ocean.inflight)
        self._settle = settle
        self._ended: frozenset[int] = frozenset()  # epochs seen ended by the last round
        self._judged: frozenset[int] = frozenset()  # epochs whose blobs were
        self._doubted: frozenset[int] = frozenset()  # tickets in doubt since a round
        self._compacted = Place("", "")  # the volume that the last round looked at last
        self.passes = 0

    async def run(self) -> None:
        """Keep house for ever."""
        while True:
            try:
                await self.once()
            except (EngineError, BlobError, StoreError) as error:
                log.warning("housekeeping: %s", error)
            await asyncio.sleep(self._interval)

    async def once(self) -> None:
        """One round."""
        if self._watch.leads:
            live = await self._sweep.run(Breath())
            with suppress(Full):  # then the others compact less, until there is room
                await self._meta.engine.write(
                    Table.VOLUMES, [(_LIVE, msgspec.msgpack.encode(dict(live)))]
                )
            try:
                await self._purge.run(self._sweep.buckets)
            except Corrupt as error:  # as long as a bucket's row cannot be read none is gone
                log.warning("purging buckets: %s", error)
            await self._judge()
            self.passes += 1
        else:
            data = await self._meta.engine.get(Table.VOLUMES, _LIVE)
            live = Counter(msgspec.msgpack.decode(data)) if data else Counter()
        await self._orphans.settle(self._inflight, self._doubted)
        self._doubted = frozenset(self._inflight.doubts)
        await self._compact(live)
        await self._blobs.delete_left_over()

    async def _judge(self) -> None:
        """The blobs of lives that have been ended for a round."""
        lives = self._watch.lives
        ended = frozenset(life.epoch for life in lives if life.state is LifeState.ENDED)
        due = ended & self._ended
        if due:
            self._judged = await self._orphans.judge(due)
        self._ended = ended

    async def _compact(self, live: Counter[str]) -> None:
        self._custody.begin_round()
        self._seal_idle()
        volumes, all_listed = await self._volumes()
        behind = bisect_right(volumes, self._compacted)
        until = time.monotonic() + COMPACTING
        for volume in volumes[behind:] + volumes[:behind]:
            if time.monotonic() > until:
                break  # the next round goes on
            self._compacted = volume
            if self._custody.ours(volume):
                with suppress(NotFound):  # another process was faster
                    await self._look(volume, live[volume.blob])
        if self._watch.leads and all_listed:
            await self._forget({epoch_of(volume.blob) for volume in volumes})

    async def _volumes(self) -> tuple[list[Place], bool]:
        """The volumes that this process does not append to, and whether all could be listed."""
        volumes: list[Place] = []
        all_listed = self._blobs.all_open
        for pool in self._blobs.volume_pools():
            try:
                volumes += [volume async for volume in self._blobs.sealed(pool)]
            except BlobError as error:
                log.warning("listing the volumes in %s: %s", pool, error)
                all_listed = False
        return sorted(volumes), all_listed

    def _seal_idle(self) -> None:
        """What is not written to any more shall settle."""
        for partition in self._blobs.partitions.values():
            if partition.stores.settled is not None:
                partition.volumes.seal_idle(self._settle)

    async def _look(self, volume: Place, live: int) -> None:
        """Compact a volume if it is worth it, or has to settle."""
        owner = self._blobs.partition_of(volume.pool)
        if owner is None:
            return
        settles = owner.stores.settled is not None
        if owner.state is not State.ACTIVE:
            due = live == 0
        elif settles and volume.pool == owner.stores.small.name:
            due = self._custody.rested(volume) >= self._settle
        else:
            size = await self._blobs.blob_size(volume)
            due = size == 0 or live < size * (SETTLED_RATIO if settles else self._ratio)
        if due:
            fence = self._custody.state(volume) is LifeState.ENDED
            gone = await self._compaction.volume(volume, fence=fence, pause=Breath(), live=live)
            if gone:
                self._custody.forget(volume)

    async def _forget(self, epochs: set[int]) -> None:
        """Lives that left no volume behind, and no blob that nobody judged."""
        for life in self._watch.lives:
            judged = life.state is LifeState.CLEAN or life.epoch in self._judged
            if life.state is not LifeState.LIVE and judged and life.epoch not in epochs:
                await self._meta.lives.forget(life)


class Breath:
    """Rests in proportion to the work done since the last rest."""

    def __init__(self, rest: float = REST) -> None:
        self._rest = rest
        self._since = time.thread_time()

    async def __call__(self) -> None:
        """Rest now."""
        worked = time.thread_time() - self._since
        await asyncio.sleep(min(worked * self._rest, 0.1))
        self._since = time.thread_time()
