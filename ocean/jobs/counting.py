"""Counting what is stored under quotas: at first, after a process died that may have left the
usage too high, and again from time to time.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from metastore import codec, keys, versions
from metastore.engine import Corrupt, EngineError, Table
from metastore.errors import StoreError
from metastore.keys import successor
from metastore.listing import Cursor
from metastore.records import Bucket, Kind, LifeState
from metastore.store import MetaStore
from metastore.usage import Amount, Count, Ledger, Usage
from ocean.identity.identities import quotas
from ocean.jobs.watch import Watch
from ocean.lifecycle.passes import HOUR_MS
from ocean.objects.owner_quotas import spread
from ocean.objects.quotas import of_account, of_bucket
from ocean.ports import Clock
from ocean.rules.lifecycle import DAY_MS

BATCH = 500
TOGETHER = 2  # scopes whose rows are read at once
LATE = 10.0  # seconds after which a version's removal was told, at most
COSTS = 100  # times as long as it took: until a count is made again that others made too high

log = logging.getLogger(__name__)


class _Due(NamedTuple):
    """A scope to be counted, the row as it was before, and the lives that are over."""

    scope: bytes
    begun: Usage
    ended: frozenset[int]


class Counting:
    """Of one process, if it leads. `grace` seconds after it is asked for room, nobody commits any
    more without having it; a look is taken each `interval` seconds.
    """

    def __init__(
        self,
        meta: MetaStore,
        ledger: Ledger,
        watch: Watch,
        clock: Clock,
        *,
        grace: float,
        interval: float,
    ) -> None:
        self._meta = meta
        self._ledger = ledger
        self._watch = watch
        self._clock = clock
        self._grace = grace
        self._late = min(grace, LATE)
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
        with self._told("of users' new buckets"):
            accounts = partial(quotas, self._meta.engine)
            await spread(self._meta.buckets, self._ledger, accounts)
        wanted = await self._scopes()
        due = [one for scope in wanted if (one := await self._due(scope)) is not None]
        if due:
            await self._count_all(due)
        await self._ledger.keep_only(wanted)

    async def _scopes(self) -> dict[bytes, list[Bucket]]:
        """The buckets of every scope that is under a quota."""
        found: dict[bytes, list[Bucket]] = {}
        of_owner: dict[str, list[Bucket]] = {}
        async for bucket in self._meta.buckets.list():
            of_owner.setdefault(bucket.owner, []).append(bucket)
            if bucket.quota is not None:
                found[of_bucket(bucket.id)] = [bucket]
        for owner, buckets in of_owner.items():
            if any(bucket.owner_quota is not None for bucket in buckets):
                found[of_account(owner)] = buckets
        return found

    async def _due(self, scope: bytes) -> _Due | None:
        with self._told(scope.hex()):
            begun = await self._ledger.find(scope)
            ended, clean = await self._ended(begun)
            if begun.counted and ended == clean and self._clock.now_ms() < begun.again_ms:
                await self._ledger.forget(scope, clean)
            else:
                return _Due(scope, begun, ended)
        return None

    async def _count_all(self, due: Sequence[_Due]) -> None:
        await asyncio.sleep(self._grace)
        there = await self._scopes()  # with the buckets that were made since
        turn = asyncio.Semaphore(TOGETHER)
        async with asyncio.TaskGroup() as counts:
            for one in due:
                counts.create_task(self._count(one, there.get(one.scope, []), turn))

    async def _count(self, due: _Due, buckets: list[Bucket], turn: asyncio.Semaphore) -> None:
        with self._told(due.scope.hex()):
            async with turn:
                begun_ms = self._clock.now_ms()
                found = Amount()
                for bucket in buckets:
                    found = found.plus(await self.count(bucket.id))
            await asyncio.sleep(self._late)  # removals that it did not see are told by then
            now_ms = self._clock.now_ms()
            loose = min(max(HOUR_MS, COSTS * (now_ms - begun_ms)), DAY_MS)
            count = Count(due.begun, found, due.ended, now_ms + DAY_MS, now_ms + loose)
            usage = await self._ledger.counted(due.scope, count)
            if buckets:
                where = self._named(due.scope, buckets)
                log.info("counted %s: %d bytes in %d versions", where, *usage.used)

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """What cannot be read or written keeps nobody from counting the others."""
        try:
            yield
        except (EngineError, StoreError) as error:
            log.warning("quotas: usage %s is not counted: %s", what, error)

    @staticmethod
    def _named(scope: bytes, buckets: list[Bucket]) -> str:
        [first, *_] = buckets
        if scope == of_bucket(first.id):
            return f"bucket {first.name}"
        return f"the {len(buckets)} buckets of {first.owner}"

    async def _ended(self, usage: Usage) -> tuple[frozenset[int], frozenset[int]]:
        """The lives that changed a usage and are over; those that left it as it should be."""
        lives = {epoch: await self._meta.lives.find(epoch) for epoch in usage.epochs}
        ended = {e for e, life in lives.items() if life is None or life.state is not LifeState.LIVE}
        clean = {e for e in ended if (life := lives[e]) and life.state is LifeState.CLEAN}
        return frozenset(ended), frozenset(clean)

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
