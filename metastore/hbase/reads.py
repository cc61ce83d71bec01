"""Single reads, asked for together: while calls are under way, what comes next gathers.

A read shares a call only if the call has not begun: its answer is never older than the question.
"""

import asyncio
from functools import partial
from typing import Any

from metastore.engine import Counters
from metastore.hbase import calls
from metastore.hbase.threads import Threads

_KEYS = 200  # of one call: a Head has at most 16 KiB

_Futures = dict[bytes, "asyncio.Future[bytes | None]"]


class Reads:
    """Values of rows by table and key, through `threads`, at most `calls` at a time."""

    def __init__(self, threads: Threads, counters: Counters, at_once: int) -> None:
        self._threads = threads
        self._counters = counters
        self._at_once = at_once
        self._under_way = 0
        self._wanted: dict[bytes, _Futures] = {}  # by table
        self._scheduled = False

    def want(self, table: bytes, key: bytes) -> "asyncio.Future[bytes | None]":
        """The value, or None. The future may be another's too: shield it."""
        futures = self._wanted.setdefault(table, {})
        future = futures.get(key)
        if future is None:
            loop = asyncio.get_running_loop()
            future = futures[key] = loop.create_future()
            if not self._scheduled:
                self._scheduled = True
                loop.call_soon(self._ask)
        return future

    def _ask(self) -> None:
        self._scheduled = False
        while self._wanted and self._under_way < self._at_once:
            table, futures = next(iter(self._wanted.items()))
            del self._wanted[table]  # and last again, if there is more: every table has its turn
            keys = list(futures)[:_KEYS]
            taken = {key: futures.pop(key) for key in keys}
            if futures:
                self._wanted[table] = futures
            answer = self._threads.run(partial(calls.get_rows, table=table, keys=keys))
            self._under_way += 1
            self._counters.rpcs += 1
            answer.add_done_callback(partial(self._answer, taken))

    def _answer(self, futures: _Futures, answer: "asyncio.Future[Any]") -> None:
        self._under_way -= 1
        error = answer.exception()
        if error is not None:
            _fail(futures, error)
        else:
            values = answer.result()
            for key, future in futures.items():
                future.set_result(values.get(key))
        self._ask()


def _fail(futures: _Futures, error: BaseException) -> None:
    for future in futures.values():
        future.set_exception(error)
        future.exception()  # those who asked may have gone
