"""Group commit: a thread that works on everything asked for while it was busy, in one go."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

from blobstore.base import BlobError

Item = TypeVar("Item")
_Waiters = list[asyncio.Future[None]]


class Batches(Generic[Item]):
    """Items asked for in one turn of the loop, or while a batch is worked on, make the next batch.

    `work` runs in the thread; what it raises, all who wait for the batch get. The loop is
    woken once for each batch. The items of a batch live until its work is done, whatever becomes
    of those who wait.
    """

    def __init__(self, work: Callable[[list[Item]], None], *, name: str) -> None:
        self._work = work
        self._name = name
        self._thread: threading.Thread | None = None
        self._handed: SimpleQueue[tuple[asyncio.AbstractEventLoop, list[Item], _Waiters] | None]
        self._handed = SimpleQueue()
        self._items: dict[Item, None] = {}
        self._waiters: _Waiters = []
        self._busy = False

    def join(self, item: Item) -> asyncio.Future[None]:
        """Done when a batch with `item` that began after this call is done."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._items[item] = None
        self._waiters.append(future)
        if not self._busy:
            self._busy = True
            loop.call_soon(self._hand_over, loop)
        return future

    async def close(self) -> None:
        """Wait for what was asked for, then end the thread."""
        while self._busy:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            with contextlib.suppress(BlobError):
                await waiter
        if self._thread is not None:
            self._handed.put(None)
            self._thread.join()
            self._thread = None

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._handed.put((loop, list(self._items), self._waiters))
        self._items = {}
        self._waiters = []

    def _run(self) -> None:
        while (batch := self._handed.get()) is not None:
            loop, items, waiters = batch
            error: Exception | None = None
            try:
                self._work(items)
            except Exception as raised:  # noqa: BLE001 - it is theirs who wait
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop was closed without us
                loop.call_soon_threadsafe(self._settle, loop, waiters, error)
            del batch, items, waiters, error

    def _settle(
        self, loop: asyncio.AbstractEventLoop, waiters: _Waiters, error: Exception | None
    ) -> None:
        for waiter in waiters:
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)
        if self._waiters:
            self._hand_over(loop)
        else:
            self._busy = False
