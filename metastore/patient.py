"""An engine for who reads a whole store: what does not answer is asked again, for a while.

A gateway tells its client to come back; a check of hours must not end because a region moved.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

from metastore.engine import Counters, Engine, Row, Swap, Table, Unavailable, Unknown

PATIENCE = 60.0  # seconds after a first error, or the last row, in which there must be an answer
_REST = 0.5  # seconds between two tries

T = TypeVar("T")


class PatientEngine:
    """Reads, and writes of rows that no one else writes, go through as soon as they can."""

    def __init__(self, engine: Engine, *, patience: float = PATIENCE, rest: float = _REST) -> None:
        self._engine = engine
        self._patience = patience
        self._rest = rest

    @property
    def counters(self) -> Counters:
        return self._engine.counters

    @property
    def definite(self) -> bool:
        return self._engine.definite

    async def get(self, table: Table, key: bytes) -> bytes | None:
        return await self._again(lambda: self._engine.get(table, key))

    async def get_many(self, table: Table, keys: Sequence[bytes]) -> list[bytes | None]:
        return await self._again(lambda: self._engine.get_many(table, keys))

    async def scan(
        self, table: Table, start: bytes, stop: bytes | None, *, limit: int
    ) -> AsyncIterator[Row]:
        """After an error it goes on behind the last row that it gave."""
        until = time.monotonic() + self._patience
        while True:
            try:
                async for row in self._engine.scan(table, start, stop, limit=limit):
                    yield row
                    start, limit = row.key + b"\0", limit - 1
                    until = time.monotonic() + self._patience
                return
            except Unavailable:
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(self._rest)

    async def values(
        self, table: Table, start: bytes, stop: bytes | None, *, limit: int
    ) -> list[bytes]:
        return await self._again(lambda: self._engine.values(table, start, stop, limit=limit))

    async def swap(self, swap: Swap) -> bool:
        """Once: what a second one would find is not known."""
        return await self._engine.swap(swap)

    async def swap_many(self, swaps: Sequence[Swap]) -> list[bool]:
        """Once, as `swap`."""
        return await self._engine.swap_many(swaps)

    async def write(self, table: Table, rows: Sequence[tuple[bytes, bytes | None]]) -> None:
        await self._again(lambda: self._engine.write(table, rows))

    async def remove_range(self, table: Table, start: bytes, stop: bytes) -> None:
        await self._again(lambda: self._engine.remove_range(table, start, stop))

    async def close(self) -> None:
        await self._engine.close()

    async def _again(self, call: Callable[[], Awaitable[T]]) -> T:
        until = None
        while True:
            try:
                return await call()
            except (Unavailable, Unknown):
                until = until or time.monotonic() + self._patience
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(self._rest)
