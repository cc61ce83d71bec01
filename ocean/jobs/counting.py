"""Counting what is stored under quotas: at first, and after a process died that may have left the
usage too high.
"""

import asyncio
import logging

from metastore import codec, keys, versions
from metastore.engine import Corrupt, EngineError, Table
from metastore.errors import StoreError
from metastore.keys import successor
from metastore.listing import Cursor
from metastore.records import Bucket, Kind, LifeState
from metastore.store import MetaStore
from metastore.usage import Amount, Ledger, Usage
from ocean.jobs.watch import Watch
from ocean.objects.quotas import of_account, of_bucket

BATCH = 500

log = logging.getLogger(__name__)


class Counting:
    """Of one process, if it leads. `grace` seconds after it is asked for room, nobody commits any
    more without having it; a look is taken each `interval` seconds.
    """

    def __init__(
        self, meta: MetaStore, ledger: Ledger, watch: Watch, *, grace: float, interval: float
    ) -> None:
        self._meta = meta
        self._ledger = ledger
        self._watch = watch
        self._grace = grace
        self._interval = interval

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(self._interval)
            try:
                if self._watch.leads:
                    await self.once()
            except (EngineError, StoreError) as error:
                log.warning("counting what is under quotas: %s", error)

    async def once(self) -> None:
        """Count every scope that has to be."""
        wanted: dict[bytes, list[Bucket]] = {}
        of_owner: dict[str, list[Bucket]] = {}
        async for bucket in self._meta.buckets.list():
            of_owner.setdefault(bucket.owner, []).append(bucket)
            if bucket.quota is not None:
                wanted[of_bucket(bucket.id)] = [bucket]
        for owner, buckets in of_owner.items():
            if any(bucket.owner_quota is not None for bucket in buckets):
                wanted[of_account(owner)] = buckets
        for scope, buckets in wanted.items():
            await self._look(scope, buckets)
        await self._ledger.keep_only(wanted)

    async def _look(self, scope: bytes, buckets: list[Bucket]) -> None:
        begun = await self._ledger.find(scope)
        ended, clean = await self._ended(begun)
        if begun.counted and ended == clean:
            await self._ledger.forget(scope, clean)
            return
        await asyncio.sleep(self._grace)
        found = Amount()
        for bucket in buckets:
            found = found.plus(await self.count(bucket.id))
        usage = await self._ledger.counted(scope, begun, found, ended)
        log.info("counted %s: %d bytes in %d versions", self._named(scope, buckets), *usage.used)

    @staticmethod
    def _named(scope: bytes, buckets: list[Bucket]) -> str:
        [first, *_] = buckets
        if scope == of_bucket(first.id):
            return f"bucket {first.name}"
        return f"the {len(buckets)} buckets of {first.owner}"

    async def _ended(self, usage: Usage) -> tuple[set[int], set[int]]:
        """The lives that changed a usage and are over; those that left it as it should be."""
        lives = {epoch: await self._meta.lives.find(epoch) for epoch in usage.epochs}
        ended = {e for e, life in lives.items() if life is None or life.state is not LifeState.LIVE}
        clean = {e for e in ended if (life := lives[e]) and life.state is LifeState.CLEAN}
        return ended, clean

    async def count(self, bucket_id: bytes) -> Amount:
        """What the versions of a bucket hold, each row read once."""
        found = Amount()
        stop = successor(bucket_id)
        async for row in Cursor(self._meta.engine, Table.OBJECTS, bucket_id, stop, BATCH):
            try:
                found = found.plus(await self._count_key(row.key, row.value))
            except Corrupt as error:
                log.warning("a row cannot be counted: %s", error)
        return found

    async def _count_key(self, row: bytes, data: bytes) -> Amount:
        summary = codec.summary(data)
        found = Amount()
        if summary.kind & codec.KIND == Kind.OBJECT:
            found = Amount(summary.size, 1)
        if not codec.has_live(data):
            return found
        head = codec.decode_head_once(data)
        start = keys.version_rows(row[: keys.ID_SIZE], keys.object_key(row))
        async for one in Cursor(self._meta.engine, Table.VERSIONS, start, successor(start), BATCH):
            old = codec.summary(one.value)
            if old.kind & codec.KIND == Kind.OBJECT and versions.contains(head.live, old.seq):
                found = found.plus(Amount(old.size, 1))
        return found
