"""What the metadata store makes of answers that were lost."""

from random import Random

import pytest
from msgspec.structs import replace

from metastore.engine import EngineError, Swap, Table, Unavailable, Unknown
from metastore.leftovers import Discarded
from metastore.lives import Lives
from metastore.manifests import Manifests
from metastore.memory import Faults, FaultyEngine, MemoryEngine
from metastore.records import Bucket, Kind, LifeState, Version
from metastore.rows import replaced
from metastore.store import MetaStore
from metastore.versions import TRASH_BYTES

BUCKET = Bucket(name="b", id=b"bucketid", owner="0" * 64, created_ms=0)


def anything(_current: Version | None) -> None:
    """No condition."""


@pytest.mark.parametrize("fault", ["lost_reply", "repeated"])
async def test_a_heartbeat_without_an_answer_ends_no_process(fault: str) -> None:
    engine = FaultyEngine(Faults(), Random(1))
    meta = await MetaStore.begin(engine)
    engine._faults = Faults(**{fault: 1.0})
    await meta.lease.renew()
    engine._faults = Faults()
    await meta.lease.renew()
    life = await Lives(engine).find(meta.life.epoch)
    assert life is not None
    assert (life.state, life.beats) == (LifeState.LIVE, 2)


async def test_a_heartbeat_that_lands_late_ends_no_process() -> None:
    engine = FaultyEngine(Faults(), Random(1))
    meta = await MetaStore.begin(engine)
    engine._faults = Faults(late=1.0, landing=0.0)
    with pytest.raises(EngineError):
        await meta.lease.renew()
    engine._faults = Faults()
    engine.land()
    await meta.lease.renew()
    assert meta.lease.life.beats == 2


async def test_a_change_of_a_row_without_an_answer_is_made_again() -> None:
    class Dropping(FaultyEngine):
        """Loses the first swap altogether."""

        async def swap(self, swap: Swap) -> bool:
            self._faults, faults = Faults(), self._faults
            if faults.dropped:
                raise Unknown("dropped")
            return await super().swap(swap)

    engine = Dropping(Faults(), Random(1))
    await engine.write(Table.JOBS, [(b"row", b"old")])
    engine._faults = Faults(dropped=1.0)
    assert await replaced(engine, Swap(Table.JOBS, b"row", b"old", b"new"), b"new".__eq__)
    assert await engine.get(Table.JOBS, b"row") == b"new"
    engine._faults = Faults(dropped=1.0)
    with pytest.raises(Unavailable):  # it may yet land: after the row was made and removed again
        await replaced(engine, Swap(Table.JOBS, b"none", None, b"new"), b"new".__eq__)


async def test_who_asks_where_no_swap_is_answered_is_told_soon() -> None:
    """HBase may serve reads and keep each write waiting until it gives up."""
    engine = FaultyEngine(Faults(), Random(1))
    meta = await MetaStore.begin(engine)
    await meta.buckets.create(BUCKET)
    bucket = await meta.buckets.find("b")
    assert bucket is not None
    engine._faults = Faults(dropped=1.0)
    before = engine.counters.reads
    with pytest.raises(Unavailable):
        await meta.objects.put(bucket, "k", Version(op=meta.edits.next()), anything)
    assert engine.counters.reads - before <= 4


async def test_a_chunk_is_never_written_over() -> None:
    """A Complete that comes late must not undo what a compaction has moved since."""
    manifests = Manifests(MemoryEngine())
    op = b"o" * 12
    await manifests.write(BUCKET.id, op, [b"here", b"there"])
    assert await manifests.replace(BUCKET.id, op, 1, b"there", b"moved")
    assert not await manifests.replace(BUCKET.id, op, 1, b"there", b"elsewhere")
    await manifests.write(BUCKET.id, op, [b"here", b"there"])
    assert [chunk async for chunk in manifests.read(BUCKET.id, op, 0)] == [b"here", b"moved"]


async def test_chunks_that_were_not_written_are_not_taken_for_written() -> None:
    manifests = Manifests(FaultyEngine(Faults(dropped=1.0), Random(1)))
    with pytest.raises(EngineError):
        await manifests.write(BUCKET.id, b"o" * 12, [b"here"])


async def test_heavy_trash_moves_out_of_the_head() -> None:
    meta = await MetaStore.begin(MemoryEngine())
    await meta.buckets.create(BUCKET)
    bucket = await meta.buckets.find("b")
    assert bucket is not None
    for number in range(5):
        draft = Version(op=meta.edits.next(), manifest=b"%d" % number * (TRASH_BYTES // 2))
        await meta.objects.put(bucket, "k", draft, anything)
    head = await meta.objects.head(bucket.id, "k")
    assert head is not None
    kept = {entry.op for entry in head.trash}
    spilled = [row async for row in meta.engine.scan(Table.TRASH, b"", None, limit=10)]
    assert len(kept) < 4
    assert spilled
    assert sum(len(entry.manifest) for entry in head.trash) <= TRASH_BYTES


async def test_a_head_is_removed_only_if_nobody_touched_it() -> None:
    meta = await MetaStore.begin(MemoryEngine())
    left: list[Discarded] = []
    meta.objects.discarded = left.append
    await meta.objects.fence(BUCKET.id, "k")
    await meta.objects.fence(BUCKET.id, "k")
    early, late = left
    assert await meta.objects.leftovers.tidied(BUCKET.id, "k", (), early.edit) is None
    assert await meta.objects.head(BUCKET.id, "k") is not None
    assert await meta.objects.leftovers.tidied(BUCKET.id, "k", (), late.edit) is None
    assert await meta.objects.head(BUCKET.id, "k") is None


async def test_a_guard_sees_what_is_erased() -> None:
    """A condition is judged on the version as it is when it goes, not as it was found."""
    meta = await MetaStore.begin(MemoryEngine())
    await meta.buckets.create(BUCKET)
    bucket = await meta.buckets.find("b")
    assert bucket is not None
    await meta.objects.put(bucket, "k", Version(op=meta.edits.next()), anything)
    seen: list[tuple[tuple[str, str], ...]] = []

    async def amend() -> None:
        await meta.objects.amend(bucket, "k", None, lambda one: replace(one, tags=(("held", ""),)))

    get = meta.engine.get

    async def overtaken(table: Table, key: bytes) -> bytes | None:
        data = await get(table, key)
        if table is Table.OBJECTS and not seen and not amended:
            amended.append(True)
            await amend()
        return data

    amended: list[bool] = []
    meta.engine.get = overtaken  # type: ignore[method-assign]
    gone = await meta.objects.erase(
        bucket, "k", "null", lambda one: seen.append(one.tags if one else ())
    )
    assert gone is not None
    assert gone.kind is Kind.OBJECT
    assert seen[-1] == (("held", ""),)
