"""Claims: of several processes at most one at a time does something, such as scrubbing.

Who holds one renews it. One that was not renewed for a while is free: its process is gone, or has
stood still and is told when it goes on. It keeps work from being done twice; nothing that is lost
by two at once may rest on it.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import msgspec

from metastore import codec
from metastore.engine import Engine, EngineError, Table
from metastore.rows import update

RENEW = 5.0  # seconds between renewals
FREE = 60.0  # seconds after the last renewal

log = logging.getLogger(__name__)


class Held(Exception):
    """Another process has it."""


class _Claim(msgspec.Struct, frozen=True, array_like=True):
    holder: bytes
    renewed_ms: int


@asynccontextmanager
async def claimed(engine: Engine, name: str) -> AsyncIterator[Callable[[], None]]:
    """Hold the claim `name`; what is given raises Held once another process took it."""
    hold = _Hold(engine, name)
    await hold.change(hold.taken)
    keeping = asyncio.create_task(hold.keep())
    try:
        yield hold.check
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        with suppress(EngineError):
            await hold.change(hold.released)


class _Hold:
    """This process's, of one claim."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._name = name
        self._holder = secrets.token_bytes(8)
        self._lost = False

    def check(self) -> None:
        if self._lost:
            raise Held

    async def change(self, to: Callable[[bytes | None], Awaitable[bytes | None]]) -> None:
        await update(self._engine, Table.JOBS, b"claim\0" + self._name.encode(), to)

    async def keep(self) -> None:
        while not self._lost:
            await asyncio.sleep(RENEW)
            try:
                await self.change(self._renewed)
            except Held:
                self._lost = True
                log.warning("another process took over: %s", self._name)
            except EngineError as error:
                log.info("the claim %s could not be renewed: %s", self._name, error)

    async def taken(self, old: bytes | None) -> bytes:
        now = _now_ms()
        if old is not None and abs(now - codec.decode(_Claim, old).renewed_ms) < FREE * 1000:
            raise Held
        return codec.encode(_Claim(self._holder, now))

    async def _renewed(self, old: bytes | None) -> bytes:
        if not self._ours(old):
            raise Held
        return codec.encode(_Claim(self._holder, _now_ms()))

    async def released(self, old: bytes | None) -> bytes | None:
        return None if self._ours(old) else old

    def _ours(self, old: bytes | None) -> bool:
        return old is not None and codec.decode(_Claim, old).holder == self._holder


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
