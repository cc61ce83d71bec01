"""The engine on HBase: what waits is asked for together, and every call has its deadline.

Any number of gateways share one HBase. A swap is `checkAndPut` (Thrift 1) or, to remove a row,
`checkAndDelete` (Thrift 2); False and a lost answer both leave the outcome to be read again.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from metastore.engine import Counters, Row, Swap, Table, Unavailable, Unknown
from metastore.hbase import calls
from metastore.hbase.address import Address
from metastore.hbase.breaker import Breaker
from metastore.hbase.connection import Connection, Starved
from metastore.hbase.outages import SLOW, Outages, Region
from metastore.hbase.reads import Reads
from metastore.hbase.swaps import Swaps
from metastore.hbase.threads import Threads

TIMEOUT = 5.0  # seconds for a call; HBase's own clients must give up before
PATIENCE = 3.0  # seconds that a call waits for a free connection
READERS, REMOVERS, SCANNERS = 4, 8, 4  # threads of one process, with a connection each
SWAPS = 24  # connections of the loop
LOOKOUTS = 4  # threads that find out which regions are away
_PAGE = 1_001  # rows of one call: a page of keys, and the one behind it
_REMOVED = 500  # rows of one call
_REPEATS = 10  # of a write whose row was another's by then

_Result = TypeVar("_Result")


class HBaseEngine:
    """Opens no connection before it needs one; belongs to the loop that first uses it."""

    def __init__(self, address: Address, *, timeout: float = TIMEOUT) -> None:
        self._address = address
        self._counters = Counters()
        self._names = {table: address.table(table) for table in Table}
        first, second = Breaker(), Breaker()  # of the two Thrift servers

        def begin(count: int, breaker: Breaker, name: str) -> Threads:
            connect = partial(Connection, address, timeout, breaker)
            return Threads(count, connect, breaker, patience=PATIENCE, name=name)

        self._swaps = Swaps(address, first, count=SWAPS, timeout=timeout, patience=PATIENCE)
        self._readers = begin(READERS, first, "hbase-read")
        self._removers = begin(REMOVERS, second, "hbase-remove")
        self._scanners = begin(SCANNERS, second, "hbase-scan")
        self._reads = Reads(self._readers, self._counters, READERS)
        self._lookouts = ThreadPoolExecutor(LOOKOUTS, "hbase-lookout")
        self._outages = Outages(self._regions, self._probe)

    @property
    def counters(self) -> Counters:
        return self._counters

    @property
    def definite(self) -> bool:
        return False

    async def get(self, table: Table, key: bytes) -> bytes | None:
        self._counters.reads += 1
        name = self._names[table]
        self._outages.check(name, key)
        begun = time.monotonic()
        try:
            return await asyncio.shield(self._reads.want(name, key))
        except Unavailable as error:
            self._note(error, begun, name, key)
            raise

    async def get_many(self, table: Table, keys: Sequence[bytes]) -> list[bytes | None]:
        self._counters.reads += len(keys)
        return await self._values(table, keys)

    async def _values(self, table: Table, keys: Sequence[bytes]) -> list[bytes | None]:
        name = self._names[table]
        for key in keys:
            self._outages.check(name, key)
        futures = [self._reads.want(name, key) for key in keys]
        begun = time.monotonic()
        if futures:
            await asyncio.wait(futures)
        for key, future in zip(keys, futures, strict=True):
            if (error := future.exception()) is not None:
                self._note(error, begun, name, key)
        return [future.result() for future in futures]

    async def scan(
        self, table: Table, start: bytes, stop: bytes | None, *, limit: int
    ) -> AsyncIterator[Row]:
        self._counters.reads += 1
        while limit > 0 and (stop is None or start < stop):
            size = min(limit, _PAGE)
            end = self._outages.before(self._names[table], start, stop)
            rows = await self._page(table, start, end, size)
            for row in rows:
                yield row
            limit -= len(rows)
            if len(rows) == size:
                start = rows[-1].key + b"\0"
            elif end is not None and end != stop:
                start = end
            else:
                return

    async def _page(self, table: Table, start: bytes, stop: bytes | None, limit: int) -> list[Row]:
        self._counters.rpcs += 1
        name = self._names[table]
        scan = partial(calls.scan, table=name, start=start, stop=stop, limit=limit)
        begun = time.monotonic()
        try:
            rows: list[Row] = await self._scanners.run(scan)
        except Unavailable as error:
            self._note(error, begun, name, start, stop or b"")
            raise
        self._counters.rows += len(rows)
        return rows

    async def values(
        self, table: Table, start: bytes, stop: bytes | None, *, limit: int
    ) -> list[bytes]:
        return [row.value async for row in self.scan(table, start, stop, limit=limit)]

    async def swap(self, swap: Swap) -> bool:
        table, key, old, new = swap
        name = self._names[table]
        self._outages.check(name, key)
        self._count_swaps(1)
        begun = time.monotonic()
        try:
            if new is not None:
                return await self._swaps.put(name, key, calls.COLUMN, old, new)
            remove = partial(calls.remove, table=name, key=key, old=old)
            done: bool = await self._removers.run(remove)
        except (Unavailable, Unknown) as error:
            self._note(error, begun, name, key)
            raise
        return done

    async def swap_many(self, swaps: Sequence[Swap]) -> list[bool]:
        """On half of the connections at most, a share on each: the others go on serving."""
        count = min(len(swaps), SWAPS // 2)
        found = await asyncio.gather(
            *(self._swap_share(swaps[n::count]) for n in range(count)), return_exceptions=True
        )
        errors = [outcome for outcome in found if isinstance(outcome, BaseException)]
        if errors:
            unsent = [error for error in errors if isinstance(error, Unavailable)]
            nothing = len(unsent) == count
            raise (Unavailable if nothing else Unknown)(str(errors[0])) from errors[0]
        done = [False] * len(swaps)
        for n, outcomes in enumerate(found):
            done[n::count] = outcomes  # type: ignore[assignment]
        return done

    async def _swap_share(self, swaps: Sequence[Swap]) -> list[bool]:
        """Unless all were answered: Unavailable if not even the first was sent, else Unknown."""
        done: list[bool] = []
        for swap in swaps:
            try:
                done.append(await self.swap(swap))
            except Unavailable as error:
                raise (Unknown if done else Unavailable)(str(error)) from error
        return done

    def _count_swaps(self, count: int) -> None:
        self._counters.swaps += count
        self._counters.commits += count
        self._counters.rpcs += count

    async def write(self, table: Table, rows: Sequence[tuple[bytes, bytes | None]]) -> None:
        """By swaps: a put under a cell of a clock that went ahead would never be seen."""
        left = dict(rows)
        for number in range(_REPEATS):
            try:
                old = await self._values(table, list(left))
            except Unavailable as error:
                raise (Unknown if number else Unavailable)(str(error)) from error
            swaps = [
                Swap(table, key, before, after)
                for before, (key, after) in zip(old, left.items(), strict=True)
                if before != after
            ]
            try:
                done = await self.swap_many(swaps)
            except Unavailable as error:
                raise (Unknown if number else Unavailable)(str(error)) from error
            left = {swap.key: swap.new for swap, ok in zip(swaps, done, strict=True) if not ok}
            if not left:
                return
        raise Unknown("others write the same rows")

    async def remove_range(self, table: Table, start: bytes, stop: bytes) -> None:
        """Many at once, then what a clock that went ahead left over, one by one."""
        keys = [row.key async for row in self.scan(table, start, stop, limit=1 << 40)]
        for first in range(0, len(keys), _REMOVED):
            some = keys[first : first + _REMOVED]
            self._count_swaps(1)
            name = self._names[table]
            await self._removers.run(partial(calls.remove_rows, table=name, keys=some))
        if keys:
            left = [row async for row in self.scan(table, start, stop, limit=1 << 40)]
            await self.swap_many([Swap(table, key, value, None) for key, value in left])

    def _note(
        self,
        error: BaseException,
        begun: float,
        name: bytes,
        start: bytes,
        stop: bytes | None = None,
    ) -> None:
        """A call failed for rows from `start` to before `stop`, or for that one row."""
        if not isinstance(error, Starved) and time.monotonic() - begun > SLOW:
            self._outages.suspect(name, start, start + b"\0" if stop is None else stop)

    async def _regions(self, name: bytes) -> list[Region]:
        return await self._apart(TIMEOUT, partial(calls.regions, table=name))

    async def _probe(self, name: bytes, key: bytes) -> None:
        await self._apart(SLOW, partial(calls.get_rows, table=name, keys=[key]))

    async def _apart(self, seconds: float, call: Callable[[Connection], _Result]) -> _Result:
        """What `call` returns, on a connection of its own: all others may be waiting."""

        def work() -> _Result:
            connection = Connection(self._address, seconds)
            try:
                return call(connection)
            finally:
                connection.close()

        return await asyncio.get_running_loop().run_in_executor(self._lookouts, work)

    async def close(self) -> None:
        self._outages.close()
        self._lookouts.shutdown(wait=False, cancel_futures=True)
        self._swaps.close()
        for threads in (self._readers, self._removers, self._scanners):
            await threads.close()
