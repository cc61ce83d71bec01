"""Buckets: one row each, changed by swap."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from operator import eq

import msgspec
from msgspec.structs import replace

from metastore import codec
from metastore.edits import Edits
from metastore.engine import Corrupt, Engine, Swap, Table, Unavailable
from metastore.errors import BucketNotEmpty, BucketTaken, Conflict, NoBucket
from metastore.keys import successor
from metastore.records import Bucket, BucketState, Kind
from metastore.rows import ATTEMPTS, replaced

RECENT = 0.05  # seconds for which requests may act on a record that was read before them
FRESH = 0.25  # seconds for which a commit may act on the bucket record that it read
VIEWS = 10_000  # records kept decoded
SETTLE = 0.5  # seconds after which no commit can still act on the record from before a change


class BucketView(msgspec.Struct, frozen=True):
    """A bucket record as read at `read_at` (monotonic seconds), with its bytes."""

    bucket: Bucket
    data: bytes
    read_at: float


class Buckets:
    """The verbs on buckets.

    `recent`, in seconds, is how old a record may be that `find` gives: none is read for most
    requests then. Every creation, change and deletion waits longer before it is answered, so
    whoever begins after it finds it; all processes of a store have to agree.
    """

    def __init__(
        self,
        engine: Engine,
        edits: Edits,
        clock: Callable[[], float] = time.monotonic,
        recent: float = 0.0,
    ) -> None:
        self._recent = recent
        self._engine = engine
        self._edits = edits
        self._clock = clock
        self._views: dict[str, BucketView] = {}  # as last read

    async def view(self, name: str) -> BucketView | None:
        """The record of `name`, whatever its state."""
        read_at = self._clock()
        data = await self._engine.get(Table.BUCKETS, name.encode())
        if data is None:
            self._views.pop(name, None)
            return None
        known = self._views.get(name)
        bucket = known.bucket if known and known.data == data else codec.decode(Bucket, data)
        if len(self._views) >= VIEWS:
            self._views.clear()
        view = self._views[name] = BucketView(bucket, data, read_at)
        return view

    def recent(self, bucket: Bucket) -> BucketView | None:
        """The view that this process has of `bucket`, if a commit may still act on it."""
        view = self._views.get(bucket.name)
        if view is None or self.stale(view) or view.bucket is not bucket:
            return None
        return view if bucket.state is BucketState.OPEN else None

    def stale(self, view: BucketView) -> bool:
        """Whether a commit has to read the record again before its swap."""
        return self._clock() - view.read_at > FRESH

    async def find(self, name: str) -> Bucket | None:
        """The bucket `name`; None when there is none or its deletion has been answered."""
        view = self._views.get(name)
        if view is None or self._clock() - view.read_at >= self._recent:
            view = await self.view(name)
        return view.bucket if view else None

    async def open(self, bucket: Bucket) -> BucketView:
        """A fresh view of `bucket`; NoBucket once it is gone. Waits while it is being deleted."""
        for _ in range(100):
            view = await self.view(bucket.name)
            if view is None or view.bucket.id != bucket.id:
                raise NoBucket(bucket.name)
            if view.bucket.state is BucketState.OPEN:
                return view
            await asyncio.sleep(0.02)
        raise Unavailable(f"bucket {bucket.name} stays half deleted")

    async def confirm(self, view: BucketView) -> None:
        """After a commit that acted on `view`: return only if the bucket outlived it."""
        data = await self._engine.get(Table.BUCKETS, view.bucket.name.encode())
        if data != view.data:
            await self.open(view.bucket)

    async def create(self, bucket: Bucket) -> None:
        """Create exclusively; BucketTaken."""
        data = codec.encode(replace(bucket, edit=self._edits.next()))
        row = bucket.name.encode()
        swap = Swap(Table.BUCKETS, row, None, data)
        if not await replaced(self._engine, swap, partial(eq, data)):
            taken = await self.view(bucket.name)
            raise BucketTaken(taken.bucket.owner if taken else "")
        await self._outlived(bucket)  # one of that name whose removal had no outcome

    async def change(self, bucket: Bucket, change: Callable[[Bucket], Bucket]) -> Bucket:
        """Change the configuration; returns when no commit acts on the old one any more."""
        for _ in range(ATTEMPTS):
            view = await self.open(bucket)
            after = replace(change(view.bucket), edit=self._edits.next())
            if await self._swap(view.data, after):
                await self._outlived(
                    bucket, SETTLE if after.versioning is not view.bucket.versioning else 0.0
                )
                return after
        raise Conflict(bucket.name)

    async def delete(self, bucket: Bucket) -> None:
        """Delete an empty bucket; BucketNotEmpty.

        While the row says DELETING no commit is acknowledged into it, so the search for
        versions cannot overlook one.
        """
        for _ in range(ATTEMPTS):
            view = await self.open(bucket)
            deleting = replace(view.bucket, state=BucketState.DELETING, edit=self._edits.next())
            if await self._swap(view.data, deleting):
                break
        else:
            raise Conflict(bucket.name)
        row, data = bucket.name.encode(), codec.encode(deleting)
        if await self._holds_versions(bucket.id):
            await self._swap(data, replace(view.bucket, edit=self._edits.next()))
            raise BucketNotEmpty(bucket.name)
        swap = Swap(Table.BUCKETS, row, data, None)
        if not await replaced(self._engine, swap, lambda now: now is None):
            raise Conflict(bucket.name)
        await self._outlived(bucket)

    async def repair(self, abandoned: bytes) -> None:
        """Reopen a bucket whose deletion was broken off: its row is still `abandoned`."""
        bucket = codec.decode(Bucket, abandoned)
        opened = replace(bucket, state=BucketState.OPEN, edit=self._edits.next())
        await self._swap(abandoned, opened)

    async def list(self, after: str = "", prefix: str = "") -> AsyncIterator[Bucket]:
        """Buckets whose names begin with `prefix`, in order, beginning after `after`."""
        start = max(prefix.encode(), after.encode() + b"\0" if after else b"")
        stop = successor(prefix.encode()) if prefix else None
        while True:
            last = b""
            async for row in self._engine.scan(Table.BUCKETS, start, stop, limit=1000):
                last = row.key
                yield codec.decode(Bucket, row.value)
            if not last:
                return
            start = last + b"\0"

    async def _outlived(self, changed: Bucket, least: float = 0.0) -> None:
        """Wait until no process can find a record from before a change."""
        self._views.pop(changed.name, None)
        await asyncio.sleep(max(2 * self._recent, least))  # twice: for clocks that differ in speed

    async def _swap(self, old: bytes, after: Bucket) -> bool:
        data = codec.encode(after)
        swap = Swap(Table.BUCKETS, after.name.encode(), old, data)
        return await replaced(self._engine, swap, partial(eq, data))

    async def _holds_versions(self, bucket_id: bytes) -> bool:
        """Whether it does, or may: a row that cannot be read may be of one."""
        start, stop = bucket_id, successor(bucket_id)
        while True:
            last = b""
            async for row in self._engine.scan(Table.OBJECTS, start, stop, limit=1000):
                last = row.key
                with suppress(Corrupt):
                    if codec.kind_of(row.value) == Kind.NONE and not codec.has_live(row.value):
                        continue
                return True
            if not last:
                return False
            start = last + b"\0"
