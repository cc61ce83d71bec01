"""Rows behind the cache, over random schedules: nobody reads an older row than was acknowledged.

A row is a number, and each swap makes it one greater: so every read tells how old it is. What has
been answered (by a read or a swap) before a read began is never newer than what it reads. Where the
server also forgets barriers, what is not acknowledged yet may be seen and hidden again: then only
what was acknowledged counts.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product
from random import Random
from typing import Any

import msgspec
import pytest

from metastore.cache import entry
from metastore.cache.engine import CachedEngine, _Bar
from metastore.cache.memcached import Found
from metastore.cache.view import Server, Servers, Slot, View
from metastore.engine import Swap, Table, Unavailable, Unknown
from metastore.memory import Faults
from tests.support.virtual import Link, World, run_virtual
from tests.support.virtual_cache import ADDRESSES, CachingProcess, VirtualMemcached

T = Table.OBJECTS
SEEDS = 60
KEYS = [b"a", b"b"]
ANSWERS_LOST = Faults(lost_reply=0.1, late=0.1, dropped=0.1, repeated=0.1)


@dataclass
class Trouble:
    """What happens meanwhile."""

    faults: Faults = field(default_factory=Faults)
    frozen: bool = False
    cut: bool = False
    forgets: bool = False
    lists: bool = False  # servers are added and removed
    servers: int = 1
    steps: int = 40


TROUBLES = {
    "none": Trouble(),
    "answers lost": Trouble(faults=ANSWERS_LOST),
    "frozen": Trouble(frozen=True),
    "cut off": Trouble(cut=True),
    "frozen and cut off": Trouble(frozen=True, cut=True, faults=ANSWERS_LOST),
    "forgetful": Trouble(forgets=True),
    "two servers": Trouble(servers=2, cut=True),
    "other lists": Trouble(lists=True),
    "other lists and all the rest": Trouble(lists=True, cut=True, frozen=True, servers=2),
    "all but lost answers": Trouble(frozen=True, cut=True, forgets=True),
}


class Run:
    """Some processes that read and count, and what they were answered."""

    def __init__(self, seed: int, trouble: Trouble, **kinds: Any) -> None:
        self.world = World(seed, trouble.faults)
        self.trouble = trouble
        self.servers = {address: VirtualMemcached(self.world) for address in ADDRESSES}
        self.kinds = kinds
        self.processes: list[CachingProcess] = []
        self.known = dict.fromkeys(KEYS, 0)  # the least that a read may give
        self.reads = 0
        self.violations: list[str] = []

    async def begin(self) -> None:
        """Three processes that know of the server, and rows of 0."""
        for _ in range(3):
            self.processes.append(CachingProcess(self.world, self.servers, **self.kinds))
        servers = Servers(tuple(map(Server, ADDRESSES[: self.trouble.servers])), b"")
        self.world.engine._put(Table.JOBS, b"view", msgspec.msgpack.encode(servers))
        for key in KEYS:
            self.world.engine._put(T, key, b"0")

    async def go(self) -> "Run":
        await self.begin()
        clients = [asyncio.create_task(self._use(p)) for p in self.processes for _ in range(2)]
        nemesis = asyncio.create_task(self._trouble())
        await asyncio.gather(*clients)
        nemesis.cancel()
        for process in self.processes:
            for link in process.caches.values():
                link.cut = False
            await process.engine.close()
        return self

    async def _use(self, process: CachingProcess) -> None:
        random = Random(self.world.random.random())
        for _ in range(self.trouble.steps):
            await asyncio.sleep(random.choice([0, 0.01, 0.5]))
            key = random.choice(KEYS)
            try:
                before = await self._read(process, key)
                if random.random() < 0.4:
                    await self._count(process, key, before)
            except (Unavailable, Unknown):
                continue

    async def _read(self, process: CachingProcess, key: bytes) -> bytes:
        least = self.known[key]
        value = await process.engine.get(T, key) or b""
        self.reads += 1
        if int(value) < least:
            now = asyncio.get_running_loop().time()
            self.violations.append(f"{now}: {key!r} was {least} and is read as {int(value)}")
        if not self.trouble.forgets:
            self.known[key] = max(self.known[key], int(value))
        return value

    async def _count(self, process: CachingProcess, key: bytes, before: bytes) -> None:
        after = b"%d" % (int(before) + 1)
        if await process.engine.swap(Swap(T, key, before, after)):
            self.known[key] = max(self.known[key], int(after))

    async def _trouble(self) -> None:
        random = self.world.random
        while True:
            await asyncio.sleep(random.expovariate(2))
            process = random.choice(self.processes)
            if self.trouble.frozen and random.random() < 0.3:
                process.freeze(random.choice([1, 3, 12, 40]))
            if self.trouble.cut:
                random.choice(list(process.caches.values())).cut = random.random() < 0.3
            if self.trouble.forgets:
                server = random.choice(list(self.servers.values()))
                random.choice([server.restart, server.evict, server.evict])()
            if self.trouble.lists and random.random() < 0.2:
                wanted = random.choice([ADDRESSES, ADDRESSES[:1], ADDRESSES[1:]])
                with suppress(Unavailable, Unknown):
                    await process.view.use(wanted)


def violations(trouble: Trouble, seeds: range, **kinds: Any) -> list[str]:
    found: list[str] = []
    for seed in seeds:
        run = run_virtual(Run(seed, trouble, **kinds).go())
        assert run.reads > 50
        found += run.violations
        if found:
            break
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", TROUBLES)
def test_nothing_older_than_acknowledged_is_read(name: str) -> None:
    assert violations(TROUBLES[name], range(SEEDS)) == []


class NoBarrier(CachedEngine):
    async def _bar(self, table: Table, key: bytes) -> _Bar | None:
        return None

    async def _settle(self, bar: _Bar | None, swap: Swap, *, done: bool) -> None:
        late = await super()._bar(swap.table, swap.key)
        if late is not None:
            await self._replaced(late, swap, done=done)


class NoLookAfterwards(CachedEngine):
    """Forgets the barrier's fate."""

    async def _settle(self, bar: _Bar | None, swap: Swap, *, done: bool) -> None:
        if bar is not None:
            await self._replaced(bar, swap, done=done)


class NoLease(CachedEngine):
    """Fills in whatever it read, whoever came meanwhile."""

    async def _read_through(
        self, slot: Slot, name: bytes, found: Found, table: Table, key: bytes
    ) -> bytes | None:
        value = await self._engine.get(table, key)
        await slot.client.put(name, entry.encode(table, key, value), 600)
        return value


class OldView(View):
    """Acts on what it once read."""

    @property
    def fresh(self) -> bool:
        return self._read_at > float("-inf")


class Moved(View):
    """Changes the list at once, and keeps the generations."""

    async def use(self, addresses: Sequence[str]) -> tuple[Server, ...]:
        fresh = tuple(Server(address, 1) for address in addresses)
        return await self._change(lambda _now: fresh)


class NoWait(View):
    """Does not wait for those who act on the view before."""

    async def settled(self) -> None:
        return


BROKEN: dict[str, tuple[str, dict[str, Callable[..., Any]]]] = {
    "no barrier": ("none", {"engine": NoBarrier}),
    "no lease": ("none", {"engine": NoLease}),
    "old view": ("frozen and cut off", {"view": OldView}),
    "moved": ("other lists", {"view": Moved}),
    "no wait": ("cut off", {"view": NoWait}),
}


@pytest.mark.slow
@pytest.mark.parametrize("rule", BROKEN)
def test_each_rule_is_needed(rule: str) -> None:
    trouble, kinds = BROKEN[rule]
    assert violations(TROUBLES[trouble], range(400), **kinds)


async def force(swapping: int, reading: int, event: str, *, warm: bool, **kinds: Any) -> bool:
    """Stop a swap at one call and then a read at another, with an event in between.

    Whether what is read, once the swap was answered, is the new row.
    """
    run = Run(1, TROUBLES["none"], **kinds)
    await run.begin()
    writer, reader, other = run.processes
    for process in run.processes:
        await process.engine.get(T, b"b")
    await asyncio.sleep(3)  # all know of the server
    if warm:
        await other.engine.get(T, b"a")
    swap = asyncio.create_task(writer.engine.swap(Swap(T, b"a", b"0", b"1")))
    await _stop(writer, swap, swapping)
    if event == "evicted":
        run.servers[ADDRESSES[0]].evict()
    elif event == "restarted":
        run.servers[ADDRESSES[0]].restart()
    read = asyncio.create_task(reader.engine.get(T, b"a"))
    await _stop(reader, read, reading)
    _go_on(writer)
    assert await swap
    first = await other.engine.get(T, b"a")
    _go_on(reader)
    await read
    found = [first, await reader.engine.get(T, b"a"), await other.engine.get(T, b"a")]
    for process in run.processes:
        await process.engine.close()
    return found == [b"1"] * 3


async def _stop(process: CachingProcess, task: "asyncio.Task[Any]", point: int) -> None:
    process.stop_at(point, task)
    await asyncio.wait([task, process.stopped], return_when=asyncio.FIRST_COMPLETED)


def _go_on(process: CachingProcess) -> None:
    if process.stopped.done():
        process.go_on()


ORDERS = list(product(range(14), range(12), ["nothing", "evicted", "restarted"], [True, False]))


@pytest.mark.slow
def test_of_a_swap_and_a_read_in_any_order_the_old_row_does_not_stay() -> None:
    wrong = [order for order in ORDERS if not run_virtual(_forced(*order))]
    assert wrong == []
    assert len(ORDERS) > 1_000


@pytest.mark.slow
@pytest.mark.parametrize("engine", [NoLookAfterwards, NoLease])
def test_each_step_is_needed(engine: type[CachedEngine]) -> None:
    assert not all(run_virtual(_forced(*order, engine=engine)) for order in ORDERS)


async def _forced(swapping: int, reading: int, event: str, warm: bool, **kinds: Any) -> bool:
    return await force(swapping, reading, event, warm=warm, **kinds)


class Refusing(Link):
    """Sends no swap."""

    async def swap(self, swap: Swap) -> bool:
        await self._process.step()
        raise Unavailable(f"{swap.key!r} was not sent")


class TakesAway(CachedEngine):
    """Gives a barrier up as soon as its own swap can change nothing any more."""

    async def swap(self, swap: Swap) -> bool:
        bar = await self._bar(swap.table, swap.key)
        done = False
        try:
            done = await self._engine.swap(swap)
        finally:
            if bar is not None and not done:
                await bar.slot.client.remove(bar.name, bar.token)
        return done


async def overlap(seed: int, *, sent: bool, **kinds: Any) -> bool:
    """A swap has no answer and lands late; another's, in between, changes nothing; a third reads.

    Whether a read after the landing gives what landed.
    """
    run = Run(seed, TROUBLES["none"], **kinds)
    await run.begin()
    writer, loser, reader = run.processes
    if not sent:
        loser.engine._engine = Refusing(loser)
    for process in run.processes:
        await process.engine.get(T, b"b")
    await asyncio.sleep(3)  # all know of the server
    run.world.faults = Faults(late=1.0)
    with suppress(Unknown):
        await writer.engine.swap(Swap(T, b"a", b"0", b"1"))
    run.world.faults = Faults()
    with suppress(Unavailable):
        assert not await loser.engine.swap(Swap(T, b"a", b"8", b"9"))
    await reader.engine.get(T, b"a")
    await run.world.settled()
    found = [await process.engine.get(T, b"a") for process in run.processes]
    for process in run.processes:
        await process.engine.close()
    return found == [b"1"] * 3


@pytest.mark.parametrize("sent", [True, False])
def test_what_changes_nothing_leaves_the_barrier_of_another(sent: bool) -> None:
    seeds = range(20)
    assert all(run_virtual(overlap(seed, sent=sent)) for seed in seeds)
    assert not all(run_virtual(overlap(seed, sent=sent, engine=TakesAway)) for seed in seeds)
