"""An engine of one process and no disk, for tests; and one that misbehaves as far as it may."""

import asyncio
from bisect import bisect_left, insort
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from random import Random

from metastore.engine import Counters, Row, Swap, Table, Unknown


class MemoryEngine:
    """Each table a dictionary and its sorted keys. Every operation is one step of the loop."""

    def __init__(self) -> None:
        self._counters = Counters()
        self._values: dict[Table, dict[bytes, bytes]] = {table: {} for table in Table}
        self._keys: dict[Table, list[bytes]] = {table: [] for table in Table}

    @property
    def counters(self) -> Counters:
        return self._counters

    @property
    def definite(self) -> bool:
        return True

    async def get(self, table: Table, key: bytes) -> bytes | None:
        self._counters.reads += 1
        return self._values[table].get(key)

    async def get_many(self, table: Table, keys: Sequence[bytes]) -> list[bytes | None]:
        self._counters.reads += len(keys)
        return [self._values[table].get(key) for key in keys]

    async def scan(
        self, table: Table, start: bytes, stop: bytes | None, *, limit: int
    ) -> AsyncIterator[Row]:
        self._counters.reads += 1
        keys = self._keys[table]
        for _ in range(limit):
            position = bisect_left(keys, start)
            if position == len(keys) or (stop is not None and keys[position] >= stop):
                return
            key = keys[position]
            self._counters.rows += 1
            yield Row(key, self._values[table][key])
            start = key + b"\0"

    async def values(
        self, table: Table, start: bytes, stop: bytes | None, *, limit: int
    ) -> list[bytes]:
        return [row.value async for row in self.scan(table, start, stop, limit=limit)]

    async def swap(self, swap: Swap) -> bool:
        return self._swap(swap)

    async def swap_many(self, swaps: Sequence[Swap]) -> list[bool]:
        return [await self.swap(swap) for swap in swaps]

    async def write(self, table: Table, rows: Sequence[tuple[bytes, bytes | None]]) -> None:
        for key, value in rows:
            self._count()
            self._put(table, key, value)

    async def remove_range(self, table: Table, start: bytes, stop: bytes) -> None:
        keys = self._keys[table]
        inside = keys[bisect_left(keys, start) : bisect_left(keys, stop)]
        await self.write(table, [(key, None) for key in inside])

    async def close(self) -> None:
        """Nothing to give back."""

    def _swap(self, swap: Swap) -> bool:
        self._count()
        if self._values[swap.table].get(swap.key) != swap.old:
            return False
        self._put(swap.table, swap.key, swap.new)
        return True

    def _count(self) -> None:
        self._counters.swaps += 1
        self._counters.commits += 1

    def _put(self, table: Table, key: bytes, value: bytes | None) -> None:
        values, keys = self._values[table], self._keys[table]
        if value is None:
            if values.pop(key, None) is not None:
                del keys[bisect_left(keys, key)]
            return
        if key not in values:
            insort(keys, key)
        values[key] = value


@dataclass(frozen=True, slots=True)
class Faults:
    """How often, from 0 to 1, each thing happens that the engine contract allows."""

    lost_reply: float = 0.0  # the swap is done, the caller gets Unknown
    late: float = 0.0  # the caller gets Unknown, the swap is tried some time later
    dropped: float = 0.0  # the caller gets Unknown, the swap is never tried
    repeated: float = 0.0  # done, but its own repeat saw the new bytes and answers False
    landing: float = 0.2  # before each operation: one of the late swaps is tried
    pause: float = 0.5  # before and after each operation: let the other tasks go on


class FaultyEngine(MemoryEngine):
    """A memory engine whose swaps and writes go wrong at random, the same way for one seed."""

    def __init__(self, faults: Faults, random: Random) -> None:
        super().__init__()
        self._faults = faults
        self._random = random
        self._late: list[Swap | tuple[Table, bytes, bytes | None]] = []

    @property
    def definite(self) -> bool:
        return False

    async def get(self, table: Table, key: bytes) -> bytes | None:
        await self._elapse()
        value = await super().get(table, key)
        await self._elapse()
        return value

    async def get_many(self, table: Table, keys: Sequence[bytes]) -> list[bytes | None]:
        return [await self.get(table, key) for key in keys]

    async def scan(
        self, table: Table, start: bytes, stop: bytes | None, *, limit: int
    ) -> AsyncIterator[Row]:
        async for row in super().scan(table, start, stop, limit=limit):
            yield row
            await self._elapse()

    async def swap(self, swap: Swap) -> bool:
        await self._elapse()
        fault = self._draw()
        if fault in {"late", "dropped"}:
            if fault == "late":
                self._late.append(swap)
            raise Unknown(f"{fault} reply")
        done = self._swap(swap)
        await self._elapse()
        if fault == "lost_reply":
            raise Unknown("lost reply")
        return done and fault != "repeated"

    async def write(self, table: Table, rows: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Each row may be lost, or land late, on its own."""
        await self._elapse()
        lost = False
        for key, value in rows:
            fault = self._draw()
            if fault == "late":
                self._late.append((table, key, value))
            elif fault != "dropped":
                await super().write(table, [(key, value)])
            lost = lost or fault in {"late", "dropped", "lost_reply"}
        await self._elapse()
        if lost:
            raise Unknown("lost reply")

    def land(self) -> None:
        """Try every late swap and write now, in random order."""
        while self._late:
            self._land_one()

    def _land_one(self) -> None:
        late = self._late.pop(self._random.randrange(len(self._late)))
        if isinstance(late, Swap):
            self._swap(late)
        else:
            self._put(*late)

    async def _elapse(self) -> None:
        if self._late and self._random.random() < self._faults.landing:
            self._land_one()
        if self._random.random() < self._faults.pause:
            await asyncio.sleep(0)

    def _draw(self) -> str | None:
        """The name of the fault that befalls this swap, if any."""
        point = self._random.random()
        for name in ("lost_reply", "late", "dropped", "repeated"):
            point -= getattr(self._faults, name)
            if point < 0:
                return name
        return None
