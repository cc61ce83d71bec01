"""The embedded engine: one SQLite file, shared by the worker processes of one machine.

A reader sees a commit only once the log is synced: SQLite writes the header of the log's index,
which makes the commit visible, after the fsync (https://www.sqlite.org/wal.html, `sqlite3WalFrames`
before `walIndexWriteHdr`), and a process that dies in between leaves frames that the next commit
overwrites. What only recovery could bring back, the first opener makes durable.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from metastore.engine import Counters, EngineError, Failed, Row, Swap, Table, Unavailable
from metastore.group_commit import Change, GroupCommit, put_changes, removal, swap_change
from metastore.recent_rows import RecentRows, keep
from metastore.reserve import Reserve
from metastore.sqlite_file import (
    Durability,
    Options,
    Presence,
    check_file,
    connect,
    for_each_table,
    prepare_file,
    read_error,
)
from metastore.turnstile import Turnstile

_CHUNK = 256  # rows that a scan takes at once: no read lasts longer, the log's reset waits for it
_PIECE = 512  # rows that one statement removes: longer ones would keep the loop
_row = partial(tuple.__new__, Row)  # Row._make, without a look at the length
_UNREAD = b""  # no row has an empty value
_GET = for_each_table("SELECT value FROM {} WHERE key = ?")
_FROM = for_each_table("SELECT key, value FROM {} WHERE key >= ? ORDER BY key LIMIT ?")
_BETWEEN = for_each_table(
    "SELECT key, value FROM {} WHERE key >= ? AND key < ? ORDER BY key LIMIT ?"
)
_VALUES = for_each_table("SELECT value FROM {} WHERE key >= ? AND key < ? ORDER BY key LIMIT ?")
_VALUES_FROM = for_each_table("SELECT value FROM {} WHERE key >= ? ORDER BY key LIMIT ?")
_NTH = for_each_table("SELECT key FROM {} WHERE key >= ? AND key < ? ORDER BY key LIMIT 1 OFFSET ?")


class SqliteEngine:
    """Reads on the loop's thread, from a connection of their own; writes by group commit.

    Open it in the process that uses it: it does not survive a fork.
    """

    def __init__(self, path: str, options: Options, on_failure: Callable[[Failed], None]) -> None:
        """Open or make the file at `path`; `-lock` and the like are put beside it.

        Raises:
            EngineError: the file is of a newer format. Corrupt: it is not ours.
            Unavailable: it cannot be opened.
        """
        self._counters = Counters()
        self._options = options
        try:
            self._presence = Presence(f"{path}-open")
        except OSError as error:
            raise Unavailable(str(error)) from error
        try:
            self._open(path)
        except sqlite3.Error as error:
            self._presence.close()
            raise read_error(error) from error
        except EngineError:
            self._presence.close()
            raise
        self._turnstile = Turnstile(f"{path}-queue", f"{path}-lock")
        self._execute = self._reader.cursor().execute
        self._recent = RecentRows(path)
        self._commits = GroupCommit(
            self._writer, self._turnstile, self._reserve, self._counters, options, on_failure
        )

    def _open(self, path: str) -> None:
        options = self._options
        self._writer = connect(path, options.write_cache, options.patience)
        if self._presence.alone:
            prepare_file(self._writer, path)
        else:
            check_file(self._writer, path)
        self._reader = connect(path, options.read_cache, options.patience)
        self._reserve = Reserve(f"{path}-reserve", options.reserve)
        self._reserve.restore()
        self._presence.share()
        level = "FULL" if options.durability == "full" else "NORMAL"
        self._writer.execute(f"PRAGMA synchronous = {level}")
        self._writer.execute("PRAGMA wal_autocheckpoint = 0")
        self._writer.execute("PRAGMA cache_spill = OFF")  # statements write nothing, COMMIT does
        self._writer.execute("PRAGMA busy_timeout = 0")  # the loop must not wait

    @property
    def counters(self) -> Counters:
        return self._counters

    @property
    def definite(self) -> bool:
        return True

    @property
    def durability(self) -> Durability:
        return self._options.durability

    async def get(self, table: Table, key: bytes) -> bytes | None:
        self._counters.reads += 1
        recent = self._recent.now()
        value = recent.get((table, key), _UNREAD)
        if value is _UNREAD:
            value = self._read(table, key)
            keep(recent, table, key, value)
        return value

    async def get_many(self, table: Table, keys: Sequence[bytes]) -> list[bytes | None]:
        self._counters.reads += len(keys)
        recent = self._recent.now()
        values = [recent.get((table, key), _UNREAD) for key in keys]
        if _UNREAD not in values:
            return values
        execute = self._execute
        try:
            execute("BEGIN")  # one look at the log for all
            try:
                values = [self._read(table, key) for key in keys]
            finally:
                execute("COMMIT")
        except sqlite3.Error as error:
            raise read_error(error) from error
        for key, value in zip(keys, values, strict=True):
            keep(recent, table, key, value)
        return values

    def _read(self, table: Table, key: bytes) -> bytes | None:
        try:
            row: tuple[bytes] | None = self._execute(_GET[table], (key,)).fetchone()
        except sqlite3.Error as error:
            raise read_error(error) from error
        return None if row is None else row[0]

    async def scan(
        self, table: Table, start: bytes, stop: bytes | None, *, limit: int
    ) -> AsyncIterator[Row]:
        self._counters.reads += 1
        while limit > 0:
            rows = self._rows(table, start, stop, min(limit, _CHUNK))
            self._counters.rows += len(rows)
            for row in map(_row, rows):
                yield row
            if len(rows) < _CHUNK:
                return
            limit -= len(rows)
            start = rows[-1][0] + b"\0"

    def _rows(
        self, table: Table, start: bytes, stop: bytes | None, limit: int
    ) -> list[tuple[bytes, bytes]]:
        if stop is None:
            return self._fetch(_FROM[table], (start, limit))
        return self._fetch(_BETWEEN[table], (start, stop, limit))

    async def values(
        self, table: Table, start: bytes, stop: bytes | None, *, limit: int
    ) -> list[bytes]:
        if stop is None:
            rows = self._fetch(_VALUES_FROM[table], (start, limit))
        else:
            rows = self._fetch(_VALUES[table], (start, stop, limit))
        self._counters.reads += 1
        self._counters.rows += len(rows)
        return [value for (value,) in rows]

    def _fetch(self, statement: str, parameters: tuple[bytes | int, ...]) -> list[Any]:
        try:
            return self._execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise read_error(error) from error

    async def swap(self, swap: Swap) -> bool:
        change = swap_change(swap)
        self._submit([change])
        return await change.future

    async def swap_many(self, swaps: Sequence[Swap]) -> list[bool]:
        changes = [swap_change(swap) for swap in swaps]
        self._submit(changes)
        return await _outcomes(changes)

    async def write(self, table: Table, rows: Sequence[tuple[bytes, bytes | None]]) -> None:
        changes = put_changes(table, rows)
        self._commits.submit(changes)
        self._counters.swaps += len(rows)
        await _outcomes(changes)

    async def remove_range(self, table: Table, start: bytes, stop: bytes) -> None:
        edges = [start]
        while found := self._fetch(_NTH[table], (edges[-1], stop, _PIECE)):
            edges.append(found[0][0])
        # From the end: SQLite then touches about half as many pages.
        changes = [
            removal(table, first, behind, rows=_PIECE)
            for first, behind in reversed(list(pairwise([*edges, stop])))
        ]
        self._submit(changes)
        await _outcomes(changes)

    def _submit(self, changes: Sequence[Change]) -> None:
        self._commits.submit(changes)
        self._counters.swaps += len(changes)

    async def close(self) -> None:
        """Finish the writes that wait; the last process to close brings the log home."""
        await self._commits.close()
        self._recent.close()
        self._reader.close()
        self._writer.close()
        self._turnstile.close()
        self._reserve.close()
        self._presence.close()


async def _outcomes(changes: Sequence[Change]) -> list[bool]:
    """Wait for all, also if one failed; then raise the first error."""
    if changes:
        await asyncio.wait([change.future for change in changes])
    return [change.future.result() for change in changes]
