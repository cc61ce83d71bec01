"""Copying all rows from one engine to another: resumable, since it writes only what differs."""

from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from typing import NamedTuple

from metastore.cache.view import VIEW
from metastore.engine import Corrupt, Engine, Row, Table

_PAGE = 1_000  # rows read and written at once


class Copied(NamedTuple):
    """How many rows there are, and how many of them had to be written or removed."""

    rows: int
    changed: int


async def copy(source: Engine, target: Engine, progress: Callable[[int], None]) -> Copied:
    """Make the rows of `target` those of `source`, which nobody changes meanwhile.

    Read again afterwards and compared as a whole: Corrupt when they are not the same.
    """
    rows = changed = 0
    for table in Table:
        async for page in _pages(source, target, table):
            rows += len(page.source)
            changed += await page.write(target)
            progress(rows)
    for table in Table:
        if await _digest(source, table) != await _digest(target, table):
            raise Corrupt(f"the copied rows of {table.value} are not those of the source")
    return Copied(rows, changed)


class _Page(NamedTuple):
    """The rows of one stretch of a table, there and here."""

    table: Table
    source: list[Row]
    target: list[Row]

    async def write(self, target: Engine) -> int:
        wanted, there = dict(self.source), dict(self.target)
        changes: list[tuple[bytes, bytes | None]] = [
            (key, value) for key, value in wanted.items() if there.get(key) != value
        ]
        changes += [(key, None) for key in there if key not in wanted]
        if changes:
            await target.write(self.table, changes)
        return len(changes)


async def _pages(source: Engine, target: Engine, table: Table) -> AsyncIterator[_Page]:
    start = b""
    while True:
        rows = [row async for row in source.scan(table, start, None, limit=_PAGE)]
        stop = rows[-1].key + b"\0" if len(rows) == _PAGE else None
        there = [row async for row in target.scan(table, start, stop, limit=1 << 40)]
        if rows or there:
            yield _Page(table, _copied(table, rows), _copied(table, there))
        if stop is None:
            return
        start = stop


def _copied(table: Table, rows: list[Row]) -> list[Row]:
    """All but which memcached servers are in use, which is another matter there."""
    return [row for row in rows if (table, row.key) != (Table.JOBS, VIEW)]


async def _digest(engine: Engine, table: Table) -> bytes:
    digest = sha256()
    async for row in engine.scan(table, b"", None, limit=1 << 40):
        for part in row if _copied(table, [row]) else ():
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()
