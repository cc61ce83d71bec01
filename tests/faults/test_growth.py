"""What an operation costs, in units of work, does not grow with what is there already."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from blobstore.extents import Extent, Layout
from metastore import codec, keys
from metastore.engine import Counters, Table
from metastore.records import Head, Kind, Version
from ocean.objects.manifest import INLINE_LIMIT, StoredPart, assemble, encode_extents
from tests.faults.client import Client
from tests.faults.operations import content
from tests.faults.shim import Action, Control
from tests.faults.shim import Kind as Call
from tests.faults.store import Store, opened
from tests.support.inprocess import Pair
from tests.support.server import ACCESS_KEY, SECRET_KEY, Server
from tests.support.signing import Choices, by_header

_PAGE = 1000
_HEAD_LIMIT = 16 << 10
_BATCH = 5000


@pytest.fixture
async def store(folder: Path) -> AsyncIterator[Store]:
    async with opened(folder / "data") as store:
        await store.do("PUT", "/bucket")
        yield store


def counters(store: Store) -> Counters:
    return store.ocean.meta.engine.counters


async def load(store: Store, names: list[str], version: Version) -> None:
    """Heads as commits would leave them, without the commits."""
    bucket = await store.ocean.meta.buckets.find("bucket")
    assert bucket is not None
    for first in range(0, len(names), _BATCH):
        rows = []
        for name in names[first : first + _BATCH]:
            head = Head(kind=version.kind, last=1, current=version, trail=(bytes(12),))
            rows.append((keys.object_row(bucket.id, name), codec.encode_head(head)))
        await store.ocean.meta.engine.write(Table.OBJECTS, rows)


def plain(kind: Kind = Kind.OBJECT) -> Version:
    etag = hashlib.md5(b"").digest()
    return Version(kind=kind, seq=1, op=b"o" * 12, etag=etag, headers={"content-type": "x/y"})


async def listed(store: Store, query: str = "") -> tuple[int, int]:
    """Keys and common prefixes that all pages show, and the rows read for them."""
    before, shown, token = counters(store).rows, 0, ""
    while True:
        target = f"/bucket?list-type=2{query}"
        answer = await store.do("GET", target + (f"&continuation-token={token}" if token else ""))
        text = answer.body.decode()
        shown += text.count("<Contents>") + text.count("<CommonPrefixes>")
        if "<IsTruncated>true" not in text:
            return shown, counters(store).rows - before
        token = text.partition("<NextContinuationToken>")[2].partition("<")[0].replace("+", "%2B")


async def check_listing(store: Store, count: int) -> None:
    names = [f"dir-{n // 50:05}/key-{n:07}" for n in range(count)]
    await load(store, names, plain())
    shown, rows = await listed(store)
    assert shown == count
    assert rows <= 2 * count
    shown, rows = await listed(store, "&delimiter=/")
    assert shown == -(-count // 50)
    assert rows <= 2 * shown, f"{rows / shown:.2f} rows for each common prefix"
    shown, rows = await listed(store, "&delimiter=/&prefix=dir-00003/")
    assert (shown, rows <= 100 + 2) == (50, True)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1000, 10_000, 100_000])
async def test_rows_read_for_each_listed_key(store: Store, count: int) -> None:
    await check_listing(store, count)


@pytest.mark.nightly(part="growth")
@pytest.mark.timeout(900)
async def test_rows_read_for_each_listed_key_of_a_million(store: Store) -> None:
    await check_listing(store, 1_000_000)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1000, 100_000])
async def test_a_page_behind_delete_markers(store: Store, count: int) -> None:
    """They are read, each once and never twice, and nothing else is."""
    await load(store, [f"gone-{n:07}" for n in range(count)], plain(Kind.MARKER))
    await load(store, [f"here-{n:07}" for n in range(10)], plain())
    shown, rows = await listed(store)
    assert shown == 10
    assert rows <= count + 2 * shown + 300, f"{rows} rows"


@pytest.mark.slow
async def test_objects_of_many_parts_cost_as_plain_ones(store: Store) -> None:
    """Their manifests lie elsewhere, and here nowhere: whoever reads one fails."""
    extent = Extent(Layout.SEGMENTS, "blobs", "00000001-000000000001", 153, 5_243_000, 5 << 20)
    some = encode_extents([extent])
    parts = [StoredPart(number, 5 << 20, "", some) for number in range(1, 10_001)]
    manifest, chunks = assemble(parts)
    assert len(manifest) <= INLINE_LIMIT
    assert len(chunks) > 70
    await load(store, [f"plain-{n:04}" for n in range(_PAGE)], plain())
    _, for_plain = await listed(store, "&prefix=plain")
    long = Version(
        **{f: getattr(plain(), f) for f in ("seq", "op", "etag", "headers")},
        size=10_000 * (5 << 20),
        parts=10_000,
        manifest=manifest,
    )
    assert len(codec.encode_head(Head(kind=Kind.OBJECT, last=1, current=long))) <= _HEAD_LIMIT
    await load(store, [f"long-{n:04}" for n in range(_PAGE)], long)
    shown, for_long = await listed(store, "&prefix=long")
    assert (shown, for_long) == (_PAGE, for_plain)


async def overwrite(store: Store, count: int) -> list[tuple[int, int, int]]:
    """Reads, swaps and the Head's bytes of each hundred overwrites of one key."""
    bucket = await store.ocean.meta.buckets.find("bucket")
    assert bucket is not None
    row, costs = keys.object_row(bucket.id, "hot"), []
    for _ in range(count // 100):
        before = counters(store).reads, counters(store).swaps
        largest = 0
        for number in range(100):
            await store.do("PUT", "/bucket/hot", content(f"{number}", 100))
            head = await store.ocean.meta.engine.get(Table.OBJECTS, row)
            largest = max(largest, len(head or b""))
        after = counters(store).reads, counters(store).swaps
        costs.append((after[0] - before[0], after[1] - before[1], largest))
    return costs


async def check_overwrites(store: Store, count: int) -> None:
    costs = await overwrite(store, count)
    first, last = costs[1], costs[-1]
    assert last[0] <= first[0] + 10
    assert last[1] <= first[1] + 10
    assert max(size for *_, size in costs) <= _HEAD_LIMIT
    await store.tidy()
    assert (await store.fsck())[0] == []
    assert len(await overwrite(store, 100)) == 1


@pytest.mark.slow
async def test_overwrites_of_one_key_cost_the_same_at_the_end(store: Store) -> None:
    await check_overwrites(store, 5000)


@pytest.mark.nightly(part="growth")
@pytest.mark.timeout(900)
async def test_a_hundred_thousand_overwrites_of_one_key(store: Store) -> None:
    await check_overwrites(store, 100_000)


def signed_puts(server: Server, names: list[str]) -> list[bytes]:
    """Whole requests, signed beforehand, so that the client costs next to nothing."""
    choices = Choices(pair=Pair(ACCESS_KEY, SECRET_KEY), now=time.time())
    requests = []
    for name in names:
        body = content(name, 4096)
        given = {"host": server.host, "content-length": str(len(body))}
        signed = by_header("PUT", f"/bucket/{name}", given, choices)
        lines = [f"{key}: {value}\r\n" for key, value in signed.headers.items()]
        head = f"PUT {signed.target} HTTP/1.1\r\n{''.join(lines)}\r\n"
        requests.append(head.encode() + body)
    return requests


async def send(server: Server, requests: list[bytes]) -> None:
    """One after the other over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    for request in requests:
        writer.write(request)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    writer.close()


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "puts"), [(1, 8), (2, 8)])
async def test_sixty_four_writers_share_fsyncs(tmp_path: Path, workers: int, puts: int) -> None:
    """One fsync for at least so many acknowledged PUTs, on a disk that takes 10 ms for each.

    Of two workers each has half of the writers, and volumes of its own to sync.
    """
    control, each = Control(tmp_path / "control"), 60
    server = Server(tmp_path / "server", {**control.environ, "OCEAN_WORKERS": str(workers)})
    control.watch(server.data)
    with server:
        with Client(server) as client:
            client.do("PUT", "/bucket")
        requests = [signed_puts(server, [f"{w}-{n}" for n in range(each)]) for w in range(64)]
        before = control.count(Call.SYNC)
        control.arm(Action.DELAY, 0, kinds=frozenset({Call.SYNC}), error=10_000)
        await asyncio.gather(*(send(server, some) for some in requests))
        syncs = control.count(Call.SYNC) - before
        control.rest()
    print(f"{syncs} fsyncs for {64 * each} PUTs")
    assert 0 < syncs <= 64 * each / puts
