"""Whatever clients do while lifecycle rules act, they win; and whoever dies, another goes on.

A judged key is acted on by a process that stands still at its n-th call, for every n, while a
client changes the key: what the client sees afterwards is there in the end. A pass is killed at its
n-th call, for every n: the next one leaves what an undisturbed pass leaves.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from random import Random
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from metastore.engine import EngineError, Table
from metastore.errors import NoVersion, StoreError
from metastore.lifecycle_records import LifecycleRule
from metastore.listing import Scope
from metastore.memory import Faults
from metastore.objects import Objects
from metastore.records import Algorithm, Bucket, Head, Kind, Version, Versioning
from metastore.versions import TRASH_ENTRIES
from ocean import claim
from ocean.fsck import Fsck
from ocean.jobs import expire
from ocean.jobs.expire import Expiring
from ocean.lifecycle import passes, walk
from ocean.lifecycle.acts import Acts
from ocean.lifecycle.passes import Tally, Timing
from ocean.objects.census import Census
from ocean.objects.get import version_id_of
from ocean.objects.put import Expected, Spool
from tests.support.aging import rule
from tests.support.virtual import Process, VirtualTime, World, run_virtual

pytestmark = pytest.mark.usefixtures("virtual")
OFF, ENABLED, SUSPENDED = Versioning.OFF, Versioning.ENABLED, Versioning.SUSPENDED
NOBODY = "0" * 64
KEY = "a"
DAY_MS = 1000  # of the virtual loop: rules of one day are due after a second
GONE = ("gone", "1")


@pytest.fixture(autouse=True)
def virtual_claims(virtual: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Claims and jobs go by the loop's time as well."""
    monkeypatch.setattr(claim, "_now_ms", VirtualTime().now_ms)
    monkeypatch.setattr(expire, "time", VirtualTime())


class Client:
    """What a client of one process does to a bucket."""

    def __init__(self, process: Process, bucket: Bucket) -> None:
        self.process = process
        self.bucket = bucket
        self.objects = process.meta.objects

    @classmethod
    async def create(cls, process: Process, mode: Versioning, *rules: LifecycleRule) -> "Client":
        bucket = Bucket(
            name="bucket", id=b"bucket00", owner=NOBODY, created_ms=0, versioning=mode,
            lifecycle=rules,
        )  # fmt: skip
        await process.meta.buckets.create(bucket)
        return cls(process, bucket)

    async def put(self, key: str = KEY, value: str = "x", *tags: tuple[str, str]) -> Version:
        return await self.process.ocean.put(
            self.bucket,
            key,
            Version(owner=NOBODY, tags=tags),
            Spool(_pieces(value.encode()), len(value)),
            expected=Expected(),
            guard=_anything,
        )

    async def delete(self, key: str = KEY, version_id: str | None = None) -> None:
        await self.process.ocean.delete(self.bucket, key, version_id, _anything)

    async def current(self, key: str = KEY) -> Version | None:
        """The object that a client gets."""
        found: Version | None = await self.objects.current(self.bucket.id, key)
        return found if found is not None and found.kind is Kind.OBJECT else None

    async def find(self, version: Version) -> Version | None:
        return await self.objects.find(self.bucket.id, KEY, version_id_of(version))

    async def amend(self, version_id: str | None, **fields: Any) -> None:
        """Change an object in place; NoVersion."""

        def change(version: Version) -> Version:
            if version.kind is not Kind.OBJECT:
                raise NoVersion
            return replace(version, **fields)

        await self.objects.amend(self.bucket, KEY, version_id, change)

    async def begin_upload(self, key: str) -> None:
        multipart = self.process.ocean.multipart
        upload_id = await multipart.create(
            self.bucket, key, Version(owner=NOBODY), initiator=NOBODY,
            algorithm=Algorithm.NONE, composite=False,
        )  # fmt: skip
        upload = await multipart.find(self.bucket, key, upload_id)
        body = Spool(_pieces(b"part"), 4)
        await multipart.upload_part(self.bucket, upload, 1, body, Expected())

    async def stacks(self) -> dict[str, str]:
        """The versions of each key, newest first: O of an object, M of a delete marker."""
        page = await self.process.meta.listing.versions(Scope(self.bucket.id), "", "", 1000)
        found: dict[str, str] = {}
        for entry in page.entries:
            letter = "O" if entry.summary.kind & 0x0F == Kind.OBJECT else "M"
            found[entry.key] = found.get(entry.key, "") + letter
        return found

    async def uploads(self) -> list[str]:
        page = await self.process.meta.uploads.page(Scope(self.bucket.id), "", b"", 1000)
        return [upload.key for upload in page.uploads]


async def begun(world: World, kind: type[Process] = Process) -> Process:
    process = kind(world)
    await process.start(grace=0, interval=0, beat=1, dead=5)
    return process


def acts_of(process: Process) -> Acts:
    return Acts(process.meta, process.ocean.discard, process.ocean.clock, day_ms=DAY_MS)


# -- a client meanwhile ---------------------------------------------------------------------


Before = Callable[[Client], Awaitable[Version]]
Change = Callable[[Client, Version], Awaitable[None]]
Look = Callable[[Client, Version], Awaitable[object]]


class Race(NamedTuple):
    """What there is, what a client does meanwhile, and what it looks at then and in the end."""

    mode: Versioning
    rule: LifecycleRule
    before: Before
    change: Change
    look: Look


async def _one(client: Client) -> Version:
    return await client.put(KEY, "old", GONE)


async def _two(client: Client) -> Version:
    old = await client.put(KEY, "old", GONE)
    await client.put(KEY, "newer")
    return old


async def _deleted(client: Client) -> Version:
    old = await client.put(KEY, "old", GONE)
    await client.delete()
    return old


async def _marker_alone(client: Client) -> Version:
    old = await _deleted(client)
    await client.delete(KEY, version_id_of(old))
    return old


async def _overwrite(client: Client, _old: Version) -> None:
    await client.put(KEY, "new")


async def _restore(client: Client, _old: Version) -> None:
    marker = await client.objects.current(client.bucket.id, KEY)
    if marker is not None and marker.kind is Kind.MARKER:
        await client.delete(KEY, version_id_of(marker))


async def _untag(client: Client, _old: Version) -> None:
    with suppress(NoVersion):
        await client.amend(None, tags=())


async def _untag_version(client: Client, old: Version) -> None:
    with suppress(NoVersion):
        await client.amend(version_id_of(old), tags=())


async def _hold(client: Client, old: Version) -> None:
    with suppress(NoVersion):
        await client.amend(version_id_of(old), legal_hold=True)


async def _content(client: Client, _old: Version) -> object:
    """The ETag that a client gets, unless it is of what may go."""
    found = await client.current()
    return found.etag if found is not None and GONE not in found.tags else None


async def _restored(client: Client, _old: Version) -> object:
    found = await client.current()
    return None if found is None else found.etag


async def _kept(client: Client, old: Version) -> object:
    """The version, if it has no tag that lets it go, or a hold that does not."""
    found = await client.find(old)
    if found is None or (GONE in found.tags and not found.legal_hold):
        return None
    return found.etag


expiring = rule(expiration_days=1, tags=(GONE,))
pruning = rule(noncurrent_days=1, tags=(GONE,))
markers = rule(expired_object_delete_marker=True)
RACES = {
    "overwritten": Race(ENABLED, expiring, _one, _overwrite, _content),
    "overwritten without versions": Race(OFF, expiring, _one, _overwrite, _content),
    "overwritten where suspended": Race(SUSPENDED, expiring, _one, _overwrite, _content),
    "untagged": Race(ENABLED, expiring, _one, _untag, _content),
    "untagged without versions": Race(OFF, expiring, _one, _untag, _content),
    "restored": Race(ENABLED, pruning, _deleted, _restore, _restored),
    "a version untagged": Race(ENABLED, pruning, _two, _untag_version, _kept),
    "a version held": Race(ENABLED, pruning, _two, _hold, _kept),
    "a null version held": Race(SUSPENDED, expiring, _one, _hold, _kept),
    "made anew": Race(ENABLED, markers, _marker_alone, _overwrite, _content),
}


async def run_race(race: Race, point: int) -> tuple[bool, bool]:
    """Whether the process reached `point`, and whether it did something. AssertionError when what
    the client saw after its change has gone."""
    world = World(1, Faults(), slow=0.0)
    try:
        one, other = await begun(world), await begun(world)
        client = await Client.create(other, race.mode, race.rule)
        old = await race.before(client)
        await asyncio.sleep(2)
        head: Head | None = await one.meta.objects.head(client.bucket.id, KEY)
        told: list[Tally] = []

        async def act() -> None:
            told.append(await acts_of(one).key(client.bucket, KEY, head))

        acting = asyncio.create_task(act())
        one.stop_at(point, acting)
        await asyncio.wait([acting, one.stopped], return_when=asyncio.FIRST_COMPLETED)
        reached = one.stopped.done()
        seen = None
        if reached:
            await race.change(client, old)
            seen = await race.look(client, old)
            one.go_on()
        await acting
        assert seen in (None, await race.look(client, old)), f"gone after point {point}"
        assert "MM" not in (await client.stacks()).get(KEY, "")
        return reached, bool(told[0].actions)
    finally:
        world.over = True


def outcomes(race: Race) -> set[bool]:
    """Whether something was done, over all points at which the client came in between."""
    found, point, reached = set(), 0, True
    while reached:
        reached, acted = run_virtual(run_race(race, point))
        if reached:
            found.add(acted)
        point += 1
    assert acted, "undisturbed it acts"
    return found


@pytest.mark.parametrize("name", RACES)
def test_who_comes_in_between_wins(name: str) -> None:
    assert outcomes(RACES[name]) == {False, True}, "both happen: before the swap, and after it"


async def _acts_by_withdrawn_rules(point: int) -> bool | None:
    """Whether a process that stood still at `point` deletes by rules that were withdrawn long
    since; None when it has done before."""
    world = World(1, Faults(), slow=0.0)
    try:
        one, other = await begun(world), await begun(world)
        client = await Client.create(other, OFF, rule(expiration_days=1))
        await client.put()
        await asyncio.sleep(2)
        head = await one.meta.objects.head(client.bucket.id, KEY)

        async def act() -> None:
            await acts_of(one).key(client.bucket, KEY, head)

        acting = asyncio.create_task(act())
        one.stop_at(point, acting)
        await asyncio.wait([acting, one.stopped], return_when=asyncio.FIRST_COMPLETED)
        if not one.stopped.done():
            return None
        there = await client.current()
        await other.meta.buckets.change(client.bucket, lambda one: replace(one, lifecycle=()))
        await asyncio.sleep(3)
        one.go_on()
        await acting
        return there is not None and await client.current() is None
    finally:
        world.over = True


def test_rules_that_were_withdrawn_act_no_more() -> None:
    """But for the swap itself, when it was sent before and lands after."""
    points: list[bool] = []
    while (acted := run_virtual(_acts_by_withdrawn_rules(len(points)))) is not None:
        points.append(acted)
    assert len(points) > 5
    assert points.count(True) <= 1


def _ignore_the_head(patch: pytest.MonkeyPatch) -> None:
    """What was judged is done to any Head."""
    commit = Objects.commit

    class Same:
        def __eq__(self, _other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]

    async def hasty(self: Objects, bucket: Any, key: str, decide: Any, learned: Any = None) -> Any:
        def decided(now: Any, current: Any, mode: Any) -> Any:
            return decide(Same() if judged(decide) else now, current, mode)

        return await commit(self, bucket, key, decided, learned)

    def judged(decide: Any) -> bool:
        return bool(decide.__module__ == "ocean.lifecycle.acts")

    patch.setattr(Objects, "commit", hasty)


def _amend_without_a_fence(patch: pytest.MonkeyPatch) -> None:
    """A noncurrent version is changed without a trace in the Head."""

    async def fence(self: Objects, bucket_id: bytes, key: str) -> Head | None:
        return await self.head(bucket_id, key)

    patch.setattr(Objects, "fence", fence)


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("overwritten", _ignore_the_head),
        ("overwritten without versions", _ignore_the_head),
        ("untagged", _ignore_the_head),
        ("restored", _ignore_the_head),
        ("made anew", _ignore_the_head),
        ("a version held", _amend_without_a_fence),
        ("a version untagged", _amend_without_a_fence),
    ],
)
def test_the_guard_is_needed(
    name: str, broken: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    with pytest.raises(AssertionError, match="gone after point"):
        outcomes(RACES[name])


# -- a pass that is killed ------------------------------------------------------------------


class Mortal(Process):
    """A process that is killed at its call number `until`."""

    until = 1 << 30

    async def step(self) -> None:
        self.until -= 1
        if self.until < 0:
            self.kill()
        await super().step()


def job_of(process: Process) -> Expiring:
    timing = Timing(day_ms=DAY_MS)
    return Expiring(process.meta, process.ocean.discard, process.ocean.clock, timing)


async def _fill(client: Client) -> None:
    """Something for each action, and something that stays."""
    await client.put("kept")
    for key in ("old1", "old2"):
        await client.put(key, key, GONE)
    for _ in range(TRASH_ENTRIES + 3):  # more than a Head may carry
        await client.put("versions")
    made = await client.put("marker")
    await client.delete("marker")
    await client.delete("marker", version_id_of(made))
    await client.begin_upload("upload1")
    await client.begin_upload("upload2")


RULES = (
    rule("1", expiration_days=1, tags=(GONE,)),
    rule("2", prefix="versions", noncurrent_days=1),
    rule("3", prefix="marker", expired_object_delete_marker=True),
    rule("4", days_after_initiation=1),
)
EXPECTED = {
    OFF: {"kept": "O", "versions": "O"},
    ENABLED: {"kept": "O", "old1": "MO", "old2": "MO", "versions": "O"},
    SUSPENDED: {"kept": "O", "old1": "M", "old2": "M", "versions": "O"},
}


async def run_killed(mode: Versioning, until: int) -> bool:
    """Whether the pass was killed. Afterwards another process passes, to the end."""
    world = World(1, Faults(), slow=0.0)
    try:
        one, other = await begun(world, Mortal), await begun(world)
        assert isinstance(one, Mortal)
        client = await Client.create(other, mode, *RULES)
        await _fill(client)
        await asyncio.sleep(2)
        one.until = until
        passing = asyncio.ensure_future(job_of(one).once())
        await asyncio.wait([passing], timeout=1)
        killed = one.killed
        assert passing.done() != killed
        job = job_of(other)
        for _ in range(100):
            await asyncio.sleep(1)
            await job.once()
            if (await passes.of_bucket(other.meta.engine, client.bucket.id)).full_ms:
                break
        assert await client.stacks() == EXPECTED[mode]
        assert await client.uploads() == []
        await _balanced(other)
        return killed
    finally:
        world.over = True


async def _balanced(process: Process) -> None:
    """What went is given back, and nothing else."""
    for _ in range(15):  # until who was killed has been judged dead
        await process.watch.once()
        await process.keeping.once()
        await process.collector.collect_due()
        await asyncio.sleep(1)
    async for fault in Fsck(process.world.engine, process.ocean.blobs, verify=True).run():
        raise AssertionError(str(fault))
    rows = [row async for row in Census(process.world.engine).rows()]
    assert not [row for row in rows if row.discarded or row.table in {Table.PARTS, Table.TRASH}]
    assert len([row for row in rows if row.table is Table.VERSIONS]) <= 2, "those under markers"


def check_killed(mode: Versioning, step: int) -> None:
    """Kill at each `step`-th call of a pass."""
    until = 0
    while run_virtual(run_killed(mode, until)):
        until += step
    assert until > 50


def test_a_pass_that_is_killed_goes_on() -> None:
    check_killed(ENABLED, 7)


@pytest.mark.slow
@pytest.mark.parametrize("mode", EXPECTED)
def test_a_pass_that_is_killed_at_any_call_goes_on(mode: Versioning) -> None:
    check_killed(mode, 1)


@pytest.mark.slow
def test_a_pass_that_notes_each_row_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expire, "NOTE", -1.0)
    monkeypatch.setattr(walk, "BATCH", 1)
    check_killed(ENABLED, 1)


# -- everything at once ---------------------------------------------------------------------


class Course:
    """Clients that put what is kept and what goes, one for each key, and passes all the time."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.world = World(seed + 1, Faults())
        self.last: dict[str, tuple[bytes, bool]] = {}  # by key: ETag, and whether it is kept
        self.unsure: set[str] = set()  # keys of which the last outcome is not known

    async def run(self) -> None:
        try:
            first = await begun(self.world)
            bucket = (await Client.create(first, ENABLED, RULES[0])).bucket
            alive = [first, await begun(self.world), await begun(self.world)]
            self.world.faults = Faults(lost_reply=0.03, late=0.03, dropped=0.02, repeated=0.03)
            working = [asyncio.create_task(self._pass(process)) for process in alive]
            clients = [
                asyncio.create_task(self._client(Client(alive[0], bucket), f"key{number}"))
                for number in range(4)
            ]
            await asyncio.sleep(3)
            alive[1].kill()
            await asyncio.wait(clients)
            for task in clients:
                task.result()
            for task in working:
                task.cancel()
            await self.world.settled()
            self.world.faults = Faults()
            await self._end(Client(alive[0], bucket))
        finally:
            self.world.over = True

    async def _pass(self, process: Process) -> None:
        job = job_of(process)
        while True:
            with suppress(EngineError, StoreError):
                await job.once()
            await asyncio.sleep(0.3)

    async def _client(self, client: Client, key: str) -> None:
        for number in range(6):
            await asyncio.sleep(self.random.uniform(0, 1.5))
            kept = self.random.random() < 0.5
            try:
                made = await client.put(key, f"{key} {number}", *(() if kept else (GONE,)))
            except (EngineError, StoreError):
                self.unsure.add(key)
            else:
                self.last[key] = made.etag, kept
                self.unsure.discard(key)

    async def _end(self, client: Client) -> None:
        """After a whole further pass without disturbance."""
        job = job_of(client.process)
        await asyncio.sleep(70)
        for _ in range(3):
            await asyncio.sleep(3)
            await job.once()
        shown = await client.stacks()
        for key, (etag, kept) in self.last.items():
            stack = shown.get(key, "")
            assert "MM" not in stack, key
            if key in self.unsure:
                continue
            found = await client.current(key)
            assert (found is not None) == kept, (key, stack)
            assert found is None or found.etag == etag


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 80, 20))
def test_passes_beside_clients(first: int) -> None:
    for seed in range(first, first + 20):
        try:
            run_virtual(Course(seed).run())
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise


def _anything(_current: Version | None) -> None:
    """No condition."""


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data
