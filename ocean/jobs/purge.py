"""Purging: the rows and bytes of buckets that are gone, and deletions that were broken off."""

from metastore import codec, keys
from metastore.engine import Engine, Table
from metastore.listing import Cursor
from metastore.records import Bucket, BucketState
from metastore.store import MetaStore
from ocean.objects.census import Census
from ocean.objects.discard import Discard

_TABLES = (Table.PARTS, Table.UPLOADS, Table.TRASH, Table.OBJECTS, Table.VERSIONS)


class Purge:
    """Acts on what it has seen unchanged in two calls in a row."""

    def __init__(self, meta: MetaStore, discard: Discard) -> None:
        self._meta = meta
        self._discard = discard
        self._gone: frozenset[bytes] = frozenset()
        self._deleting: dict[str, bytes] = {}

    async def run(self, seen: set[bytes]) -> None:
        """`seen` are the bucket ids that rows begin with, read before this call."""
        there: set[bytes] = set()
        deleting: dict[str, bytes] = {}
        async for row in Cursor(self._meta.engine, Table.BUCKETS, b"", None, 500):
            bucket = codec.decode(Bucket, row.value)
            there.add(bucket.id)
            if bucket.state is BucketState.DELETING:
                deleting[bucket.name] = row.value
        gone = frozenset(seen - there)
        for bucket_id in gone & self._gone:
            await self._purge(bucket_id)
        for name, data in deleting.items():
            if self._deleting.get(name) == data:
                await self._meta.buckets.repair(data)
        self._gone, self._deleting = gone, deleting

    async def _purge(self, bucket_id: bytes) -> None:
        """No reader can find these rows any more, and no commit is acknowledged into them."""
        engine = self._meta.engine
        async for named in Census(engine).rows(bucket_id):
            await self._discard.extents([*named.extents, *named.discarded])
        for table in (*_TABLES, Table.MANIFESTS):
            await _clear(engine, table, bucket_id)


async def _clear(engine: Engine, table: Table, prefix: bytes) -> None:
    while True:
        scan = engine.scan(table, prefix, keys.successor(prefix), limit=500)
        rows = [row.key async for row in scan]
        if not rows:
            return
        await engine.write(table, [(row, None) for row in rows])
