"""What is stored in buckets and accounts that have a quota: one row for each, changed by swap.

A row is never below what is stored, so that nobody who asks it first stores too much: who is about
to commit adds to it before (`reserve`), and what turned out not to be stored, or to be gone, is
taken off afterwards (`give_back`). A process that dies in between, or never hears of a swap, leaves
the row too high; a count of what is there brings it down again. A count is of rows that change
meanwhile: what was added since it began is added to it, whether it saw it or not. Such a count is
too high in turn, and is made again; one beside which nothing changed is exact.

Within a process the changes of a row are made together, one swap after the other.
"""

import asyncio
from collections.abc import Callable, Container
from functools import partial
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from metastore import codec
from metastore.edits import Edits
from metastore.engine import Engine, Swap, Table, Unavailable
from metastore.errors import OverQuota
from metastore.records import Quota
from metastore.rows import ATTEMPTS, replaced

_ROWS, _BEHIND = b"usage\0", b"usage\1"
_TRAIL = 32  # edit ids kept: so many others may change a row before a writer looks for its own
_TOGETHER = 0.02  # seconds in which what is given back waits for more


class Amount(NamedTuple):
    """Bytes and versions of objects."""

    size: int = 0
    objects: int = 0

    def plus(self, other: "Amount") -> "Amount":
        return Amount(self.size + other.size, self.objects + other.objects)

    def minus(self, other: "Amount") -> "Amount":
        """Not below nothing."""
        return Amount(max(self.size - other.size, 0), max(self.objects - other.objects, 0))

    def fits(self, quota: Quota) -> bool:
        """Whether so much may be stored."""
        return (quota.size is None or self.size <= quota.size) and (
            quota.objects is None or self.objects <= quota.objects
        )


class Usage(msgspec.Struct, frozen=True, array_like=True):
    """A row: what is `used` at most, and all that was ever `added` and `removed`.

    Until it was `counted` nothing is refused. `epochs` are the lives that changed it since;
    `again_ms` is when it is to be counted again; counts that began under another `since` say
    nothing of it.
    """

    used: Amount = Amount()
    added: Amount = Amount()
    counted: bool = False
    epochs: tuple[int, ...] = ()
    trail: tuple[bytes, ...] = ()
    removed: Amount = Amount()
    since: bytes = b""
    again_ms: int = 0


class Count(NamedTuple):
    """What a count `found` that began when the row was `begun`.

    `ended` are lives that change nothing any more. It is to be made again at `again_ms`, or at
    `loose_ms` when the row changed meanwhile.
    """

    begun: Usage
    found: Amount
    ended: frozenset[int] = frozenset()
    again_ms: int = 0
    loose_ms: int = 0

    def applied(self, usage: Usage) -> Usage:
        """The row put right by it."""
        begun = self.begun
        if usage.since != begun.since:
            return usage
        exact = (usage.added, usage.removed) == (begun.added, begun.removed)
        most = self.found.plus(usage.added.minus(begun.added))
        if usage.counted and not exact:
            most = Amount(min(most.size, usage.used.size), min(most.objects, usage.used.objects))
        return replace(
            usage,
            used=most,
            counted=True,
            epochs=tuple(epoch for epoch in usage.epochs if epoch not in self.ended),
            again_ms=self.again_ms if exact else self.loose_ms,
        )


class _Wanted(NamedTuple):
    amount: Amount
    quota: Quota
    granted: "asyncio.Future[bool]"


class _Batch:
    """What one swap of a row changes: who asked for room, and what is owed to it."""

    def __init__(self) -> None:
        self.wanted: list[_Wanted] = []
        self.owed = Amount()
        self._granted: list[bool] = []

    def __bool__(self) -> bool:
        return bool(self.wanted) or self.owed != Amount()

    def applied(self, usage: Usage, epoch: int) -> Usage:
        """The row after it: who does not fit gets nothing. Called again when others were first."""
        self._granted.clear()
        used, added = usage.used.minus(self.owed), usage.added
        removed = usage.removed.plus(self.owed)
        for one in self.wanted:
            after = used.plus(one.amount)
            fits = not usage.counted or after.fits(one.quota)
            self._granted.append(fits)
            if fits:
                used, added = after, added.plus(one.amount)
        if (added, removed) == (usage.added, usage.removed):
            return usage
        epochs = usage.epochs if epoch in usage.epochs else (*usage.epochs, epoch)
        return replace(usage, used=used, added=added, removed=removed, epochs=epochs)

    def landed(self) -> Amount:
        """Tell who asked; what was granted to somebody who has gone meanwhile."""
        lost = Amount()
        for one, fits in zip(self.wanted, self._granted, strict=True):
            if not one.granted.done():
                one.granted.set_result(fits)
            elif fits:
                lost = lost.plus(one.amount)
        return lost

    def failed(self, error: BaseException) -> None:
        """Tell who asked. What is owed stays in the row, which is too high then."""
        for one in self.wanted:
            if not one.granted.done():
                one.granted.set_exception(error)


class _Scope:
    """The next change of one row, and the task that makes them."""

    def __init__(self) -> None:
        self.next = _Batch()
        self.changing: asyncio.Task[None] | None = None


class Ledger:
    """The rows, as one process changes them. A scope is a bucket or an account, by its id."""

    def __init__(self, engine: Engine, edits: Edits) -> None:
        self._engine = engine
        self._edits = edits
        self._scopes: dict[bytes, _Scope] = {}

    async def find(self, scope: bytes) -> Usage:
        """The row as it is; nothing for one that is not there."""
        data = await self._engine.get(Table.JOBS, _ROWS + scope)
        return Usage() if data is None else codec.decode(Usage, data)

    async def reserve(self, scope: bytes, amount: Amount, quota: Quota) -> None:
        """Add before it is stored; OverQuota. After any other error it may have been added."""
        wanted = _Wanted(amount, quota, asyncio.get_running_loop().create_future())
        waiting = self._scopes.setdefault(scope, _Scope())
        waiting.next.wanted.append(wanted)
        self._begin(scope, waiting, 0.0)
        try:
            granted = await wanted.granted
        except asyncio.CancelledError:
            done = wanted.granted
            if not done.cancelled() and done.exception() is None and done.result():
                self.give_back(scope, amount)
            raise
        if not granted:
            raise OverQuota

    def give_back(self, scope: bytes, amount: Amount) -> None:
        """Take off, soon, what is not stored: it is gone, or never came."""
        waiting = self._scopes.setdefault(scope, _Scope())
        waiting.next.owed = waiting.next.owed.plus(amount)
        self._begin(scope, waiting, _TOGETHER)

    async def settle(self) -> None:
        """Wait until nothing is waiting."""
        while tasks := [one.changing for one in self._scopes.values() if one.changing]:
            await asyncio.gather(*tasks, return_exceptions=True)

    async def counted(self, scope: bytes, count: Count) -> Usage:
        """Put the row right by a count."""
        return await self._change(scope, count.applied)

    async def begin_anew(self, scope: bytes) -> None:
        """Have it counted before it refuses anything: more is under it than was counted."""
        since = self._edits.next()
        await self._change(scope, lambda usage: replace(usage, counted=False, since=since))

    async def forget(self, scope: bytes, clean: frozenset[int]) -> None:
        """Lives that ended and left the row as it should be are no reason for a count."""
        if clean:
            await self._change(
                scope,
                lambda usage: replace(
                    usage, epochs=tuple(epoch for epoch in usage.epochs if epoch not in clean)
                ),
            )

    async def keep_only(self, scopes: Container[bytes]) -> None:
        """Remove the rows of scopes that have no quota any more."""
        rows = self._engine.scan(Table.JOBS, _ROWS, _BEHIND, limit=1_000_000)
        gone = [row.key async for row in rows if row.key[len(_ROWS) :] not in scopes]
        if gone:
            await self._engine.write(Table.JOBS, [(row, None) for row in gone])

    def _begin(self, scope: bytes, waiting: _Scope, delay: float) -> None:
        if waiting.changing is None:
            waiting.changing = asyncio.create_task(self._run(scope, waiting, delay))

    async def _run(self, scope: bytes, waiting: _Scope, delay: float) -> None:
        if delay:
            await asyncio.sleep(delay)
        try:
            while batch := waiting.next:
                waiting.next = _Batch()
                try:
                    await self._change(scope, partial(batch.applied, epoch=self._edits.epoch))
                except BaseException as error:
                    batch.failed(error)
                    if not isinstance(error, Exception):
                        raise
                else:
                    waiting.next.owed = waiting.next.owed.plus(batch.landed())
        finally:
            waiting.changing = None
            if waiting.next:
                self._begin(scope, waiting, 0.0)
            else:
                self._scopes.pop(scope, None)

    async def _change(self, scope: bytes, change: Callable[[Usage], Usage]) -> Usage:
        """Swap the row to what `change` makes of it; Unavailable when nobody knows whether."""
        row = _ROWS + scope
        for _ in range(ATTEMPTS):
            old = await self._engine.get(Table.JOBS, row)
            before = Usage() if old is None else codec.decode(Usage, old)
            after = change(before)
            if after is before:
                return before
            edit = self._edits.next()
            after = replace(after, trail=(*before.trail, edit)[-_TRAIL:])
            swap = Swap(Table.JOBS, row, old, codec.encode(after))

            def landed(now: bytes | None, edit: bytes = edit, before: Usage = before) -> bool:
                trail = codec.decode(Usage, now).trail if now is not None else ()
                if edit not in trail and before.trail[-1:] != () and before.trail[-1] not in trail:
                    raise Unavailable("too many changes of a usage since: that of one is unknown")
                return edit in trail

            if await replaced(self._engine, swap, landed):
                return after
        raise Unavailable("too many writers of one usage")
