"""Regions that do not answer while others do: calls for their rows are refused at once.

A region whose server has died is away until another server opens it, for a minute or two. A call
for one of its rows keeps its connection until HBase's client gives up, and soon nobody else would
get one. Which regions a failed call was for is not known to who made it: each that it may have
been for is asked on its own, and those that do not answer are asked again until they do.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, NamedTuple

from metastore.engine import EngineError, Unavailable

SLOW = 1.0  # seconds: an error that took longer was HBase's client giving up
REST = 0.5  # seconds between two questions to a region that is away
FORGOTTEN = 60.0  # seconds after the last call for its rows


class Region(NamedTuple):
    """The rows of a table from `start` to before `stop`; an empty `stop` is its end."""

    start: bytes
    stop: bytes

    def holds(self, key: bytes) -> bool:
        return self.start <= key and (not self.stop or key < self.stop)

    def meets(self, other: "Region") -> bool:
        return self.holds(other.start) or other.holds(self.start)


@dataclass
class _Outage:
    region: Region
    wanted: float  # when a call for its rows was refused last


class Outages:
    """Of the tables of one engine.

    `regions` are those of a table; `probe` asks for one row, and EngineError says that its region
    does not answer.
    """

    def __init__(
        self,
        regions: Callable[[bytes], Awaitable[list[Region]]],
        probe: Callable[[bytes, bytes], Awaitable[object]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._regions = regions
        self._probe = probe
        self._clock = clock
        self._out: dict[bytes, list[_Outage]] = {}  # by table
        self._suspects: dict[bytes, list[Region]] = {}  # rows whose regions are being asked for
        self._examined: set[tuple[bytes, Region]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def check(self, table: bytes, key: bytes) -> None:
        """Unavailable when the region of `key` is away."""
        if not self._out:
            return
        for outage in self._out.get(table, ()):
            if outage.region.holds(key):
                outage.wanted = self._clock()
                raise Unavailable("HBase did not answer for such rows a moment ago")

    def before(self, table: bytes, start: bytes, stop: bytes | None) -> bytes | None:
        """Where a scan must end that begins at `start`; Unavailable, as `check`."""
        self.check(table, start)
        for outage in self._out.get(table, ()):
            if start < outage.region.start and (stop is None or outage.region.start < stop):
                stop = outage.region.start
        return stop

    def suspect(self, table: bytes, start: bytes, stop: bytes) -> None:
        """A call for rows from `start` to before `stop` (empty: the end) had no answer."""
        suspects = self._suspects.setdefault(table, [])
        suspects.append(Region(start, stop))
        if len(suspects) == 1:
            self._begin(self._examine(table))

    def close(self) -> None:
        """Ask nothing any more."""
        for task in self._tasks:
            task.cancel()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _examine(self, table: bytes) -> None:
        try:
            regions = await self._regions(table)
        except EngineError:
            return  # all of HBase may be away, which is another matter
        finally:
            suspects = self._suspects.pop(table)
        for region in regions:
            if (table, region) in self._examined:
                continue
            if any(region.meets(suspect) for suspect in suspects):
                self._examined.add((table, region))
                self._begin(self._watch(table, region))

    async def _watch(self, table: bytes, region: Region) -> None:
        """Ask a region until it answers, or nobody wants its rows any more."""
        outage = _Outage(region, self._clock())
        try:
            while not await self._answers(table, region):
                outages = self._out.setdefault(table, [])
                if outage not in outages:
                    outages.append(outage)
                if self._clock() - outage.wanted > FORGOTTEN:
                    return
                await asyncio.sleep(REST)
        finally:
            self._examined.discard((table, region))
            self._remove(table, outage)

    async def _answers(self, table: bytes, region: Region) -> bool:
        try:
            await self._probe(table, region.start or b"\0")
        except EngineError:
            return False
        return True

    def _remove(self, table: bytes, outage: _Outage) -> None:
        outages = self._out.get(table, [])
        if outage in outages:
            outages.remove(outage)
            if not outages:
                del self._out[table]
