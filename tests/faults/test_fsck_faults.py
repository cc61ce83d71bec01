"""fsck names every planted fault, and raises no false alarm, server or not."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path

import pytest

from metastore.engine import Row, Table
from ocean.fsck import Fault
from ocean.objects.census import Census
from ocean.objects.verify import FaultKind
from tests.faults.client import Client
from tests.faults.ledger import Ledger, Writers
from tests.faults.operations import content, prepare
from tests.faults.store import Store, opened
from tests.faults.test_random_kills import fsck
from tests.support.server import Server

pytestmark = pytest.mark.slow

_PLANTED = 100
_SEED = 41
TABLES = (
    Table.PARTS,
    Table.UPLOADS,
    Table.TRASH,
    Table.OBJECTS,
    Table.VERSIONS,
    Table.MANIFESTS,
    Table.BUCKETS,
)


@pytest.fixture
async def store(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    """Rows in every table that names bytes; the life that made them has ended."""
    monkeypatch.setattr("ocean.objects.multipart.MIN_PART", 0)
    async with opened(folder / "data") as store:
        await fill_every_table(store)
        assert await found(store) == []
    async with opened(folder / "data") as store:
        yield store


async def fill_every_table(store: Store) -> None:
    """If parts may be small."""
    await prepare(store)
    for number in range(70):  # the trash of a hot key moves to rows of its own
        await store.do("PUT", "/plain/hot", content(f"hot {number}", 300))
    await complete_many_parts(store, 140)


async def complete_many_parts(store: Store, count: int) -> None:
    """An object whose manifest does not fit into its Head."""
    begun = (await store.do("POST", "/plain/long?uploads")).body.decode()
    upload = begun.partition("<UploadId>")[2].partition("<")[0]
    body = ""
    for number in range(1, count + 1):
        path = f"/plain/long?partNumber={number}&uploadId={upload}"
        etag = (await store.do("PUT", path, content(f"{number}", 100))).headers["etag"]
        body += f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
    document = f"<CompleteMultipartUpload>{body}</CompleteMultipartUpload>"
    await store.do("POST", f"/plain/long?uploadId={upload}", document.encode())


def reopened(folder: Path) -> AbstractAsyncContextManager[Store]:
    """Another opening: it has no file open, as when `ocean fsck` begins."""
    return opened(folder / "data")


async def found(store: Store) -> list[Fault]:
    return (await store.fsck())[0]


async def named(store: Store) -> dict[str, set[str]]:
    """Keys of the rows that readers follow, by the blob that they name."""
    keys: dict[str, set[str]] = {}
    async for row in Census(store.ocean.meta.engine).rows():
        for extent in row.extents:
            keys.setdefault(extent.blob, set()).add(row.key)
    return keys


def blob_files(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in (folder / "data/blobs").glob("*/*/*") if path.is_file()}


def some(chance: random.Random, items: list[str]) -> Iterator[str]:
    """As many as are planted, each item at least once if there are not more."""
    drawn = chance.sample(items, len(items))
    yield from (drawn[number % len(drawn)] for number in range(_PLANTED))


@contextmanager
def changed(path: Path, data: bytes | None) -> Iterator[None]:
    """A file with other content for a while, or away."""
    before = path.read_bytes()
    path.unlink()  # not in place: whoever has it open must not see it
    if data is not None:
        path.write_bytes(data)
    yield
    path.write_bytes(before)


async def test_removed_blobs_are_named(store: Store, folder: Path) -> None:
    keys, files = await named(store), blob_files(folder)
    for blob in some(random.Random(_SEED), sorted(keys)):
        async with reopened(folder) as fresh:
            with changed(files[blob], None):
                faults = await found(fresh)
        assert {fault.blob for fault in faults} == {blob}
        assert {fault.kind for fault in faults} == {FaultKind.MISSING}
        where = {fault.where.partition("/")[2] for fault in faults}
        assert where
        assert where <= keys[blob] | {"parts"}


async def ends(store: Store) -> dict[str, int]:
    """Where the last bytes end that a row names, by blob."""
    found: dict[str, int] = {}
    async for row in Census(store.ocean.meta.engine).rows():
        for extent in row.extents:
            found[extent.blob] = max(found.get(extent.blob, 0), extent.offset + extent.span)
    return found


async def test_truncated_blobs_are_named(store: Store, folder: Path) -> None:
    lengths, files, chance = await ends(store), blob_files(folder), random.Random(_SEED)
    for blob in some(chance, sorted(lengths)):
        data = files[blob].read_bytes()
        short = chance.randrange(lengths[blob])
        async with reopened(folder) as fresh:
            with changed(files[blob], data[:short]):
                faults = await found(fresh)
        assert {fault.blob for fault in faults} == {blob}, f"{short} of {lengths[blob]} bytes"
        assert FaultKind.MISSING not in {fault.kind for fault in faults}


async def test_added_orphans_are_named(store: Store, folder: Path) -> None:
    files, chance = blob_files(folder), random.Random(_SEED)
    large = [path for path in files.values() if "/blobs/blobs/" in str(path)]
    for number in range(_PLANTED):
        source = chance.choice(large)
        blob = f"{0x70000000 + number:08x}-{chance.randrange(1 << 12):012x}"
        orphan = source.parent.parent / blob[:18] / blob
        orphan.parent.mkdir()
        orphan.write_bytes(source.read_bytes() if number % 3 else b"")
        faults = await found(store)
        assert [(fault.kind, fault.blob) for fault in faults] == [(FaultKind.ORPHAN, blob)]
        orphan.unlink()
        orphan.parent.rmdir()


async def test_strays_are_named(store: Store, folder: Path) -> None:
    stray = folder / "data/blobs/blobs/what-is-this"
    stray.write_text("?")
    assert [fault.kind for fault in await found(store)] == [FaultKind.STRAY]


async def all_rows(store: Store) -> list[tuple[Table, Row]]:
    engine = store.ocean.meta.engine
    scans = [(table, engine.scan(table, b"", None, limit=10_000)) for table in TABLES]
    return [(table, row) for table, scan in scans async for row in scan]


async def test_altered_rows_are_named(store: Store) -> None:
    engine, chance = store.ocean.meta.engine, random.Random(_SEED)
    rows = await all_rows(store)
    assert {table for table, _ in rows} == set(TABLES)
    by_table = [[row for table, row in rows if table is one] for one in TABLES]
    for number in range(_PLANTED):
        table = TABLES[number % len(TABLES)]
        row = chance.choice(by_table[number % len(TABLES)])
        altered = bytearray(row.value)
        altered[chance.randrange(len(altered))] ^= 1 << chance.randrange(8)
        await engine.write(table, [(row.key, bytes(altered))])
        faults = await found(store)
        assert faults, f"{table} {row.key!r}: {row.value!r} became {bytes(altered)!r}"
        assert FaultKind.ROW in {fault.kind for fault in faults}
        await engine.write(table, [(row.key, row.value)])
    assert await found(store) == []


async def test_removed_rows_of_versions_are_named(store: Store) -> None:
    engine = store.ocean.meta.engine
    for table, row in await all_rows(store):
        if table is Table.VERSIONS:
            await engine.write(table, [(row.key, None)])
            assert FaultKind.MISSING in {fault.kind for fault in await found(store)}
            await engine.write(table, [(row.key, row.value)])


async def test_no_false_alarm_under_load(store: Store) -> None:
    """With the jobs at work, and no grace period for what was replaced."""
    end = time.monotonic() + 5

    async def write(writer: int) -> None:
        chance = random.Random(writer)
        while time.monotonic() < end:
            bucket = chance.choice(("plain", "versioned", "suspended"))
            size = chance.choice((0, 300, 5000))
            path = f"/{bucket}/{writer}-{chance.randrange(5)}"
            method = "DELETE" if chance.random() < 0.3 else "PUT"
            body = content(f"{chance.random()}", size) if method == "PUT" else b""
            answer = await store.ask(method, path, body)
            assert answer.status in (200, 204, 503), answer  # the jobs move what it writes to

    async def keep_house() -> None:
        once = store.keeping_house()
        while time.monotonic() < end:
            await once()
            await asyncio.sleep(0.05)

    async def check() -> int:
        checks = 0
        while time.monotonic() < end:
            assert await found(store) == []
            checks += 1
            await asyncio.sleep(0)
        return checks

    checking = asyncio.create_task(check())
    await asyncio.gather(*map(write, range(6)), keep_house())
    assert await checking > 5


def test_no_false_alarm_beside_a_server(tmp_path: Path) -> None:
    settings = {"OCEAN_BLOBS_GRACE_SECONDS": "5", "OCEAN_BLOBS_SWEEP_SECONDS": "1"}
    with Server(tmp_path, settings) as server:
        with Client(server) as client:
            client.do("PUT", "/plain")
            client.do("PUT", "/versioned")
        writers = Writers(server, Ledger(), 8, "load")
        for _ in range(5):
            report = fsck(server)
            assert report["faults"] == []
        writers.join()
        assert report["blobs"]
