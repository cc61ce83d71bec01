"""Swaps on connections of the loop's own, one call at a time on each.

A swap takes a connection for as long as HBase syncs its log, so many are under way at once; each
in a thread of its own cost the gateway 140 us, and here 45.
"""

import asyncio
from collections import deque

from metastore.engine import Unavailable, Unknown
from metastore.hbase import wire
from metastore.hbase.address import Address
from metastore.hbase.breaker import Breaker
from metastore.hbase.connection import IDLE, Starved


class Swaps:
    """At most `count` connections to Thrift 1; a call may wait `patience` seconds for one."""

    def __init__(
        self, address: Address, breaker: Breaker, *, count: int, timeout: float, patience: float
    ) -> None:
        self._address = address
        self._breaker = breaker
        self._count = count
        self._timeout = timeout
        self._patience = patience
        self._open = 0  # or being opened
        self._idle: list[_Connection] = []  # the last one used is the first one taken
        self._waiting: deque[asyncio.Future[_Connection | None]] = deque()
        self._closed = False

    async def put(
        self, table: bytes, key: bytes, column: bytes, old: bytes | None, new: bytes
    ) -> bool:
        """Compare and set. Unavailable: nothing was sent. Unknown: it may yet happen."""
        if self._closed:
            raise Unavailable("the connections to HBase are closed")
        if not self._breaker.admits():
            raise Unavailable("HBase did not answer a moment ago")
        request = wire.ask(table, key, column, old, new)
        connection = await self._take()
        try:
            done = await connection.call(request, self._timeout)
        except wire.Refused as error:
            self._breaker.answered()
            raise Unknown(f"HBase at {self._address}: {error}") from error
        except (OSError, wire.Malformed) as error:
            if isinstance(error, TimeoutError) or connection.answers == 0:
                self._breaker.failed()  # one that was kept says nothing of a server started anew
            raise Unknown(f"HBase at {self._address}: {error!r}") from error
        finally:
            self._give_back(connection)
        self._breaker.answered()
        return done

    def close(self) -> None:
        """Close what is idle; what is under way is closed once it is answered."""
        self._closed = True
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    async def _take(self) -> "_Connection":
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            connection.close()
            self._open -= 1
        if self._open < self._count:
            self._open += 1
            return await self._connect()
        return await self._wait() or await self._connect()

    async def _wait(self) -> "_Connection | None":
        """A connection that another gave back; None: the place for one."""
        future: asyncio.Future[_Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            async with asyncio.timeout(self._patience):
                return await future
        except BaseException as error:
            if future.done() and not future.cancelled():  # given in the same moment
                self._give_back(future.result())
            if isinstance(error, TimeoutError):
                raise Starved from None
            raise

    async def _connect(self) -> "_Connection":
        """One more, in a place that is counted already."""
        try:
            async with asyncio.timeout(self._timeout):
                _, connection = await asyncio.get_running_loop().create_connection(
                    _Connection, self._address.host, self._address.first
                )
        except BaseException as error:
            self._pass_on(None)
            if not isinstance(error, OSError):  # TimeoutError is one
                raise
            self._breaker.failed()
            raise Unavailable(f"HBase at {self._address} cannot be reached: {error!r}") from error
        return connection

    def _give_back(self, connection: "_Connection | None") -> None:
        if connection is not None and connection.usable and not self._closed:
            self._pass_on(connection)
            return
        if connection is not None:
            connection.close()
        self._pass_on(None)

    def _pass_on(self, connection: "_Connection | None") -> None:
        """To who waits first: a connection, or the place for one."""
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(connection)
                return
        if connection is not None:
            self._idle.append(connection)
        else:
            self._open -= 1


class _Connection(asyncio.Protocol):
    """One call after the other; whatever goes wrong ends it, a call that was left included."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._called: asyncio.Future[bool] | None = None
        self._received = b""
        self._used = self._loop.time()
        self.answers = 0

    @property
    def usable(self) -> bool:
        """Whether a call may be made: nothing is left of another, and Thrift keeps it open."""
        fresh = self._loop.time() - self._used < IDLE
        return self._transport is not None and self._called is None and fresh

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or ConnectionResetError("closed by HBase's Thrift server"))

    async def call(self, request: bytes, seconds: float) -> bool:
        """The answer, in so many seconds. Refused: HBase answered with an error."""
        if self._transport is None:
            raise ConnectionResetError("closed by HBase's Thrift server")
        self._called = self._loop.create_future()
        self._transport.write(request)
        watch = self._loop.call_later(seconds, self._end, TimeoutError("timed out"))
        try:
            done = await self._called
        finally:
            watch.cancel()
        self._called, self._used = None, self._loop.time()
        self.answers += 1
        return done

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._called is None or self._called.done():
            self._end(wire.Malformed("an answer that nobody asked for"))
            return
        try:
            done = wire.answer(self._received)
        except (wire.Refused, wire.Malformed) as error:
            self._end(error)
            return
        if done is not None:
            self._received = b""
            self._called.set_result(done)

    def close(self) -> None:
        self._end(ConnectionResetError("closed"))

    def _end(self, error: Exception) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
        if self._called is not None and not self._called.done():
            self._called.set_exception(error)
