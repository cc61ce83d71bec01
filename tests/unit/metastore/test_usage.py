"""Usage is never below what is stored, however many change it and whatever is lost."""

import asyncio
from random import Random

import pytest

from metastore.edits import Edits
from metastore.engine import EngineError, Unknown
from metastore.errors import OverQuota
from metastore.memory import Faults, FaultyEngine, MemoryEngine
from metastore.records import Quota
from metastore.usage import Amount, Count, Ledger, Usage

SCOPE = b"bucket"
ONE = Amount(10, 1)
NOTHING = Amount()


def ledgers(engine: MemoryEngine, count: int) -> list[Ledger]:
    return [Ledger(engine, Edits(epoch)) for epoch in range(1, count + 1)]


async def opened(engine: MemoryEngine, found: Amount = NOTHING) -> Ledger:
    """A row that was counted."""
    (ledger,) = ledgers(engine, 1)
    await ledger.counted(SCOPE, Count(Usage(), found))
    return ledger


async def wanted(ledger: Ledger, amount: Amount, quota: Quota) -> bool:
    try:
        await ledger.reserve(SCOPE, amount, quota)
    except OverQuota:
        return False
    return True


async def test_two_hundred_writers_get_what_there_is() -> None:
    engine = MemoryEngine()
    await opened(engine)
    two = ledgers(engine, 2)
    tasks = [wanted(two[n % 2], ONE, Quota(size=1005)) for n in range(200)]
    assert sum(await asyncio.gather(*tasks)) == 100
    assert (await two[0].find(SCOPE)).used == Amount(1000, 100)
    # The smaller one that still fits gets in, as it would alone.
    assert await wanted(two[0], Amount(5, 1), Quota(size=1005))
    assert not await wanted(two[1], Amount(1, 1), Quota(size=1005))


async def test_either_bound_refuses() -> None:
    ledger = await opened(MemoryEngine(), Amount(100, 10))
    assert not await wanted(ledger, ONE, Quota(size=105, objects=100))
    assert not await wanted(ledger, ONE, Quota(size=1000, objects=10))
    assert await wanted(ledger, ONE, Quota(size=110, objects=11))
    assert not await wanted(ledger, Amount(0, 1), Quota(size=110, objects=11))
    assert await wanted(ledger, Amount(0, 1), Quota())


async def test_what_is_given_back_is_there_again() -> None:
    ledger = await opened(MemoryEngine())
    quota = Quota(size=10)
    assert await wanted(ledger, ONE, quota)
    assert not await wanted(ledger, ONE, quota)
    ledger.give_back(SCOPE, ONE)
    await ledger.settle()
    assert (await ledger.find(SCOPE)).used == Amount()
    assert await wanted(ledger, ONE, quota)


async def test_changes_of_one_process_are_made_together() -> None:
    engine = MemoryEngine()
    ledger = await opened(engine)
    before = engine.counters.swaps
    await asyncio.gather(*(wanted(ledger, ONE, Quota()) for _ in range(200)))
    assert engine.counters.swaps - before <= 3
    for _ in range(200):
        ledger.give_back(SCOPE, ONE)
    await ledger.settle()
    assert engine.counters.swaps - before <= 6
    assert (await ledger.find(SCOPE)).used == Amount()


async def test_nothing_is_refused_before_it_was_counted() -> None:
    engine = MemoryEngine()
    (ledger,) = ledgers(engine, 1)
    begun = await ledger.find(SCOPE)
    for _ in range(3):
        assert await wanted(ledger, ONE, Quota(size=5))
    found = Amount(100, 4)  # of which some may be those above: nobody knows
    usage = await ledger.counted(SCOPE, Count(begun, found))
    assert usage.used == Amount(130, 7)
    assert not await wanted(ledger, ONE, Quota(size=5))


async def test_a_count_brings_down_what_a_dead_process_left() -> None:
    engine = MemoryEngine()
    await opened(engine)
    dead, living = ledgers(engine, 2)
    for _ in range(5):
        await dead.reserve(SCOPE, ONE, Quota())  # and never stored
    await living.reserve(SCOPE, ONE, Quota())
    begun = await living.find(SCOPE)
    assert set(begun.epochs) == {1, 2}
    await living.reserve(SCOPE, ONE, Quota())  # stored while it counts, after its key was looked at
    usage = await living.counted(SCOPE, Count(begun, ONE, ended=frozenset({1})))
    assert usage.used == Amount(20, 2)
    assert usage.epochs == (2,)
    await living.reserve(SCOPE, ONE, Quota())
    again = await living.counted(SCOPE, Count(usage, Amount(500, 50)))
    assert again.used == Amount(30, 3)  # a count that is too high changes nothing


async def test_a_count_beside_which_nothing_changed_is_exact() -> None:
    ledger = await opened(MemoryEngine(), Amount(10, 1))
    begun = await ledger.find(SCOPE)
    for found in (Amount(30, 3), Amount(20, 2)):
        usage = await ledger.counted(SCOPE, Count(begun, found, again_ms=7, loose_ms=3))
        assert (usage.used, usage.again_ms) == (found, 7)


@pytest.mark.parametrize("change", ["add", "remove"])
async def test_any_other_is_to_be_made_again(change: str) -> None:
    ledger = await opened(MemoryEngine(), Amount(20, 2))
    begun = await ledger.find(SCOPE)
    if change == "add":
        await ledger.reserve(SCOPE, ONE, Quota())
    else:
        ledger.give_back(SCOPE, ONE)
        await ledger.settle()
    count = Count(begun, Amount(20, 2), again_ms=7, loose_ms=3)
    usage = await ledger.counted(SCOPE, count)
    assert (usage.used, usage.again_ms) == (Amount(30, 3) if change == "add" else ONE, 3)


async def test_a_count_from_before_it_began_anew_says_nothing() -> None:
    ledger = await opened(MemoryEngine(), Amount(20, 2))
    begun = await ledger.find(SCOPE)
    await ledger.begin_anew(SCOPE)
    usage = await ledger.counted(SCOPE, Count(begun, NOTHING))
    assert (usage.used, usage.counted) == (Amount(20, 2), False)
    usage = await ledger.counted(SCOPE, Count(usage, NOTHING))
    assert (usage.used, usage.counted) == (NOTHING, True)


async def test_who_goes_away_leaves_nothing() -> None:
    ledger = await opened(MemoryEngine())
    tasks = [asyncio.create_task(wanted(ledger, ONE, Quota())) for _ in range(50)]
    for turns in range(6):
        tasks[turns].cancel()
        await asyncio.sleep(0)
    done = await asyncio.gather(*tasks, return_exceptions=True)
    await ledger.settle()
    granted = sum(one is True for one in done)
    assert (await ledger.find(SCOPE)).used == Amount(10 * granted, granted)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
async def test_never_too_low_whatever_is_lost(seed: int) -> None:
    random = Random(seed)
    faults = Faults(lost_reply=0.1, late=0.05, dropped=0.1, repeated=0.1)
    engine = FaultyEngine(faults, random)
    three = ledgers(engine, 3)
    held = Amount()

    async def client(ledger: Ledger) -> None:
        nonlocal held
        mine = 0
        for _ in range(20):
            try:
                if mine and random.random() < 0.4:
                    mine -= 1
                    held = held.minus(ONE)
                    ledger.give_back(SCOPE, ONE)
                else:
                    await ledger.reserve(SCOPE, ONE, Quota())
                    mine += 1
                    held = held.plus(ONE)
            except EngineError:
                pass  # refused: nothing is stored
            await asyncio.sleep(0)

    await asyncio.gather(*(client(ledger) for ledger in three for _ in range(4)))
    for ledger in three:
        await ledger.settle()
    used = (await three[0].find(SCOPE)).used
    assert used.size >= held.size
    assert used.objects >= held.objects


async def test_without_an_answer_nothing_is_stored() -> None:
    class Silent(MemoryEngine):
        async def swap(self, swap: object) -> bool:
            raise Unknown("no answer")

    (ledger,) = ledgers(Silent(), 1)
    with pytest.raises(EngineError):
        await ledger.reserve(SCOPE, ONE, Quota())
