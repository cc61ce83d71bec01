"""The check of a whole store, in both directions: rows to blobs and blobs to rows.

It only reads, and runs beside a server as well: what is found is looked at once more, and blobs
of processes that live, or whose death nobody has judged yet, are no faults.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from blobstore.base import BlobError, NotFound, Unavailable
from blobstore.blobs import Blobs
from blobstore.extents import Extent, Place
from metastore import codec, versions
from metastore.engine import Corrupt as CorruptRow
from metastore.engine import Engine, Table
from metastore.listing import Cursor
from metastore.lives import Lives
from metastore.records import Bucket, Head, Kind, LifeState, Part, Upload, UploadState
from ocean.jobs.orphans import epoch_of
from ocean.objects import label
from ocean.objects.census import Census, Named
from ocean.objects.verify import FaultKind, verify

_OVER = (UploadState.DONE, UploadState.ABORTED)  # the parts are being given back


class Fault(NamedTuple):
    """One finding: `where` is bucket and key as far as they are known, `what` says it."""

    kind: FaultKind
    where: str
    what: str
    blob: str = ""
    pool: str = ""

    @property
    def place(self) -> Place:
        """Of the blob."""
        return Place(self.pool, self.blob)


class Summary(NamedTuple):
    """What was looked at."""

    rows: int
    versions: int
    blobs: int
    waiting: int  # blobs of processes that died or still live, named by no row: for the jobs
    unread: dict[str, int]  # by pool: extents and listings that could not be looked at


class Fsck:
    """One check. `verify` reads every byte; `progress` is told the rows done so far. `tolerant`
    counts what does not answer, and goes on; else it is raised."""

    def __init__(
        self,
        engine: Engine,
        blobs: Blobs,
        *,
        verify: bool = False,
        tolerant: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self._engine = engine
        self._blobs = blobs
        self._verify = verify
        self._tolerant = tolerant
        self._progress = progress or _silent
        self._census = Census(engine)
        self._sizes: dict[Place, int | None] = {}
        self._named: set[Place] = set()
        self._missing_rows: Counter[tuple[bytes, str]] = Counter()
        self._live: dict[tuple[bytes, str], Head] = {}  # of keys with noncurrent versions
        self._of_parts: dict[bytes, list[tuple[Named, Fault]]] = {}  # by upload
        self._buckets: dict[bytes, str] = {}
        self._unread: Counter[str] = Counter()
        self._rows = self._versions = self._waiting = 0

    async def run(self) -> AsyncIterator[Fault]:
        """The faults, as they are found."""
        listed = await self._listed()
        async for fault in self._read_buckets():
            yield fault
        async for named in self._census.rows():
            self._rows += 1
            if self._rows % 1000 == 0:
                self._progress(self._rows)
            async for row, fault in self._check(named):
                if await self._still(row, fault):
                    yield fault
        for (bucket_id, key), count in self._missing_rows.items():
            if count > 0 and await self._rows_still_missing(bucket_id, key):
                where = self._where(bucket_id, key)
                yield Fault(FaultKind.MISSING, where, "a row of a noncurrent version is not there")
        async for fault in self._check_blobs(listed):
            yield fault

    @property
    def summary(self) -> Summary:
        """What was looked at, after the end."""
        unread = dict(self._unread)
        return Summary(self._rows, self._versions, len(self._sizes), self._waiting, unread)

    async def _listed(self) -> set[Place]:
        listed: set[Place] = set()
        for pool in self._blobs.segment_pools():
            try:
                listed |= {place async for place in self._blobs.list(pool)}
            except Unavailable as error:
                self._could_not_read(pool, error)
        return listed

    def _could_not_read(self, pool: str, error: Unavailable) -> None:
        if not self._tolerant:
            raise error
        self._unread[pool] += 1

    async def _read_buckets(self) -> AsyncIterator[Fault]:
        async for row in Cursor(self._engine, Table.BUCKETS, b"", None, 500):
            try:
                bucket = codec.decode(Bucket, row.value)
            except CorruptRow as error:
                yield Fault(FaultKind.ROW, repr(row.key), f"row of buckets: {error}")
            else:
                self._buckets[bucket.id] = bucket.name

    # -- rows to blobs ----------------------------------------------------------------------

    async def _check(self, named: Named) -> AsyncIterator[tuple[Named, Fault]]:
        """What is wrong with a row, or, at an upload that goes on, with its parts."""
        where = self._where(named.bucket_id, named.key)
        self._count(named)
        for extent in (*named.extents, *named.discarded):
            self._named.add(extent.place)
        if named.error and self._followed(named):
            what = f"row of {named.table.value}: {named.error}"
            yield named, Fault(FaultKind.ROW, where, what)
            return
        if isinstance(named.holder, Upload):
            for part, held in self._of_parts.pop(named.upload, ()):
                if named.holder.state not in _OVER:
                    yield part, held._replace(where=where)
        if self._followed(named):
            async for fault in self._check_extents(named, where):
                yield named, fault

    async def _check_extents(self, named: Named, where: str) -> AsyncIterator[Fault]:
        """Those of parts are kept until their upload comes."""
        for extent in named.extents:
            fault = await self._check_extent(named, extent, where)
            if fault is None:
                continue
            if isinstance(named.holder, Part):
                self._of_parts.setdefault(named.upload, []).append((named, fault))
            else:
                yield fault

    def _followed(self, named: Named) -> bool:
        """Whether readers go where a row points: of `versions`, only if the Head names it."""
        if not isinstance(named.holder, codec.VersionRow):
            return True
        head = self._live.get((named.bucket_id, named.key))
        return head is not None and versions.contains(head.live, named.seq)

    def _count(self, named: Named) -> None:
        """Count versions, and rows of `versions` that Heads name."""
        key = (named.bucket_id, named.key)
        match named.holder:
            case Head() as head:
                self._versions += head.current is not None
                count = sum(last - first + 1 for first, last in head.live)
                if count:
                    self._missing_rows[key] += count
                    self._live[key] = head
            case codec.VersionRow() as row:
                if self._followed(named):
                    self._missing_rows[key] -= 1
                    self._versions += row.version.kind is not Kind.NONE
            case _:
                pass

    async def _check_extent(self, named: Named, extent: Extent, where: str) -> Fault | None:
        """What is wrong with it; None as well where its partition does not answer."""
        try:
            return await self._wrong(named, extent, where)
        except Unavailable as error:
            self._could_not_read(extent.pool, error)
            return None

    async def _wrong(self, named: Named, extent: Extent, where: str) -> Fault | None:
        at = (extent.blob, extent.pool)
        size = await self._size(extent)
        if size is None:
            return Fault(FaultKind.MISSING, where, "its blob is not there", *at)
        if size < extent.offset + extent.span:
            what = f"its blob ends at {size}, before {extent.offset + extent.span}"
            return Fault(FaultKind.DAMAGED, where, what, *at)
        if not self._verify:
            return None
        wrong = await verify(self._blobs, named.bucket_id, extent)
        return Fault(wrong.kind, where, wrong.what, *at) if wrong is not None else None

    async def _size(self, extent: Extent) -> int | None:
        """The blob's size, asked once; a volume that is written to only grows."""
        known = self._sizes.get(extent.place)
        if known is None or known < extent.offset + extent.span:
            try:
                known = await self._blobs.blob_size(extent.place)
            except NotFound:
                known = None
            self._sizes[extent.place] = known
        return known

    # -- blobs to rows ----------------------------------------------------------------------

    async def _check_blobs(self, listed: set[Place]) -> AsyncIterator[Fault]:
        states = {life.epoch: life.state for life in await Lives(self._engine).list()}
        for place in sorted(listed - self._named):
            if states.get(epoch_of(place.blob), LifeState.CLEAN) is not LifeState.CLEAN:
                self._waiting += 1
                continue
            try:
                if not await self._blobs.has(place):
                    continue
                owner = label.decode(await self._blobs.label(place))
            except Unavailable as error:
                self._could_not_read(place.pool, error)
                continue
            except BlobError:
                owner = None
            where = self._where(owner.bucket_id, owner.key) if owner else ""
            yield Fault(FaultKind.ORPHAN, where, "no row names this blob", place.blob, place.pool)
        async for path in self._blobs.strays():
            yield Fault(FaultKind.STRAY, "", f"{path} is no blob", path)

    # -- looking again ----------------------------------------------------------------------

    async def _still(self, named: Named, fault: Fault) -> bool:
        """Whether the row that a fault was found by is as it was, and the fault with it."""
        if await self._engine.get(named.table, named.row) != named.value:
            return False
        if not fault.blob:
            return True
        self._sizes.pop(fault.place, None)
        where = self._where(named.bucket_id, named.key)
        for extent in named.extents:
            if extent.place == fault.place and await self._check_extent(named, extent, where):
                return True
        return False

    async def _rows_still_missing(self, bucket_id: bytes, key: str) -> bool:
        head = self._live[bucket_id, key]
        return await self._census.head(bucket_id, key) == head

    def _where(self, bucket_id: bytes, key: str) -> str:
        return f"{self._buckets.get(bucket_id, bucket_id.hex())}/{key}"


def _silent(_rows: int) -> None:
    """Say nothing."""
