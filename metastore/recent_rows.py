"""Rows as read since the last commit, of whatever process: reading one costs 15 us, looking 1.

SQLite keeps the header of its log's index in shared memory. Every commit changes it, after its
fsync, and no reader takes a commit for made before the header's first copy says so
(https://www.sqlite.org/walformat.html 2.1, `walIndexWriteHdr`): while that copy is what it was
before a row was read, the row is what it was.
"""

import ctypes
import logging
import os
from pathlib import Path

from metastore.engine import Table

log = logging.getLogger(__name__)

_HEADER = ctypes.c_char * 48
_ROWS = 4096
_VALUE = 1024  # bytes; longer values are rare, and 4,096 of them would be much

Rows = dict[tuple[Table, bytes], bytes | None]


class RecentRows:
    """What was read under one header; empty again once the header is another.

    A row read under a header that was copied while it changed, or newer than its header, goes with
    the next look at the whole one. The header is looked at where SQLite has mapped it. Not by a
    descriptor of our own: closing that would drop SQLite's locks on the file
    (https://www.sqlite.org/howtocorrupt.html 2.2).
    """

    def __init__(self, path: str) -> None:
        """Of the database at `path`, which a connection of this process has read from.

        Where the system does not tell what is mapped, nothing is kept.
        """
        self._rows: Rows = {}
        self._read_under = b""
        address = _mapped(f"{os.path.realpath(path)}-shm")
        self._header = None if address is None else _HEADER.from_address(address)
        if address is None:
            log.warning("rows are read again each time: %s-shm is not found among the maps", path)

    def now(self) -> Rows:
        """The rows that are still what they were. Take them before reading what is to be kept."""
        if self._header is None:
            return {}
        header = self._header.raw
        if header != self._read_under or len(self._rows) >= _ROWS:
            self._rows = {}
            self._read_under = header
        return self._rows

    def close(self) -> None:
        """Keep nothing any more: the mapping goes with the connections."""
        self._header = None


def keep(rows: Rows, table: Table, key: bytes, value: bytes | None) -> None:
    """Put a row that was just read among `rows`, if it is short enough."""
    if value is None or len(value) <= _VALUE:
        rows[table, key] = value


def _mapped(path: str) -> int | None:
    """The address at which this process has the first bytes of a file; None if it has not.

    Bytes and not text: a path may hold whatever text takes for the end of a line.
    """
    shown = os.fsencode(path).replace(b"\n", rb"\012")
    try:
        lines = Path("/proc/self/maps").read_bytes().split(b"\n")
        inode = os.stat(path).st_ino
    except OSError:
        return None
    for line in lines:
        fields = line.split(None, 5)
        if fields[5:] == [shown] and int(fields[2], 16) == 0 and int(fields[4]) == inode:
            return int(fields[0].partition(b"-")[0], 16)
    return None
