"""Requests that two readers may take apart differently: 400 and the end, or what RFC 9112 says.

Negative tests for aiohttp CVE-2025-53643 (trailers), CVE-2025-69224 and later (lenient parsing of
heads, lengths and codings, upgrades that swallow a body).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.fronts import bare, reference
from gateway.http import Request, Response
from gateway.sockets import bind
from ocean.config.schema import Limits
from ocean.errors import S3Error
from tests.support.smuggling import CASES, REFERENCE, Case
from tests.support.smuggling import Request as Seen

pytestmark = pytest.mark.slow

Kind = type[bare.Front] | type[reference.Front]

END = b"GET /end HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Recorder:
    """A handler that notes each request whose body came whole."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []

    async def __call__(self, request: Request) -> Response:
        await request.proceed()
        try:
            body = b"".join([bytes(piece) async for piece in request.body])
        except S3Error as error:
            return Response(error.status, {})
        self.seen.append((request.method, request.target, body))
        return Response(200, {})


@asynccontextmanager
async def listening(kind: Kind, recorder: Recorder) -> AsyncIterator[int]:
    front = kind(recorder, Limits(body_seconds=60, header_seconds=60))
    sock = bind("127.0.0.1", 0)
    await front.listen(sock)
    try:
        yield sock.getsockname()[1]
    finally:
        await front.drain(0)


async def exchange(port: int, raw: bytes) -> list[int]:
    """The statuses of all answers until the server closes, or has nothing more to say."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    received = b""
    try:
        async with asyncio.timeout(10):  # less than the server waits for what does not come
            while piece := await reader.read(65536):
                received += piece
            closed = True
    except TimeoutError:
        closed = False
    except ConnectionResetError:
        closed = True
    finally:
        writer.close()
    heads = received.split(b"HTTP/1.1 ")[1:]
    return [*(int(head[:3]) for head in heads if not head.startswith(b"100 ")), 0 if closed else -1]


@pytest.mark.parametrize("kind", [bare.Front, reference.Front], ids=["bare", "reference"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_one_reading_of(case: Case, kind: Kind) -> None:
    recorder = Recorder()
    expected = case.seen
    if kind is reference.Front:
        expected = REFERENCE.get(case.name, expected)
    # A request that ends the connection spares the waiting for what else the server may say.
    raw = case.raw if expected is None else case.raw + END
    async with listening(kind, recorder) as port:
        statuses = await exchange(port, raw)
    seen = [one for one in recorder.seen if one[1] != "/end"]
    if expected is not None:
        assert seen == expected
        assert set(statuses) == {200, 0}
    else:
        assert seen == []
        assert statuses[-1] == 0, statuses
        assert len(statuses) == 2, statuses
        assert statuses[0] in {400, 405, 501, 505}, statuses
