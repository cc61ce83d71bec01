"""Connections that come to one socket are shared out between those who listen on it."""

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.fronts.bare import Front
from gateway.http import Request, Response
from gateway.shares import Share, share_out
from gateway.sockets import bind
from ocean.config.schema import Limits
from tests.support.waiting import comes

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def echo(_request: Request) -> Response:
    return Response(200, {})


class Listening:
    """Several fronts on one socket, as workers are."""

    def __init__(self, sock: socket.socket, fronts: list[Front], shares: list[Share]) -> None:
        self.address = sock.getsockname()
        self.fronts = fronts
        self.shares = shares
        self._writers: list[asyncio.StreamWriter] = []

    async def connect(self, count: int) -> None:
        """Open connections, each of which is answered."""
        opened = [await asyncio.open_connection(*self.address) for _ in range(count)]
        for _, writer in opened:
            writer.write(REQUEST)
        for reader, _ in opened:
            assert await asyncio.wait_for(reader.readuntil(b"\r\n"), 5) == b"HTTP/1.1 200 OK\r\n"
        self._writers += [writer for _, writer in opened]

    def close(self) -> None:
        for writer in self._writers:
            writer.close()

    @property
    def counts(self) -> list[int]:
        return [len(front.connections) for front in self.fronts]


@asynccontextmanager
async def listening(count: int, *, slots: int) -> AsyncIterator[Listening]:
    """So many fronts; in the other slots nobody listens."""
    file = share_out(slots)
    shares = [Share(file, slot) for slot in range(slots)]
    os.close(file)
    sock = bind("127.0.0.1", 0)
    fronts = [Front(echo, Limits(), share=share) for share in shares[:count]]
    for front in fronts:
        await front.listen(sock.dup())
    there = Listening(sock, fronts, shares)
    try:
        yield there
    finally:
        sock.close()
        there.close()
        for front in fronts:
            await front.drain(0)


async def test_each_has_as_many_as_the_others() -> None:
    async with listening(3, slots=3) as there:
        await there.connect(30)
        assert max(there.counts) - min(there.counts) <= 2
        await there.connect(30)
        assert max(there.counts) - min(there.counts) <= 2


async def test_who_lost_its_connections_is_given_the_next() -> None:
    async with listening(2, slots=2) as there:
        await there.connect(20)
        for connection in list(there.fronts[0].connections):
            connection.expire()
        assert await comes(lambda: there.counts[0] == 0)
        before = there.counts[1]
        await there.connect(before)
        assert abs(there.counts[0] - there.counts[1]) <= 1


async def test_who_does_not_listen_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.fronts.accepting._TURN", 60.0)
    async with listening(1, slots=4) as there:
        await there.connect(20)
        assert there.counts == [20]


async def test_who_listens_and_hangs_is_waited_for_no_longer_than_a_moment() -> None:
    async with listening(1, slots=2) as there:
        there.shares[1].set(0)
        await there.connect(20)
        assert there.counts == [20]


class Exhausted(socket.socket):
    """A listening socket of a process that has no descriptor left when the first client comes."""

    exhausted = True

    def accept(self) -> tuple[socket.socket, object]:
        if self.exhausted:
            self.exhausted = False
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return super().accept()


async def test_without_descriptors_who_waits_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    sock = Exhausted(fileno=bind("127.0.0.1", 0).detach())
    front = Front(echo, Limits())
    there = Listening(sock, [front], [])
    await front.listen(sock)
    reader, writer = await asyncio.open_connection(*there.address)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    await there.connect(3)
    assert caplog.text.count("Too many open files") == 1
    there.close()
    await front.drain(0)
