"""Regions that do not answer while others do: calls for their rows are refused at once.

A region whose server has died is away until another server opens it, for a minute or two. A call
for one of its rows keeps its connection until HBase's client gives up, and soon nobody else would
get one. A few calls go through, to find out; who serves what is asked only after a failure.
"""

import asyncio
import time
from bisect import bisect_right
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from metastore.engine import EngineError, Unavailable

SLOW = 1.0  # seconds: an error that took longer was HBase's client giving up
REST = 0.5  # seconds between the calls that find out
FORGOTTEN = 10.0  # seconds after the last failure
PROBES = 2  # calls under way that find out, of all regions: they keep connections for long
_OUTCOME = 6.0  # seconds after which a call that finds out has ended, told or not


class Region(NamedTuple):
    """The rows of a table from `start` to before `stop`; an empty `stop` is its end."""

    start: bytes
    stop: bytes

    def holds(self, key: bytes) -> bool:
        return self.start <= key and (not self.stop or key < self.stop)


@dataclass
class _Outage:
    region: Region
    next: float  # when a call may find out
    until: float  # forgotten then


class Outages:
    """Of the tables of one engine; `regions` asks for those of a table, in order."""

    def __init__(
        self,
        regions: Callable[[bytes], Awaitable[list[Region]]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._regions = regions
        self._clock = clock
        self._out: dict[bytes, list[_Outage]] = {}  # by table
        self._failed: dict[bytes, list[bytes]] = {}  # keys whose regions are being asked for
        self._looking: asyncio.Task[None] | None = None  # the last one: kept from collection
        self._probes: list[float] = []  # when each of those under way began

    def check(self, table: bytes, key: bytes) -> bool:
        """Whether this call is one that finds out; Unavailable when it must not be made."""
        if not self._out:
            return False
        outage = self._find(table, key)
        if outage is None:
            return False
        now = self._clock()
        self._probes = [begun for begun in self._probes if now - begun < _OUTCOME]
        if now < outage.next or len(self._probes) >= PROBES:
            raise Unavailable("HBase did not answer for such rows a moment ago")
        outage.next = now + _OUTCOME
        self._probes.append(now)
        return True

    def answered(self, table: bytes, key: bytes) -> None:
        """The region of `key` has answered."""
        if self._out and (outage := self._find(table, key)) is not None:
            self._remove(table, outage)
            self._ended()

    def failed(self, table: bytes, key: bytes) -> None:
        """A call for `key` had no answer."""
        outage = self._find(table, key)
        if outage is None:
            self._look_for(table, key)
            return
        now = self._clock()
        outage.next, outage.until = now + REST, now + FORGOTTEN
        self._ended()

    def _look_for(self, table: bytes, key: bytes) -> None:
        """Ask for the regions of the table, unless somebody does."""
        keys = self._failed.setdefault(table, [])
        keys.append(key)
        if len(keys) == 1:
            self._looking = asyncio.create_task(self._look(table))

    async def _look(self, table: bytes) -> None:
        regions: list[Region] = []
        with suppress(EngineError):  # all of HBase may be away, which is another matter
            regions = await self._regions(table)
        for key in self._failed.pop(table):
            at = bisect_right(regions, key, key=lambda region: region.start) - 1
            if at >= 0 and regions[at].holds(key) and self._find(table, key) is None:
                now = self._clock()
                outage = _Outage(regions[at], now + REST, now + FORGOTTEN)
                self._out.setdefault(table, []).append(outage)

    def close(self) -> None:
        """Ask nothing any more."""
        if self._looking is not None:
            self._looking.cancel()

    def _ended(self) -> None:
        if self._probes:
            self._probes.pop(0)

    def _find(self, table: bytes, key: bytes) -> _Outage | None:
        for outage in self._out.get(table, ()):
            if outage.region.holds(key):
                if self._clock() < outage.until:
                    return outage
                self._remove(table, outage)
                return None
        return None

    def _remove(self, table: bytes, outage: _Outage) -> None:
        self._out[table].remove(outage)
        if not self._out[table]:
            del self._out[table]
