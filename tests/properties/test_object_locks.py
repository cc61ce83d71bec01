"""Locks and deletions of the same versions at once, over an engine that loses answers.

A lock that was acknowledged outlasts every deletion, whenever that began: had it been first, the
version would not have been there to be locked. So at the end each such version is there, whole.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from blobstore.base import BlobError
from metastore import versions
from metastore.engine import EngineError
from metastore.errors import NoVersion, StoreError
from metastore.memory import Faults
from metastore.objects import Guard
from metastore.records import Bucket, Kind, LifeState, Version, Versioning
from metastore.retention_records import BucketLock, Retention, RetentionMode
from ocean.errors import AccessDenied
from ocean.objects.delete import Delete, Deleted
from ocean.objects.get import version_id_of
from ocean.objects.put import Expected, Spool
from ocean.rules.retention import LATEST_MS, check_delete
from tests.properties.test_rules import KEY, Scenario, explore
from tests.support.clients import NOBODY, Clients, Violation
from tests.support.virtual import Process, World, run_virtual

FAULTS = Faults(lost_reply=0.03, late=0.03, dropped=0.02, repeated=0.03)
LOST = (EngineError, StoreError, BlobError)  # no outcome is known
RETENTION = Retention(RetentionMode.COMPLIANCE, LATEST_MS)
pytestmark = pytest.mark.usefixtures("virtual")


def hold(version: Version) -> Version:
    return _object(version, legal_hold=True)


def retain(version: Version) -> Version:
    return _object(version, retention=RETENTION)


def _object(version: Version, **lock: Any) -> Version:
    if version.kind is not Kind.OBJECT:
        raise NoVersion
    return replace(version, **lock)


def anyway(_current: Version | None) -> None:
    """No condition."""


async def put(process: Process, bucket: Bucket, text: str) -> str:
    """The id of a new version."""

    async def pieces() -> AsyncIterator[bytes]:
        yield text.encode()

    made = await process.ocean.put(
        bucket,
        KEY,
        Version(owner=NOBODY),
        Spool(pieces(), len(text)),
        expected=Expected(),
        guard=anyway,
    )
    return version_id_of(made)


class Race:
    """Twenty deletions of three versions, and locks of them; puts make them current no more."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.world = World(seed + 1, Faults())
        self.clients = Clients(self.world, self.random)
        self.text: dict[str, str] = {}
        self.locked: set[str] = set()  # acknowledged
        self.asked: set[str] = set()
        self.gone: set[str] = set()  # acknowledged

    async def run(self) -> None:
        """All of it; Violation."""
        try:
            processes = [await self.clients.begin() for _ in range(2)]
            await self.clients.create_bucket(Versioning.ENABLED)
            for process in processes:
                process.work()
            for n in range(3):
                text = f"v{n}".ljust(self.random.choice([8, 100]), ".")
                self.text[await put(processes[0], self.clients.bucket, text)] = text
            self.world.faults = FAULTS
            await self._race(processes)
            await self._judge()
        finally:
            self.world.over = True

    async def _race(self, processes: list[Process]) -> None:
        actions: list[Callable[[Process], Awaitable[None]]] = [self._delete] * 20
        actions += [self._lock] * 6 + [self._put] * 2 + [self._hide]
        self.random.shuffle(actions)
        tasks = [
            asyncio.create_task(self._soon(action, self.random.choice(processes)))
            for action in actions
        ]
        done, waiting = await asyncio.wait(tasks, timeout=20)
        for task in waiting:
            task.cancel()
        for task in done:
            task.result()

    async def _soon(self, action: Callable[[Process], Awaitable[None]], process: Process) -> None:
        await asyncio.sleep(self.random.uniform(0, 0.1))
        with suppress(*LOST):
            await action(process)

    async def _delete(self, process: Process) -> None:
        version = self.random.choice(list(self.text))
        try:
            await process.ocean.delete(self.clients.bucket, KEY, version, anyway, bypass=True)
        except AccessDenied:
            if version not in self.asked:
                raise Violation("a version was refused to be deleted without a lock") from None
        else:
            self.gone.add(version)

    async def _lock(self, process: Process) -> None:
        version = self.random.choice(list(self.text))
        self.asked.add(version)
        lock = self.random.choice([hold, retain])
        with suppress(NoVersion):
            await process.meta.objects.amend(self.clients.bucket, KEY, version, lock)
            self.locked.add(version)

    async def _put(self, process: Process) -> None:
        await put(process, self.clients.bucket, "more")

    async def _hide(self, process: Process) -> None:
        await process.ocean.delete(self.clients.bucket, KEY, None, anyway)

    async def _judge(self) -> None:
        for process in self.clients.processes:
            process.kill()
        await self.world.settled()
        self.world.faults, self.world.slow = Faults(), 0.0
        last = Process(self.world)
        await last.start(grace=0, interval=0, beat=1, dead=1)
        for life in await last.meta.lives.list():
            if life.epoch != last.meta.life.epoch:
                await last.meta.lives.change(life, LifeState.ENDED, life.beats)
        for _ in range(6):
            await last.watch.once()
            await last.keeping.once()
            await last.collector.collect_due()
            await asyncio.sleep(1)
        for version, text in self.text.items():
            found = await self.clients.read(last, KEY, version)
            if version in self.locked and found != (text, ""):
                raise Violation(f"{version} was locked and is gone")
            if version in self.gone and found is not None:
                raise Violation(f"{version} was deleted and is there")


def races(first: int, last: int) -> tuple[int, int]:
    """How many versions were locked, and how many deleted."""
    locked = gone = 0
    for seed in range(first, last):
        race = Race(seed)
        try:
            run_virtual(race.run())
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
        locked, gone = locked + len(race.locked), gone + len(race.gone)
    return locked, gone


@pytest.mark.slow
def test_a_lock_that_was_acknowledged_outlasts_all_deletions() -> None:
    locked, gone = races(0, 200)
    assert min(locked, gone) > 100, "both sides win races"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", [1000, 1500])
def test_more_races(first: int) -> None:
    races(first, first + 500)


def test_a_lock_that_is_looked_at_beforehand_is_not_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def early(
        self: Delete, bucket: Bucket, key: str, version_id: str, guard: Guard, *, bypass: bool
    ) -> Deleted:
        found = await self._meta.objects.find(bucket.id, key, version_id)
        if found is not None:
            now = self._clock.now_ms()
            held, on = found.retention, found.legal_hold
            check_delete(held, legal_hold=on, now_ms=now, bypass=bypass)
        await self._meta.objects.erase(bucket, key, version_id, guard)
        return Deleted(version_id)

    async def either(self: Delete, *args: Any, **options: Any) -> Deleted:
        make = early if args[2] is not None else whole
        return await make(self, *args, **options)

    whole = Delete.__call__
    monkeypatch.setattr(Delete, "__call__", either)
    with pytest.raises(Violation, match="was locked and is gone"):
        races(0, 60)


# --- null versions from before the bucket kept any ------------------------------------------------


class HeldNull(Scenario):
    """A null version is locked while a put of before object lock stands still."""

    mode = Versioning.OFF
    held = False

    async def action(self, one: Process) -> None:
        await self.clients.put(one, KEY, self.clients.value())

    async def before(self, one: Process, other: Process) -> None:
        await self.clients.put(one, KEY, self.clients.value())

    async def meanwhile(self, one: Process, other: Process) -> None:
        """Whoever reads the bucket's record now finds the lock, which is not answered yet."""
        buckets, bucket = other.meta.buckets, self.clients.bucket
        self.change = asyncio.create_task(buckets.change(bucket, _lockable))
        await asyncio.sleep(0.01)
        assert (await buckets.open(bucket)).bucket.lock is not None
        with suppress(NoVersion):
            await other.meta.objects.amend(bucket, KEY, "null", hold)
            self.held = True

    async def after(self, one: Process, other: Process) -> None:
        if not hasattr(self, "change"):
            return
        await self.change
        found = await other.meta.objects.find(self.clients.bucket.id, KEY, "null")
        if self.held and (found is None or not found.legal_hold):
            raise Violation("a null version was locked and is gone")


class HeldNullHidden(HeldNull):
    """A delete stands still."""

    async def action(self, one: Process) -> None:
        await self.clients.delete(one, KEY)


class HeldNullOfMany(HeldNull):
    """DeleteObjects stands still."""

    async def action(self, one: Process) -> None:
        await self.clients.delete_many(one, [KEY])


class HeldOldNull(HeldNull):
    """The null version is not current, in a bucket whose versioning was suspended."""

    async def before(self, one: Process, other: Process) -> None:
        await super().before(one, other)
        await self.clients.enable_versioning(one)
        await self.clients.put(one, KEY, self.clients.value())
        await one.meta.buckets.change(
            self.clients.bucket, lambda bucket: replace(bucket, versioning=Versioning.SUSPENDED)
        )


class HeldOldNullHidden(HeldOldNull):
    """A delete stands still."""

    async def action(self, one: Process) -> None:
        await self.clients.delete(one, KEY)


def _lockable(bucket: Bucket) -> Bucket:
    return replace(bucket, versioning=Versioning.ENABLED, lock=BucketLock())


NULLS = [HeldNull, HeldNullHidden, HeldNullOfMany, HeldOldNull, HeldOldNullHidden]


@pytest.mark.parametrize("scenario", NULLS)
def test_a_null_version_under_a_lock_outlasts_what_began_before(
    scenario: type[Scenario],
) -> None:
    assert explore(scenario) > 2


@pytest.mark.parametrize("scenario", NULLS)
def test_without_a_look_at_its_lock_it_does_not(
    scenario: type[Scenario], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "bears_lock", lambda _version: False)
    with pytest.raises(Violation, match="was locked and is gone"):
        explore(scenario)
