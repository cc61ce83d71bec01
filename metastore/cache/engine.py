"""An engine behind memcached: the same answers, most of them without asking it.

Reading: an entry counts if this process's view of the servers is fresh when the answer is there. A
miss takes a lease, reads the engine and fills the entry in, unless anything else was put there.
Changing: a *barrier* takes the entry's place before the swap, so that no earlier lease fills it
any more, and is replaced by the new row after it, before anyone is told. Was the barrier lost
(evicted, expired, a server restarted), an old row may have been filled in: then another barrier
takes its place and stays. A server that cannot be told is taken out of the view, and the answer
waits until nobody reads there any more.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from metastore.cache import entry
from metastore.cache.entry import BARRIER, Foreign
from metastore.cache.memcached import Down, Found, Token
from metastore.cache.view import Slot, View
from metastore.engine import Counters, Engine, Row, Swap, Table, Unavailable, Unknown

CACHED = frozenset({Table.BUCKETS, Table.OBJECTS, Table.IDENTITIES})
KEPT = 600  # seconds that an entry lives
LEASE = 10  # seconds in which a row must be read: longer than any call of the engine
BARRED = 1300  # seconds: longer than a swap may be under way, by HBase's own time-out of 1,200
SETTLING = 30  # seconds that a barrier stands where the outcome is known, but an entry may be old

_TRIES = 3  # to tell a server of a change
_DOUBTS = 10_000  # rows of which the last swap of this process had no clear end


class _Bar(NamedTuple):
    """A barrier of ours, or none where no server is in use."""

    slot: Slot
    name: bytes
    token: Token


class CacheCounters:
    """How often an entry answered, and how often not."""

    __slots__ = ("barred", "failed", "hits", "misses")

    def __init__(self) -> None:
        self.hits = 0
        self.misses = 0
        self.barred = 0  # somebody was changing the row, or filling the entry in
        self.failed = 0  # the server did not answer, or with what it should not have

    def by_outcome(self) -> dict[str, int]:
        """The counts, for metrics."""
        return {
            "hit": self.hits, "miss": self.misses, "barred": self.barred, "failed": self.failed
        }  # fmt: skip


class CachedEngine:
    """`engine` behind the servers of `view`."""

    def __init__(
        self, engine: Engine, view: View, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.cache = CacheCounters()
        self._engine = engine
        self.view = view
        self._clock = clock
        self._doubts: dict[tuple[Table, bytes], float] = {}  # until when
        self._doubts_allowed = _DOUBTS  # before those that are over are looked for
        self._watching: asyncio.Task[None] | None = None
        self._late: set[asyncio.Task[None]] = set()  # settling what was cancelled

    @property
    def counters(self) -> Counters:
        return self._engine.counters

    @property
    def definite(self) -> bool:
        return self._engine.definite

    async def get(self, table: Table, key: bytes) -> bytes | None:
        if table not in CACHED or self._doubted(table, key):
            return await self._engine.get(table, key)
        fresh = self.view.fresh or await self._refresh()
        slot = self._slot(table, key)
        if not fresh or slot is None or not self.view.readable(slot):
            return await self._engine.get(table, key)
        name = entry.name(slot.space, table, key)
        try:
            found = await slot.client.lease(name, LEASE)
        except Down:
            self.cache.failed += 1
            return await self._engine.get(table, key)
        if found.data and found.data != BARRIER and self.view.fresh:
            try:
                value = entry.decode(table, key, found.data)
            except Foreign:
                self.cache.failed += 1
                return await self._engine.get(table, key)
            self.cache.hits += 1
            return value
        return await self._read_through(slot, name, found, table, key)

    async def _read_through(
        self, slot: Slot, name: bytes, found: Found, table: Table, key: bytes
    ) -> bytes | None:
        value = await self._engine.get(table, key)
        if not found.won:
            self.cache.barred += 1
            return value
        self.cache.misses += 1
        if value is None or len(value) <= entry.LIMIT:
            with suppress(Down):
                data = entry.encode(table, key, value)
                await slot.client.replace(name, data, KEPT, found.token)
        return value

    async def get_many(self, table: Table, keys: Sequence[bytes]) -> list[bytes | None]:
        if table not in CACHED or len(keys) < 2:
            return await self._engine.get_many(table, keys)
        return await asyncio.gather(*(self.get(table, key) for key in keys))

    def scan(
        self, table: Table, start: bytes, stop: bytes | None, *, limit: int
    ) -> AsyncIterator[Row]:
        return self._engine.scan(table, start, stop, limit=limit)

    async def values(
        self, table: Table, start: bytes, stop: bytes | None, *, limit: int
    ) -> list[bytes]:
        return await self._engine.values(table, start, stop, limit=limit)

    async def swap(self, swap: Swap) -> bool:
        if swap.table not in CACHED:
            return await self._engine.swap(swap)
        bar = await self._bar(swap.table, swap.key)
        try:
            done = await self._engine.swap(swap)
        except BaseException as error:
            await self._leave_barred([swap], error)
            raise
        await self._settle_all([bar], [swap], [done])
        return done

    async def swap_many(self, swaps: Sequence[Swap]) -> list[bool]:
        bars = await asyncio.gather(
            *(self._bar(s.table, s.key) if s.table in CACHED else _nothing() for s in swaps)
        )
        try:
            done = await self._engine.swap_many(swaps)
        except BaseException as error:
            await self._leave_barred(swaps, error)
            raise
        await self._settle_all(bars, swaps, done)
        return done

    async def write(self, table: Table, rows: Sequence[tuple[bytes, bytes | None]]) -> None:
        if table not in CACHED:
            await self._engine.write(table, rows)
            return
        changes = [Swap(table, key, None, value) for key, value in dict(rows).items()]
        bars = await asyncio.gather(*(self._bar(table, change.key) for change in changes))
        try:
            await self._engine.write(table, rows)
        except BaseException as error:
            await self._leave_barred(changes, error)
            raise
        await self._settle_all(bars, changes, [True] * len(changes))

    async def remove_range(self, table: Table, start: bytes, stop: bytes) -> None:
        if table not in CACHED:
            await self._engine.remove_range(table, start, stop)
            return
        while rows := [row async for row in self.scan(table, start, stop, limit=500)]:
            await self.write(table, [(row.key, None) for row in rows])

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
        self.view.close()
        await self._engine.close()

    # ---------------------------------------------------------------------------- changing

    async def _bar(self, table: Table, key: bytes) -> _Bar | None:
        """Set a barrier; None where no server is in use, and nobody reads from one any more.

        Waiting before the swap, not after it: else one process could read the new row, and then
        another, which knows less of the servers, the old one.
        """
        if not (self.view.fresh or await self._refresh()):
            raise Unavailable("which memcached servers are in use is not known in time")
        bar = await self._set_barrier(table, key, BARRED)
        if bar is None:
            await self.view.settled()
        return bar

    async def _set_barrier(self, table: Table, key: bytes, seconds: int) -> _Bar | None:
        """Where the row's entry lies now; None: no server is in use for it any more."""
        while slot := self._slot(table, key):
            name = entry.name(slot.space, table, key)
            token = await self._barred(slot, name, seconds)
            if token is not None:
                return _Bar(slot, name, token)
        return None

    async def _barred(self, slot: Slot, name: bytes, seconds: int) -> Token | None:
        """Set a barrier whatever is there; None: the server is out of use from now on."""
        for _ in range(_TRIES):
            with suppress(Down):
                return await slot.client.put(name, BARRIER, seconds)
        await self.view.expel(slot)
        return None

    async def _leave_barred(self, swaps: Sequence[Swap], error: BaseException) -> None:
        """They may yet land: a barrier stands until they cannot, whoever took ours away.

        Where nothing was sent ours just stays: it may have taken the place of another's, who does
        not know the outcome.
        """
        if isinstance(error, Unavailable):
            return
        cached = [swap for swap in swaps if swap.table in CACHED]
        for swap in cached:
            self._doubt(swap.table, swap.key)
        task = self._go_on(_all(self._bar_late(swap) for swap in cached))
        if not isinstance(error, asyncio.CancelledError):
            await asyncio.shield(task)

    async def _bar_late(self, swap: Swap) -> None:
        with suppress(Unavailable):
            await self._set_barrier(swap.table, swap.key, BARRED)

    def _go_on(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Do it whoever waits for it."""
        task = asyncio.create_task(work)
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        return task

    async def _settle_all(
        self, bars: Sequence[_Bar | None], swaps: Sequence[Swap], done: Sequence[bool]
    ) -> None:
        """What was done must become visible, also when nobody waits for it any more."""
        outcomes = [row for row in zip(bars, swaps, done, strict=True) if row[1].table in CACHED]
        if len(outcomes) == 1:
            bar, swap, ok = outcomes[0]
            settling = self._settle(bar, swap, done=ok)
        else:
            settling = _all(self._settle(bar, swap, done=ok) for bar, swap, ok in outcomes)
        try:
            await settling
        except asyncio.CancelledError:
            for bar, swap, ok in outcomes:
                self._go_on(self._settle(bar, swap, done=ok))
            raise

    async def _settle(self, bar: _Bar | None, swap: Swap, *, done: bool) -> None:
        """Return once nobody can read the row from before the swap, by the cache.

        Also after False, which may have been said of a repeat. Then the barrier stays: it may have
        taken the place of another's, whose swap has no outcome yet and after True could not land.
        """
        try:
            for _ in range(_TRIES):
                if self.view.fresh or await self._refresh():
                    break
            else:
                raise Unavailable("which memcached servers are in use is not known in time")
            slot = self._slot(swap.table, swap.key)
            if bar is not None and slot is bar.slot and await self._replaced(bar, swap, done=done):
                return
            seconds = SETTLING if done else BARRED
            new = await self._set_barrier(swap.table, swap.key, seconds)
            if bar is None or new is None or new.slot is not bar.slot:
                await self.view.settled()
        except Unavailable as error:  # of the view: whether all will see the change is unknown
            self._doubt(swap.table, swap.key)
            raise Unknown(str(error)) from error

    async def _replaced(self, bar: _Bar, swap: Swap, *, done: bool) -> bool:
        """Whether the barrier, still ours, stays or gave way to the new row, or to nothing."""
        try:
            if not done:
                return await bar.slot.client.replace(bar.name, BARRIER, BARRED, bar.token)
            if swap.new is not None and len(swap.new) > entry.LIMIT:
                return await bar.slot.client.remove(bar.name, bar.token)
            data = entry.encode(swap.table, swap.key, swap.new)
            return await bar.slot.client.replace(bar.name, data, KEPT, bar.token)
        except Down:
            return False

    # ---------------------------------------------------------------------------- the view

    def _slot(self, table: Table, key: bytes) -> Slot | None:
        return self.view.slot(entry.row(table, key))

    async def _refresh(self) -> bool:
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self.view.run())
        return await self.view.ensure()

    def _doubt(self, table: Table, key: bytes) -> None:
        """For a while this process reads the row from the engine alone."""
        now = self._clock()
        if len(self._doubts) >= self._doubts_allowed:
            self._doubts = {row: until for row, until in self._doubts.items() if until > now}
            self._doubts_allowed = max(_DOUBTS, 2 * len(self._doubts))
        self._doubts[table, key] = now + BARRED

    def _doubted(self, table: Table, key: bytes) -> bool:
        if not self._doubts:
            return False
        until = self._doubts.get((table, key))
        if until is not None and until <= self._clock():
            del self._doubts[table, key]
            return False
        return until is not None


async def _nothing() -> None:
    return None


async def _all(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*works)
