"""Listings: pages of keys, of versions and of uploads, each read from the engine in order.

The cost of a page follows what it lists, not what the bucket holds: a common prefix is jumped
over, and batches grow only while they are used up.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import NamedTuple

from metastore import codec, keys, versions
from metastore.codec import Summary
from metastore.engine import Engine, Row, Table
from metastore.objects import Objects
from metastore.records import Kind

ROWS_A_PAGE = 20_000  # rows read at most: behind many delete markers a page comes out short
_BATCH = 1001  # a page of S3, and the key that says whether there is more
_new = tuple.__new__  # a named tuple without a call of its constructor: a page has a thousand


class Entry(NamedTuple):
    """One listed version."""

    key: str
    summary: Summary
    latest: bool


@dataclass(slots=True)
class Page:
    """Entries and common prefixes of one page; `after` is where the next begins, when truncated."""

    entries: list[Entry] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    truncated: bool = False
    after: str = ""
    after_version: str = ""

    def __len__(self) -> int:
        return len(self.entries) + len(self.prefixes)


class Cursor:
    """Rows of one keyspace from `start`, with jumps; reads little more than is looked at.

    A batch doubles while every row of it was used and falls back to one row after a jump.
    """

    def __init__(
        self, engine: Engine, table: Table, start: bytes, stop: bytes | None, batch: int
    ) -> None:
        self._engine = engine
        self._table = table
        self._next = start
        self._stop = stop
        self._size = batch
        self._ended = False
        self._jumped = False
        self.rows = 0

    async def batch(self) -> list[Row]:
        """The next rows; none at the end. After a jump, the rest of the last batch is void."""
        if self._ended or (self._stop is not None and self._next >= self._stop):
            return []
        self._jumped = False
        scan = self._engine.scan(self._table, self._next, self._stop, limit=self._size)
        rows = [row async for row in scan]
        self.rows += len(rows)
        self._ended = len(rows) < self._size
        self._size = min(self._size * 2, _BATCH)
        if rows:
            self._next = rows[-1].key + b"\0"
        return rows

    def jump(self, target: bytes | None) -> None:
        """Go on at `target`; None: there is nothing behind."""
        self._jumped, self._size = True, 1
        self._ended = target is None
        self._next = target or b""

    async def __aiter__(self) -> AsyncIterator[Row]:
        while rows := await self.batch():
            for row in rows:
                yield row
                if self._jumped:
                    break


class Scope(NamedTuple):
    """What to list: keys of a bucket that start with `prefix`, rolled up at `delimiter`."""

    bucket_id: bytes
    prefix: str = ""
    delimiter: str = ""

    def common(self, key: str) -> str | None:
        """The common prefix that `key` falls under."""
        if not self.delimiter:
            return None
        at = key.find(self.delimiter, len(self.prefix))
        return None if at < 0 else key[: at + len(self.delimiter)]

    def rolled(self, after: str) -> bool:
        """Whether a marker is a common prefix that was listed already."""
        return bool(after) and self.common(after) == after

    def start(self, after: str) -> bytes | None:
        """Row in `objects` behind the marker `after`; None: nothing is."""
        first = keys.object_row(self.bucket_id, self.prefix)
        if not after:
            return first
        row = keys.object_row(self.bucket_id, after)
        return (
            max(first, keys.successor(row) or row)
            if self.rolled(after)
            else max(first, row + b"\0")
        )

    def stop(self) -> bytes | None:
        """The row behind the last key of the scope."""
        return keys.successor(keys.object_row(self.bucket_id, self.prefix))


class Listing:
    """The verbs that list."""

    def __init__(self, engine: Engine, objects: Objects) -> None:
        self._engine = engine
        self._objects = objects

    async def keys(self, scope: Scope, after: str, limit: int) -> Page:
        """Current objects: at most `limit` keys and common prefixes behind `after`."""
        page = Page()
        if limit == 0:
            return page
        page.after = after
        cursor = self._cursor(scope, after, limit)
        while rows := await cursor.batch():
            common = self._take(scope, page, await self._current(rows), limit)
            if page.truncated:
                return page
            if common is not None:
                cursor.jump(keys.successor(keys.object_row(scope.bucket_id, common)))
                continue
            last = keys.object_key(rows[-1].key)
            if cursor.rows >= ROWS_A_PAGE and not scope.rolled(last):
                page.truncated, page.after = True, last
                return page
        return page

    async def _current(self, rows: list[Row]) -> list[Entry]:
        """The rows whose current version is an object."""
        found = []
        for row_key, value in rows:
            summary = codec.summary(value)  # of all: a look at the kind first costs as much again
            kind = summary.kind & codec.KIND
            if kind == Kind.OBJECT:
                key = row_key[keys.ID_SIZE :].decode()
                found.append(_new(Entry, (key, summary, True)))
            elif kind == Kind.REFERENCE:
                key = keys.object_key(row_key)
                current = await self._objects.current(row_key[: keys.ID_SIZE], key)
                if current is not None and current.kind is Kind.OBJECT:
                    data = codec.encode_version(codec.VersionRow(current))
                    found.append(Entry(key, codec.summary(data), latest=True))
        return found

    def _take(self, scope: Scope, page: Page, entries: list[Entry], limit: int) -> str | None:
        """Add entries until the page is full, or up to a common prefix, which is given back."""
        room = limit - len(page)
        for count, entry in enumerate(entries[:room] if scope.delimiter else ()):
            common = scope.common(entry.key)
            if common is not None:
                page.entries += entries[:count]
                page.prefixes.append(common)
                page.after = common
                return common
        if taken := entries[:room]:
            page.entries += taken
            page.after = taken[-1].key
        page.truncated = len(entries) > room
        return None

    async def versions(self, scope: Scope, after: str, after_version: str, limit: int) -> Page:
        """All versions and delete markers behind `after`, or behind one version of it."""
        page = Page()
        if limit == 0:
            return page
        if after_version and after.startswith(scope.prefix) and scope.common(after) is None:
            data = await self._engine.get(Table.OBJECTS, keys.object_row(scope.bucket_id, after))
            behind = await self._seq_of(scope.bucket_id, after, after_version)
            if data is not None:
                await self._versions_of(scope, page, Row(b"", data), after, behind, limit)
        if page.truncated:
            return page
        cursor = self._cursor(scope, after, limit)
        async for row in cursor:
            key = keys.object_key(row.key)
            if codec.kind_of(row.value) == Kind.NONE and not codec.has_live(row.value):
                continue
            common = scope.common(key)
            if common is None:
                await self._versions_of(scope, page, row, key, None, limit)
            elif len(page) == limit:
                page.truncated = True
            else:
                page.prefixes.append(common)
                page.after, page.after_version = common, ""
                cursor.jump(keys.successor(keys.object_row(scope.bucket_id, common)))
            if page.truncated:
                return page
        return page

    def _cursor(self, scope: Scope, after: str, limit: int) -> Cursor:
        batch = 1 if scope.delimiter else min(limit + 1, _BATCH)
        start = scope.start(after)
        return Cursor(self._engine, Table.OBJECTS, start or b"\xff" * 9, scope.stop(), batch)

    async def _versions_of(
        self, scope: Scope, page: Page, row: Row, key: str, behind: int | None, limit: int
    ) -> None:
        """Add the versions of one key whose seq is below `behind`, newest first."""
        latest = codec.kind_of(row.value) in {Kind.NONE, Kind.REFERENCE}  # a live row may be it
        if not latest:
            current = codec.summary(row.value)
            listed = behind is None or current.seq < behind
            if listed and not self._append(page, Entry(key, current, latest=True), limit):
                return
        if not codec.has_live(row.value):
            return
        live = codec.decode_head_once(row.value).live
        prefix = keys.version_rows(scope.bucket_id, key)
        cursor = Cursor(self._engine, Table.VERSIONS, prefix, keys.successor(prefix), 16)
        async for version in cursor:
            _, seq = keys.version_of(version.key)
            if not versions.contains(live, seq) or codec.kind_of(version.value) == Kind.NONE:
                continue
            is_latest, latest = latest, False
            if behind is not None and seq >= behind:
                continue
            if not self._append(page, Entry(key, codec.summary(version.value), is_latest), limit):
                return

    async def _seq_of(self, bucket_id: bytes, key: str, version_id: str) -> int | None:
        if not version_id:
            return None
        parsed = keys.parse_version_id(version_id)
        if parsed is not None:
            return parsed[0]
        version = await self._objects.find(bucket_id, key, version_id)
        return version.seq if version else 0

    def _append(self, page: Page, entry: Entry, limit: int) -> bool:
        if len(page) == limit:
            page.truncated = True
            return False
        page.entries.append(entry)
        page.after, page.after_version = entry.key, version_id_of(entry.summary)
        return True


def version_id_of(summary: Summary) -> str:
    """The version id that clients see of a listed version."""
    return "null" if summary.null else keys.version_id(summary.seq, summary.op)
