"""Clients of a virtual world: what they do, what they see, and whether S3 promises it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any

from msgspec.structs import replace

from blobstore.base import BlobError, NotFound
from blobstore.extents import Layout
from metastore.engine import EngineError, Table
from metastore.errors import NoVersion, StoreError
from metastore.listing import Scope
from metastore.listing import version_id_of as listed_id_of
from metastore.memory import Faults
from metastore.objects import Guard
from metastore.records import Algorithm, Bucket, Kind, LifeState, Version, Versioning
from ocean.errors import NoSuchUpload, PreconditionFailed, S3Error
from ocean.fsck import Fsck
from ocean.objects.census import Census
from ocean.objects.get import version_id_of
from ocean.objects.multipart import Wanted
from ocean.objects.put import Expected, Spool
from tests.support.linear import Entry, Operation, explains
from tests.support.virtual import Process, World

BEAT, FRESH, DEAD, GRACE, INTERVAL = 0.3, 0.8, 1.6, 2.0, 0.7  # seconds
NOBODY = "0" * 64


class Violation(AssertionError):
    """The store broke a promise."""


class Clients:
    """All clients of one world; what they saw, by key."""

    def __init__(self, world: World, random: Random) -> None:
        self.world = world
        self.random = random
        self.processes: list[Process] = []
        self.history: dict[str, list[Operation]] = {}
        self.vids: dict[str, list[str]] = {}
        self.bucket: Bucket
        self._values = 0
        self._moment = 0

    async def begin(self) -> Process:
        """A process more."""
        process = Process(self.world)
        await process.start(grace=GRACE, interval=INTERVAL, beat=BEAT, dead=DEAD)
        self.processes.append(process)
        return process

    async def create_bucket(self, mode: Versioning) -> None:
        meta = self.processes[0].meta
        bucket = Bucket(name="bucket", id=b"bucketid", owner=NOBODY, created_ms=0, versioning=mode)
        await meta.buckets.create(bucket)
        found = await meta.buckets.find("bucket")
        assert found is not None
        self.bucket = found

    async def enable_versioning(self, process: Process) -> None:
        await process.meta.buckets.change(
            self.bucket, lambda now: replace(now, versioning=Versioning.ENABLED)
        )

    def asked(self, kind: str, key: str, *args: Any) -> Operation:
        one = Operation(kind, self._now(), args)
        self.history.setdefault(key, []).append(one)
        return one

    def answered(self, one: Operation, result: Any) -> None:
        one.ended, one.result = self._now(), result

    def ids(self, key: str) -> list[str]:
        """Version ids that clients know of."""
        return self.vids.setdefault(key, ["null"])

    def value(self, size: int = 8) -> str:
        """Fresh content."""
        self._values += 1
        return f"v{self._values}".ljust(size, ".")

    def _now(self) -> float:
        """Later than everything before: what ended before another began is told apart."""
        self._moment += 1
        return self._moment

    # -- what they do -----------------------------------------------------------------------

    async def put(
        self, process: Process, key: str, value: str, condition: str | None = None
    ) -> str | None:
        """`condition`: None, "*" for no object, or the content that must be there."""
        one = self.asked("put", key, value, condition)
        draft = Version(owner=NOBODY)
        body = Spool(_pieces(value.encode()), len(value))
        with suppress(EngineError, BlobError):
            try:
                made = await process.ocean.put(
                    self.bucket, key, draft, body, expected=Expected(), guard=_guard(condition)
                )
            except PreconditionFailed:
                self.answered(one, "failed")
            except StoreError:
                self.history[key].remove(one)
            else:
                self.answered(one, version_id_of(made))
                self.ids(key).append(version_id_of(made))
                return version_id_of(made)
        return None

    async def delete(self, process: Process, key: str) -> None:
        one = self.asked("delete", key)
        with suppress(EngineError, StoreError):
            deleted = await process.ocean.delete(self.bucket, key, None, _guard(None))
            if deleted.version_id is not None:
                self.ids(key).append(deleted.version_id)
            self.answered(one, deleted.version_id or "gone")

    async def delete_many(self, process: Process, keys: Sequence[str]) -> None:
        """Each key on its own, as far as a client can tell."""
        asked = [self.asked("delete", key) for key in keys]
        with suppress(EngineError, StoreError):
            results = await process.ocean.delete.many(
                self.bucket, [(key, _guard(None)) for key in keys]
            )
            for key, one, deleted in zip(keys, asked, results, strict=True):
                if isinstance(deleted, EngineError | StoreError):
                    continue
                if isinstance(deleted, Exception):
                    raise deleted
                if deleted.version_id is not None:
                    self.ids(key).append(deleted.version_id)
                self.answered(one, deleted.version_id or "gone")

    async def erase(self, process: Process, key: str, vid: str) -> None:
        one = self.asked("erase", key, vid)
        with suppress(EngineError, StoreError):
            gone = await process.meta.objects.erase(self.bucket, key, vid, _guard(None))
            self.answered(one, gone is not None)

    async def tag(self, process: Process, key: str, vid: str | None, tag: str) -> None:
        one = self.asked("tag", key, vid, tag)
        with suppress(EngineError):
            try:
                await process.meta.objects.amend(self.bucket, key, vid, partial(_tagged, tag))
            except NoVersion:
                self.answered(one, "failed")
            except StoreError:
                self.history[key].remove(one)
            else:
                self.answered(one, "done")

    async def get(self, process: Process, key: str, vid: str | None = None) -> None:
        one = self.asked("get", key, vid)
        try:
            self.answered(one, await self.read(process, key, vid))
        except (EngineError, StoreError):
            self.history[key].remove(one)

    async def read(self, process: Process, key: str, vid: str | None) -> tuple[str, str] | None:
        """Content and tag of an object; Violation when its bytes are not there."""
        objects = process.meta.objects
        for _ in range(3):
            found = await (
                objects.current(self.bucket.id, key)
                if vid is None
                else objects.find(self.bucket.id, key, vid)
            )
            if found is None or found.kind is not Kind.OBJECT:
                return None
            try:
                return await self._content(process, key, found), dict(found.tags).get("t", "")
            except NotFound:
                continue  # replaced meanwhile
        raise Violation(f"the bytes of {key!r} are not there: {found}")

    async def _content(self, process: Process, key: str, found: Version) -> str:
        pieces = process.ocean.get.stream(self.bucket, key, found, 0, found.size)
        return b"".join([bytes(piece) async for piece in pieces]).decode()

    # -- the end ----------------------------------------------------------------------------

    async def end(self) -> None:
        """Kill everyone, let a new process put the house in order, and judge what was seen."""
        for process in self.processes:
            process.kill()
        await self.world.settled()
        self.world.faults, self.world.slow = Faults(), 0.0
        last = Process(self.world)
        await last.start(grace=0, interval=0, beat=BEAT, dead=DEAD)
        for life in await last.meta.lives.list():
            if life.epoch != last.meta.life.epoch and life.state is LifeState.LIVE:
                await last.meta.lives.change(life, LifeState.ENDED, life.beats)
        for key in self.history:
            await self._look(last, key)
        page = await last.meta.uploads.page(Scope(self.bucket.id), "", b"", 1000)
        for upload in page.uploads:
            with suppress(NoSuchUpload):
                await last.ocean.multipart.abort(self.bucket, upload.key, upload.id.hex())
        for _ in range(6):
            await last.watch.once()
            await last.keeping.once()
            await last.collector.collect_due()
            await asyncio.sleep(1)
        for key in self.history:
            await self._look(last, key)
        self.judge()
        await self._balance(last)

    def judge(self) -> None:
        """Violation unless everything that was seen of each key can be explained."""
        for key, seen in self.history.items():
            if not explains(seen):
                told = "\n".join(map(str, sorted(seen, key=lambda one: one.begun)))
                raise Violation(f"no order explains what {key!r} showed:\n{told}")

    async def _look(self, process: Process, key: str) -> None:
        """Read a key in every way."""
        one = self.asked("list", key)
        page = await process.meta.listing.versions(Scope(self.bucket.id, key), "", "", 1000)
        shown = []
        for entry in page.entries:
            vid = listed_id_of(entry.summary)
            found = await process.meta.objects.find(self.bucket.id, key, vid)
            if found is None:
                raise Violation(f"{vid} of {key!r} is listed and not there")
            value = None
            if found.kind is Kind.OBJECT:
                try:
                    value = await self._content(process, key, found)
                except NotFound as error:
                    raise Violation(f"the bytes of {key!r} are not there") from error
            shown.append(Entry(value, vid, dict(found.tags).get("t", "")))
        self.answered(one, tuple(shown))
        await self.get(process, key)

    async def _balance(self, process: Process) -> None:
        """Nothing is missing, nothing is left over."""
        async for fault in Fsck(self.world.engine, process.ocean.blobs, verify=True).run():
            raise Violation(str(fault))
        named: set[str] = set()
        async for row in Census(self.world.engine).rows():
            if row.discarded or row.table in {Table.PARTS, Table.TRASH}:
                raise Violation(f"left over: {row}")
            named |= {e.blob for e in row.extents if e.layout is Layout.SEGMENTS}
        left = set(self.world.large._blobs) - named
        if left:
            raise Violation(f"blobs that nothing names: {left}")


class Upload:
    """A multipart upload as its client sees it."""

    def __init__(self, clients: Clients, key: str) -> None:
        self.clients = clients
        self.key = key
        self.id = ""
        self.over = False
        self.parts: dict[int, tuple[str, str]] = {}  # content and ETag of acknowledged parts
        self.chosen: dict[int, tuple[str, str]] = {}  # those that Complete asked for
        self.completing: Operation | None = None

    async def create(self, process: Process) -> None:
        self.id = await process.ocean.multipart.create(
            self.clients.bucket,
            self.key,
            Version(owner=NOBODY),
            initiator=NOBODY,
            algorithm=Algorithm.CRC64NVME,
            composite=False,
        )

    async def part(self, process: Process, number: int, value: str) -> None:
        verbs, bucket = process.ocean.multipart, self.clients.bucket
        upload = await verbs.find(bucket, self.key, self.id)
        body = Spool(_pieces(value.encode()), len(value))
        part = await verbs.upload_part(bucket, upload, number, body, Expected())
        done = self.completing is not None and self.completing.result is not ...
        if done and self.chosen.get(number, ("",))[0] not in {"", value}:
            raise Violation("a part was acknowledged after its upload had been completed")
        self.parts[number] = value, part.etag.hex()

    async def complete(self, process: Process) -> None:
        """The first time, or once more."""
        clients = self.clients
        if self.completing is None:
            self.chosen = dict(sorted(self.parts.items()))
            value = "".join(value for value, _ in self.chosen.values())
            self.completing = clients.asked("put", self.key, value, None, self.id)
        one = self.completing
        wanted = [Wanted(number, etag) for number, (_, etag) in self.chosen.items()]
        verbs = process.ocean.multipart
        try:
            upload = await verbs.stored(clients.bucket, self.key, self.id)
            made = await verbs.complete(
                clients.bucket,
                upload,
                wanted,
                expected=None,
                size=None,
                guard=_guard(None),
            )
        except NoSuchUpload:
            if one.result is not ...:
                raise Violation("a Complete that was answered is not known any more") from None
            raise
        if one.result is ...:
            clients.answered(one, version_id_of(made))
            clients.ids(self.key).append(version_id_of(made))
        elif one.result != version_id_of(made):
            raise Violation(f"Complete answered {one.result} and then {version_id_of(made)}")

    async def abort(self, process: Process) -> None:
        self.over = True
        await process.ocean.multipart.abort(self.clients.bucket, self.key, self.id)


REFUSED = (EngineError, BlobError, StoreError, S3Error)


def _tagged(tag: str, version: Version) -> Version:
    if version.kind is not Kind.OBJECT:
        raise NoVersion
    return replace(version, tags=(("t", tag),))


def _guard(condition: str | None) -> Guard:
    etag = hashlib.md5((condition or "").encode()).hexdigest()

    def guard(current: Version | None) -> None:
        there = current.etag_text if current is not None and current.kind is Kind.OBJECT else None
        wanted = {None: there, "*": None}.get(condition, etag)
        if there != wanted:
            raise PreconditionFailed

    return guard


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data
