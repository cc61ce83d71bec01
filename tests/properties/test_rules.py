"""Each safety rule of the commit protocol holds at every point, and is needed.

A scenario runs one action up to its n-th call to a store, lets others happen there, and then
goes on with it (or breaks it off), for every n. With the protocol whole no n shows a violation;
with one rule taken away some n does.
"""

import asyncio
from contextlib import suppress
from random import Random

import pytest

from blobstore.extents import Place
from metastore.errors import BucketNotEmpty
from metastore.leftovers import Discarded
from metastore.memory import Faults
from metastore.records import LifeState, Versioning
from ocean.jobs.compact import Compaction
from ocean.jobs.orphans import Orphans, epoch_of
from ocean.jobs.runner import Jobs
from tests.properties.test_schedules import check
from tests.support import broken
from tests.support.broken import Break
from tests.support.clients import DEAD, REFUSED, Clients, Upload, Violation
from tests.support.virtual import Process, World, run_virtual

pytestmark = pytest.mark.usefixtures("virtual")
KEY = "a"
LARGE = 100


class Scenario:
    """What happens before, what is interrupted, and what happens meanwhile."""

    mode = Versioning.ENABLED
    cancels = False  # the action is broken off where it was interrupted

    def __init__(self) -> None:
        self.world = World(1, Faults(), slow=0.0)
        self.clients = Clients(self.world, Random(1))

    async def before(self, one: Process, other: Process) -> None:
        """Without interruption."""

    async def action(self, one: Process) -> None:
        """To be interrupted."""
        raise NotImplementedError

    async def meanwhile(self, one: Process, other: Process) -> None:
        """While it stands still."""

    async def after(self, one: Process, other: Process) -> None:
        """When it has ended."""

    async def run(self, point: int) -> bool:
        """Interrupt at `point`; False when the action ended before. Violation."""
        try:
            one, other = await self.clients.begin(), await self.clients.begin()
            await self.clients.create_bucket(self.mode)
            await self.before(one, other)
            acting = asyncio.ensure_future(self._act(one))
            one.stop_at(point, acting)
            await asyncio.wait([acting, one.stopped], return_when=asyncio.FIRST_COMPLETED)
            reached = one.stopped.done()
            if reached:
                await self.meanwhile(one, other)
                if self.cancels:
                    acting.cancel()
                one.go_on()
            with suppress(asyncio.CancelledError):
                await acting
            await self.after(one, other)
            await self.clients.end()
        finally:
            self.world.over = True
        return reached

    async def _act(self, one: Process) -> None:
        with suppress(*REFUSED):
            await self.action(one)


class Replaced(Scenario):
    """A put stands still while its old Head is overtaken: put again, tagged."""

    async def before(self, one: Process, other: Process) -> None:
        self.first = await self.clients.put(one, KEY, self.clients.value())

    async def action(self, one: Process) -> None:
        await self.clients.put(one, KEY, self.clients.value())

    async def meanwhile(self, one: Process, other: Process) -> None:
        await self.clients.put(other, KEY, self.clients.value())
        await self.clients.tag(other, KEY, self.first, "1")


class TaggedBack(Replaced):
    """A copy that was placed for nothing, and tags that come and go."""

    async def before(self, one: Process, other: Process) -> None:
        await super().before(one, other)
        await self.clients.tag(other, KEY, self.first, "1")
        heads = other.meta.objects._heads
        stored = await heads.read(self.clients.bucket.id, KEY)
        await heads.place(self.clients.bucket.id, KEY, stored)  # and then killed
        await self.clients.tag(other, KEY, self.first, "2")

    async def meanwhile(self, one: Process, other: Process) -> None:
        await self.clients.tag(other, KEY, self.first, "1")
        await self.clients.put(other, KEY, self.clients.value())


class Composed(Scenario):
    """A Complete stands still."""

    mode = Versioning.OFF
    size = 8

    async def before(self, one: Process, other: Process) -> None:
        self.upload = Upload(self.clients, KEY)
        await self.upload.create(one)
        await self.upload.part(one, 1, self.clients.value(self.size))
        await self.upload.part(one, 2, self.clients.value(self.size))

    async def action(self, one: Process) -> None:
        await self.upload.complete(one)


class CompletedTwice(Composed):
    """Another process completes, the object is replaced, and the client asks once more."""

    async def meanwhile(self, one: Process, other: Process) -> None:
        await self.clients.get(other, KEY)
        await self.clients.put(other, KEY, self.clients.value())
        await self.clients.get(other, KEY)
        with suppress(*REFUSED):
            await self.upload.complete(other)
        await self.clients.get(other, KEY)


class SentAgain(Composed):
    """The same part again, and a Complete by another process."""

    size = LARGE

    async def meanwhile(self, one: Process, other: Process) -> None:
        with suppress(*REFUSED):
            await self.upload.part(other, 1, self.upload.parts[1][0])
        with suppress(*REFUSED):
            await self.upload.complete(other)


class CompactedUnder(Composed):
    """The volume of its parts is compacted."""

    async def meanwhile(self, one: Process, other: Process) -> None:
        await compact(one)

    async def after(self, one: Process, other: Process) -> None:
        with suppress(*REFUSED):
            await self.upload.complete(other)


class CompactingMeets(CompactedUnder):
    """The other way round: the compaction stands still."""

    async def action(self, one: Process) -> None:
        await compact(one)

    async def meanwhile(self, one: Process, other: Process) -> None:
        with suppress(*REFUSED):
            await self.upload.complete(other)


class LatePart(Composed):
    """A part comes when its upload is completed."""

    async def action(self, one: Process) -> None:
        await self.upload.part(one, 1, self.clients.value())

    async def meanwhile(self, one: Process, other: Process) -> None:
        with suppress(*REFUSED):
            await self.upload.complete(other)


class LateTwin(LatePart):
    """A part comes a second time, and its upload is completed with whichever is there."""

    size = LARGE

    async def action(self, one: Process) -> None:
        await self.upload.part(one, 1, self.upload.parts[1][0])

    async def after(self, one: Process, other: Process) -> None:
        await self.clients.get(other, KEY)


class Judged(Scenario):
    """A process stands still until it was judged dead, and what it wrote with it."""

    mode = Versioning.OFF

    async def action(self, one: Process) -> None:
        await self.clients.put(one, KEY, self.clients.value(LARGE))

    async def meanwhile(self, one: Process, other: Process) -> None:
        await end_life(one, other)


class JudgedOnObject(Judged):
    """The same over an object."""

    async def before(self, one: Process, other: Process) -> None:
        await self.clients.put(one, KEY, self.clients.value(LARGE))


class JudgedTwice(Judged):
    """And a collector comes late for what the key once was."""

    async def before(self, one: Process, other: Process) -> None:
        await self.clients.put(one, KEY, self.clients.value())
        left = _collected(other)
        await self.clients.delete(other, KEY)
        self.left = list(left)
        await _collect(other, self.left)

    async def meanwhile(self, one: Process, other: Process) -> None:
        await super().meanwhile(one, other)
        for left in self.left:
            await other.ocean.discard.commit_leftovers(left)


class JudgedPart(Composed):
    """The same with a part, of which a later Complete makes an object."""

    async def before(self, one: Process, other: Process) -> None:
        self.upload = Upload(self.clients, KEY)
        await self.upload.create(one)

    async def action(self, one: Process) -> None:
        await self.upload.part(one, 1, self.clients.value(LARGE))

    async def meanwhile(self, one: Process, other: Process) -> None:
        await end_life(one, other)

    async def after(self, one: Process, other: Process) -> None:
        if self.upload.parts:
            with suppress(*REFUSED):
                await self.upload.complete(other)


class BrokenOff(Scenario):
    """A put that nobody waits for any more, in a process that then ends in good order."""

    mode = Versioning.OFF
    cancels = True

    async def action(self, one: Process) -> None:
        await self.clients.put(one, KEY, self.clients.value(LARGE))

    async def after(self, one: Process, other: Process) -> None:
        jobs = Jobs(one.ocean, _ignore, grace=1, interval=1, ratio=1)
        await jobs.stop()


class CollectedTwice(Scenario):
    """A collector comes late, when seqs began at 1 again."""

    async def before(self, one: Process, other: Process) -> None:
        left = _collected(other)
        vids = [await self.clients.put(other, KEY, self.clients.value(LARGE)) for _ in range(2)]
        for vid in vids:
            await self.clients.erase(other, KEY, vid or "")
        await _collect(other, left)
        self.left = left
        for _ in range(2):
            await self.clients.put(other, KEY, self.clients.value(LARGE))

    async def action(self, one: Process) -> None:
        for left in self.left:
            await one.ocean.discard.commit_leftovers(left)


class ReadByReference(Scenario):
    """A reader stands still while the newest version goes and another comes."""

    async def before(self, one: Process, other: Process) -> None:
        vids = [await self.clients.put(one, KEY, self.clients.value()) for _ in range(3)]
        await self.clients.erase(one, KEY, vids[2] or "")
        self.second = vids[1] or ""

    async def action(self, one: Process) -> None:
        await self.clients.get(one, KEY)

    async def meanwhile(self, one: Process, other: Process) -> None:
        await self.clients.put(other, KEY, self.clients.value())
        await self.clients.erase(other, KEY, self.second)


class DeletedBucket(Scenario):
    """The bucket is deleted under a put."""

    mode = Versioning.OFF
    gone = False
    made: str | None = None

    async def action(self, one: Process) -> None:
        self.made = await self.clients.put(one, KEY, self.clients.value())

    async def meanwhile(self, one: Process, other: Process) -> None:
        self.gone = True
        try:
            await other.meta.buckets.delete(self.clients.bucket)
        except BucketNotEmpty:
            self.gone = False

    async def after(self, one: Process, other: Process) -> None:
        if self.gone and self.made is not None:
            raise Violation("a put was acknowledged into a bucket that is gone")
        if self.gone:
            self.clients.history.clear()


async def compact(process: Process) -> None:
    """Compact every volume, whatever it holds."""
    compaction = Compaction(process.meta, process.ocean.blobs, process.ocean.inflight)
    for volume in list(process.world.small._blobs):
        await compaction.volume(Place("small", volume), fence=False, pause=_breathe)


async def end_life(one: Process, other: Process) -> None:
    """`other` finds the life of `one` ended, and judges all its blobs."""
    await asyncio.sleep(2 * DEAD)
    life = await other.meta.lives.find(one.meta.life.epoch)
    assert life is not None
    await other.meta.lives.change(life, LifeState.ENDED, life.beats)
    await Orphans(other.meta, other.ocean.blobs).judge(frozenset({life.epoch}))
    compaction = Compaction(other.meta, other.ocean.blobs, other.ocean.inflight)
    for volume in list(other.world.small._blobs):
        if epoch_of(volume) == life.epoch:
            await compaction.volume(Place("small", volume), fence=True, pause=_breathe)


def _collected(process: Process) -> list[Discarded]:
    left: list[Discarded] = []
    process.meta.objects.discarded = left.append
    return left


async def _collect(process: Process, left: list[Discarded]) -> None:
    for one in list(left):
        more = await process.ocean.discard.commit_leftovers(one)
        if more is not None:
            await process.ocean.discard.commit_leftovers(more)


async def _breathe() -> None:
    """Without delay."""


def _ignore(_error: Exception) -> None:
    """It shows elsewhere."""


SCENARIOS = [
    Replaced, TaggedBack, CompletedTwice, SentAgain, CompactedUnder, CompactingMeets, LatePart,
    LateTwin, Judged, JudgedOnObject, JudgedTwice, JudgedPart, BrokenOff, CollectedTwice,
    ReadByReference, DeletedBucket,
]  # fmt: skip


def explore(scenario: type[Scenario]) -> int:
    """Interrupt at every point; how many there were."""
    point = 0
    while run_virtual(scenario().run(point)):
        point += 1
    return point


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_it_holds_at_every_point(scenario: type[Scenario]) -> None:
    assert explore(scenario) > 2


NEEDED: list[tuple[Break, type[Scenario]]] = [
    (broken.place_unconditionally, Replaced),
    (broken.copy_without_edit, TaggedBack),
    (broken.leave_the_upload_unsettled, CompletedTwice),
    (broken.do_not_look_at_parts_again, CompactedUnder),
    (broken.compact_under_a_complete, CompactedUnder),
    (broken.do_not_look_again_after_a_part, LatePart),
    (broken.abandon_what_was_taken_in, LateTwin),
    (broken.judge_without_a_fence, JudgedOnObject),
    (broken.commit_on_a_dead_life, JudgedPart),
    (broken.remove_fences, JudgedTwice),
    (broken.abandon_in_doubt, BrokenOff),
    (broken.let_go_in_doubt, BrokenOff),
    (broken.collect_without_looking, CollectedTwice),
    (broken.drop_without_looking, CollectedTwice),
    (broken.read_a_reference_once, ReadByReference),
    (broken.do_not_confirm_the_bucket, DeletedBucket),
]


@pytest.mark.parametrize(("rule", "scenario"), NEEDED)
def test_without_the_rule_a_point_is_found(
    rule: Break, scenario: type[Scenario], monkeypatch: pytest.MonkeyPatch
) -> None:
    rule(monkeypatch)
    with pytest.raises(Exception):  # noqa: B017 - whatever shows first
        explore(scenario)


BY_CHANCE = [
    broken.take_no_answer_for_no,
    broken.believe_false,
    pytest.param(broken.forget_the_trail, marks=pytest.mark.slow),
    pytest.param(broken.trust_rows_in_reads, marks=pytest.mark.slow),
    pytest.param(broken.forget_the_guard, marks=pytest.mark.slow),
]


@pytest.mark.parametrize("rule", BY_CHANCE)
def test_without_the_rule_a_schedule_is_found(rule: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    rule(monkeypatch)
    with pytest.raises(Exception):  # noqa: B017 - whatever shows first
        check_many(range(1000))


def check_many(seeds: range) -> None:
    for seed in seeds:
        check(seed)
