"""Clients that are slow on purpose, too many or never read: the others do not notice.

Time-outs are scaled down to a second. Negative tests for Ceph CVE-2019-10222 and MinIO
CVE-2022-31028 (clients that disconnect, or keep connections and do nothing, stop the server).
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import pytest

from tests.support.server import Server

pytestmark = pytest.mark.slow

LIMITS = {
    "OCEAN_WORKERS": "1",
    "OCEAN_LIMITS_HEADER_SECONDS": "1",
    "OCEAN_LIMITS_BODY_SECONDS": "1",
    "OCEAN_LIMITS_WRITE_SECONDS": "1",
    "OCEAN_LIMITS_IDLE_SECONDS": "2",
    "OCEAN_LIMITS_CONNECTIONS": "400",
}
LARGE = 32 << 20
MEBIBYTE = 1 << 20
T = TypeVar("T")
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(Path(tmp_path_factory.mktemp("slow")), LIMITS) as server:
        client = server.client(request_checksum_calculation="when_required")
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="small", Body=b"x" * 4096)
        client.put_object(Bucket="bucket", Key="large", Body=bytes(LARGE))
        yield server


def presigned(server: Server, method: str, key: str) -> bytes:
    """A target that is signed for `method`."""
    client = server.client(signature_version="s3v4", s3={"addressing_style": "path"})
    url = client.generate_presigned_url(method, Params={"Bucket": "bucket", "Key": key})
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}".encode()


def memory(server: Server) -> int:
    """Resident bytes of all processes."""
    pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in server.pids]
    return sum(pages) * 4096


async def connect(server: Server) -> Streams:
    return await asyncio.open_connection("127.0.0.1", server.port)


async def rest(streams: Streams, seconds: float) -> bytes | None:
    """What comes until the server ends the connection; None if it does not in this time."""
    try:
        async with asyncio.timeout(seconds):
            return await streams[0].read(-1)
    except TimeoutError:
        return None
    except ConnectionResetError:
        return b""


async def slowest(server: Server, seconds: float) -> float:
    """The slowest but 1 % of the GETs of a client that behaves, in this time.

    Infinite if it is cut off, as one is that stands still itself for longer than it may be idle.
    """
    target = presigned(server, "get_object", "small")
    reader, writer = await connect(server)
    times = []
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            begun = time.monotonic()
            writer.write(b"GET " + target + b" HTTP/1.1\r\nHost: %b\r\n\r\n" % server.host.encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            await reader.readexactly(4096)
            times.append(time.monotonic() - begun)
            await asyncio.sleep(0.005)
    except (asyncio.IncompleteReadError, ConnectionError):
        return math.inf
    finally:
        writer.close()
    return sorted(times)[int(len(times) * 0.99)]


async def unnoticed(
    server: Server, attack: Callable[[], Awaitable[T]], room: int = 64 * MEBIBYTE
) -> T:
    """What the attack tells; meanwhile a client that behaves is served, in `room` bytes more.

    A busy machine may stand still of its own, but hardly three times: a server that a client
    can stop, stops each time.
    """
    waits = []
    for _ in range(3):
        before = memory(server)
        task = asyncio.create_task(slowest(server, 1.5))
        told = await attack()
        waits.append(await task)
        assert memory(server) - before < room
        if waits[-1] < 0.5:  # generous: what is tested for is standing still
            return told
    raise AssertionError(f"a client that behaves waited {waits} s")


async def test_heads_that_come_byte_by_byte(server: Server) -> None:
    async def drip() -> bytes | None:
        streams = await connect(server)
        try:
            for byte in b"GET /bucket/small HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"x" * 100:
                streams[1].write(bytes([byte]))
                with suppress(TimeoutError):
                    return await asyncio.wait_for(streams[0].read(4096), 0.2)
        finally:
            streams[1].close()
        return None

    async def attack() -> list[bytes | None]:
        begun = time.monotonic()
        answers = await asyncio.gather(*(drip() for _ in range(200)))
        assert time.monotonic() - begun < 10  # all bytes would take them 30 s
        return answers

    answers = await unnoticed(server, attack)
    assert all(b"<Code>RequestTimeout</Code>" in (answer or b"") for answer in answers)


async def test_connections_that_say_nothing(server: Server) -> None:
    async def attack() -> None:
        many = [await connect(server) for _ in range(200)]
        ends = await asyncio.gather(*(rest(streams, 10) for streams in many))
        assert None not in ends
        for streams in many:
            streams[1].close()

    await unnoticed(server, attack)


async def test_bodies_that_stop(server: Server) -> None:
    target = presigned(server, "put_object", "never")
    head = b"PUT " + target + b" HTTP/1.1\r\nHost: %b\r\n" % server.host.encode()

    async def stop(length: int, sent: int) -> bytes | None:
        streams = await connect(server)
        streams[1].write(head + b"Content-Length: %d\r\n\r\n" % length + bytes(sent))
        answer = await rest(streams, 10)
        streams[1].close()
        return answer

    sizes = [(1000, 1), (100_000, 50_000), (1000, 0), (100_000, 99_999)] * 50
    answers = await unnoticed(server, lambda: asyncio.gather(*(stop(*size) for size in sizes)))
    # Of large bodies each holds buffers while it lasts.
    answers += await asyncio.gather(*(stop(3 * MEBIBYTE, 2 * MEBIBYTE) for _ in range(20)))
    for answer in answers:
        assert answer is not None
        assert b"<Code>RequestTimeout</Code>" in answer
    assert server.client().list_objects_v2(Bucket="bucket")["KeyCount"] == 2


async def test_answers_that_nobody_reads(server: Server) -> None:
    target = presigned(server, "get_object", "large")

    async def ignore() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        writer.write(b"GET " + target + b" HTTP/1.1\r\nHost: %b\r\n\r\n" % server.host.encode())
        await asyncio.sleep(3)  # more than the server waits for
        received = 0
        try:
            while piece := await asyncio.wait_for(reader.read(65536), 10):
                received += len(piece)
        except ConnectionError:
            pass
        writer.close()
        return received

    room = 20 * 8 * MEBIBYTE  # a quarter of what they ask for
    received = await unnoticed(server, lambda: asyncio.gather(*(ignore() for _ in range(20))), room)
    assert all(count < LARGE for count in received)  # broken off, never whole


async def test_a_connection_between_requests_is_closed(server: Server) -> None:
    target = presigned(server, "get_object", "small")
    streams = await connect(server)
    streams[1].write(b"GET " + target + b" HTTP/1.1\r\nHost: %b\r\n\r\n" % server.host.encode())
    answer = await rest(streams, 10)
    assert answer is not None
    assert answer.startswith(b"HTTP/1.1 200")
    streams[1].close()


async def ask(server: Server, source: str = "127.0.0.1") -> bytes:
    """What an unsigned request on a connection of its own is answered."""
    streams = await asyncio.open_connection("127.0.0.1", server.port, local_addr=(source, 0))
    streams[1].write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await rest(streams, 10)
    streams[1].close()
    return answer or b""


async def until_admitted(server: Server) -> None:
    """Once places are given back."""
    async with asyncio.timeout(10):
        while b"HTTP/1.1 403" not in await ask(server):  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.05)


async def turned_away(server: Server) -> list[bool]:
    """Of the last of more connections than are allowed, whether they were told so."""
    many = []
    for _ in range(450):
        streams = await connect(server)
        streams[1].write(b"G")
        many.append(streams)
    over = await asyncio.gather(*(rest(streams, 10) for streams in many[-40:]))
    for streams in many:
        streams[1].close()
    await until_admitted(server)
    return [b"<Code>SlowDown</Code>" in (answer or b"") for answer in over]


async def test_more_connections_than_allowed(server: Server) -> None:
    for _ in range(3):  # where the machine stands still the first are late before the last come
        over = await turned_away(server)
        if all(over):
            break
    assert all(over)
    assert min([await slowest(server, 0.3) for _ in range(3)]) < 0.5


async def test_more_connections_from_one_address_than_allowed(tmp_path: Path) -> None:
    settings = LIMITS | {"OCEAN_LIMITS_CONNECTIONS_PER_ADDRESS": "20"}
    with Server(tmp_path, settings) as server:
        many = [await connect(server) for _ in range(30)]
        over = await asyncio.gather(*(rest(streams, 10) for streams in many[20:]))
        assert all(b"<Code>SlowDown</Code>" in (end or b"") for end in over)
        admitted = await asyncio.gather(*(rest(streams, 0.3) for streams in many[:20]))
        assert not any(b"<Code>SlowDown</Code>" in (end or b"") for end in admitted)
        assert b"HTTP/1.1 403" in await ask(server, "127.0.0.2")
        for _, writer in many:
            writer.close()
        await until_admitted(server)


async def test_pipelined_requests_without_end_are_not_kept(server: Server) -> None:
    target = presigned(server, "get_object", "small")
    request = b"GET " + target + b" HTTP/1.1\r\nHost: %b\r\n\r\n" % server.host.encode()
    before = memory(server)
    streams = await connect(server)
    streams[1].transport.set_write_buffer_limits(high=1 << 16)
    sent = 0
    end = time.monotonic() + 3
    while time.monotonic() < end and sent < 64 * MEBIBYTE:
        streams[1].write(request * 100)
        sent += len(request) * 100
        try:
            await asyncio.wait_for(streams[1].drain(), 0.5)
        except (TimeoutError, ConnectionError):
            break
    assert memory(server) - before < 64 * MEBIBYTE
    assert min([await slowest(server, 0.3) for _ in range(3)]) < 0.5
    streams[1].transport.abort()


async def test_clients_that_vanish_at_any_moment(server: Server) -> None:
    get = b"GET " + presigned(server, "get_object", "large") + b" HTTP/1.1\r\n"
    put = b"PUT " + presigned(server, "put_object", "gone") + b" HTTP/1.1\r\nContent-Length: 9\r\n"
    host = b"Host: %b\r\n\r\n" % server.host.encode()

    async def vanish(number: int) -> None:
        _, writer = await connect(server)
        raw = get + host if number % 2 else put + host + b"12345"
        writer.write(raw[: len(raw) * (number % 50 + 1) // 50])
        await asyncio.sleep(number % 7 * 0.01)
        writer.transport.abort()

    async def attack() -> None:
        for _ in range(5):
            await asyncio.gather(*(vanish(number) for number in range(100)))

    await unnoticed(server, attack)
    assert "gone" not in [
        found["Key"] for found in server.client().list_objects_v2(Bucket="bucket")["Contents"]
    ]
    said = server.said()
    assert "Traceback" not in said
