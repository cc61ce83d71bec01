"""The store against a dictionary: whatever is done, read, listed, crashed and swept."""

from collections.abc import AsyncIterator, Coroutine
from itertools import count
from typing import Any, NamedTuple, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from metastore.errors import BucketNotEmpty
from metastore.listing import Scope
from metastore.listing import version_id_of as listed_id_of
from metastore.memory import Faults
from metastore.records import Algorithm, Bucket, Kind, LifeState, Version, Versioning
from ocean.errors import NoSuchUpload
from ocean.fsck import Fsck
from ocean.objects.census import Census
from ocean.objects.copy import Source
from ocean.objects.delete import Deleted
from ocean.objects.get import version_id_of
from ocean.objects.multipart import Wanted
from ocean.objects.put import Expected, Spool
from tests.properties.conftest import make_virtual
from tests.support.virtual import Process, VirtualLoop, World

T = TypeVar("T")
NOBODY = "0" * 64
KEYS = ("a", "a/", "a/b", "a/b/c", "a0", "b\0", "b\0c", "é")
keys = st.sampled_from(("a",) * 6 + KEYS)  # one with many versions, and some beside it
picks = st.integers(0, 9)
sizes = st.sampled_from([0, 8, 100])
limits = st.sampled_from([1, 2, 3, 1000])
prefixes = st.sampled_from(["", "a", "a/", "b\0", "é", "x"])
delimiters = st.sampled_from(["", "/", "b", "\0"])


class Entry(NamedTuple):
    """One version: `value` None is a delete marker."""

    vid: str
    value: bytes | None
    tag: str = ""


class Begun:
    """A multipart upload."""

    def __init__(self, key: str, upload_id: str) -> None:
        self.key = key
        self.id = upload_id
        self.parts: dict[int, tuple[bytes, str]] = {}
        self.asked: list[Wanted] = []
        self.made: str | None = None


class Store(RuleBasedStateMachine):
    """One process at a time; the dictionary is `versions`, newest first."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        make_virtual(self.patch)
        self.loop = VirtualLoop()
        self.world = World(0, Faults(), slow=0.0)
        self.numbers = count(1)
        self.versions: dict[str, list[Entry]] = {}
        self.uploads: list[Begun] = []
        self.done: list[Begun] = []
        self.process: Process
        self.bucket: Bucket
        self.mode = Versioning.OFF

    def run(self, what: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(what)

    def teardown(self) -> None:
        self.world.over = True
        self.loop.close()
        self.patch.undo()

    # -- processes and buckets --------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        self.run(self._begin())
        self.create()

    async def _begin(self) -> None:
        self.process = Process(self.world)
        await self.process.start(grace=0, interval=0, beat=1, dead=5)
        lives = self.process.meta.lives
        for life in await lives.list():
            if life.epoch != self.process.meta.life.epoch and life.state is LifeState.LIVE:
                await lives.change(life, LifeState.ENDED, life.beats)

    def create(self) -> None:
        self.bucket = Bucket(
            name="bucket", id=b"bucket%02d" % next(self.numbers), owner=NOBODY, created_ms=0
        )
        self.run(self.meta.buckets.create(self.bucket))
        self.mode = Versioning.OFF

    @property
    def meta(self) -> Any:
        return self.process.meta

    @rule()
    def crash(self) -> None:
        """Everything in memory is lost, and a new life begins."""
        self.process.kill()
        self.run(self._begin())

    @rule()
    def delete_bucket(self) -> None:
        if any(self.versions.values()):
            with pytest.raises(BucketNotEmpty):
                self.run(self.meta.buckets.delete(self.bucket))
            return
        self.run(self.meta.buckets.delete(self.bucket))
        self.uploads, self.done, self.versions = [], [], {}
        self.create()

    @rule(mode=st.sampled_from([Versioning.ENABLED, Versioning.ENABLED, Versioning.SUSPENDED]))
    def set_versioning(self, mode: Versioning) -> None:
        change = self.meta.buckets.change(self.bucket, lambda b: replace(b, versioning=mode))
        self.run(change)
        self.mode = mode

    # -- objects ----------------------------------------------------------------------------

    def value(self, size: int) -> bytes:
        return f"v{next(self.numbers)}".encode().ljust(size, b".") if size else b""

    def made(self, key: str, version: Version | None, value: bytes | None, tag: str = "") -> str:
        vid = version_id_of(version) if version is not None else "null"
        listed = self.versions.setdefault(key, [])
        if vid == "null":
            listed[:] = [one for one in listed if one.vid != "null"]
        if self.mode is Versioning.ENABLED:
            assert vid != "null"
        else:
            assert vid == "null"
        listed.insert(0, Entry(vid, value, tag))
        return vid

    @rule(what=st.lists(st.tuples(keys, sizes), min_size=1, max_size=4))
    def put(self, what: list[tuple[str, int]]) -> None:
        for key, size in what:
            value = self.value(size)
            self.made(key, self._put(key, Spool(_pieces(value), len(value))), value)

    def _put(self, key: str, body: Spool) -> Version:
        draft = Version(owner=NOBODY)
        ocean = self.process.ocean
        return self.run(
            ocean.put(self.bucket, key, draft, body, expected=Expected(), guard=_anything)
        )

    @rule(source=keys, to=keys, pick=picks)
    def copy(self, source: str, to: str, pick: int) -> None:
        """Of any version that is an object."""
        there = [one for one in self.versions.get(source, ()) if one.value is not None]
        if not there:
            self.put([(source, 100)])
            there = self.versions[source][:1]
        one = there[pick % len(there)]
        found = self.run(self.meta.objects.find(self.bucket.id, source, one.vid))
        body = Source(self.process.ocean.get, self.bucket, source, found).body()
        self.made(to, self._put(to, body), one.value)

    @rule(key=keys)
    def delete(self, key: str) -> None:
        self.gone(key, self.run(self.process.ocean.delete(self.bucket, key, None, _anything)))

    @rule(some=st.lists(keys, min_size=1, max_size=6))
    def delete_many(self, some: list[str]) -> None:
        """A key that is named twice is deleted twice, in either order."""
        wanted = [(key, _anything) for key in some]
        results = self.run(self.process.ocean.delete.many(self.bucket, wanted))
        done = [one for one in results if isinstance(one, Deleted)]
        by_seq = sorted(zip(some, done, strict=True), key=lambda one: one[1].version_id or "")
        for key, deleted in by_seq:
            self.gone(key, deleted)

    def gone(self, key: str, deleted: Deleted) -> None:
        if self.mode is Versioning.OFF:
            assert deleted.version_id is None
            self.versions.pop(key, None)
            return
        assert deleted.marker
        listed = self.versions.setdefault(key, [])
        if deleted.version_id == "null":
            listed[:] = [one for one in listed if one.vid != "null"]
        listed.insert(0, Entry(deleted.version_id or "", None))

    @rule(key=keys, pick=picks)
    def erase(self, key: str, pick: int) -> None:
        listed = self.versions.get(key, [])
        vids = [*(one.vid for one in listed), "null", "0" * 40]
        vid = vids[pick % len(vids)]
        gone = next((one for one in listed if one.vid == vid), None)
        deleted = self.run(self.process.ocean.delete(self.bucket, key, vid, _anything))
        assert deleted.marker == (gone is not None and gone.value is None)
        if gone is not None:
            listed.remove(gone)

    @rule(key=keys, pick=picks, tag=st.sampled_from("xy"))
    def tag(self, key: str, pick: int, tag: str) -> None:
        if not self.versions.get(key):
            self.put([(key, 8)])
        listed = self.versions[key]
        at = pick % len(listed)
        vid = listed[at].vid if pick < 8 or at else None
        amend = self.meta.objects.amend(
            self.bucket, key, vid, lambda one: replace(one, tags=(("t", tag),))
        )
        self.run(amend)
        listed[at] = listed[at]._replace(tag=tag)

    # -- uploads ----------------------------------------------------------------------------

    @rule(key=keys, parts=st.lists(st.tuples(st.integers(1, 3), sizes), max_size=4))
    def create_upload(self, key: str, parts: list[tuple[int, int]]) -> None:
        upload_id = self.run(
            self.process.ocean.multipart.create(
                self.bucket,
                key,
                Version(owner=NOBODY),
                initiator=NOBODY,
                algorithm=Algorithm.CRC64NVME,
                composite=False,
            )
        )
        self.uploads.append(Begun(key, upload_id))
        for number, size in parts:
            self.upload_part(len(self.uploads) - 1, number, size)

    def upload_part(self, pick: int, number: int, size: int) -> None:
        upload = self.uploads[pick % len(self.uploads)]
        value = self.value(size or 8)
        verbs = self.process.ocean.multipart
        found = self.run(verbs.find(self.bucket, upload.key, upload.id))
        body = Spool(_pieces(value), len(value))
        part = self.run(verbs.upload_part(self.bucket, found, number, body, Expected()))
        upload.parts[number] = value, part.etag.hex()

    @rule(pick=picks, most=st.integers(1, 3))
    def complete(self, pick: int, most: int) -> None:
        """Of some of the parts."""
        if not self.uploads:
            self.create_upload("a", [(1, 8), (1, 100), (2, 100)])
        upload = self.uploads[pick % len(self.uploads)]
        chosen = sorted(upload.parts)[:most]
        if not chosen:
            return
        upload.asked = [Wanted(number, upload.parts[number][1]) for number in chosen]
        version = self._complete(upload)
        value = b"".join(upload.parts[number][0] for number in chosen)
        upload.made = self.made(upload.key, version, value)
        self.uploads.remove(upload)
        self.done.append(upload)

    @rule(pick=picks)
    def complete_again(self, pick: int) -> None:
        if not self.done:
            return
        upload = self.done[pick % len(self.done)]
        assert version_id_of(self._complete(upload)) == upload.made

    def _complete(self, upload: Begun) -> Version:
        verbs = self.process.ocean.multipart
        stored = self.run(verbs.stored(self.bucket, upload.key, upload.id))
        return self.run(
            verbs.complete(
                self.bucket, stored, upload.asked, expected=None, size=None, guard=_anything
            )
        )

    @rule(pick=picks)
    def abort(self, pick: int) -> None:
        if not self.uploads:
            return
        upload = self.uploads.pop(pick % len(self.uploads))
        verbs = self.process.ocean.multipart
        self.run(verbs.abort(self.bucket, upload.key, upload.id))
        with pytest.raises(NoSuchUpload):
            self.run(verbs.abort(self.bucket, upload.key, upload.id))

    # -- listings ---------------------------------------------------------------------------

    @rule(prefix=prefixes, delimiter=delimiters, limit=limits)
    def list_keys(self, prefix: str, delimiter: str, limit: int) -> None:
        scope = Scope(self.bucket.id, prefix, delimiter)
        there = [
            key for key, listed in self.versions.items() if listed and listed[0].value is not None
        ]
        shown, rolled, after, more = [], [], "", True
        while more:
            page = self.run(self.meta.listing.keys(scope, after, limit))
            assert len(page) <= limit
            shown += [entry.key for entry in page.entries]
            rolled += page.prefixes
            more, after = page.truncated, page.after
        assert (shown, rolled) == _expected(scope, there)

    @rule(prefix=prefixes, delimiter=delimiters, limit=limits)
    def list_versions(self, prefix: str, delimiter: str, limit: int) -> None:
        scope = Scope(self.bucket.id, prefix, delimiter)
        shown, rolled, after, behind, more = [], [], "", "", True
        while more:
            page = self.run(self.meta.listing.versions(scope, after, behind, limit))
            assert len(page) <= limit
            shown += [(one.key, listed_id_of(one.summary), one.latest) for one in page.entries]
            rolled += page.prefixes
            more, after, behind = page.truncated, page.after, page.after_version
        plain, common = _expected(scope, [key for key, listed in self.versions.items() if listed])
        assert rolled == common
        assert shown == [
            (key, one.vid, at == 0) for key in plain for at, one in enumerate(self.versions[key])
        ]

    @rule(prefix=prefixes, delimiter=delimiters, limit=limits)
    def list_uploads(self, prefix: str, delimiter: str, limit: int) -> None:
        scope = Scope(self.bucket.id, prefix, delimiter)
        shown, rolled, after, behind, more = [], [], "", b"", True
        while more:
            page = self.run(self.meta.uploads.page(scope, after, behind, limit))
            assert len(page) <= limit
            shown += [(upload.key, upload.id.hex()) for upload in page.uploads]
            rolled += page.prefixes
            more, after, behind = page.truncated, page.after, page.after_id
        plain, common = _expected(scope, [upload.key for upload in self.uploads])
        assert rolled == common
        there = [(u.key, u.id) for key in plain for u in self.uploads if u.key == key]
        assert shown == sorted(there, key=lambda one: (one[0].encode(), one[1]))

    # -- invariants -------------------------------------------------------------------------

    @invariant()
    def reads_equal_the_dictionary(self) -> None:
        for key in KEYS:
            self.run(self._compare(key, self.versions.get(key, [])))

    async def _compare(self, key: str, listed: list[Entry]) -> None:
        current = await self.meta.objects.current(self.bucket.id, key)
        assert (current is None) == (not listed)
        for one in listed:
            found = await self.meta.objects.find(self.bucket.id, key, one.vid)
            assert found is not None
            assert (found.kind is Kind.OBJECT) == (one.value is not None)
            assert dict(found.tags).get("t", "") == one.tag
            if one.value is not None:
                stream = self.process.ocean.get.stream(self.bucket, key, found, 0, found.size)
                assert b"".join([bytes(piece) async for piece in stream]) == one.value
        if current is not None:
            assert version_id_of(current) == listed[0].vid

    @rule()
    def put_in_order(self) -> None:
        """All jobs until nothing is left to do: nothing leaks, nothing is missing."""
        self.run(self._put_in_order())

    async def _put_in_order(self) -> None:
        for _ in range(6):
            await self.process.watch.once()
            await self.process.keeping.once()
            await self.process.collector.collect_due()
        blobs = self.process.ocean.blobs
        assert [fault async for fault in Fsck(self.world.engine, blobs, verify=True).run()] == []
        begun = {bytes.fromhex(upload.id) for upload in self.uploads}
        named: set[str] = set()
        async for row in Census(self.world.engine).rows():
            assert not row.discarded or row.upload in begun
            named |= {extent.blob for extent in (*row.extents, *row.discarded)}
        assert set(self.world.large._blobs) <= named
        local = blobs.partitions["local"]
        active = {local.volumes.active, local.compacted.active}
        assert set(self.world.small._blobs) - active <= named


def _expected(scope: Scope, there: list[str]) -> tuple[list[str], list[str]]:
    """Keys and common prefixes of a listing without limits."""
    plain, common = [], []
    for key in sorted(set(there), key=str.encode):
        if key.startswith(scope.prefix):
            rolled = scope.common(key)
            if rolled is None:
                plain.append(key)
            elif rolled not in common:
                common.append(rolled)
    return plain, common


def _anything(_current: Version | None) -> None:
    """No condition."""


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data


@pytest.mark.slow
def test_the_store_is_the_dictionary() -> None:
    run_state_machine_as_test(Store, settings=_settings(40, 40))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_store_is_the_dictionary_for_long() -> None:
    run_state_machine_as_test(Store, settings=_settings(600, 60))


def _settings(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
