"""The engine that misbehaves: each fault is what its name says, and a seed repeats it."""

from random import Random

import pytest

from metastore.engine import Swap, Table, Unknown
from metastore.memory import Faults, FaultyEngine

T = Table.OBJECTS
SWAP = Swap(T, b"k", None, b"1")


def faulty(seed: int = 1, **faults: float) -> FaultyEngine:
    return FaultyEngine(Faults(landing=0, **faults), Random(seed))


async def test_a_lost_reply_is_done() -> None:
    engine = faulty(lost_reply=1)
    with pytest.raises(Unknown):
        await engine.swap(SWAP)
    assert await engine.get(T, b"k") == b"1"


async def test_a_dropped_one_is_never_done() -> None:
    engine = faulty(dropped=1)
    with pytest.raises(Unknown):
        await engine.swap(SWAP)
    engine.land()
    assert await engine.get(T, b"k") is None


async def test_a_late_one_lands_if_the_row_is_still_the_same() -> None:
    engine = faulty(late=1)
    for swap in (SWAP, Swap(T, b"j", b"gone", b"1")):
        with pytest.raises(Unknown):
            await engine.swap(swap)
    with pytest.raises(Unknown):
        await engine.write(T, [(b"w", b"1")])
    assert await engine.get_many(T, [b"k", b"j", b"w"]) == [None] * 3
    engine.land()
    assert await engine.get_many(T, [b"k", b"j", b"w"]) == [b"1", None, b"1"]


async def test_a_repeated_one_is_done_and_says_no() -> None:
    engine = faulty(repeated=1)
    assert not await engine.swap(SWAP)
    assert await engine.get(T, b"k") == b"1"


async def history(seed: int) -> list[object]:
    engine = FaultyEngine(Faults(lost_reply=0.2, late=0.2, dropped=0.1, repeated=0.1), Random(seed))
    seen: list[object] = []
    for number in range(200):
        key = b"%d" % (number % 5)
        old = await engine.get(T, key)
        try:
            seen.append((old, await engine.swap(Swap(T, key, old, b"%d" % number))))
        except Unknown as error:
            seen.append((old, str(error)))
    return seen


async def test_a_seed_repeats_its_history() -> None:
    assert await history(1) == await history(1) != await history(2)
