"""Regions that no server has: their rows are refused, and nobody waits for them."""

import asyncio
import time
from collections import Counter
from os import urandom

import pytest

from metastore.engine import Swap, Table, Unavailable, Unknown
from metastore.hbase.address import parse
from metastore.hbase.engine import HBaseEngine
from tests.support import hbase

T = Table.OBJECTS
AWAY = [bytes([first]) * 8 for first in (0x50, 0x90, 0xD0)]  # buckets in three of eight regions
THERE = [bytes([first]) * 8 for first in (0x01, 0x70, 0xFE)]  # and in three others
CROWD = 48  # twice as many as there are connections
ONSET = 20.0  # seconds in which others may be refused: HBase's client gives up after 3.5
QUICK = 3.0  # seconds: less than a call takes that is given up


class Calls:
    """How long calls for rows of some buckets took, and what became of them."""

    def __init__(self, engine: HBaseEngine, buckets: list[bytes]) -> None:
        self._engine = engine
        self._buckets = buckets
        self.clear()
        self.last_refused = 0.0

    def clear(self) -> None:
        self.slow = self.answered = self.refused = 0
        self.errors: Counter[str] = Counter()

    async def make(self, number: int) -> None:
        """One after the other, until cancelled."""
        while True:
            begun = time.monotonic()
            try:
                await self._act(number, self._buckets[number // 3 % len(self._buckets)])
                self.answered += 1
            except (Unavailable, Unknown) as error:
                self.refused += 1
                self.errors[str(error)[:200]] += 1
                self.last_refused = time.monotonic()
            self.slow += time.monotonic() - begun > QUICK
            await asyncio.sleep(0.02)

    async def _act(self, number: int, bucket: bytes) -> None:
        row = bucket + urandom(4)
        if number % 3 == 0:
            await self._engine.get(T, row)
        elif number % 3 == 1:
            await self._engine.swap(Swap(T, row, None, b"x"))
        else:
            await self._engine.values(T, bucket, bucket + b"\xff", limit=5)


async def list_across(engine: HBaseEngine) -> None:
    """Scans that begin in a region that is there and run into one that is away."""
    while True:
        try:
            await engine.values(T, THERE[1], AWAY[1] + b"\xff", limit=10**6)
        except Unavailable:
            await asyncio.sleep(0.05)


async def administer(running: hbase.HBase, command: str, table: str) -> None:
    commands = [f"{command} {table} {bucket.hex()}" for bucket in AWAY]
    assert await asyncio.to_thread(running.administer_all, *commands) == ["done"] * len(AWAY)


@pytest.mark.timeout(180)
async def test_regions_that_are_away_cost_only_their_own_rows() -> None:
    running = hbase.running()
    if isinstance(running, hbase.Elsewhere):
        pytest.skip("an HBase that runs elsewhere is not told to close a region")
    address = parse(hbase.fresh(8))
    table = address.table(T).decode()
    engine = HBaseEngine(address)
    away, there = Calls(engine, AWAY), Calls(engine, THERE)
    await engine.write(T, [(bucket, b"1") for bucket in AWAY + THERE])
    await administer(running, "close", table)
    tasks = [asyncio.create_task(away.make(number)) for number in range(CROWD)]
    tasks += [asyncio.create_task(there.make(number)) for number in range(9)]
    tasks += [asyncio.create_task(list_across(engine)) for _ in range(3)]
    begun = time.monotonic()
    while time.monotonic() < max(begun, there.last_refused) + 5:
        assert time.monotonic() < begun + ONSET + 5, there.errors
        await asyncio.sleep(0.2)
    away.clear()
    there.clear()
    await asyncio.sleep(5)
    assert (there.errors, there.slow) == ({}, 0)
    assert there.answered > 100
    assert away.refused > 100
    assert (away.answered, away.slow) == (0, 0)
    await administer(running, "open", table)
    opened = time.monotonic()
    await asyncio.sleep(12)
    assert away.last_refused < opened + 10
    assert there.errors == {}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await engine.close()
