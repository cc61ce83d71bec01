"""Which memcached servers are in use: one row of the engine that every process looks at.

A process acts on what it read for a second at most, counted from before it asked. So whoever takes
a server out, and waits for two, knows that nobody reads from it any more; it comes back under a new
generation, which is part of all names there. Nothing here compares clocks of two machines.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from operator import eq
from secrets import token_bytes
from zlib import crc32

import msgspec
from msgspec.structs import replace
from pymemcache.client.rendezvous import RendezvousHash

from metastore.cache.memcached import Down, Memcached
from metastore.engine import Corrupt, Engine, EngineError, Swap, Table, Unavailable
from metastore.rows import replaced

VALID = 1.0  # seconds that a look counts, from its beginning
LOOK = 0.4  # seconds between looks
SETTLED = 2.0  # seconds after which all processes act on a change that this one learned of
AGAIN = 60.0  # seconds at least before a server that was taken out is tried again
VIEW = b"view"  # row of the table of jobs
_ATTEMPTS = 20

log = logging.getLogger(__name__)


class Server(msgspec.Struct, frozen=True, array_like=True):
    """One memcached; `out`: nobody uses it for now."""

    address: str
    generation: int = 1
    out: bool = False


class Servers(msgspec.Struct, frozen=True, array_like=True):
    """The row. The nonce tells our swap from another's with the same content."""

    servers: tuple[Server, ...]
    nonce: bytes


class Slot:
    """A server in use, in one generation, as this process knows it."""

    def __init__(self, server: Server, client: Memcached, learned: float) -> None:
        self.server = server
        self.client = client
        self.learned = learned
        space = f"{server.generation} {server.address}".encode()
        self.space = blake2b(space, digest_size=16).digest()  # of all names there


_decode = msgspec.msgpack.Decoder(Servers).decode


def connected(address: str) -> Memcached:
    """A client of the server at HOST:PORT, which it connects to when asked."""
    host, _, port = address.rpartition(":")
    return Memcached(host.strip("[]"), int(port))


class View:
    """What this process knows of the servers. `run` keeps it fresh."""

    def __init__(
        self,
        engine: Engine,
        clock: Callable[[], float] = time.monotonic,
        connect: Callable[[str], Memcached] = connected,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._connect = connect
        self._read_at = float("-inf")
        self._data: bytes | None = None
        self._changed_at = float("-inf")
        self._slots: dict[str, Slot | None] = {}
        self._ring = RendezvousHash(hash_function=_hash)
        self._only: str | None = None  # address, where there is no choice
        self._clients: dict[str, Memcached] = {}
        self._left_at: dict[str, float] = {}
        self._looking: asyncio.Task[None] | None = None
        self._expelling: dict[Server, asyncio.Task[None]] = {}

    @property
    def fresh(self) -> bool:
        """Whether what is known may be acted on."""
        return self._clock() - self._read_at < VALID

    async def ensure(self) -> bool:
        """Look again if need be: whether what is known is fresh then. Unavailable."""
        if not self.fresh:
            if self._looking is None:
                self._looking = asyncio.create_task(self._look())
                self._looking.add_done_callback(self._looked)
            await asyncio.shield(self._looking)
        return self.fresh

    def slot(self, key: bytes) -> Slot | None:
        """Where a row's entry lies, if its server is in use."""
        if self._only is not None:
            return self._slots[self._only]
        return self._slots.get(self._ring.get_node(key.hex()))

    def readable(self, slot: Slot) -> bool:
        """Whether all who change rows know of the server by now."""
        return self._clock() - slot.learned >= SETTLED

    async def settled(self) -> None:
        """Return once every process acts on what this one knows."""
        while (left := self._changed_at + SETTLED - self._clock()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(left)  # and there may have been another change meanwhile

    async def expel(self, slot: Slot) -> None:
        """Take a server that cannot be reached out of use, and wait until nobody reads there."""
        task = self._expelling.get(slot.server)
        if task is None:
            task = self._expelling[slot.server] = asyncio.create_task(self._expel(slot.server))
            task.add_done_callback(lambda _: self._expelling.pop(slot.server, None))
        await asyncio.shield(task)

    async def servers(self) -> tuple[Server, ...]:
        """All that are known."""
        return _servers(await self._engine.get(Table.JOBS, VIEW))

    async def use(self, addresses: Sequence[str]) -> tuple[Server, ...]:
        """Use just these servers: rows move between them, so all begin anew.

        First none is in use, until everybody acts on that; what they held is never read again.
        """
        fresh = tuple(Server(address, _generation()) for address in dict.fromkeys(addresses))
        for _ in range(_ATTEMPTS):
            old = await self._engine.get(Table.JOBS, VIEW)
            now = _servers(old)
            if {server.address for server in now} == set(addresses):
                return now
            after = fresh if all(server.out for server in now) else _all_out(now)
            if after is fresh and now:
                await asyncio.sleep(SETTLED)  # somebody may have taken them out this moment
            if await self._swap(old, after) and after is fresh:
                return fresh
        raise Unavailable("too many changes of the servers in use")

    async def add(self, addresses: Sequence[str]) -> tuple[str, ...]:
        """Use these servers too; all that are known."""
        there = [server.address for server in await self.servers()]
        return tuple(server.address for server in await self.use([*there, *addresses]))

    async def run(self) -> None:
        """Look now and then, and bring back servers that answer again."""
        while True:
            with suppress(EngineError):
                await self._look()
                await self._invite()
            await asyncio.sleep(LOOK)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _looked(self, task: "asyncio.Task[None]") -> None:
        self._looking = None
        if not task.cancelled():
            task.exception()

    async def _look(self) -> None:
        begun = self._clock()
        data = await self._engine.get(Table.JOBS, VIEW)
        if begun >= self._read_at:  # else a later look has come back before
            self._learn(data)
            self._read_at = begun

    def _learn(self, data: bytes | None) -> None:
        if data == self._data:
            return
        now = self._clock()
        servers = _servers(data)
        slots: dict[str, Slot | None] = {}
        for server in servers:
            known = self._slots.get(server.address)
            if server.out:
                slots[server.address] = None
                self._left_at.setdefault(server.address, now)
            elif known is not None and known.server == server:
                slots[server.address] = known
            else:
                slots[server.address] = Slot(server, self._client(server.address), now)
                self._left_at.pop(server.address, None)
        self._slots, self._data, self._changed_at = slots, data, now
        self._ring = RendezvousHash(list(slots), hash_function=_hash)
        self._only = next(iter(slots)) if len(slots) == 1 else None

    def _client(self, address: str) -> Memcached:
        if address not in self._clients:
            self._clients[address] = self._connect(address)
        return self._clients[address]

    async def _change(
        self, wanted: Callable[[tuple[Server, ...]], tuple[Server, ...]]
    ) -> tuple[Server, ...]:
        for _ in range(_ATTEMPTS):
            old = await self._engine.get(Table.JOBS, VIEW)
            before = _servers(old)
            after = wanted(before)
            if after == before:
                return before
            if await self._swap(old, after):
                return after
        raise Unavailable("too many changes of the servers in use")

    async def _swap(self, old: bytes | None, servers: tuple[Server, ...]) -> bool:
        new = msgspec.msgpack.encode(Servers(servers, token_bytes(8)))
        return await replaced(self._engine, Swap(Table.JOBS, VIEW, old, new), partial(eq, new))

    async def _expel(self, server: Server) -> None:
        def without(now: tuple[Server, ...]) -> tuple[Server, ...]:
            return tuple(replace(s, out=True) if s == server else s for s in now)

        log.warning("memcached at %s cannot be reached and is taken out of use", server.address)
        await self._change(without)
        await self._look()
        await self.settled()

    async def _invite(self) -> None:
        now = self._clock()
        for address, since in list(self._left_at.items()):
            if now - since < AGAIN or self._slots.get(address, self) is not None:
                continue
            self._left_at[address] = now  # if it fails: not before another minute
            with suppress(Down):
                await self._client(address).ping()
                log.warning("memcached at %s answers again and is taken into use", address)
                await self._change(partial(_with, address))


def _with(address: str, now: tuple[Server, ...]) -> tuple[Server, ...]:
    return tuple(
        Server(address, _generation()) if s.address == address and s.out else s for s in now
    )


def _all_out(now: tuple[Server, ...]) -> tuple[Server, ...]:
    return tuple(replace(server, out=True) for server in now)


def _generation() -> int:
    """Never the same again: a server that was forgotten may come back with its old entries."""
    return int.from_bytes(token_bytes(7), "big")


def _servers(data: bytes | None) -> tuple[Server, ...]:
    if data is None:
        return ()
    try:
        return _decode(data).servers
    except msgspec.DecodeError as error:
        raise Corrupt("the row of memcached servers cannot be read") from error


def _hash(text: str, seed: int) -> int:
    return crc32(text.encode(), seed)
