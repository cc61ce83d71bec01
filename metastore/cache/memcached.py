"""A client of one memcached by its meta commands, pipelined on one connection.

The meta commands (memcached's doc/protocol.txt, 1.6) let a miss take a lease and a change tell the
unique number of what it wrote, each in one round trip. Whatever goes wrong, and what takes longer
than the time-out, closes the connection: nothing is read from it afterwards. A number counts only
on the connection that gave it, since a server that was restarted begins to count again.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

TIMEOUT = 0.05  # seconds for an answer
REST = 0.5  # seconds during which nothing is asked of a server that failed thrice in a row
_FAILURES = 3
_LATE = 0.005  # seconds: for what has arrived to be read


class Down(Exception):
    """The server did not answer in time, or not as it should."""


class Token(NamedTuple):
    """What was written or read: the connection's number and memcached's unique number."""

    life: int
    unique: bytes


class Found(NamedTuple):
    """What `lease` got: the data (empty: nothing), and whether we are to fill it in."""

    data: bytes
    token: Token
    won: bool


class _Answer(NamedTuple):
    status: bytes
    flags: list[bytes]
    data: bytes


class Memcached:
    """One server, connected when first asked. Every method: Down."""

    def __init__(self, host: str, port: int, *, timeout: float = TIMEOUT) -> None:
        self._host = host
        self._port = port
        self._timeout = timeout
        self._life = 0
        self._connection: _Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._failures = 0
        self._rests_until = 0.0

    async def lease(self, key: bytes, seconds: int) -> Found:
        """The entry; without one, the right to fill it in goes to one of those who ask."""
        answer = await self._ask(b"mg %b v c N%d\r\n" % (key, seconds))
        if answer.status != b"VA":
            raise Down(f"mg: {answer.status!r}")
        return Found(answer.data, self._token(answer), b"W" in answer.flags)

    async def put(self, key: bytes, data: bytes, seconds: int) -> Token:
        """Set the entry, whatever is there."""
        answer = await self._ask(b"ms %b %d c T%d\r\n%b\r\n" % (key, len(data), seconds, data))
        if answer.status != b"HD":
            raise Down(f"ms: {answer.status!r}")
        return self._token(answer)

    async def replace(self, key: bytes, data: bytes, seconds: int, token: Token) -> bool:
        """Set the entry if it still is what `token` stands for."""
        if self._connection is None or token.life != self._life:
            return False
        request = b"ms %b %d C%b T%d\r\n%b\r\n" % (key, len(data), token.unique, seconds, data)
        return (await self._ask(request)).status == b"HD"

    async def remove(self, key: bytes, token: Token) -> bool:
        """Remove the entry if it still is what `token` stands for."""
        if self._connection is None or token.life != self._life:
            return False
        return (await self._ask(b"md %b C%b\r\n" % (key, token.unique))).status == b"HD"

    async def ping(self) -> None:
        """Whether it answers."""
        if (await self._ask(b"mn\r\n")).status != b"MN":
            raise Down("mn")

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.fail(Down("closed"))

    async def _ask(self, request: bytes) -> _Answer:
        connection = self._connection
        if connection is None:
            connection = await self._opened()
        answer = await connection.ask(request)
        self._failures = 0
        return answer

    async def _opened(self) -> "_Connection":
        if asyncio.get_running_loop().time() < self._rests_until:
            raise Down(f"{self._host}:{self._port} failed a moment ago")
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
        await asyncio.shield(self._connecting)
        if self._connection is None:
            raise Down(f"{self._host}:{self._port} cannot be reached")
        return self._connection

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self._timeout, self._lost), self._host, self._port
                )
        except (OSError, ValueError):  # TimeoutError is one; UnicodeError, of a name, another
            self._failed()
        else:
            self._life += 1
            self._connection = connection
        finally:
            self._connecting = None

    def _lost(self, connection: "_Connection") -> None:
        if connection is self._connection:
            self._connection = None
            self._failed()

    def _failed(self) -> None:
        self._failures += 1
        if self._failures >= _FAILURES:
            self._rests_until = asyncio.get_running_loop().time() + REST

    def _token(self, answer: _Answer) -> Token:
        for flag in answer.flags:
            if flag[:1] == b"c":
                return Token(self._life, flag[1:])
        raise Down("no unique number")


class _Connection(asyncio.Protocol):
    """Questions and answers in order, in bunches."""

    def __init__(self, timeout: float, lost: Callable[["_Connection"], None]) -> None:
        self._timeout = timeout
        self._tell_lost = lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._asked: deque[tuple[asyncio.Future[_Answer], float]] = deque()
        self._unsent: list[bytes] = []
        self._buffer = b""
        self._watch: asyncio.TimerHandle | None = None
        self._failure: Down | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(Down(f"the connection was lost: {exc}"))

    def ask(self, request: bytes) -> "asyncio.Future[_Answer]":
        if self._failure is not None:
            raise self._failure
        future: asyncio.Future[_Answer] = self._loop.create_future()
        deadline = self._loop.time() + self._timeout
        self._asked.append((future, deadline))
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(request)
        if self._watch is None:
            self._watch = self._loop.call_at(deadline, self._look)
        return future

    def fail(self, error: Down) -> None:
        """Close, and tell all who wait."""
        if self._failure is not None:
            return
        self._failure = error
        if self._watch is not None:
            self._watch.cancel()
        if self._transport is not None:
            self._transport.abort()
        self._tell_lost(self)
        for future, _ in self._asked:
            if not future.done():
                future.set_exception(error)
                future.exception()  # who asked may have gone meanwhile

    def _send(self) -> None:
        if self._failure is None and self._transport is not None:
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def _look(self) -> None:
        self._watch = None
        if not self._asked:
            return
        if self._asked[0][1] <= self._loop.time():
            # If it was this process that was late, the answer is here and comes before.
            self._watch = self._loop.call_later(_LATE, self._give_up, self._asked[0][0])
        else:
            self._watch = self._loop.call_at(self._asked[0][1], self._look)

    def _give_up(self, late: "asyncio.Future[_Answer]") -> None:
        self._watch = None
        if self._asked and self._asked[0][0] is late:
            self.fail(Down("no answer in time"))
        else:
            self._look()

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data
        start = 0
        try:
            while (end := buffer.find(b"\r\n", start)) >= 0:
                words = buffer[start:end].split(b" ")
                start_of_data = end + 2
                if words[0] == b"VA":
                    behind = start_of_data + _size(words[1])
                    if len(buffer) < behind + 2:
                        break
                    answer = _Answer(b"VA", words[2:], buffer[start_of_data:behind])
                    start = behind + 2
                else:
                    answer = _Answer(words[0], words[1:], b"")
                    start = start_of_data
                future, _ = self._asked.popleft()
                if not future.done():
                    future.set_result(answer)
        except (IndexError, ValueError) as error:
            self.fail(Down(f"not an answer of memcached: {error}"))
        self._buffer = buffer[start:]
        if len(self._buffer) > 4 << 20:
            self.fail(Down("an answer without an end"))


def _size(text: bytes) -> int:
    if not text.isdigit():
        raise ValueError(text)
    return int(text)
