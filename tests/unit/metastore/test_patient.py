"""What does not answer is asked again, but not for ever."""

import asyncio

import pytest

from metastore import patient
from metastore.engine import Row, Swap, Table, Unavailable, Unknown
from metastore.patient import PatientEngine
from tests.support.refusing import RefusingEngine
from tests.support.virtual import VirtualTime, run_virtual

T = Table.OBJECTS


async def test_what_is_refused_is_asked_again() -> None:
    engine = PatientEngine(RefusingEngine(), rest=0)
    await engine.write(T, [(b"a", b"1"), (b"b", b"2"), (b"c", b"3")])
    for _ in range(2):  # of which one was refused at first
        assert await engine.get(T, b"a") == b"1"
        assert await engine.get_many(T, [b"c", b"x"]) == [b"3", None]
        assert await engine.values(T, b"b", None, limit=9) == [b"2", b"3"]
    await engine.remove_range(T, b"a", b"c")
    assert [row async for row in engine.scan(T, b"", None, limit=9)] == [Row(b"c", b"3")]


async def test_reads_and_writes_give_up() -> None:
    engine = PatientEngine(RefusingEngine(always=True), patience=0.05, rest=0.01)
    with pytest.raises(Unavailable):
        await engine.get(T, b"a")
    with pytest.raises(Unavailable):
        assert [row async for row in engine.scan(T, b"", None, limit=1)]
    with pytest.raises(Unknown):
        await engine.write(T, [(b"a", b"1")])


def test_a_scan_that_gets_on_is_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        engine = PatientEngine(RefusingEngine(), patience=0.4, rest=0.01)
        rows = [Row(b"%03d" % number, b"x") for number in range(100)]
        await engine.write(T, rows)
        begun = asyncio.get_running_loop().time()
        assert [row async for row in engine.scan(T, b"", None, limit=1_000)] == rows
        assert asyncio.get_running_loop().time() > begun + 0.9, "longer than its patience"
        assert len([row async for row in engine.scan(T, b"", None, limit=33)]) == 33

    monkeypatch.setattr(patient, "time", VirtualTime())
    run_virtual(main())


async def test_a_swap_is_not_repeated() -> None:
    inner = RefusingEngine()
    await PatientEngine(inner).swap(Swap(T, b"a", None, b"1"))
    assert inner.counters.swaps == 1
    assert not await PatientEngine(inner).swap(Swap(T, b"a", None, b"1"))
