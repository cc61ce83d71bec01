"""A region that no server has: its rows are refused, and nobody waits for them."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from os import urandom

import pytest

from metastore.engine import Swap, Table, Unavailable, Unknown
from metastore.hbase.address import parse
from metastore.hbase.engine import HBaseEngine
from tests.support import hbase

T = Table.OBJECTS
AWAY, THERE = b"\x01" * 8, b"\xfe" * 8  # buckets in different regions
CROWD = 48  # twice as many as there are connections
QUICK = 1.0  # seconds


class Calls:
    """How long calls for the rows of a bucket took, and since when all of them were answered."""

    def __init__(self, engine: HBaseEngine, bucket: bytes) -> None:
        self._engine = engine
        self._bucket = bucket
        self.seconds: list[float] = []
        self.refused = 0
        self.last_refused = 0.0
        self.errors: Counter[str] = Counter()

    def clear(self) -> None:
        self.seconds, self.refused = [], 0
        self.errors.clear()

    async def make(self, number: int) -> None:
        """One after the other, until cancelled."""
        acts: list[Callable[[bytes], Awaitable[object]]] = [
            lambda row: self._engine.get(T, row),
            lambda row: self._engine.swap(Swap(T, row, None, b"x")),
            lambda row: self._engine.values(T, row, row + b"\0", limit=1),
        ]
        while True:
            begun = time.monotonic()
            try:
                await acts[number % 3](self._bucket + urandom(4))
            except (Unavailable, Unknown) as error:
                self.refused += 1
                self.errors[str(error)[:200]] += 1
                self.last_refused = time.monotonic()
            self.seconds.append(time.monotonic() - begun)
            await asyncio.sleep(0.02)


@pytest.mark.timeout(180)
async def test_a_region_that_is_away_costs_only_its_own_rows() -> None:
    running = hbase.running()
    if isinstance(running, hbase.Elsewhere):
        pytest.skip("an HBase that runs elsewhere is not told to close a region")
    address = parse(hbase.fresh(4))
    table = address.table(T).decode()
    engine = HBaseEngine(address)
    away, there = Calls(engine, AWAY), Calls(engine, THERE)
    await engine.write(T, [(AWAY, b"1"), (THERE, b"1")])
    await asyncio.to_thread(running.administer, "close", table, AWAY.hex())
    crowd = [asyncio.create_task(away.make(number)) for number in range(CROWD)]
    others = [asyncio.create_task(there.make(number)) for number in range(6)]
    begun = time.monotonic()  # the first calls wait for HBase's client to give up
    while time.monotonic() < max(begun, there.last_refused) + 5:
        assert time.monotonic() < begun + 30, "others are refused as well"
        await asyncio.sleep(0.2)
    away.clear()
    there.clear()
    await asyncio.sleep(5)
    assert there.errors == {}
    assert len(there.seconds) > 100
    assert max(there.seconds) < QUICK
    assert away.refused == len(away.seconds) > 100
    assert len([one for one in away.seconds if one > QUICK]) <= 8  # which find out
    await asyncio.to_thread(running.administer, "open", table, AWAY.hex())
    opened = time.monotonic()
    await asyncio.sleep(8)
    assert away.last_refused < opened + 5
    assert there.errors == {}
    for task in (*crowd, *others):
        task.cancel()
    await asyncio.gather(*crowd, *others, return_exceptions=True)
    await engine.close()
