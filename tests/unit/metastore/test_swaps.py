"""Swaps over connections of the loop's own, against a server that answers as it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from happybase.connection import Hbase
from hypothesis import given
from hypothesis import strategies as st
from thriftpy2.protocol import TCyBinaryProtocolFactory
from thriftpy2.thrift import TApplicationException, TMessageType
from thriftpy2.transport import TCyMemoryBuffer

from metastore.engine import Unavailable, Unknown
from metastore.hbase import wire
from metastore.hbase.address import Address
from metastore.hbase.breaker import Breaker
from metastore.hbase.swaps import Swaps
from tests.support.waiting import comes

_binary: Any = TCyBinaryProtocolFactory()  # type: ignore[no-untyped-call]
REQUEST = wire.ask(b"table", b"key", b"r:v", b"old", b"new")


def answer(result: object, kind: int = TMessageType.REPLY, name: str = "checkAndPut") -> bytes:
    buffer = TCyMemoryBuffer()
    protocol = _binary.get_protocol(buffer)
    protocol.write_message_begin(name, kind, 0)
    result.write(protocol)  # type: ignore[attr-defined]
    protocol.write_message_end()
    buffer.flush()
    data: bytes = buffer.getvalue()
    return data


_IO_ERROR = Hbase.checkAndPut_result.thrift_spec[1][2]
YES = answer(Hbase.checkAndPut_result(success=True))
NO = answer(Hbase.checkAndPut_result(success=False))
ERROR = answer(
    Hbase.checkAndPut_result(io=Hbase.checkAndPut_result.thrift_spec[1][2](b"no region"))
)
NONE = answer(Hbase.checkAndPut_result())
UNTOLD = answer(TApplicationException(1, "unknown method"), TMessageType.EXCEPTION)
OTHER = answer(Hbase.checkAndPut_result(success=True), name="get")


class Script:
    """What the server does at each request: bytes to send (in pieces), "close" or "silence"."""

    def __init__(self, *acts: bytes | str) -> None:
        self.acts = list(acts)
        self.opened = 0
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    def close(self) -> None:
        """End all connections, whoever waits on them."""
        for writer in self._writers:
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        self._writers.append(writer)
        while self.acts:
            try:
                await reader.readexactly(len(REQUEST))
            except asyncio.IncompleteReadError:
                break
            act = self.acts.pop(0)
            if act == "silence":
                continue
            if isinstance(act, str):
                break
            for at in range(0, len(act), 9):
                writer.write(act[at : at + 9])
                await writer.drain()
                await asyncio.sleep(0)
        writer.close()


@asynccontextmanager
async def served(
    *acts: bytes | str, count: int = 2, seconds: float = 10, patience: float = 10
) -> AsyncIterator[tuple[Swaps, Script]]:
    script = Script(*acts)
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    script.port = server.sockets[0].getsockname()[1]
    address = Address("127.0.0.1", script.port, 1, "p")
    swaps = Swaps(address, Breaker(), count=count, timeout=seconds, patience=patience)
    yield swaps, script
    swaps.close()
    server.close()


async def put(swaps: Swaps) -> bool:
    return await swaps.put(b"table", b"key", b"r:v", b"old", b"new")


async def test_outcomes_over_one_connection() -> None:
    async with served(YES, NO, YES) as (swaps, script):
        assert [await put(swaps) for _ in range(3)] == [True, False, True]
        assert script.opened == 1


@pytest.mark.parametrize(
    "act", [ERROR, NONE, UNTOLD, OTHER, b"\0" * 40, b"HTTP/1.1 400 Bad Request\r\n\r\n", "close",
            "silence", YES[:-1]]
)  # fmt: skip
async def test_after_anything_else_the_outcome_is_unknown_and_the_connection_new(
    act: bytes | str,
) -> None:
    async with served(act, YES, seconds=0.2) as (swaps, script):
        with pytest.raises(Unknown):
            await put(swaps)
        script.acts = [YES]
        swaps._timeout = 10
        assert await put(swaps)
        assert script.opened == 2


async def test_a_late_answer_is_nobodys() -> None:
    """Two answers to one question, and one to a question that was given up."""
    async with served(YES + NO, YES) as (swaps, script):
        with suppress(Unknown):  # if more than the answer came with it
            assert await put(swaps)
        await asyncio.sleep(0.05)
        assert await put(swaps)
        assert script.opened == 2


async def test_a_call_that_is_cancelled_leaves_no_connection_behind() -> None:
    async with served("silence", YES, count=1) as (swaps, script):
        task = asyncio.create_task(put(swaps))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await put(swaps)
        assert script.opened == 2


async def test_a_call_waits_for_a_connection_so_long_and_no_longer() -> None:
    async with served("silence", "silence", count=1, patience=0.1) as (swaps, script):
        first = asyncio.create_task(put(swaps))
        assert await comes(lambda: len(script.acts) == 1)
        with pytest.raises(Unavailable, match="waiting"):
            await put(swaps)
        script.close()
        with pytest.raises(Unknown):
            await first
    async with served(*[YES] * 50, count=3) as (swaps, script):
        assert all(await asyncio.gather(*(put(swaps) for _ in range(50))))
        assert script.opened == 3


async def test_nobody_listens() -> None:
    address = Address("127.0.0.1", 1, 2, "p")
    swaps = Swaps(address, Breaker(), count=1, timeout=0.2, patience=0.1)
    for _ in range(3):
        with pytest.raises(Unavailable, match="cannot be reached"):
            await put(swaps)
    with pytest.raises(Unavailable, match="a moment ago"):
        await put(swaps)


@given(st.binary(max_size=60), st.integers(0, len(YES)))
def test_bytes_of_any_kind_are_no_outcome(data: bytes, kept: int) -> None:
    """Nor are parts of one."""
    data = YES[:kept] + data
    try:
        outcome = wire.answer(data)
    except (wire.Refused, wire.Malformed):
        return
    assert outcome is None or data in {YES, NO}


def test_what_hbase_said_is_told() -> None:
    with pytest.raises(wire.Refused, match="no region"):
        wire.answer(ERROR)
    with pytest.raises(wire.Refused, match="unknown method"):
        wire.answer(UNTOLD)
