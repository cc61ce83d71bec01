"""What a listing reads, counted by HBase itself, does not grow with what is there already."""

import hashlib
import time
from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

import pytest

from metastore import codec
from metastore.engine import Table
from metastore.hbase.address import Address, parse
from metastore.hbase.calls import COLUMN
from metastore.hbase.connection import Connection
from metastore.hbase.engine import HBaseEngine
from metastore.keys import object_row
from metastore.listing import ROWS_A_PAGE, Scope
from metastore.records import Bucket, Head, Kind, Version
from metastore.store import MetaStore
from tests.support import hbase

BUCKET = Bucket(name="bucket", id=b"bucketid", owner="0" * 64, created_ms=0)
PAGE = 1000


class Store:
    """A bucket in tables of its own, and the rows that HBase reads for it."""

    def __init__(self, address: Address, meta: MetaStore) -> None:
        self.address = address
        self.meta = meta
        self._table = address.table(Table.OBJECTS)

    def load(self, names: Iterable[str], kind: Kind = Kind.OBJECT) -> None:
        """Heads as commits would leave them, without the commits."""
        etag = hashlib.md5(b"").digest()
        version = Version(kind=kind, seq=1, op=b"o" * 12, etag=etag, headers={"content-type": "x"})
        data = codec.encode_head(Head(kind=kind, last=1, current=version, trail=(bytes(12),)))
        connection = Connection(self.address, 60)
        with connection.first.table(self._table, use_prefix=False).batch(batch_size=2000) as batch:
            for name in names:
                batch.put(object_row(BUCKET.id, name), {COLUMN: data})
        connection.close()

    def rows_read(self) -> int:
        running = hbase.running()
        assert isinstance(running, hbase.HBase)
        return int(running.administer("reads", self._table.decode()).split()[0])

    async def listed(self, scope: Scope) -> "Listed":
        """What all pages show and cost."""
        counters = self.meta.engine.counters
        rows, calls, shown, pages, slowest = self.rows_read(), counters.rpcs, 0, 0, 0.0
        after, more = "", True
        while more:
            begun = time.monotonic()
            page = await self.meta.listing.keys(scope, after, PAGE)
            slowest = max(slowest, time.monotonic() - begun)
            shown += len(page.entries) + len(page.prefixes)
            pages += 1
            after, more = page.after, page.truncated
        return Listed(shown, self.rows_read() - rows, counters.rpcs - calls, pages, slowest)


class Listed(NamedTuple):
    """Keys and prefixes, the rows that HBase read for them, calls, pages and the slowest page."""

    shown: int
    rows: int
    calls: int
    pages: int
    slowest: float

    def __str__(self) -> str:
        return (
            f"{self.shown} shown: {self.rows / self.shown:.3f} rows read for each, "
            f"{self.calls} calls for {self.pages} pages, the slowest {self.slowest:.3f} s"
        )


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    address = parse(hbase.fresh())
    engine = HBaseEngine(address)
    meta = await MetaStore.begin(engine)
    yield Store(address, meta)
    await engine.close()


async def check(store: Store, count: int) -> None:
    store.load(f"dir-{n // 50:05}/key-{n:07}" for n in range(count))
    keys = await store.listed(Scope(BUCKET.id))
    print(f"keys: {keys}")
    assert keys.shown == count
    assert count <= keys.rows <= 1.01 * count
    assert keys.calls <= keys.pages + 1
    prefixes = await store.listed(Scope(BUCKET.id, "", "/"))
    print(f"prefixes: {prefixes}")
    assert prefixes.shown == count // 50
    assert prefixes.shown <= prefixes.rows <= 1.01 * prefixes.shown
    assert prefixes.calls <= prefixes.shown + 2 * prefixes.pages


@pytest.mark.timeout(300)
@pytest.mark.parametrize("count", [10_000, 100_000])
async def test_rows_read_for_each_listed_key(store: Store, count: int) -> None:
    await check(store, count)


@pytest.mark.nightly(part="growth")
@pytest.mark.timeout(1200)
async def test_rows_read_for_each_listed_key_of_a_million(store: Store) -> None:
    await check(store, 1_000_000)


@pytest.mark.timeout(300)
async def test_pages_behind_delete_markers(store: Store) -> None:
    """Each is read once; a page reads so many at most, and says where the next begins."""
    count = 100_000
    store.load((f"gone-{n:07}" for n in range(count)), Kind.MARKER)
    store.load(f"here-{n:07}" for n in range(10))
    listed = await store.listed(Scope(BUCKET.id))
    print(f"behind {count} markers: {listed}")
    assert listed.shown == 10
    assert count < listed.rows <= count + PAGE
    before = store.rows_read()
    page = await store.meta.listing.keys(Scope(BUCKET.id), "", PAGE)
    assert page.truncated
    assert store.rows_read() - before <= ROWS_A_PAGE + PAGE
