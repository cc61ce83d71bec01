"""When calls for some rows are refused, and how it is found out that they need not be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from metastore.engine import Unavailable
from metastore.hbase import outages as module
from metastore.hbase.outages import Outages, Region
from tests.support.caching import Clock

T = b"table"
REGIONS = [Region(b"", b"g"), Region(b"g", b"p"), Region(b"p", b"")]


class HBase:
    """Answers for the regions that are not away."""

    def __init__(self) -> None:
        self.away: set[Region] = set()
        self.all_away = False
        self.asked = 0
        self.probed: list[bytes] = []

    async def regions(self, _table: bytes) -> list[Region]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.all_away:
            raise Unavailable("no region of hbase:meta")
        return REGIONS

    async def probe(self, _table: bytes, key: bytes) -> None:
        assert key
        self.probed.append(key)
        await asyncio.sleep(0)
        if any(region.holds(key) for region in self.away):
            raise Unavailable("no answer")


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REST", 0.001)


@asynccontextmanager
async def watched(
    *away: Region, clock: Clock | None = None
) -> AsyncIterator[tuple[Outages, HBase]]:
    hbase = HBase()
    hbase.away = set(away)
    outages = Outages(hbase.regions, hbase.probe, clock or Clock())
    yield outages, hbase
    outages.close()


def refused(outages: Outages, *keys: bytes, table: bytes = T) -> list[bool]:
    found = []
    for key in keys:
        try:
            outages.check(table, key)
        except Unavailable:
            found.append(True)
        else:
            found.append(False)
    return found


async def told(outages: Outages, *keys: bytes) -> None:
    for key in keys:
        outages.suspect(T, key, key + b"\0")
    await settled()


async def settled() -> None:
    """Many turns of the loop and rests: one during which the machine stands still is only one."""
    for _ in range(10):
        await asyncio.sleep(2 * module.REST)


async def test_the_rows_of_a_region_that_is_away_are_refused_and_no_others() -> None:
    async with watched(REGIONS[1]) as (outages, _):
        await told(outages, b"h")
        assert refused(outages, b"g", b"o\xff") == [True, True]
        assert refused(outages, b"", b"f", b"p", b"z") == [False] * 4
        assert refused(outages, b"h", table=b"other") == [False]


async def test_of_regions_that_failed_together_those_that_answer_are_served() -> None:
    async with watched(REGIONS[2]) as (outages, hbase):
        await told(outages, b"a", b"h", b"q", b"h")
        assert hbase.asked == 1
        assert refused(outages, b"a", b"h", b"q") == [False, False, True]


async def test_of_a_scan_each_region_is_examined() -> None:
    async with watched(REGIONS[1], REGIONS[2]) as (outages, hbase):
        outages.suspect(T, b"b", b"h")
        await settled()
        assert refused(outages, b"a", b"h", b"q") == [False, True, False]
        outages.suspect(T, b"a", b"")
        await settled()
        assert refused(outages, b"a", b"h", b"q") == [False, True, True]
        assert hbase.probed.count(b"\0") == 2


async def test_a_region_that_answers_again_is_served_however_many_are_away() -> None:
    async with watched(*REGIONS) as (outages, hbase):
        await told(outages, b"a", b"h", b"q")
        for _ in range(3):
            assert refused(outages, b"a", b"h", b"q") == [True] * 3
            await asyncio.sleep(0.01)
        hbase.away.remove(REGIONS[1])
        await settled()
        assert refused(outages, b"a", b"h", b"q") == [True, False, True]


async def test_a_region_that_nobody_wants_is_asked_no_more() -> None:
    clock = Clock()
    async with watched(REGIONS[1], clock=clock) as (outages, hbase):
        await told(outages, b"h")
        clock.now += module.FORGOTTEN - 1
        assert refused(outages, b"h") == [True]
        clock.now += 2
        await settled()
        assert refused(outages, b"h") == [True]
        clock.now += module.FORGOTTEN + 1
        await settled()
        assert refused(outages, b"h") == [False]
        count = len(hbase.probed)
        await settled()
        assert len(hbase.probed) == count
        await told(outages, b"h")
        assert refused(outages, b"h") == [True]


async def test_where_all_of_hbase_is_away_nothing_is_refused_here() -> None:
    async with watched(REGIONS[1]) as (outages, hbase):
        hbase.all_away = True
        await told(outages, b"h")
        assert refused(outages, b"h") == [False]
        hbase.all_away = False
        await told(outages, b"h")
        assert refused(outages, b"h") == [True]


async def test_a_scan_ends_before_a_region_that_is_away() -> None:
    async with watched(REGIONS[1]) as (outages, _):
        await told(outages, b"h")
        assert outages.before(T, b"a", None) == b"g"
        assert outages.before(T, b"a", b"z") == b"g"
        assert outages.before(T, b"a", b"c") == b"c"
        assert outages.before(T, b"q", None) is None
        with pytest.raises(Unavailable):
            outages.before(T, b"h", b"i")


def test_a_region_holds_its_start_and_not_its_stop() -> None:
    region = Region(b"g", b"p")
    assert [region.holds(key) for key in (b"", b"g", b"o", b"p")] == [False, True, True, False]
    assert region.meets(Region(b"a", b"h"))
    assert region.meets(Region(b"h", b""))
    assert not region.meets(Region(b"a", b"g"))
    assert not region.meets(Region(b"p", b""))
