"""What a listing reads, counted by HBase itself, does not grow with what is there already."""

import hashlib
import subprocess
import time
from collections.abc import AsyncIterator, Iterable

import pytest

from metastore import codec, keys
from metastore.engine import Table
from metastore.hbase.address import Address, parse
from metastore.hbase.calls import COLUMN
from metastore.hbase.connection import Connection
from metastore.hbase.engine import HBaseEngine
from metastore.listing import ROWS_A_PAGE, Scope
from metastore.records import Bucket, Head, Kind, Version
from metastore.store import MetaStore
from tests.support import hbase
from tests.support.server import ROOT

ADMIN = ROOT / "deploy" / "hbase" / "admin"
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
                batch.put(keys.object_row(BUCKET.id, name), {COLUMN: data})
        connection.close()

    def rows_read(self) -> int:
        running = hbase.running()
        assert isinstance(running, hbase.HBase)
        command = [str(ADMIN), str(running.folder), "reads", self._table.decode()]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return int(said.split()[0])

    async def listed(self, scope: Scope) -> tuple[int, int, float]:
        """What all pages show, the rows read for them, and the slowest page in seconds."""
        before, shown, slowest = self.rows_read(), 0, 0.0
        after, more = "", True
        while more:
            begun = time.monotonic()
            page = await self.meta.listing.keys(scope, after, PAGE)
            slowest = max(slowest, time.monotonic() - begun)
            shown += len(page.entries) + len(page.prefixes)
            after, more = page.after, page.truncated
        return shown, self.rows_read() - before, slowest


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    address = parse(hbase.fresh())
    engine = HBaseEngine(address)
    meta = await MetaStore.begin(engine)
    yield Store(address, meta)
    await engine.close()


async def check(store: Store, count: int) -> None:
    store.load(f"dir-{n // 50:05}/key-{n:07}" for n in range(count))
    shown, rows, slowest = await store.listed(Scope(BUCKET.id))
    print(f"{count} keys: {rows / shown:.3f} rows read for each, slowest page {slowest:.3f} s")
    assert shown == count
    assert count <= rows <= 1.01 * count
    shown, rows, slowest = await store.listed(Scope(BUCKET.id, "", "/"))
    print(f"{shown} prefixes: {rows / shown:.3f} rows read for each, slowest page {slowest:.3f} s")
    assert shown == count // 50
    assert shown <= rows <= 1.01 * shown


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
    shown, rows, slowest = await store.listed(Scope(BUCKET.id))
    print(f"behind {count} markers: {rows} rows read, slowest page {slowest:.3f} s")
    assert shown == 10
    assert count < rows <= count + PAGE
    before = store.rows_read()
    page = await store.meta.listing.keys(Scope(BUCKET.id), "", PAGE)
    assert page.truncated
    assert store.rows_read() - before <= ROWS_A_PAGE + PAGE
