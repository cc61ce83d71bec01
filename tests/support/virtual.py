"""A loop whose time is virtual, and processes on it that share an engine and two blob stores.

Everything that happens follows from one seed: how long each call takes, which answers are lost,
who freezes and who is killed.
"""

import asyncio
import selectors
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from functools import partial
from random import Random
from typing import Any, TypeVar

from blobstore.base import Buffer
from blobstore.blobs import Blobs
from blobstore.ids import BlobNames
from blobstore.memory import Memory
from metastore.engine import Counters, Row, Swap, Table, Unknown
from metastore.lives import Lives
from metastore.memory import Faults, MemoryEngine
from metastore.store import MetaStore
from ocean.jobs.collect import Collector
from ocean.jobs.housekeeping import Housekeeping
from ocean.jobs.watch import Watch
from ocean.store import Ocean

LATE = 0.5  # seconds after which a swap without an answer has landed, or never will
SMALL = 64  # bytes that still become a needle
T = TypeVar("T")


class _NoFiles(selectors.SelectSelector):
    """Waits for nothing but time."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise AssertionError("nothing will ever happen again")
        self.loop.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time passes only when nothing else can happen."""

    def __init__(self) -> None:
        selector = _NoFiles()
        selector.loop = self
        self.now = 0.0
        super().__init__(selector)

    def time(self) -> float:
        return self.now


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` on a loop of its own, and end what it leaves behind."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class VirtualTime:
    """Stands in for the module `time`."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def thread_time(self) -> float:
        return 0.0

    def now_ms(self) -> int:
        return 1_700_000_000_000 + int(self.monotonic() * 1000)


class World:
    """What all processes share: an engine, two blob stores, and chance."""

    def __init__(self, seed: int, faults: Faults, slow: float = 0.002) -> None:
        self.random = Random(seed)
        self.faults = faults
        self.slow = slow  # seconds that a call takes on average
        self.engine = MemoryEngine()
        self.small, self.large = Memory(name="small"), Memory(name="large")
        self.stopped: list[asyncio.Future[None]] = []
        self.over = False  # nobody has to be kept from cleaning up any more

    def fault(self) -> str | None:
        """What befalls the next change."""
        point = self.random.random()
        for name in ("lost_reply", "late", "dropped", "repeated"):
            point -= getattr(self.faults, name)
            if point < 0:
                return name
        return None

    async def settled(self) -> None:
        """Whatever may land late has landed."""
        await asyncio.sleep(2 * LATE)


class Process:
    """One process: its own life, its own way to the stores; can freeze, and be killed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.killed = False
        self.ended: BaseException | None = None
        self.stopped: asyncio.Future[None]
        self._going: asyncio.Future[None]
        self._task: asyncio.Task[None] | None = None
        self._left = 0
        self._frozen_until = 0.0
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, *, grace: float, interval: float, beat: float, dead: float) -> None:
        link = Link(self)
        time = VirtualTime()
        self.meta = MetaStore(link, await Lives(link).begin(), time.monotonic)
        small, large = BlobLink(self, self.world.small), BlobLink(self, self.world.large)
        names = BlobNames(self.meta.life.epoch)
        blobs = Blobs.of(small, large, names, threshold=SMALL, volume_limit=600)
        self.ocean = Ocean(self.meta, blobs, time)
        self.collector = Collector(self.ocean.discard, grace)
        self.meta.objects.discarded = self.collector.add
        self.watch = Watch(self.meta, beat=beat, dead=dead)
        self.keeping = Housekeeping(
            self.ocean, self.watch, self.collector, interval=interval, ratio=1.0
        )

    def work(self) -> None:
        """Run the jobs in the background."""
        for run in (self.watch.run, self.collector.run, self.keeping.run):
            task = asyncio.create_task(run())
            task.add_done_callback(self._died)
            self._tasks.append(task)

    def freeze(self, seconds: float) -> None:
        """Let no call of this process begin or return for a while, once."""
        if self._frozen_until == 0.0:
            self._frozen_until = asyncio.get_running_loop().time() + seconds

    def kill(self) -> None:
        """Let no call of this process ever begin or return again."""
        self.killed = True

    def _died(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self.ended = task.exception()
            self.kill()

    def stop_at(self, point: int, task: asyncio.Task[None]) -> None:
        """Have `task` stand still at its call number `point`; then `stopped` is done."""
        self._task, self._left = task, point
        loop = asyncio.get_running_loop()
        self.stopped, self._going = loop.create_future(), loop.create_future()

    def go_on(self) -> None:
        """After `stopped`."""
        self._going.set_result(None)

    async def _stop(self) -> None:
        self._left -= 1
        if self._left == -1:
            self.stopped.set_result(None)
            await asyncio.shield(self._going)

    async def step(self) -> None:
        """Between any two things that other processes could tell apart."""
        loop = asyncio.get_running_loop()
        if self._task is not None and asyncio.current_task() is self._task:
            await self._stop()
        await self._dead()
        if self.world.slow:
            await asyncio.sleep(self.world.random.expovariate(1 / self.world.slow))
        await asyncio.sleep(max(self._frozen_until - loop.time(), 0))
        await self._dead()

    async def _dead(self) -> None:
        if self.world.over:
            raise asyncio.CancelledError
        if self.killed:
            never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.world.stopped.append(never)  # or it would be collected, with all that waits
            await never


class Link:
    """An engine as one process sees it: slow, and losing answers as often as the world says."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._world = process.world
        self._engine = process.world.engine

    @property
    def counters(self) -> Counters:
        return self._engine.counters

    @property
    def definite(self) -> bool:
        return False

    async def get(self, table: Table, key: bytes) -> bytes | None:
        await self._process.step()
        value = await self._engine.get(table, key)
        await self._process.step()
        return value

    async def get_many(self, table: Table, keys: Sequence[bytes]) -> list[bytes | None]:
        return [await self.get(table, key) for key in keys]

    async def scan(
        self, table: Table, start: bytes, stop: bytes | None, *, limit: int
    ) -> AsyncIterator[Row]:
        await self._process.step()
        async for row in self._engine.scan(table, start, stop, limit=limit):
            yield row
            await self._process.step()

    async def values(
        self, table: Table, start: bytes, stop: bytes | None, *, limit: int
    ) -> list[bytes]:
        return [row.value async for row in self.scan(table, start, stop, limit=limit)]

    async def swap(self, swap: Swap) -> bool:
        await self._process.step()
        return await self._answer(lambda: self._engine._swap(swap))

    async def swap_many(self, swaps: Sequence[Swap]) -> list[bool]:
        return [await self.swap(swap) for swap in swaps]

    async def write(self, table: Table, rows: Sequence[tuple[bytes, bytes | None]]) -> None:
        for key, value in rows:
            await self._process.step()
            await self._answer(partial(self._written, table, key, value))

    async def remove_range(self, table: Table, start: bytes, stop: bytes) -> None:
        found = [row.key async for row in self.scan(table, start, stop, limit=10**6)]
        await self.write(table, [(key, None) for key in found])

    async def close(self) -> None:
        """The engine is everyone's."""

    def _written(self, table: Table, key: bytes, value: bytes | None) -> bool:
        self._engine._put(table, key, value)
        return True

    async def _answer(self, change: Callable[[], bool]) -> bool:
        """Make a change, lose its answer, or let it land later, or never."""
        fault = self._world.fault()
        if fault == "late":
            delay = self._world.random.uniform(0, LATE)
            asyncio.get_running_loop().call_later(delay, change)
        done = fault not in {"late", "dropped"} and change()
        await self._process.step()
        if fault in {"late", "dropped", "lost_reply"}:
            raise Unknown("no answer")
        return done and fault != "repeated"


class BlobLink(Memory):
    """A blob store as one process sees it."""

    def __init__(self, process: Process, store: Memory) -> None:
        super().__init__(name=store.name)
        self._process = process
        self._blobs = store._blobs

    async def create(self, blob: str, data: Buffer) -> None:
        await self._process.step()
        await super().create(blob, data)

    async def append(self, blob: str, offset: int, data: Buffer) -> None:
        await self._process.step()
        await super().append(blob, offset, data)

    async def read(self, blob: str, offset: int, length: int) -> Buffer:
        await self._process.step()
        return bytes(await super().read(blob, offset, length))

    async def delete(self, blob: str, *, size: int | None = None) -> None:
        await self._process.step()
        await super().delete(blob)
