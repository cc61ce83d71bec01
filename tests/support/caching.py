"""Engines behind a real memcached."""

import msgspec

from metastore.cache.engine import CachedEngine
from metastore.cache.view import SETTLED, Server, Servers, View
from metastore.engine import Engine, Table
from metastore.memory import MemoryEngine
from tests.support.memcached import running


class Clock:
    """Seconds that pass when told; sleeping ones pass as well."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Settled(View):
    """A view whose servers all processes know of."""

    def readable(self, slot: object) -> bool:
        return True


_generations = iter(range(1, 1 << 40))


def served(engine: MemoryEngine, *addresses: str) -> MemoryEngine:
    """Put servers into the view of `engine`, under a generation of their own."""
    servers = tuple(Server(address, next(_generations)) for address in addresses)
    row = msgspec.msgpack.encode(Servers(servers, b"test"))
    engine._put(Table.JOBS, b"view", row)
    return engine


def cached(engine: MemoryEngine, *, settled: bool = True) -> CachedEngine:
    """`engine` behind the memcached of this process."""
    served(engine, running().address)
    kind = Settled if settled else View
    return CachedEngine(engine, kind(engine))


__all__ = ["SETTLED", "CachedEngine", "Clock", "Engine", "Settled", "cached", "served"]
