"""What every metadata engine owes, run against each of them."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from metastore import open_engine
from metastore.cache.engine import CachedEngine
from metastore.engine import Engine, Row, Swap, Table
from metastore.memory import Faults, FaultyEngine, MemoryEngine
from metastore.patient import PatientEngine
from tests.support.caching import cached
from tests.support.hbase import emptied

T = Table.OBJECTS
OPENERS: dict[str, Callable[[Path], Engine]] = {
    "memory": lambda _: open_engine("memory:"),
    "paused": lambda _: FaultyEngine(Faults(), Random(7)),
    "patient": lambda _: PatientEngine(MemoryEngine()),
    "sqlite": lambda path: open_engine(f"sqlite://{path}/meta.db"),
    "cached": lambda _: cached(MemoryEngine()),
    "hbase": lambda _: emptied(),
}
EACH = [
    pytest.param(name, marks=[pytest.mark.slow, pytest.mark.xdist_group(name)])
    if name == "hbase"
    else name
    for name in OPENERS
]


@pytest.fixture(params=EACH)
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Engine]:
    opened = OPENERS[request.param](tmp_path)
    yield opened
    await opened.close()


async def scanned(
    engine: Engine, start: bytes = b"", stop: bytes | None = None, limit: int = 10**6
) -> list[Row]:
    return [row async for row in engine.scan(T, start, stop, limit=limit)]


async def fill(engine: Engine, keys: list[bytes]) -> None:
    await engine.write(T, [(key, b"v" + key) for key in keys])


def test_is_an_engine(engine: Engine) -> None:
    assert isinstance(engine, Engine)


async def test_get_tells_absent_and_present(engine: Engine) -> None:
    assert await engine.get(T, b"a") is None
    await fill(engine, [b"a"])
    assert await engine.get(T, b"a") == b"va"
    assert await engine.get(Table.PARTS, b"a") is None


async def test_get_many_answers_in_the_order_asked(engine: Engine) -> None:
    await fill(engine, [b"a", b"b", b"c"])
    found = await engine.get_many(T, [b"c", b"x", b"a", b"c"])
    assert found == [b"vc", None, b"va", b"vc"]
    assert await engine.get_many(T, []) == []


@pytest.mark.parametrize("size", [1, 300, 16 * 1024, 64 * 1024])
async def test_values_of_any_size_and_content(engine: Engine, size: int) -> None:
    value = Random(size).randbytes(size)
    assert await engine.swap(Swap(T, b"k", None, value))
    assert await engine.get(T, b"k") == value
    assert await scanned(engine) == [Row(b"k", value)]
    assert await engine.swap(Swap(T, b"k", value, value[::-1] + b"x"))
    assert await engine.get(T, b"k") == value[::-1] + b"x"


EDGES = [b"\0", b"\0\0", b"\0\xff", b"a", b"a\0", b"a\0b", b"aa", b"\x7f", b"\xff", b"\xff\xff"]


async def test_scan_is_ordered_by_bytes_within_its_bounds(engine: Engine) -> None:
    random = Random(3)
    keys = sorted({*EDGES, *(random.randbytes(random.randrange(1, 6)) for _ in range(300))})
    await fill(engine, random.sample(keys, len(keys)))
    assert [row.key for row in await scanned(engine)] == keys
    for _ in range(100):
        start, stop = random.choice([b"", *keys]), random.choice([None, *keys])
        limit = random.choice([0, 1, 2, 50, 1000])
        expected = [k for k in keys if k >= start and (stop is None or k < stop)][:limit]
        rows = await scanned(engine, start, stop, limit)
        assert rows == [Row(key, b"v" + key) for key in expected]
        values = await engine.values(T, start, stop, limit=limit)
        assert values == [row.value for row in rows]


@pytest.mark.parametrize("count", [255, 256, 257, 600])
async def test_scan_takes_any_number_of_rows(engine: Engine, count: int) -> None:
    keys = [b"%04d" % number for number in range(count)]
    await fill(engine, keys)
    assert [row.key for row in await scanned(engine)] == keys
    assert [row.key for row in await scanned(engine, limit=count - 1)] == keys[:-1]
    assert [row.key for row in await scanned(engine, b"0001", b"0255")] == keys[1:255]


async def test_scan_while_rows_come_and_go(engine: Engine) -> None:
    staying = [b"%04d" % number for number in range(0, 900, 2)]
    await fill(engine, staying)
    rounds = 0

    async def stir() -> None:
        nonlocal rounds
        random = Random(1)
        while True:
            key = b"%04d" % (random.randrange(450) * 2 + 1)
            await engine.write(T, [(key, random.choice([None, b"x"]))])
            await engine.swap(Swap(T, staying[rounds % 450], b"v" + staying[rounds % 450], b"new"))
            rounds += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(stir())
    scans = 0
    while scans < 5 or rounds <= 5:  # on a busy machine a round takes longer than a scan
        scans += 1
        seen = []
        async for row in engine.scan(T, b"", None, limit=10**6):
            seen.append(row.key)
            if len(seen) % 50 == 0:
                await asyncio.sleep(0.0005)
        assert seen == sorted(set(seen))
        assert set(staying) <= set(seen)
    task.cancel()


async def test_swap_replaces_exactly_what_was_expected(engine: Engine) -> None:
    outcomes = [
        await engine.swap(swap)
        for swap in (
            Swap(T, b"k", b"1", b"2"),  # absent, so not 1
            Swap(T, b"k", b"1", None),
            Swap(T, b"k", None, b"1"),
            Swap(T, b"k", None, b"9"),
            Swap(T, b"k", b"9", b"2"),
            Swap(T, b"k", b"1", b"1"),
            Swap(T, b"k", b"1", b"2"),
            Swap(T, b"k", b"1", None),
            Swap(T, b"k", None, None),  # not absent
            Swap(T, b"k", b"2", None),
            Swap(T, b"k", None, None),  # absent
        )
    ]
    assert outcomes == [
        False, False, True, False, False, True, True, False, False, True, True,
    ]  # fmt: skip
    assert await engine.get(T, b"k") is None


async def test_swap_many_are_independent(engine: Engine) -> None:
    await fill(engine, [b"a", b"b"])
    outcomes = await engine.swap_many(
        [
            Swap(T, b"a", b"wrong", b"2"),
            Swap(T, b"b", b"vb", None),
            Swap(T, b"c", None, b"3"),
            Swap(Table.TRASH, b"a", None, b"4"),
        ]
    )
    assert outcomes == [False, True, True, True]
    assert await engine.get_many(T, [b"a", b"b", b"c"]) == [b"va", None, b"3"]
    assert await engine.get(Table.TRASH, b"a") == b"4"
    assert await engine.swap_many([]) == []


async def test_large_swap_many(engine: Engine) -> None:
    keys = [b"%04d" % number for number in range(1000)]
    await fill(engine, keys[::2])
    outcomes = await engine.swap_many([Swap(T, key, None, b"n") for key in keys])
    assert outcomes == [False, True] * 500
    assert len(await scanned(engine)) == 1000


async def test_of_concurrent_swaps_exactly_one_wins(engine: Engine) -> None:
    await fill(engine, [b"k"])
    value = b"vk"
    for turn in range(10):
        news = [b"%d-%d" % (turn, number) for number in range(20)]
        outcomes = await asyncio.gather(*(engine.swap(Swap(T, b"k", value, n)) for n in news))
        assert outcomes.count(True) == 1
        value = news[outcomes.index(True)]
        assert await engine.get(T, b"k") == value


async def test_concurrent_increments_are_all_counted(engine: Engine) -> None:
    async def increment() -> None:
        for _ in range(10):
            while True:
                old = await engine.get(T, b"n")
                new = b"%d" % (int(old or b"0") + 1)
                if await engine.swap(Swap(T, b"n", old, new)):
                    break

    await asyncio.gather(*(increment() for _ in range(8)))
    assert await engine.get(T, b"n") == b"80"


async def test_write_puts_replaces_and_removes(engine: Engine) -> None:
    await engine.write(T, [(b"a", b"1"), (b"b", b"1"), (b"a", b"2"), (b"b", None), (b"x", None)])
    assert await scanned(engine) == [Row(b"a", b"2")]


@pytest.mark.parametrize("count", [0, 1, 511, 512, 513, 1300])
async def test_a_range_is_removed_whatever_its_size(engine: Engine, count: int) -> None:
    inside = [b"m%04d" % number for number in range(count)]
    around = [b"l\xff\xff", b"n"]
    await fill(engine, [*inside, *around])
    await engine.remove_range(T, b"m", b"n")
    assert [row.key for row in await scanned(engine)] == around


async def test_a_cancelled_swap_harms_no_other(engine: Engine) -> None:
    tasks = [
        asyncio.create_task(engine.swap(Swap(T, b"%d" % number, None, b"1"))) for number in range(4)
    ]
    await asyncio.sleep(0)
    tasks[1].cancel()
    assert await asyncio.gather(*tasks[:1], *tasks[2:]) == [True] * 3
    assert await engine.swap(Swap(T, b"z", None, b"1"))


async def test_counters_count_work(engine: Engine) -> None:
    await fill(engine, [b"%d" % number for number in range(10)])
    await engine.get(T, b"1")
    await engine.get_many(T, [b"1", b"2", b"3"])
    if isinstance(engine, CachedEngine):
        assert engine.cache.hits == 4
        return
    assert engine.counters.reads == 4
    await scanned(engine, limit=6)
    assert (engine.counters.reads, engine.counters.rows) == (5, 6)
    await engine.values(T, b"", None, limit=3)
    assert (engine.counters.reads, engine.counters.rows) == (6, 9)
    await engine.swap(Swap(T, b"x", None, b"1"))
    await engine.swap_many([Swap(T, b"x", b"1", b"2"), Swap(T, b"y", None, b"2")])
    assert engine.counters.swaps == 13
    assert 0 < engine.counters.commits <= 13


KEYS = st.one_of(st.sampled_from(EDGES), st.binary(min_size=1, max_size=4))
VALUES = st.binary(min_size=1, max_size=40)


class EngineMachine(RuleBasedStateMachine):
    """The engine and a dictionary get the same operations and must answer the same."""

    opener: Callable[[Path], Engine]
    keys = Bundle("keys")

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.mkdtemp()
        self.runner = asyncio.Runner()
        self.engine = type(self).opener(Path(self.directory))
        self.model: dict[bytes, bytes] = {}

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def expect(self, key: bytes, old: bytes | None, new: bytes | None) -> bool:
        if self.model.get(key) != old:
            return False
        self.put(key, new)
        return True

    def put(self, key: bytes, value: bytes | None) -> None:
        self.model.pop(key, None)
        if value is not None:
            self.model[key] = value

    @initialize(target=keys, several=st.lists(KEYS, min_size=3, max_size=8))
    def some_keys(self, several: list[bytes]) -> Any:
        return multiple(*several)

    @rule(key=keys, new=st.none() | VALUES)
    def swap_what_is_there(self, key: bytes, new: bytes | None) -> None:
        swap = Swap(T, key, self.model.get(key), new)
        assert self.run(self.engine.swap(swap)) is self.expect(key, swap.old, new) is True

    @rule(key=keys, old=st.none() | VALUES, new=st.none() | VALUES)
    def swap_anything(self, key: bytes, old: bytes | None, new: bytes | None) -> None:
        assert self.run(self.engine.swap(Swap(T, key, old, new))) is self.expect(key, old, new)

    @rule(changes=st.dictionaries(keys, st.tuples(st.booleans(), st.none() | VALUES)))
    def swap_many(self, changes: dict[bytes, tuple[bool, bytes | None]]) -> None:
        swaps = [
            Swap(T, key, self.model.get(key) if right else b"wrong", new)
            for key, (right, new) in changes.items()
        ]
        expected = [self.expect(swap.key, swap.old, swap.new) for swap in swaps]
        assert self.run(self.engine.swap_many(swaps)) == expected

    @rule(rows=st.dictionaries(keys, st.none() | VALUES))
    def write(self, rows: dict[bytes, bytes | None]) -> None:
        self.run(self.engine.write(T, list(rows.items())))
        for key, value in rows.items():
            self.put(key, value)

    @rule(start=st.just(b"") | KEYS, stop=KEYS)
    def remove_range(self, start: bytes, stop: bytes) -> None:
        self.run(self.engine.remove_range(T, start, stop))
        for key in [key for key in self.model if start <= key < stop]:
            del self.model[key]

    @rule(start=st.just(b"") | KEYS, stop=st.none() | KEYS, limit=st.integers(0, 10))
    def scan(self, start: bytes, stop: bytes | None, limit: int) -> None:
        expected = [
            Row(key, self.model[key])
            for key in sorted(self.model)
            if key >= start and (stop is None or key < stop)
        ]
        assert self.run(scanned(self.engine, start, stop, limit)) == expected[:limit]

    @rule(asked=st.lists(keys))
    def get_many(self, asked: list[bytes]) -> None:
        found = self.run(self.engine.get_many(T, asked))
        assert found == [self.model.get(key) for key in asked]

    @invariant()
    def same_rows(self) -> None:
        assert self.run(scanned(self.engine)) == sorted(self.model.items())

    def teardown(self) -> None:
        self.run(self.engine.close())
        self.runner.close()
        shutil.rmtree(self.directory)


@pytest.mark.parametrize("name", EACH)
def test_any_sequence_answers_like_a_dictionary(name: str) -> None:
    machine = type("Machine", (EngineMachine,), {"opener": staticmethod(OPENERS[name])})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=20, stateful_step_count=20, deadline=None)
    )
