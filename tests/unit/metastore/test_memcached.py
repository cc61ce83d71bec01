"""The client of memcached against a real one, and against what is none."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from metastore.cache.memcached import TIMEOUT, Down, Memcached
from tests.support import memcached

pytestmark = pytest.mark.slow
Reply = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def server() -> Iterator[memcached.Memcached]:
    started = memcached.Memcached()
    yield started
    started.resume()
    started.kill()


@pytest.fixture
async def client(server: memcached.Memcached) -> AsyncIterator[Memcached]:
    """One that waits for what a busy machine takes."""
    opened = Memcached("127.0.0.1", server.port, timeout=10)
    yield opened
    opened.close()


async def until_up(client: Memcached) -> None:
    """The test's timeout bounds it."""
    while True:
        try:
            await client.ping()
        except Down:
            await asyncio.sleep(0.05)
        else:
            return


async def test_of_those_who_miss_one_wins_the_lease(client: Memcached) -> None:
    found = await asyncio.gather(*(client.lease(b"key", 10) for _ in range(20)))
    assert [one.won for one in found].count(True) == 1
    token = next(one.token for one in found if one.won)
    assert await client.replace(b"key", b"\r\nvalue\0", 10, token)
    assert (await client.lease(b"key", 10)).data == b"\r\nvalue\0"
    assert not await client.replace(b"key", b"again", 10, token)


async def test_a_barrier_ends_a_lease(client: Memcached) -> None:
    lease = await client.lease(b"key", 10)
    barrier = await client.put(b"key", b"\0", 10)
    assert not await client.replace(b"key", b"old", 10, lease.token)
    assert await client.replace(b"key", b"new", 10, barrier)
    assert not await client.remove(b"key", barrier)
    assert (await client.lease(b"key", 10)).data == b"new"


async def test_a_restarted_server_honours_no_number_from_before(
    server: memcached.Memcached, client: Memcached
) -> None:
    tokens = [await client.put(b"%d" % number, b"x", 10) for number in range(5)]
    server.kill()
    server.start()
    await until_up(client)
    for number in range(5):  # the same numbers, given anew
        await client.put(b"%d" % number, b"y", 10)
    assert not any([await client.replace(b"%d" % n, b"z", 10, t) for n, t in enumerate(tokens)])


async def test_a_cancelled_question_leaves_the_others_right(client: Memcached) -> None:
    for number in range(50):
        await client.put(b"%d" % number, b"value %d" % number, 10)
    tasks = [asyncio.create_task(client.lease(b"%d" % number, 10)) for number in range(50)]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    for number, task in enumerate(tasks):
        if number % 3:
            assert (await task).data == b"value %d" % number


async def test_a_hanging_server_costs_little(server: memcached.Memcached) -> None:
    client = Memcached("127.0.0.1", server.port)
    await until_up(client)
    server.pause()
    begun = time.monotonic()
    for _ in range(200):
        with pytest.raises(Down):
            await client.lease(b"key", 10)
    assert time.monotonic() - begun < 100 * TIMEOUT, "not every one waits so long"
    server.resume()
    await until_up(client)
    client.close()


async def test_nobody_there() -> None:
    begun = time.monotonic()
    for _ in range(100):
        with pytest.raises(Down):
            await Memcached("127.0.0.1", 1).ping()
    assert time.monotonic() - begun < 100 * TIMEOUT


@pytest.mark.parametrize(
    "answer",
    [
        b"VA 5 c1\r\n",
        b"VA x\r\n",
        b"VA -5 c1\r\n\r\n",
        b"\r\n",
        b"HTTP/1.1 400\r\n",
        b"\0" * 100_000,
    ],
)
async def test_garbage_is_no_answer(answer: bytes) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            writer.write(answer)

    server = await asyncio.start_server(reply, "127.0.0.1", 0)
    client = Memcached("127.0.0.1", server.sockets[0].getsockname()[1])
    with pytest.raises(Down):
        await client.lease(b"key", 10)
    client.close()
    server.close()
