"""Both fronts, over real sockets: requests as received, answers as they must leave."""

import asyncio
import gc
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import pytest

from gateway.fronts import bare, reference
from gateway.http import Handler, Request, Response
from gateway.sockets import bind
from ocean.config.schema import Limits
from ocean.errors import NoSuchKey, S3Error

HOST = "Host: localhost\r\n"
Kind = type[bare.Front] | type[reference.Front]
Connect = Callable[[], Awaitable["Client"]]
Serving = Callable[..., AbstractAsyncContextManager[Connect]]


class Client:
    """One raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, text: str | bytes) -> None:
        self.writer.write(text.encode() if isinstance(text, str) else text)
        await self.writer.drain()

    async def head(self) -> tuple[int, dict[str, str]]:
        """Status and headers of the next answer."""
        raw = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = raw.rstrip("\r\n").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return int(first.split()[1]), headers

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The next answer with a body of Content-Length bytes."""
        status, headers = await self.head()
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return status, headers, body

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        return await asyncio.wait_for(self.reader.read(-1), 5)

    def close(self) -> None:
        self.writer.close()


@asynccontextmanager
async def serve(
    kind: Kind, handler: Handler, limits: Limits
) -> AsyncIterator[Callable[[], Awaitable[Client]]]:
    """A front, and how to connect to it."""
    front = kind(handler, limits)
    sock = bind("127.0.0.1", 0)
    await front.listen(sock)
    clients: list[Client] = []

    async def connect() -> Client:
        clients.append(Client(*await asyncio.open_connection(*sock.getsockname())))
        return clients[-1]

    try:
        yield connect
    finally:
        for client in clients:
            client.close()
        await front.drain(1)
        sock.close()


@pytest.fixture(params=[bare.Front, reference.Front], ids=["bare", "reference"])
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture
def serving(kind: Kind) -> Serving:
    return lambda handler, limits=None: serve(kind, handler, limits or Limits())


async def read(request: Request) -> bytes:
    return b"".join([piece async for piece in request.body])


async def echo(request: Request) -> Response:
    """Answers with what was received."""
    body = await read(request)
    headers = {"x-target": request.target, "x-length": str(request.length)}
    headers |= {f"got-{name}": value for name, value in request.headers.items()}
    return Response(200, headers, body)


async def failed(request: Request) -> Response:
    """Reads the body and tells with which error that ended."""
    try:
        await read(request)
    except S3Error as error:
        return Response(error.status, {"x-code": error.code})
    return Response(200, {})


async def refuse(_request: Request) -> Response:
    """Never reads the body."""
    return Response(403, {}, b"no")


@pytest.mark.parametrize(
    "target", ["//a//b/../c/./", "/%2e%2e%2F?x=%20+%zz&&=", "/a?b#c", "/%C3%A4", "/a;b=c,d'()*!~"]
)
async def test_the_target_stays_as_received(serving: Serving, target: str) -> None:
    async with serving(echo) as connect:
        client = await connect()
        await client.send(f"GET {target} HTTP/1.1\r\n{HOST}\r\n")
        status, headers, _ = await client.answer()
        assert (status, headers["x-target"]) == (200, target.lower())


async def test_headers_are_lower_case_and_repeats_joined(serving: Serving) -> None:
    async with serving(echo) as connect:
        client = await connect()
        await client.send(f"GET / HTTP/1.1\r\n{HOST}X-Amz-Meta-A: 1\r\nx-amz-META-a:  2 \r\n\r\n")
        _, headers, _ = await client.answer()
        assert headers["got-x-amz-meta-a"] == "1,2"
        assert headers["server"] == "ocean"


async def test_content_coding_is_not_touched(serving: Serving) -> None:
    async with serving(echo) as connect:
        client = await connect()
        lines = "Content-Encoding: gzip\r\nContent-Length: 3\r\n"
        await client.send(f"PUT /a HTTP/1.1\r\n{HOST}{lines}\r\nabc")
        assert (await client.answer())[2] == b"abc"


async def test_chunked_bodies_have_no_length(serving: Serving) -> None:
    async with serving(echo) as connect:
        client = await connect()
        await client.send(
            f"PUT /a HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n"
            "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        )
        status, headers, body = await client.answer()
        assert (status, headers["x-length"], body) == (200, "none", b"abcde")


async def test_pipelined_requests_are_answered_in_order(serving: Serving) -> None:
    async with serving(echo) as connect:
        client = await connect()
        await client.send("".join(f"GET /{number} HTTP/1.1\r\n{HOST}\r\n" for number in range(50)))
        for number in range(50):
            assert (await client.answer())[1]["x-target"] == f"/{number}"


async def test_a_whole_answer_leaves_at_once_and_keeps_the_connection(serving: Serving) -> None:
    """Head and body arrive in one segment, so that no delayed acknowledgement can hold one back."""

    async def small(_request: Request) -> Response:
        return Response(200, {"x-a": "b"}, b"x" * 4096)

    async with serving(small) as connect:
        client = await connect()
        for _ in range(3):
            await client.send(f"GET / HTTP/1.1\r\n{HOST}\r\n")
            first = await client.reader.read(1 << 20)
            assert first.endswith(b"\r\n\r\n" + b"x" * 4096)


async def test_head_has_the_length_and_no_body(serving: Serving) -> None:
    async def describe(_request: Request) -> Response:
        return Response(200, {}, length=12345)

    async with serving(describe) as connect:
        client = await connect()
        await client.send(f"HEAD /a HTTP/1.1\r\n{HOST}\r\nHEAD /b HTTP/1.1\r\n{HOST}\r\n")
        for _ in range(2):
            assert (await client.head())[1]["content-length"] == "12345"


@pytest.mark.parametrize("status", [204, 304])
async def test_statuses_without_body(serving: Serving, status: int) -> None:
    async def nothing(_request: Request) -> Response:
        return Response(status, {"ETag": '"a"'})

    async with serving(nothing) as connect:
        client = await connect()
        await client.send(f"GET / HTTP/1.1\r\n{HOST}\r\n" * 2)
        for _ in range(2):
            found, headers = await client.head()
            assert found == status
            assert "content-length" not in headers


async def test_100_continue_only_when_the_body_is_read(serving: Serving) -> None:
    lines = "Content-Length: 3\r\nExpect: 100-continue\r\n"
    async with serving(echo) as connect:
        client = await connect()
        await client.send(f"PUT /a HTTP/1.1\r\n{HOST}{lines}\r\n")
        assert (await client.head())[0] == 100
        await client.send("abc")
        assert (await client.answer())[2] == b"abc"
    async with serving(refuse) as connect:
        client = await connect()
        await client.send(f"PUT /a HTTP/1.1\r\n{HOST}{lines}\r\n")
        status, headers, _ = await client.answer()
        assert (status, headers["connection"]) == (403, "close")
        assert await client.rest() == b""


@pytest.mark.parametrize("body", ["", "abc"])
async def test_proceed_is_sent_once(serving: Serving, body: str) -> None:
    async def early(request: Request) -> Response:
        await request.proceed()
        await request.proceed()
        return await echo(request)

    async with serving(early) as connect:
        client = await connect()
        lines = f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n"
        await client.send(f"PUT /a HTTP/1.1\r\n{HOST}{lines}\r\n")
        assert (await client.head())[0] == 100
        await client.send(body)
        assert (await client.answer())[0] == 200


async def test_a_small_unread_body_does_not_become_a_request(serving: Serving) -> None:
    async with serving(refuse) as connect:
        client = await connect()
        body = f"GET /smuggled HTTP/1.1\r\n{HOST}\r\n"
        for _ in range(2):
            await client.send(f"PUT /a HTTP/1.1\r\n{HOST}Content-Length: {len(body)}\r\n\r\n{body}")
            assert (await client.answer())[0] == 403


async def test_a_large_unread_body_ends_the_connection_after_the_answer(serving: Serving) -> None:
    async with serving(refuse) as connect:
        client = await connect()
        size = 8 << 20
        await client.send(f"PUT /a HTTP/1.1\r\n{HOST}Content-Length: {size}\r\n\r\n")
        status, headers, _ = await client.answer()
        assert (status, headers["connection"]) == (403, "close")
        await client.send(b"x" * size)  # is read and dropped, so the answer could not be lost
        assert await client.rest() == b""


async def test_a_stream_of_known_length(serving: Serving) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"x" * 65536

    async def stream(_request: Request) -> Response:
        return Response(200, {}, stream=pieces(), length=4 << 20)

    async with serving(stream) as connect:
        client = await connect()
        for _ in range(2):
            await client.send(f"GET / HTTP/1.1\r\n{HOST}\r\n")
            assert (await client.answer())[2] == b"x" * (4 << 20)


async def pieces_of_unknown_length() -> AsyncIterator[bytes]:
    yield b"abc"
    yield b"de"


async def test_a_stream_of_unknown_length_is_chunked_or_ends_the_connection(
    serving: Serving,
) -> None:
    async def stream(_request: Request) -> Response:
        return Response(200, {}, stream=pieces_of_unknown_length())

    async with serving(stream) as connect:
        client = await connect()
        await client.send(f"GET / HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n")
        assert (await client.head())[1]["transfer-encoding"] == "chunked"
        assert await client.rest() == b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        client = await connect()
        await client.send(f"GET / HTTP/1.0\r\n{HOST}Connection: keep-alive\r\n\r\n")
        assert (await client.head())[1]["connection"] == "close"
        assert await client.rest() == b"abcde"


@pytest.mark.parametrize("length", [10, None])
@pytest.mark.parametrize("failure", [NoSuchKey(), RuntimeError("planted")])
async def test_a_stream_that_fails_breaks_the_connection(
    serving: Serving, length: int | None, failure: Exception
) -> None:
    """Never a clean end: the client must not take what it has for the whole."""
    closed = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        try:
            yield b"12345"
            await asyncio.sleep(0.05)
            raise failure
        finally:
            closed.set()

    async def stream(_request: Request) -> Response:
        return Response(200, {}, stream=pieces(), length=length)

    async with serving(stream) as connect:
        client = await connect()
        await client.send(f"GET / HTTP/1.1\r\n{HOST}\r\n")
        await client.head()
        try:
            rest = await client.rest()
        except ConnectionError:
            rest = b""
        assert b"0\r\n\r\n" not in rest
        assert len(rest) < 10 or length is None
        assert closed.is_set()


async def test_a_stream_of_the_wrong_length_breaks_the_connection(serving: Serving) -> None:
    async def stream(_request: Request) -> Response:
        return Response(200, {}, stream=pieces_of_unknown_length(), length=6)

    async with serving(stream) as connect:
        client = await connect()
        await client.send(f"GET / HTTP/1.1\r\n{HOST}\r\n")
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await client.answer()


async def test_a_client_that_leaves_ends_the_stream(serving: Serving) -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 65536
        finally:
            closed.set()

    async def stream(_request: Request) -> Response:
        return Response(200, {}, stream=endless(), length=1 << 40)

    async with serving(stream) as connect:
        client = await connect()
        await client.send(f"GET / HTTP/1.1\r\n{HOST}\r\n")
        await client.reader.read(1000)
        client.writer.transport.abort()
        await asyncio.wait_for(closed.wait(), 5)


@pytest.mark.parametrize("value", ["a\r\nset-cookie: x", "a\nb", "a\rb", "a\0b"])
async def test_a_header_cannot_start_a_line_of_its_own(serving: Serving, value: str) -> None:
    async def inject(_request: Request) -> Response:
        return Response(200, {"x-amz-meta-a": value}, b"secret")

    async with serving(inject) as connect:
        client = await connect()
        await client.send(f"GET / HTTP/1.1\r\n{HOST}\r\n")
        status, headers, body = await client.answer()
        assert status == 500
        assert "set-cookie" not in headers
        assert b"secret" not in body


async def test_a_body_that_ends_early_is_incomplete(serving: Serving) -> None:
    async with serving(failed) as connect:
        client = await connect()
        await client.send(f"PUT /a HTTP/1.1\r\n{HOST}Content-Length: 10\r\n\r\nabc")
        client.writer.write_eof()
        status, headers = await client.head()
        assert (status, headers["x-code"]) == (400, "incompletebody")
        assert await client.rest() == b""


async def test_a_garbled_chunk_is_incomplete(serving: Serving) -> None:
    async with serving(failed) as connect:
        client = await connect()
        await client.send(f"PUT /a HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n3\r\nab")
        await asyncio.sleep(0.05)
        await client.send("cXX\r\n")
        status, headers = await client.head()
        assert (status, headers["x-code"]) == (400, "incompletebody")
        assert (await client.rest()).count(b"HTTP/1.1") == 0


async def test_a_client_may_end_its_side_after_the_request(serving: Serving) -> None:
    async with serving(echo) as connect:
        client = await connect()
        await client.send(f"PUT /a HTTP/1.1\r\n{HOST}Content-Length: 3\r\n\r\nabc")
        client.writer.write_eof()
        assert (await client.answer())[2] == b"abc"
        assert await client.rest() == b""


async def test_a_silent_body_times_out(serving: Serving) -> None:
    async with serving(failed, Limits(body_seconds=0.1)) as connect:
        client = await connect()
        await client.send(f"PUT /a HTTP/1.1\r\n{HOST}Content-Length: 10\r\n\r\nabc")
        status, headers = await client.head()
        assert (status, headers["x-code"]) == (400, "requesttimeout")


async def trickle(client: Client, piece: bytes, seconds: float, count: int) -> None:
    for _ in range(count):
        with suppress(ConnectionError):
            if not client.writer.is_closing():  # which uvloop tells by another error
                await client.send(piece)
        await asyncio.sleep(seconds)


@pytest.mark.slow
async def test_a_body_may_be_slow_but_not_trickle_for_ever() -> None:
    """It never falls silent for long, but its bytes do not buy the time that they take."""
    put = f"PUT /a HTTP/1.1\r\n{HOST}Content-Length: 4000\r\n\r\n"

    async def slow_enough() -> int:
        client = await connect()
        await client.send(put)
        await trickle(client, b"x" * 200, 0.02, 20)
        return (await client.head())[0]

    async with serve(bare.Front, failed, Limits(body_seconds=0.2, body_rate=1000)) as connect:
        client = await connect()
        await client.send(put)
        sending = asyncio.ensure_future(trickle(client, b"x", 0.02, 50))
        status, headers = await asyncio.wait_for(client.head(), 10)
        assert (status, headers["x-code"]) == (400, "requesttimeout")
        assert not sending.done(), "it was cut off while it trickled"
        await sending
        for _ in range(3):  # a busy machine may stand still, but hardly each time
            if (status := await slow_enough()) == 200:
                break
        assert status == 200


async def test_a_slow_head_times_out_however_it_trickles(serving: Serving) -> None:
    async with serving(echo, Limits(header_seconds=0.2, idle_seconds=60)) as connect:
        client = await connect()
        await client.send("GET / HTTP/1.1\r\n")
        ended = asyncio.ensure_future(client.rest())
        while not ended.done():
            client.writer.write(b"a")
            await asyncio.sleep(0.02)
        assert b"RequestTimeout" in await ended


async def test_an_idle_connection_is_closed(serving: Serving) -> None:
    async with serving(echo, Limits(idle_seconds=0.1)) as connect:
        assert await (await connect()).rest() == b""
        client = await connect()
        await client.send(f"GET / HTTP/1.1\r\n{HOST}\r\n")
        await client.answer()
        assert await client.rest() == b""


async def test_a_client_that_does_not_read_is_cut_off(serving: Serving) -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 65536
        finally:
            closed.set()

    async def stream(_request: Request) -> Response:
        return Response(200, {}, stream=endless(), length=1 << 40)

    async with serving(stream, Limits(write_seconds=0.1)) as connect:
        client = await connect()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(f"GET / HTTP/1.1\r\n{HOST}\r\n")
        await asyncio.wait_for(closed.wait(), 5)


BAD = {
    "no request": "garbage\r\n\r\n",
    "no host": "GET / HTTP/1.1\r\n\r\n",
    "two hosts": f"GET / HTTP/1.1\r\n{HOST}{HOST}\r\n",
    "space before colon": f"GET / HTTP/1.1\r\n{HOST}A : b\r\n\r\n",
    "folded header": f"GET / HTTP/1.1\r\n{HOST}A: b\r\n c\r\n\r\n",
    "length and chunked": (
        f"PUT / HTTP/1.1\r\n{HOST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "two lengths": f"PUT / HTTP/1.1\r\n{HOST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "signed length": f"PUT / HTTP/1.1\r\n{HOST}Content-Length: +3\r\n\r\nabc",
    "hexadecimal length": f"PUT / HTTP/1.1\r\n{HOST}Content-Length: 0x3\r\n\r\nabc",
    "unknown coding": f"PUT / HTTP/1.1\r\n{HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "NUL in a value": f"GET / HTTP/1.1\r\n{HOST}A: b\0c\r\n\r\n",
    "long line": f"GET /{'a' * 9000} HTTP/1.1\r\n{HOST}\r\n",
    "long field": f"GET / HTTP/1.1\r\n{HOST}A: {'b' * 9000}\r\n\r\n",
    "garbled chunk": f"PUT / HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n3\r\nabcXX\r\n",
    "many fields": f"GET / HTTP/1.1\r\n{HOST}" + "a: b\r\n" * 200 + "\r\n",
    "large head": f"GET / HTTP/1.1\r\n{HOST}" + f"a: {'b' * 8000}\r\n" * 20 + "\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
async def test_bad_heads_are_answered_in_xml_and_end_the_connection(
    serving: Serving, name: str
) -> None:
    async with serving(echo) as connect:
        client = await connect()
        await client.send(BAD[name] + f"GET /next HTTP/1.1\r\n{HOST}\r\n")
        raw = await client.rest()
        assert raw.startswith(b"HTTP/1.1 400 ")
        assert b"\r\nConnection: close\r\n" in raw
        assert re.search(rb"<Error><Code>\w+</Code>.*</Error>$", raw, re.DOTALL)
        assert raw.count(b"HTTP/1.1") == 1


async def test_an_endless_head_is_cut_off(serving: Serving) -> None:
    async with serving(echo) as connect:
        client = await connect()
        await client.send(f"GET / HTTP/1.1\r\n{HOST}")
        for number in range(40):
            client.writer.write(f"a{number}: {'b' * 4000}\r\n".encode())
            await asyncio.sleep(0)
        assert b"RequestHeaderSectionTooLarge" in await client.rest()


async def test_too_many_connections_are_turned_away(serving: Serving) -> None:
    async with serving(echo, Limits(connections=2)) as connect:
        kept = [await connect() for _ in range(2)]
        for client in kept:
            await client.send(f"GET / HTTP/1.1\r\n{HOST}\r\n")
            await client.answer()
        turned_away = await connect()
        assert b"SlowDown" in await turned_away.rest()
        turned_away.close()
        kept[0].close()
        await asyncio.sleep(0.05)
        client = await connect()
        await client.send(f"GET / HTTP/1.1\r\n{HOST}\r\n")
        assert (await client.answer())[0] == 200


async def test_a_handler_that_raises_is_an_internal_error(serving: Serving) -> None:
    async def broken(request: Request) -> Response:
        raise RuntimeError(f"planted secret in {request.target}")

    async with serving(broken) as connect:
        client = await connect()
        await client.send(f"GET / HTTP/1.1\r\n{HOST}\r\n")
        status, _, body = await client.answer()
        assert status == 500
        assert b"planted" not in body


async def test_draining_ends_requests_in_flight_and_idle_connections(kind: Kind) -> None:
    """An upload that began before the drain is read to its end and answered."""
    begun = asyncio.Event()

    async def noted(request: Request) -> Response:
        begun.set()
        return await echo(request)

    front = kind(noted, Limits())
    sock = bind("127.0.0.1", 0)
    await front.listen(sock)
    address = sock.getsockname()
    idle, busy = [Client(*await asyncio.open_connection(*address)) for _ in range(2)]
    await busy.send(f"PUT /a HTTP/1.1\r\n{HOST}Content-Length: 6\r\n\r\nabc")
    await begun.wait()
    drained = asyncio.ensure_future(front.drain(60))
    assert await idle.rest() == b""
    sock.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)
    await busy.send("def")
    status, headers, body = await busy.answer()
    assert (status, headers["connection"], body) == (200, "close", b"abcdef")
    assert await busy.rest() == b""
    await asyncio.wait_for(drained, 10)
    for client in (idle, busy):
        client.close()


def test_connections_inherit_what_the_listener_has() -> None:
    sock = bind("127.0.0.1", 0)
    with sock, socket.create_connection(sock.getsockname()), sock.accept()[0] as accepted:
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


async def test_a_body_that_came_with_the_request_before_is_read_on(serving: Serving) -> None:
    """Reading had stopped for what came ahead; the body that was in it still needs the rest."""
    gate = asyncio.Event()

    async def first_waits(request: Request) -> Response:
        if request.method == "GET":
            await gate.wait()
        return Response(200, {"x-size": str(len(await read(request)))})

    async with serving(first_waits) as connect:
        client = await connect()
        body = b"x" * (4 << 20)
        put = f"PUT /a HTTP/1.1\r\n{HOST}Content-Length: {len(body)}\r\n\r\n".encode()
        sending = asyncio.ensure_future(
            client.send(f"GET / HTTP/1.1\r\n{HOST}\r\n".encode() + put + body)
        )
        await asyncio.sleep(0.1)
        gate.set()
        assert (await client.answer())[0] == 200
        status, headers, _ = await asyncio.wait_for(client.answer(), 5)
        assert (status, headers["x-size"]) == (200, str(len(body)))
        await sending


@pytest.mark.slow
async def test_a_body_that_nobody_reads_does_not_fill_the_memory(serving: Serving) -> None:
    """Its sender has to wait, and goes on when the reader does."""
    gate = asyncio.Event()

    async def late(request: Request) -> Response:
        await gate.wait()
        return Response(200, {"x-size": str(len(await read(request)))})

    async with serving(late) as connect:
        client = await connect()
        size = 64 << 20
        await client.send(f"PUT /a HTTP/1.1\r\n{HOST}Content-Length: {size}\r\n\r\n")
        sending = asyncio.ensure_future(client.send(b"x" * size))
        await asyncio.sleep(0.3)
        assert not sending.done()
        gate.set()
        assert (await asyncio.wait_for(client.answer(), 10))[1]["x-size"] == str(size)
        await sending


@pytest.mark.slow
async def test_a_client_that_leaves_before_its_answer(
    serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    """Its kernel resets the connection by the answer, ahead of our end of it."""

    left = asyncio.Event()

    async def leave(_request: Request) -> Response:
        leaver.close()
        left.set()
        return Response(403, {})

    async with serving(leave) as connect:
        client = await connect()
        with socket.create_connection(client.writer.get_extra_info("peername")) as leaver:
            leaver.sendall(f"PUT / HTTP/1.1\r\n{HOST}Content-Length: 1000000\r\n\r\n".encode())
            await left.wait()
        await client.send(f"GET / HTTP/1.1\r\n{HOST}\r\n")
        assert (await client.answer())[0] == 403
    gc.collect()  # a task that failed is told of at its end
    assert [record.message for record in caplog.records] == []
