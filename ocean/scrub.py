"""The scrub: every byte that a row names is read and compared with its checksum, again and again.

It goes from row to row, notes how far it came, and goes on there after a pause or a crash. What it
finds is noted under bucket and key, and left as it is: nothing rewrites or collects damaged bytes
that a row names, and reading them is refused.
"""

import asyncio
import time
from collections.abc import AsyncIterator

import msgspec

from blobstore.base import BlobError
from blobstore.blobs import Blobs
from blobstore.extents import Extent, Place
from metastore import codec, versions
from metastore.engine import Engine, Table
from metastore.listing import Cursor
from metastore.records import Bucket, Part, Upload, UploadState
from ocean.claim import claimed
from ocean.objects.census import TABLES, Census, Named
from ocean.objects.get import version_id_of
from ocean.objects.verify import FaultKind, Spend, verify

TOGETHER = 16  # extents read at once
NOTE = 5.0  # seconds between notes of how far it is

_STATE = b"scrub\0state"
_FINDINGS = b"scrub\0f\0"
_BEHIND = b"scrub\0f\1"
_OVER = (UploadState.DONE, UploadState.ABORTED)


class State(msgspec.Struct, frozen=True, array_like=True):
    """How far the scrub is: `table` and `row` are what comes next. `number` counts the passes that
    were begun; `finished_ms` is of the last that ended (0: none)."""

    number: int = 0
    table: str = ""
    row: bytes = b""
    begun_ms: int = 0
    finished_ms: int = 0
    rows: int = 0
    bytes: int = 0
    found: int = 0
    unread: int = 0

    @property
    def under_way(self) -> bool:
        """Whether a pass was begun and has not ended."""
        return bool(self.table)


class Finding(msgspec.Struct, frozen=True, array_like=True):
    """Bytes that are not what was written. `seen_ms` is when they were last found so."""

    bucket: str
    key: str
    version_id: str
    kind: FaultKind
    what: str
    pool: str
    blob: str
    offset: int
    number: int
    seen_ms: int


async def state(engine: Engine) -> State:
    """How far the scrub is."""
    data = await engine.get(Table.JOBS, _STATE)
    return State() if data is None else codec.decode(State, data)


async def first_seen(engine: Engine, now: State) -> int:
    """When the store was first looked at, in ms: its first pass is due an interval after."""
    if not now.begun_ms:
        now = msgspec.structs.replace(now, begun_ms=_now_ms())
        await engine.write(Table.JOBS, [(_STATE, codec.encode(now))])
    return now.begun_ms


async def findings(engine: Engine) -> AsyncIterator[Finding]:
    """What was found and has not been found mended since."""
    async for row in Cursor(engine, Table.JOBS, _FINDINGS, _BEHIND, 500):
        yield codec.decode(Finding, row.value)


class Scrub:
    """One process's work at it. `spend` is awaited with the bytes that were read."""

    def __init__(self, engine: Engine, blobs: Blobs, spend: Spend) -> None:
        self._engine = engine
        self._blobs = blobs
        self._spend = spend
        self._census = Census(engine)
        self._buckets: dict[bytes, str] = {}
        self._state = State()
        self._noted = 0.0
        self._parts: dict[bytes, list[Finding]] = {}  # of uploads not come to yet

    async def run(self) -> AsyncIterator[Finding]:
        """Go on with a pass that was begun, or begin one; what is found, up to its end. Held, when
        another process scrubs."""
        async with claimed(self._engine, "scrub") as self._check:
            async for found in self._pass():
                yield found

    async def _pass(self) -> AsyncIterator[Finding]:
        self._state = await state(self._engine)
        if not self._state.under_way:
            begun = State(self._state.number + 1, TABLES[0].value, begun_ms=_now_ms())
            self._state = msgspec.structs.replace(begun, finished_ms=self._state.finished_ms)
        await self._read_buckets()
        names = [table.value for table in TABLES]
        first = names.index(self._state.table)
        if first < names.index(Table.TRASH.value):
            first = 0  # parts are judged by uploads: both again
            await self._note(table=names[0], row=b"")
        for table in TABLES[first:]:
            start = self._state.row if table.value == self._state.table else b""
            async for found in self._table(table, start):
                yield found
        await self._forget_mended()
        await self._note(table="", row=b"", finished_ms=_now_ms())

    async def _table(self, table: Table, start: bytes) -> AsyncIterator[Finding]:
        group: list[Named] = []
        async for named in self._census.table(table, start):
            group.append(named)
            if sum(len(one.extents) or 1 for one in group) >= TOGETHER:
                for found in await self._look(group):
                    yield found
                await self._passed(table, named)
                group = []
        for found in await self._look(group):
            yield found
        following = TABLES.index(table) + 1
        await self._note(
            table=TABLES[following].value if following < len(TABLES) else table.value, row=b""
        )

    async def _look(self, group: list[Named]) -> list[Finding]:
        """Read all that some rows name; what is wrong, looked at twice."""
        looked = await asyncio.gather(*(self._row(named) for named in group))
        found = [finding for findings in looked for finding in findings]
        for finding in found:
            await self._engine.write(Table.JOBS, [(_row_of(finding), codec.encode(finding))])
        count = sum(extent.span for named in group for extent in named.extents)
        now = self._state
        self._state = msgspec.structs.replace(
            now, rows=now.rows + len(group), bytes=now.bytes + count, found=now.found + len(found)
        )
        return found

    async def _row(self, named: Named) -> list[Finding]:
        if isinstance(named.holder, Upload):
            held = self._parts.pop(named.upload, [])
            if named.holder.state in _OVER:
                return []
            return [msgspec.structs.replace(one, key=named.key) for one in held]
        found: list[Finding] = []
        if named.error and await self._still(named):
            kind = FaultKind.ROW if named.holder is None else FaultKind.MISSING
            found.append(self._finding(named, kind, named.error, Place("", named.row.hex()), 0))
        for extent in named.extents:
            finding = await self._extent(named, extent)
            if finding is not None:
                found.append(finding)
        if isinstance(named.holder, Part):
            if found:
                self._parts.setdefault(named.upload, []).extend(found)
            return []
        return found

    async def _extent(self, named: Named, extent: Extent) -> Finding | None:
        try:
            wrong = await verify(self._blobs, named.bucket_id, extent, self._spend)
            if wrong is not None and await self._still(named):
                wrong = await verify(self._blobs, named.bucket_id, extent)
            else:
                wrong = None
        except BlobError:  # its partition does not answer: nobody knows
            self._state = msgspec.structs.replace(self._state, unread=self._state.unread + 1)
            return None
        if wrong is None:
            return None
        return self._finding(named, wrong.kind, wrong.what, extent.place, extent.offset)

    def _finding(
        self, named: Named, kind: FaultKind, what: str, place: Place, offset: int
    ) -> Finding:
        return Finding(
            self._buckets.get(named.bucket_id, named.bucket_id.hex()),
            named.key,
            _version_id(named),
            kind,
            what,
            *place,
            offset,
            self._state.number,
            _now_ms(),
        )

    async def _still(self, named: Named) -> bool:
        """Whether the row is as it was, and readers go where it points."""
        now = await self._census.again(named)
        if now is None or now.value != named.value or now.extents != named.extents:
            return False
        if not isinstance(named.holder, codec.VersionRow):
            return True
        head = await self._census.head(named.bucket_id, named.key)
        return head is not None and versions.contains(head.live, named.seq)

    async def _read_buckets(self) -> None:
        async for row in Cursor(self._engine, Table.BUCKETS, b"", None, 500):
            bucket = codec.decode(Bucket, row.value)
            self._buckets[bucket.id] = bucket.name

    async def _passed(self, table: Table, named: Named) -> None:
        if time.monotonic() - self._noted > NOTE:
            await self._note(table=table.value, row=named.row + b"\0")

    async def _note(self, **changes: object) -> None:
        self._check()
        self._state = msgspec.structs.replace(self._state, **changes)
        self._noted = time.monotonic()
        await self._engine.write(Table.JOBS, [(_STATE, codec.encode(self._state))])

    async def _forget_mended(self) -> None:
        """Findings that this pass did not meet again, unless something could not be read."""
        if self._state.unread:
            return
        async for row in Cursor(self._engine, Table.JOBS, _FINDINGS, _BEHIND, 500):
            if codec.decode(Finding, row.value).number < self._state.number:
                await self._engine.write(Table.JOBS, [(row.key, None)])


def _row_of(finding: Finding) -> bytes:
    place = f"{finding.pool}\0{finding.blob}\0{finding.offset:016x}\0{finding.version_id}"
    return _FINDINGS + place.encode()


def _version_id(named: Named) -> str:
    holder = named.holder
    version = getattr(holder, "current", None) or getattr(holder, "version", None)
    return version_id_of(version) if version is not None else ""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
