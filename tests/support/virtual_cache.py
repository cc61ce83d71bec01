"""A memcached in virtual time, as several processes see it: slow, forgetful, cut off at times."""

import asyncio
from typing import Any

from metastore.cache.engine import CachedEngine
from metastore.cache.memcached import Down, Found, Memcached, Token
from metastore.cache.view import View
from tests.support.virtual import Link, Process, VirtualTime, World

ADDRESSES = ["cache:11211", "other:11211"]


class VirtualMemcached:
    """What the server holds: data, unique number and end of life of each entry."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.life = 1
        self._entries: dict[bytes, tuple[bytes, int, float]] = {}
        self._unique = 0

    def restart(self) -> None:
        """Forget everything, and count from the start again."""
        self.life += 1
        self._unique = 0
        self._entries.clear()

    def evict(self) -> None:
        """Forget one entry."""
        if self._entries:
            del self._entries[self.world.random.choice(sorted(self._entries))]

    def find(self, key: bytes) -> tuple[bytes, int] | None:
        data, unique, until = self._entries.get(key, (b"", 0, 0.0))
        return (data, unique) if until > asyncio.get_running_loop().time() else None

    def put(self, key: bytes, data: bytes, seconds: int) -> int:
        self._unique += 1
        until = asyncio.get_running_loop().time() + seconds
        self._entries[key] = data, self._unique, until
        return self._unique

    def remove(self, key: bytes) -> None:
        self._entries.pop(key, None)


class CacheLink(Memcached):
    """The server as one process reaches it; `cut` while it does not."""

    def __init__(self, process: Process, server: VirtualMemcached) -> None:
        self._process = process
        self._server = server
        self.cut = False

    async def lease(self, key: bytes, seconds: int) -> Found:
        await self._go()
        life, found = self._server.life, self._server.find(key)
        if found is None:
            found, won = (b"", self._server.put(key, b"", seconds)), True
        else:
            won = False
        await self._come(life)
        return Found(found[0], Token(life, b"%d" % found[1]), won)

    async def put(self, key: bytes, data: bytes, seconds: int) -> Token:
        await self._go()
        life, unique = self._server.life, self._server.put(key, data, seconds)
        await self._come(life)
        return Token(life, b"%d" % unique)

    async def replace(self, key: bytes, data: bytes, seconds: int, token: Token) -> bool:
        await self._go()
        life, same = self._server.life, self._same(key, token)
        if same:
            self._server.put(key, data, seconds)
        await self._come(life)
        return same

    async def remove(self, key: bytes, token: Token) -> bool:
        await self._go()
        life, same = self._server.life, self._same(key, token)
        if same:
            self._server.remove(key)
        await self._come(life)
        return same

    async def ping(self) -> None:
        await self._go()

    def close(self) -> None:
        """Nothing is open."""

    def _same(self, key: bytes, token: Token) -> bool:
        found = self._server.find(key)
        return (
            token.life == self._server.life
            and found is not None
            and b"%d" % found[1] == token.unique
        )

    async def _go(self) -> None:
        """The question may be lost."""
        await self._process.step()
        if self.cut:
            await asyncio.sleep(0.05)
            raise Down("cut off")

    async def _come(self, life: int) -> None:
        """The answer may be, too; so it is by a restart."""
        await self._process.step()
        if self.cut or life != self._server.life:
            raise Down("no answer")


class CachingProcess(Process):
    """A process that reads and swaps rows behind the cache."""

    def __init__(self, world: World, servers: dict[str, VirtualMemcached], **kinds: Any) -> None:
        super().__init__(world)
        self.caches = {address: CacheLink(self, server) for address, server in servers.items()}
        link, time = Link(self), VirtualTime()
        self.view: View = kinds.get("view", View)(link, time.monotonic, self.caches.__getitem__)
        self.engine: CachedEngine = kinds.get("engine", CachedEngine)(
            link, self.view, time.monotonic
        )
