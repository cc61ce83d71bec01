"""Keeping to a rate: alone, together, and when it changes."""

import asyncio
from types import SimpleNamespace

import pytest

from ocean.jobs import pace
from ocean.jobs.pace import Pace


class Time:
    """Goes on by what is slept."""

    def __init__(self) -> None:
        self.now = 100.0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(pace, "asyncio", SimpleNamespace(sleep=made.sleep))
    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


async def test_a_rate_is_kept(clock: Time) -> None:
    slow = Pace(lambda: 1000)
    for _ in range(50):
        await slow.spend(100)
    assert clock.now == pytest.approx(105)


async def test_it_is_kept_together(clock: Time) -> None:
    slow = Pace(lambda: 1000)
    for _ in range(5):
        await asyncio.gather(*(slow.spend(100) for _ in range(10)))
    assert clock.now >= 105 - 0.001


async def test_time_that_went_by_counts(clock: Time) -> None:
    slow = Pace(lambda: 1000)
    await clock.sleep(3)
    await slow.spend(2000)
    assert clock.now == 103
    await slow.spend(2000)
    assert clock.now == pytest.approx(105)


async def test_a_rate_that_goes_is_not_waited_for(clock: Time) -> None:
    rates = iter([1, 1, 1, 0])
    slow = Pace(lambda: next(rates, 0))
    await slow.spend(1_000_000)
    assert clock.now == 103
    await slow.spend(10**9)
    assert clock.now == 103
