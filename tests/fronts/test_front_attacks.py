"""The front of the S3 port against clients, streams and moments at their worst.

Nothing may hang, stay behind, escape into the loop or run a request that was not sent.
"""

import asyncio
import gc
import socket
import ssl
import struct
import time
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from gateway.fronts import bare, connection
from gateway.fronts.bodies import Body
from gateway.http import Handler, Request, Response
from gateway.sockets import bind, tls_context
from ocean.config.schema import Limits
from ocean.errors import S3Error
from tests.support.certificates import certificate
from tests.support.waiting import comes

pytestmark = pytest.mark.slow  # they wait for deadlines

HOST = "Host: localhost\r\n"
GET = f"GET /a HTTP/1.1\r\n{HOST}\r\n".encode()
LAST = f"GET /last HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n".encode()
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Of a server and of a client that trusts it."""
    chain, key = certificate(Path(tmp_path_factory.mktemp("certificate")))
    return tls_context(str(chain), str(key)), ssl.create_default_context(cafile=str(chain))


class Served:
    """A front on a port of its own."""

    def __init__(self, front: bare.Front, address: tuple[str, int]) -> None:
        self.front = front
        self.address = address
        self.writers: list[asyncio.StreamWriter] = []
        self.escaped: list[object] = []

    async def connect(
        self, *, tls: ssl.SSLContext | None = None, source: str = "127.0.0.1"
    ) -> Streams:
        streams = await asyncio.open_connection(
            *self.address, ssl=tls, local_addr=(source, 0), limit=1 << 16
        )
        self.writers.append(streams[1])
        return streams

    async def ask(self, raw: bytes) -> bytes:
        """All that comes back."""
        reader, writer = await self.connect()
        writer.write(raw)
        return await rest(reader)

    async def empty(self, seconds: float = 20) -> None:
        """Wait until no connection is left."""
        async with asyncio.timeout(seconds):
            while self.front.connections:  # noqa: ASYNC110 - the front has no event for it
                await asyncio.sleep(0.01)
        assert not self.front.peers


@asynccontextmanager
async def serve(
    handler: Handler, limits: Limits | None = None, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Served]:
    """A front from which nothing may escape into its loop."""
    front = bare.Front(handler, limits or Limits(), tls=tls)
    sock = bind("127.0.0.1", 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
    await front.listen(sock)
    served = Served(front, sock.getsockname())
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, about: served.escaped.append(about))
    try:
        yield served
        for writer in served.writers:
            writer.close()
    finally:
        await front.drain(1)
        sock.close()
    await asyncio.sleep(0)
    gc.collect()  # what a task raised is told when the task is collected
    await asyncio.sleep(0)
    assert served.escaped == []
    await served.empty()


async def rest(reader: asyncio.StreamReader, seconds: float = 5) -> bytes:
    """What comes until the server ends the connection, however it does."""
    received = b""
    async with asyncio.timeout(seconds):
        with suppress(ConnectionError):
            while piece := await reader.read(1 << 16):
                received += piece
    return received


async def echo(request: Request) -> Response:
    body = b"".join([piece async for piece in request.body])
    return Response(200, {"x-target": request.target}, body)


async def told(request: Request) -> Response:
    """Reads the body and tells what was wrong with it."""
    try:
        return await echo(request)
    except S3Error as error:
        return Response(error.status, {}, error.code.encode())


async def refuse(_request: Request) -> Response:
    return Response(403, {}, b"no")


def statuses(raw: bytes) -> list[int]:
    return [int(part[:3]) for part in raw.split(b"HTTP/1.1 ")[1:]]


# --- reading that stops ---------------------------------------------------------------------------


async def test_a_body_that_came_whole_and_was_never_read_leaves_the_connection_usable() -> None:
    bodies: list[Body] = []
    gate = asyncio.Event()

    async def late(request: Request) -> Response:
        if request.method == "PUT":
            assert isinstance(request.body, Body)
            bodies.append(request.body)
            await gate.wait()
            return await refuse(request)
        return await echo(request)

    async with serve(late) as served:
        reader, writer = await served.connect()
        size = 570 << 10  # more than may wait, and what is held back of it is little
        writer.write(f"PUT /a HTTP/1.1\r\n{HOST}Content-Length: {size}\r\n\r\n".encode())
        writer.write(bytes(size))
        assert await comes(lambda: bodies and bodies[0].shorter_than(64 << 10))
        gate.set()
        assert b" 403 " in await asyncio.wait_for(reader.readuntil(b"no"), 10)
        writer.write(LAST)
        assert b"x-target: /last" in await rest(reader)


async def test_empty_lines_cost_what_they_weigh() -> None:
    async with serve(echo) as served:
        await served.connect()
        assert await comes(lambda: served.front.connections)
        connection = next(iter(served.front.connections))
        begun = time.thread_time()
        connection.data_received(b"\r\n" * (1 << 19))
        assert time.thread_time() - begun < 1


async def test_requests_may_be_split_anywhere() -> None:
    chunked = f"PUT /b HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n"
    body = "5;a=b\r\nhello\r\n0\r\nX-A: b\r\n\r\n"
    raw = (
        f"\r\nPUT /a HTTP/1.1\r\n{HOST}Content-Length: 3\r\n\r\nabc\r\n{chunked}{body}\r\n".encode()
        + LAST
    )
    async with serve(echo) as served:
        for at in range(1, len(raw)):
            reader, writer = await served.connect()
            writer.write(raw[:at])
            await asyncio.sleep(0.001)
            writer.write(raw[at:])
            answers = await rest(reader)
            assert statuses(answers) == [200, 200, 200], raw[:at]
            writer.close()


async def test_a_wait_for_the_body_that_was_given_up_has_no_deadline() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        await asyncio.sleep(0.5)
        yield b"x"

    async def gives_up(request: Request) -> Response:
        if request.method == "GET":
            return await echo(request)
        with suppress(TimeoutError):
            await asyncio.wait_for(anext(aiter(request.body)), 0.001)
        return Response(200, {}, stream=pieces(), length=1)

    async with serve(gives_up, Limits(body_seconds=0.2)) as served:
        reader, writer = await served.connect()
        writer.write(f"PUT /a HTTP/1.1\r\n{HOST}Content-Length: 3\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\nx")
        writer.write(b"abc" + LAST)
        assert statuses(await rest(reader)) == [200]


# --- answers --------------------------------------------------------------------------------------


async def test_a_stream_that_cannot_be_closed_breaks_the_connection() -> None:
    class Stubborn:
        def __aiter__(self) -> "Stubborn":
            return self

        async def __anext__(self) -> bytes:
            raise StopAsyncIteration

        async def aclose(self) -> None:
            raise OSError("planted")

    async def stream(_request: Request) -> Response:
        return Response(200, {}, stream=Stubborn(), length=0)

    async with serve(stream) as served:
        for method in (b"GET", b"HEAD"):
            await served.ask(GET.replace(b"GET", method))


async def test_a_header_that_is_no_text_breaks_only_its_answer() -> None:
    async def surrogate(_request: Request) -> Response:
        return Response(200, {"x-amz-meta-a": "\ud800"}, b"secret")

    async with serve(surrogate) as served:
        assert b"secret" not in await served.ask(LAST)


async def test_not_a_byte_more_than_promised_is_sent() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"abc"
        yield b"defSMUGGLED"

    async def stream(_request: Request) -> Response:
        return Response(200, {}, stream=pieces(), length=6)

    async with serve(stream) as served:
        assert b"SMUGGLED" not in await served.ask(GET)


async def test_an_empty_piece_does_not_end_a_stream_of_chunks() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b""
        yield b"abc"
        yield b""
        yield b"de"

    async def stream(_request: Request) -> Response:
        return Response(200, {}, stream=pieces())

    async with serve(stream) as served:
        assert (await served.ask(LAST)).endswith(b"\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")


@pytest.mark.parametrize("size", [10, 1 << 20, 16 << 20])
async def test_a_client_may_vanish_while_it_is_refused(size: int) -> None:
    """The answer waits for a client that resets; its body was not read."""

    async def large(_request: Request) -> Response:
        return Response(403, {}, bytes(size))

    async with serve(large) as served:
        for _ in range(5):
            reader, writer = await served.connect()
            writer.write(f"PUT /a HTTP/1.1\r\n{HOST}Content-Length: 999999\r\n\r\nabc".encode())
            await reader.read(1)
            writer.transport.abort()
            await asyncio.sleep(0.02)
        await served.empty()


async def test_nothing_more_is_done_for_a_client_that_is_gone() -> None:
    """The stream of the first answer breaks off; what was sent behind it is not carried out."""
    seen = []

    async def broken() -> AsyncIterator[bytes]:
        yield b"a"
        raise OSError("planted")

    async def stream(request: Request) -> Response:
        seen.append(request.target)
        return Response(200, {}, stream=broken(), length=10)

    async with serve(stream) as served:
        await served.ask(GET + GET.replace(b"/a", b"/next") + b"garbage\r\n\r\n")
    assert seen == ["/a"]


@pytest.mark.parametrize("coding", ["Content-Length: 99", "Transfer-Encoding: chunked"])
async def test_a_client_that_garbles_its_body_and_ends_its_side_is_told(coding: str) -> None:
    async def told_late(request: Request) -> Response:
        answer = await told(request)
        await asyncio.sleep(0.05)
        return answer

    async with serve(told_late) as served:
        reader, writer = await served.connect()
        writer.write(f"PUT /a HTTP/1.1\r\n{HOST}{coding}\r\n\r\n3\r\nab".encode())
        await asyncio.sleep(0.05)
        writer.write(b"cXX\n")
        writer.write_eof()
        answer = await rest(reader)
        assert answer.endswith(b"IncompleteBody"), answer


async def waiting_answer(_request: Request) -> Response:
    """An answer that waits in the server, below what it may hold, for a client that reads late."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(16):
            yield bytes(1 << 16)

    return Response(403, {}, stream=pieces(), length=1 << 20)


async def test_a_closed_connection_whose_answer_nobody_takes_ends() -> None:
    async with serve(waiting_answer, Limits(write_seconds=0.5, idle_seconds=1)) as served:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        with sock:
            sock.connect(served.address)
            sock.sendall(LAST)
            assert await comes(lambda: served.front.connections)
            await served.empty(5)
            received = 0
            with suppress(ConnectionError):
                while piece := sock.recv(1 << 16):
                    received += len(piece)
        assert received < 1 << 20, "it was not waited for"


async def test_a_refused_client_may_take_its_answer_slowly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it sends meanwhile is dropped, but not the answer."""
    monkeypatch.setattr(connection, "_LINGER_SECONDS", 0.1)
    async with serve(waiting_answer, Limits(idle_seconds=1)) as served:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        with sock:
            await loop.sock_connect(sock, served.address)
            await loop.sock_sendall(
                sock, f"PUT /a HTTP/1.1\r\n{HOST}Content-Length: 999999\r\n\r\n".encode()
            )
            await asyncio.sleep(0.8)
            received = 0
            while piece := await asyncio.wait_for(loop.sock_recv(sock, 1 << 16), 5):
                received += len(piece)
        assert received > 1 << 20


# --- heads ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["GET / RTSP/1.0", "SOURCE / ICE/1.0", "DESCRIBE / RTSP/1.0"])
async def test_only_http_is_spoken(line: str) -> None:
    async with serve(echo) as served:
        assert statuses(await served.ask(f"{line}\r\n{HOST}\r\n".encode())) == [400]


@pytest.mark.parametrize(
    "lines", ["Connection: close, keep-alive", "Connection: keep-alive\r\nConnection: Close"]
)
async def test_close_wins_in_http_1_0(lines: str) -> None:
    async with serve(echo) as served:
        head = f"GET /a HTTP/1.0\r\n{HOST}{lines}\r\n\r\n".encode()
        assert statuses(await served.ask(head + head)) == [200]


# --- connections ----------------------------------------------------------------------------------


async def test_those_that_are_turned_away_take_nobody_else_s_place() -> None:
    async with serve(echo, Limits(connections=10, connections_per_address=3)) as served:
        for _ in range(30):
            await served.connect()
        await asyncio.sleep(0.1)
        reader, writer = await served.connect(source="127.0.0.2")
        writer.write(LAST)
        assert statuses(await rest(reader)) == [200]


async def test_a_flood_of_connections_is_not_kept() -> None:
    async with serve(echo, Limits(connections=10)) as served:
        for _ in range(200):
            with suppress(ConnectionError):
                await served.connect()
        await asyncio.sleep(0.1)
        assert 10 < len(served.front.connections) <= 110


async def test_what_is_left_of_a_connection_is_freed_at_once() -> None:
    """Without a collection of cycles: what clients sent must not pile up until there is one."""
    left: list[weakref.ref[connection.Connection]] = []
    gate = asyncio.Event()

    async def waits(request: Request) -> Response:
        await gate.wait()
        return await told(request)

    def freed() -> bool:
        return left[0]() is None

    async with serve(waits) as served:
        for raw in (
            b"G",
            GET,
            GET + bytes(50_000),
            f"PUT /a HTTP/1.1\r\n{HOST}Content-Length: 99\r\n\r\nabc".encode(),
            b"garbage\r\n\r\n",
            f"GET / HTTP/1.1\r\n{HOST}A : b\r\n\r\n".encode(),
            f"GET / HTTP/1.1\r\n{HOST}A: {'b' * 9000}\r\n\r\n".encode(),
        ):
            gc.collect()
            gc.disable()
            try:
                gate.clear()
                _, writer = await served.connect()
                writer.write(raw)
                assert await comes(lambda: served.front.connections)
                await asyncio.sleep(0.05)
                left = [weakref.ref(connection) for connection in served.front.connections]
                assert len(left) == 1
                gate.set()
                writer.transport.abort()
                await served.empty()
                assert await comes(freed), raw[:40]
            finally:
                gc.enable()


async def test_the_body_of_a_refused_request_is_not_kept() -> None:
    """Its client may linger for seconds, and there may be many of them."""
    gate = asyncio.Event()

    async def late(request: Request) -> Response:
        await gate.wait()
        return await refuse(request)

    async with serve(late) as served:
        reader, writer = await served.connect()
        writer.write(f"PUT /a HTTP/1.1\r\n{HOST}Content-Length: 99999999\r\n\r\n".encode())
        writer.write(bytes(1 << 18))
        await asyncio.sleep(0.1)
        gate.set()
        assert statuses(await rest(reader)) == [403]
        assert served.front.connections
        assert [one for one in gc.get_objects() if isinstance(one, Body)] == []


async def test_one_that_is_late_in_a_bad_way_does_not_stop_the_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serve(echo, Limits(idle_seconds=0.1)) as served:
        with monkeypatch.context() as patch:
            patch.setattr(connection.Connection, "expire", lambda _self: 1 / 0)
            await served.connect()
            assert await comes(lambda: served.escaped)
        served.escaped.clear()
        reader, _ = await served.connect()
        assert await rest(reader, 10) == b""


async def test_connections_reset_before_they_are_accepted_are_not_counted() -> None:
    async with serve(echo) as served:
        for _ in range(50):
            with socket.create_connection(served.address) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await asyncio.sleep(0.05)
        await served.empty()
        assert not served.front.peers


async def test_a_handshake_that_never_comes_ends(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    async with serve(echo, Limits(header_seconds=0.3), tls=contexts[0]) as served:
        reader, _ = await served.connect()
        assert await rest(reader, 10) == b""


def moments() -> Iterator[tuple[str, bytes]]:
    """Connections as far as they may have come."""
    put = f"PUT /a HTTP/1.1\r\n{HOST}Content-Length: 700000\r\n"
    chunked = f"PUT /a HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n"
    yield "before a byte", b""
    yield "in a head", b"GET / HTT"
    yield "behind a head", GET
    yield "behind many heads", GET.replace(b"/a", b"/few") * 3000
    yield "before a body", f"{put}\r\n".encode()
    yield "before 100 Continue", f"{put}Expect: 100-continue\r\n\r\n".encode()
    yield "in a body", f"{put}\r\n".encode() + bytes(1000)
    yield "behind a body", f"{put}\r\n".encode() + bytes(700_000)
    yield "in a chunk", f"{chunked}ffffff\r\n".encode() + bytes(800_000)
    yield "behind garbage", b"garbage\r\n\r\n" + bytes(1000)
    yield "behind a garbled chunk", f"{chunked}xyz\r\n".encode()
    yield "behind the last request", LAST + GET


async def slowly(request: Request) -> Response:
    """An answer of each kind, by what is asked."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield bytes(1 << 17)
            await asyncio.sleep(0)

    if request.target == "/few":
        return Response(200, {}, bytes(1000))
    await asyncio.sleep(0.005)
    if request.method == "GET":
        return Response(200, {}, stream=pieces(), length=20 << 17)
    try:
        await asyncio.wait_for(anext(aiter(request.body)), 0.02)
    except (S3Error, TimeoutError):
        return Response(400, {}, bytes(1 << 20))
    return Response(403, {}, bytes(1 << 20))


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("end", ["reset", "close", "half"])
async def test_clients_vanish_at_every_moment(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], end: str, *, secure: bool
) -> None:
    """Nothing escapes into the loop, nothing stays, no count goes wrong."""
    limits = Limits(write_seconds=1, body_seconds=1, header_seconds=1, idle_seconds=1)

    async def vanish(served: Served, raw: bytes, seconds: float) -> None:
        _, writer = await served.connect(tls=contexts[1] if secure else None)
        writer.write(raw)
        await asyncio.sleep(seconds)
        if end == "reset":
            writer.transport.abort()
        elif end == "close" or secure:
            writer.close()
        else:
            writer.write_eof()
            await asyncio.sleep(0.02)
            writer.transport.abort()

    async with serve(slowly, limits, tls=contexts[0] if secure else None) as served:
        for seconds in (0, 0.003, 0.01, 0.04):
            await asyncio.gather(*(vanish(served, raw, seconds) for _, raw in moments()))
        await served.empty()


async def test_a_drain_ends_with_connections_at_every_moment() -> None:
    async with serve(slowly) as served:
        for _, raw in moments():
            _, writer = await served.connect()
            writer.write(raw)
        await asyncio.sleep(0.02)
        await asyncio.wait_for(served.front.drain(0.3), 10)
        await served.empty()
