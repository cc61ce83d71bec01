"""Blocking calls in threads of their own, each with its connection; answers come back in bunches.

The loop is woken once for all answers that are there, and the wait in the queue is bounded: when
every thread hangs, what comes next is refused, not queued for ever.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, NamedTuple

from metastore.engine import Unavailable
from metastore.hbase.breaker import Breaker
from metastore.hbase.connection import Connection, Starved

Work = Callable[[Connection], Any]


class _Task(NamedTuple):
    work: Work
    future: "asyncio.Future[Any]"
    expires: float  # by time.monotonic


class Threads:
    """`count` threads, begun when first needed. A call may wait `patience` seconds for one."""

    def __init__(
        self,
        count: int,
        connect: Callable[[], Connection],
        breaker: Breaker,
        *,
        patience: float,
        name: str,
    ) -> None:
        self._count = count
        self._connect = connect
        self._breaker = breaker
        self._patience = patience
        self._name = name
        self._queue: SimpleQueue[_Task | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._waiting = 0  # tasks that were neither answered nor refused
        self._answers: deque[tuple[asyncio.Future[Any], Any, BaseException | None]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = False
        self._closed = False

    def run(self, work: Work) -> "asyncio.Future[Any]":
        """What `work` returns, called in one of the threads; Unavailable when none was free."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        future = self._loop.create_future()
        if self._closed:
            future.set_exception(Unavailable("the connections to HBase are closed"))
            return future
        if not self._breaker.admits():
            future.set_exception(Unavailable("HBase did not answer a moment ago"))
            return future
        self._waiting += 1
        if self._waiting > len(self._threads) < self._count:
            self._begin()
        self._queue.put(_Task(work, future, time.monotonic() + self._patience))
        return future

    def _begin(self) -> None:
        name = f"{self._name}-{len(self._threads)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        connection = self._connect()
        for task in iter(self._queue.get, None):
            if task.future.done():  # nobody waits any more, and nothing was sent
                self._answer(task, None, None)
            elif time.monotonic() > task.expires:
                self._answer(task, None, Starved())
            else:
                try:
                    result = task.work(connection)
                except BaseException as error:  # noqa: BLE001  (told to who asked)
                    self._answer(task, None, error)
                else:
                    self._answer(task, result, None)
        connection.close()

    def _answer(self, task: _Task, result: Any, error: BaseException | None) -> None:
        self._answers.append((task.future, result, error))
        if not self._woken and self._loop is not None:
            self._woken = True
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._woken = False  # before looking: what comes later wakes the loop again
        while self._answers:
            future, result, error = self._answers.popleft()
            self._waiting -= 1
            if future.done():
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

    async def close(self) -> None:
        """End the threads once they have answered."""
        self._closed = True
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)
        self._deliver()
