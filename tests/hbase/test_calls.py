"""How many calls of HBase an operation costs, counted where they are made."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import mode

import msgspec
import pytest
from pymemcache.client.base import Client

from metastore.cache.engine import SETTLING, CachedEngine
from metastore.cache.memcached import Memcached
from metastore.cache.view import SETTLED
from metastore.listing import Scope
from metastore.objects import NEWS
from metastore.records import Bucket, Versioning
from ocean.engines import join_cache
from ocean.store import Ocean
from tests.support import hbase, memcached
from tests.support.embedded import begun, config_of, content, make_bucket, put

pytestmark = pytest.mark.timeout(120)
TIMES = 5  # most of which cost the same: on a busy machine memcached may answer late

Work = Callable[[int], Awaitable[object]]


class Figures:
    """The calls of HBase that each operation costs."""

    def __init__(self, ocean: Ocean, forget: Callable[[], Awaitable[object]]) -> None:
        self.calls: dict[str, int] = {}
        self._counters = ocean.meta.engine.counters
        self._forget = forget

    async def count(self, operation: str, work: Work, *, cold: bool = False) -> None:
        """Of `work`, or of what follows when the cache holds the bucket's record alone."""
        counts = []
        for number in range(TIMES):
            if cold:
                await self._forget()
            before = self._counters.rpcs
            await work(number)
            counts.append(self._counters.rpcs - before)
        self.calls[operation] = mode(counts)


@pytest.mark.parametrize("cache", ["memcached", "none"])
async def test_calls_of_each_operation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: str
) -> None:
    patient = partial(Memcached, timeout=10)  # else one that was late would be used no more
    monkeypatch.setattr("metastore.cache.view.Memcached", patient)
    server = f"memcached://{memcached.running().address}" if cache == "memcached" else "none"
    config = msgspec.structs.replace(config_of(tmp_path), metastore=hbase.fresh(), cache=server)
    async with begun(config) as ocean:
        engine = ocean.meta.engine
        assert isinstance(engine, CachedEngine)
        await join_cache(engine, config)
        plain = await make_bucket(ocean, "plain")
        versioned = await make_bucket(ocean, "versioned", versioning=Versioning.ENABLED)
        await asyncio.sleep(SETTLED + 1)
        with looking_no_more(engine):
            if cache == "memcached":
                await until_buckets_are_cached(ocean, engine)
            calls = await counted(ocean, plain, versioned)
    warm = cache == "memcached"
    assert calls == {
        "put new": 1 if warm else 3,
        "put new, cold": 1 if warm else 3,
        "put again": 1 if warm else 4,
        "put again, cold": 2 if warm else 4,
        "put again, versioned": 2 if warm else 5,
        "put again, versioned, cold": 3 if warm else 5,
        "head": 0 if warm else 2,
        "head, cold": 1 if warm else 2,
        "head of nothing": 0 if warm else 2,
        "get": 0 if warm else 2,
        "get, cold": 1 if warm else 2,
        "list 1000": 1 if warm else 2,
    }


@contextmanager
def looking_no_more(engine: CachedEngine) -> Iterator[None]:
    """What is known of the cache's servers stays fresh: each look would be a call, too."""
    asked = engine.view._clock
    now = asked()
    assert engine._watching is not None
    engine._watching.cancel()
    engine.view._clock = lambda: now
    yield
    engine.view._clock = asked


async def counted(ocean: Ocean, plain: Bucket, versioned: Bucket) -> dict[str, int]:
    async def again(_: int, bucket: Bucket = plain) -> None:
        await put(ocean, bucket, "again", b"data")

    async def new(number: int, *, prefix: str = "n") -> None:
        await put(ocean, plain, f"{prefix}{number}", b"data")

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

    figures = Figures(ocean, partial(forget, ocean))
    for number in range(NEWS):  # after which puts do not look first
        await new(number, prefix="first")
    await figures.count("put new", new)
    await figures.count("put new, cold", partial(new, prefix="cold"), cold=True)
    for _ in range(2):  # the first is of a bucket that only grew: it tries without a look
        await again(0)
        await again(0, versioned)
    for cold in (False, True):
        also = ", cold" if cold else ""
        await figures.count(f"put again{also}", again, cold=cold)
        await figures.count(
            f"put again, versioned{also}", partial(again, bucket=versioned), cold=cold
        )
        await figures.count(f"head{also}", head, cold=cold)
        await figures.count(f"get{also}", get, cold=cold)
    await head(0, "nothing")
    await figures.count("head of nothing", partial(head, key="nothing"))
    await asyncio.gather(*(new(number, prefix="k") for number in range(1_100)))
    await figures.count("list 1000", page)
    return figures.calls


async def until_buckets_are_cached(ocean: Ocean, engine: CachedEngine) -> None:
    """Where memcached was late when they were made, it takes until the barriers expire."""
    async with asyncio.timeout(2 * SETTLING):
        while True:
            before = engine.cache.hits
            for name in ("plain", "versioned"):
                await ocean.meta.buckets.find(name)
            if engine.cache.hits == before + 2:
                return
            await asyncio.sleep(0.01)


async def forget(ocean: Ocean) -> None:
    """Empty the cache, but for the buckets' records, which every request asks for."""
    Client(memcached.running().address).flush_all(noreply=False)
    for name in ("plain", "versioned"):
        await ocean.meta.buckets.find(name)
