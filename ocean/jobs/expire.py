"""Lifecycle on schedule: passes over the buckets that have rules, shared by all processes.

A bucket is one process's at a time, by a claim, and for a while only: then others get their turn.
How far it came is noted, and whoever has the claim next goes on there.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from typing import NamedTuple

from metastore.engine import EngineError
from metastore.errors import NoBucket, StoreError
from metastore.records import Bucket, BucketState
from metastore.store import MetaStore
from ocean.claim import Held, claimed
from ocean.jobs.pace import Pace
from ocean.lifecycle import passes, walk
from ocean.lifecycle.acts import Acts
from ocean.lifecycle.passes import Progress, Tally, Timing
from ocean.lifecycle.walk import Batch
from ocean.objects.discard import Discard
from ocean.ports import Clock

TOGETHER = 16  # rows at once: what is done to them shares the engine's commits
NOTE = 5.0  # seconds between notes of how far it is
TURN = 60.0  # seconds after which another bucket has its turn

_NEW = Progress()

log = logging.getLogger(__name__)


class Standing(NamedTuple):
    """How passes stand: what was due at `full_ms` has been looked at; how long something had been
    overdue, at most, in the last pass over each bucket; and how many buckets wait for one."""

    full_ms: int
    overdue_ms: int
    waiting: int


class Figures(NamedTuple):
    """What there is to tell: what was done since the last time, and how passes stand."""

    tally: Tally
    standing: Standing


class Expiring:
    """Of one process. `tell` is called again and again."""

    def __init__(self, meta: MetaStore, discard: Discard, clock: Clock, timing: Timing) -> None:
        self._meta = meta
        self._clock = clock
        self._timing = timing
        self._acts = Acts(meta, discard, clock, day_ms=timing.day_ms)
        self._pace = Pace(lambda: timing.rate)
        self._standing = Standing(0, 0, 0)
        self.tell: Callable[[Figures], None] = _silent

    async def run(self) -> None:
        """For ever."""
        more = False
        while True:
            await asyncio.sleep(0 if more else self._timing.look)
            more = False
            try:
                more = await self.once()
            except (EngineError, StoreError) as error:
                log.warning("lifecycle: %s", error)

    async def once(self) -> bool:
        """A turn for each bucket that waits for it and that no other process has.

        True: some have more to do.
        """
        engine = self._meta.engine
        listed = [one async for one in self._meta.buckets.list() if one.lifecycle]
        buckets = {one.id: one for one in listed if one.state is BucketState.OPEN}
        noted = await passes.noted(engine)
        await passes.forget(engine, noted.keys() - buckets.keys())
        now = {one: noted.get(one, _NEW) for one in buckets}
        self._standing = self._stands(now.values())
        more = False
        for bucket in [one for one in buckets.values() if self._due(now[one.id])]:
            progress = await self._turn(bucket)
            if progress is not None:
                now[bucket.id] = progress
                more = more or not progress.done
        self._standing = self._stands(now.values())
        self.tell(Figures(Tally(), self._standing))
        return more

    def _due(self, progress: Progress) -> bool:
        return self._timing.due(progress, self._clock.now_ms())

    def _stands(self, now: Collection[Progress]) -> Standing:
        full = [one.full_ms for one in now if one.full_ms]
        return Standing(
            min(full, default=self._clock.now_ms()),
            max((one.overdue_ms for one in now), default=0),
            sum(map(self._due, now)),
        )

    async def _turn(self, bucket: Bucket) -> Progress | None:
        """How far the pass over a bucket is after a turn; None if it had none."""
        try:
            async with claimed(self._meta.engine, f"lifecycle/{bucket.id.hex()}") as check:
                return await self._pass(bucket, check)
        except (Held, NoBucket):
            return None
        except (EngineError, StoreError) as error:  # others may lie where it is well
            log.warning("lifecycle of %s: %s", bucket.name, error)
            return None

    async def _pass(self, bucket: Bucket, check: Callable[[], None]) -> Progress:
        """Go on with a pass, or begin one; NoBucket, Held."""
        engine = self._meta.engine
        progress = await passes.of_bucket(engine, bucket.id)
        if not self._due(progress):
            return progress  # another process was faster
        if progress.done:
            progress = progress.begun(self._clock.now_ms())
        begun = noted = time.monotonic()
        while not progress.done and noted - begun < TURN:
            check()
            bucket = (await self._meta.buckets.open(bucket)).bucket
            batch = await walk.batch(engine, bucket, progress.position)
            tally = await self._rows(bucket, batch)
            progress = progress.moved(batch.behind, tally)
            self.tell(Figures(tally, self._standing))
            if progress.done or time.monotonic() - noted > NOTE:
                check()
                await passes.note(engine, bucket.id, progress)
                noted = time.monotonic()
        if progress.done and (progress.tally.actions or progress.tally.failed):
            log.info("lifecycle of %s: %s", bucket.name, progress.tally)
        return progress

    async def _rows(self, bucket: Bucket, batch: Batch) -> Tally:
        """Act on some rows."""
        tallies: list[Tally] = []
        for first in range(0, len(batch.rows), TOGETHER):
            some = batch.rows[first : first + TOGETHER]
            acting = (self._acts.row(bucket, batch.table, row) for row in some)
            for done in await asyncio.gather(*acting, return_exceptions=True):
                if isinstance(done, BaseException):
                    raise done
                tallies.append(done)
            await self._pace.spend(sum(one.rows for one in tallies[first:]))
        return passes.total(tallies)


def _silent(_figures: Figures) -> None:
    """Nobody listens."""
