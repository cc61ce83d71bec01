"""Looking at everything while a partition does not answer: at the rest it is looked, and said."""

import pytest

from blobstore.base import Unavailable
from blobstore.memory import Memory
from blobstore.partition import State
from ocean.fsck import Fsck
from ocean.objects.verify import FaultKind, at_once
from ocean.scrub import Scrub, state
from tests.support.two import LARGE, Two


async def half_silent() -> Two:
    """One whose old partition holds `lost`, small and large, and does not answer; the new one
    holds `here`."""
    two = await Two.make()
    await two.put("lost")
    await two.put("lost-small", b"1")
    two.old.state, two.new.state = State.READ_ONLY, State.ACTIVE
    await two.put("here")
    for store in two.old.stores.all():
        assert isinstance(store, Memory)
        store.before = silent
    return two


def silent(_operation: str, _blob: str) -> None:
    raise Unavailable("x")


@pytest.mark.parametrize("verify", [False, True])
async def test_fsck_looks_at_the_others(verify: bool) -> None:
    two = await half_silent()
    (place,) = await two.places("new.large")
    await two.new.stores.large.delete(place.blob)
    fsck = Fsck(two.ocean.meta.engine, two.ocean.blobs, verify=verify, tolerant=True)
    (fault,) = [fault async for fault in fsck.run()]
    assert (fault.kind, fault.where) == (FaultKind.MISSING, "bucket/here")
    assert fsck.summary.unread == {"old.large": 2, "old.small": 1}, "extents, and a listing"


async def test_who_copies_a_store_wants_to_see_all_of_it() -> None:
    two = await half_silent()
    with pytest.raises(Unavailable):
        _ = [fault async for fault in Fsck(two.ocean.meta.engine, two.ocean.blobs).run()]


async def test_scrub_reads_the_others() -> None:
    two = await half_silent()
    spent = []

    async def spend(size: int) -> None:
        spent.append(size)

    engine = two.ocean.meta.engine
    assert [found async for found in Scrub(engine, two.ocean.blobs, spend).run()] == []
    assert sum(spent) == len(LARGE)
    now = await state(engine)
    assert now.unread == 2
    assert now.finished_ms
    for store in two.old.stores.all():
        assert isinstance(store, Memory)
        store.before = None
    _ = [found async for found in Scrub(engine, two.ocean.blobs, at_once).run()]
    assert (await state(engine)).unread == 0
