"""Claims: one holder at a time, and what becomes of those that stood still."""

import asyncio

import pytest

from metastore.memory import MemoryEngine
from ocean import claim
from ocean.claim import Held, claimed


async def test_one_at_a_time() -> None:
    engine = MemoryEngine()
    async with claimed(engine, "x") as check:
        with pytest.raises(Held):
            async with claimed(engine, "x"):
                pass
        async with claimed(engine, "y"):
            check()
    async with claimed(engine, "x") as check:
        check()


async def test_who_stands_still_loses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = MemoryEngine()
    now = 1_000_000
    monkeypatch.setattr(claim, "_now_ms", lambda: now)
    monkeypatch.setattr(claim, "RENEW", 0.02)
    async with claimed(engine, "x") as first:
        await asyncio.sleep(0)
        now += int(claim.FREE * 1000)
        async with claimed(engine, "x") as second:
            await asyncio.sleep(0.1)
            second()
            with pytest.raises(Held):
                first()
    async with claimed(engine, "x"):
        pass


async def test_who_lost_it_does_not_take_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = MemoryEngine()
    now = 1_000_000
    monkeypatch.setattr(claim, "_now_ms", lambda: now)
    async with claimed(engine, "x") as first:
        now += int(claim.FREE * 1000)
        async with claimed(engine, "x"):
            pass
        monkeypatch.setattr(claim, "RENEW", 0.01)
        hold = first.__self__  # type: ignore[attr-defined]
        await hold.keep()
        with pytest.raises(Held):
            first()
    async with claimed(engine, "x"):
        pass


async def test_a_claim_of_the_future_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = MemoryEngine()
    now = 1_000_000_000
    monkeypatch.setattr(claim, "_now_ms", lambda: now)
    first = claimed(engine, "x")
    await first.__aenter__()
    now = 1_000_000
    async with claimed(engine, "x"):
        pass


async def test_it_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = MemoryEngine()
    now = 1_000_000
    monkeypatch.setattr(claim, "_now_ms", lambda: now)
    monkeypatch.setattr(claim, "RENEW", 0.01)
    async with claimed(engine, "x") as check:
        for _ in range(10):
            now += int(claim.FREE * 1000 / 4)
            await asyncio.sleep(0.05)
        with pytest.raises(Held):
            async with claimed(engine, "x"):
                pass
        check()


async def test_a_late_end_takes_nothing_from_the_next() -> None:
    engine = MemoryEngine()
    later = 2_000_000_000_000
    async with claimed(engine, "x"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(claim, "_now_ms", lambda: later * 10)
            second = claimed(engine, "x")
            await second.__aenter__()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claim, "_now_ms", lambda: later * 10)
        with pytest.raises(Held):
            async with claimed(engine, "x"):
                pass
    await second.__aexit__(None, None, None)
