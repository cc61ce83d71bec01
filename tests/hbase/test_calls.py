"""How many calls of HBase an operation costs, counted where they are made."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from metastore.cache.engine import CachedEngine
from metastore.cache.view import SETTLED
from metastore.listing import Scope
from metastore.records import Bucket, Versioning
from ocean.engines import join_cache
from ocean.store import Ocean
from tests.support import hbase, memcached
from tests.support.embedded import begun, config_of, content, make_bucket, put

pytestmark = pytest.mark.timeout(120)
TIMES = 5  # of which the least counts: the view is looked at meanwhile, too


async def least(ocean: Ocean, work: Callable[[int], Awaitable[object]]) -> int:
    """The calls that one time of `work` costs."""
    counts = []
    for number in range(TIMES):
        before = ocean.meta.engine.counters.rpcs
        await work(number)
        counts.append(ocean.meta.engine.counters.rpcs - before)
    return min(counts)


@pytest.mark.parametrize("cache", ["memcached", "none"])
async def test_calls_of_each_operation(tmp_path: Path, cache: str) -> None:
    server = f"memcached://{memcached.running().address}" if cache == "memcached" else "none"
    config = msgspec.structs.replace(config_of(tmp_path), metastore=hbase.fresh(), cache=server)
    async with begun(config) as ocean:
        engine = ocean.meta.engine
        assert isinstance(engine, CachedEngine)
        await join_cache(engine, config)
        plain = await make_bucket(ocean, "plain")
        versioned = await make_bucket(ocean, "versioned", versioning=Versioning.ENABLED)
        await asyncio.sleep(SETTLED + 1)
        figures = await counted(ocean, plain, versioned)
    warm = cache == "memcached"
    assert figures == {
        "put new": 1 if warm else 3,
        "put again": 1 if warm else 3,
        "put again, versioned": 2 if warm else 4,
        "head": 0 if warm else 2,
        "head of nothing": 0 if warm else 2,
        "get": 0 if warm else 2,
        "list 1000": 2 if warm else 3,
    }


async def counted(ocean: Ocean, plain: Bucket, versioned: Bucket) -> dict[str, int]:
    async def head(_: int, key: str = "again") -> None:
        await ocean.meta.buckets.find("plain")
        await ocean.meta.objects.head(plain.id, key)

    async def get(_: int) -> None:
        await ocean.meta.buckets.find("plain")
        assert await content(ocean, plain, "again") == b"data"

    async def page(_: int) -> None:
        await ocean.meta.buckets.find("plain")
        listed = await ocean.meta.listing.keys(Scope(plain.id), "", 1_000)
        assert len(listed.entries) == 1_000

    figures = {"put new": await least(ocean, lambda n: put(ocean, plain, f"n{n}", b"data"))}
    figures["put again"] = await least(ocean, lambda _: put(ocean, plain, "again", b"data"))
    figures["put again, versioned"] = await least(
        ocean, lambda _: put(ocean, versioned, "again", b"data")
    )
    figures["head"] = await least(ocean, head)
    figures["head of nothing"] = await least(ocean, lambda n: head(n, "nothing"))
    figures["get"] = await least(ocean, get)
    await asyncio.gather(*(put(ocean, plain, f"k{n:04}", b"data") for n in range(1_100)))
    figures["list 1000"] = await least(ocean, page)
    return figures
