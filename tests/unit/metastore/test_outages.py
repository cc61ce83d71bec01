"""When calls for some rows are refused, and who finds out that they need not be."""

import asyncio

import pytest

from metastore.engine import Unavailable
from metastore.hbase.outages import FORGOTTEN, PROBES, REST, Outages, Region
from tests.support.caching import Clock

T = b"table"
REGIONS = [Region(b"", b"g"), Region(b"g", b"p"), Region(b"p", b"")]


class Answers:
    """What is said when the regions are asked for."""

    def __init__(self) -> None:
        self.asked = 0
        self.away = False

    async def __call__(self, _table: bytes) -> list[Region]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable("no region of hbase:meta")
        return REGIONS


def refused(outages: Outages, key: bytes, table: bytes = T) -> bool:
    try:
        outages.check(table, key)
    except Unavailable:
        return True
    return False


async def failed(outages: Outages, *keys: bytes) -> None:
    for key in keys:
        outages.failed(T, key)
    await asyncio.sleep(0.01)


async def test_the_region_of_a_row_is_refused_and_no_other() -> None:
    outages = Outages(Answers(), Clock())
    await failed(outages, b"h")
    assert refused(outages, b"g")
    assert refused(outages, b"o\xff")
    for key in (b"", b"f", b"p", b"z"):
        assert not refused(outages, key)
    assert not refused(outages, b"h", b"other")


async def test_one_call_finds_out_and_an_answer_opens() -> None:
    clock = Clock()
    outages = Outages(Answers(), clock)
    await failed(outages, b"h")
    clock.now += REST
    assert outages.check(T, b"i")
    assert refused(outages, b"i")  # until it is told
    outages.failed(T, b"i")
    assert refused(outages, b"i")
    clock.now += REST
    assert outages.check(T, b"k")
    outages.answered(T, b"k")
    assert not outages.check(T, b"k")


async def test_calls_that_find_out_are_few_and_one_that_is_never_told_of_blocks_none() -> None:
    clock = Clock()
    outages = Outages(Answers(), clock)
    await failed(outages, b"a", b"h", b"q")
    clock.now += REST
    found = [refused(outages, key) for key in (b"a", b"h", b"q")]
    assert found.count(False) == PROBES
    clock.now += FORGOTTEN - 2 * REST
    assert not refused(outages, b"q")


async def test_an_outage_is_forgotten_when_nobody_asks() -> None:
    clock = Clock()
    outages = Outages(Answers(), clock)
    await failed(outages, b"h")
    clock.now += FORGOTTEN
    assert not outages.check(T, b"h")
    assert not outages.check(T, b"h")


async def test_of_many_failures_at_once_regions_are_asked_for_once() -> None:
    answers = Answers()
    outages = Outages(answers, Clock())
    await failed(outages, b"h", b"i", b"q", b"h")
    assert answers.asked == 1
    assert [refused(outages, key) for key in (b"a", b"h", b"q")] == [False, True, True]


async def test_where_all_of_hbase_is_away_nothing_is_refused_here() -> None:
    answers = Answers()
    answers.away = True
    outages = Outages(answers, Clock())
    await failed(outages, b"h")
    assert not refused(outages, b"h")
    answers.away = False
    await failed(outages, b"h")
    assert refused(outages, b"h")


@pytest.mark.parametrize(
    ("key", "inside"), [(b"g", True), (b"o", True), (b"p", False), (b"", False)]
)
def test_a_region_holds_its_start_and_not_its_stop(key: bytes, inside: bool) -> None:
    assert Region(b"g", b"p").holds(key) is inside
