"""Rows as read since the last commit, of whatever process: reading one costs 15 us, looking 1.

SQLite keeps the header of its log's index in shared memory. Every commit changes it, after its
fsync, and no reader takes a commit for made before the header's first copy says so
(https://www.sqlite.org/walformat.html 2.1, `walIndexWriteHdr`): while that copy is what it was
before a row was read, the row is what it was.
"""

import ctypes
import os
from pathlib import Path

from metastore.engine import Table

_HEADER = ctypes.c_char * 48
_ROWS = 4096
_VALUE = 1024  # bytes; longer values are rare, and 4,096 of them would be much

Rows = dict[tuple[Table, bytes], bytes | None]


class RecentRows:
    """What was read under one header; empty again once the header is another.

    The header is looked at where SQLite has mapped it. Not by a descriptor of our own: closing
    that would drop SQLite's locks on the file (https://www.sqlite.org/howtocorrupt.html 2.2).
    """

    def __init__(self, path: str) -> None:
        """Of the database at `path`, which a connection of this process has read from.

        Where the system does not tell what is mapped, nothing is kept.
        """
        self._rows: Rows = {}
        self._read_under = b""
        address = _mapped(f"{os.path.realpath(path)}-shm")
        self._header = None if address is None else _HEADER.from_address(address)

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


def keepable(value: bytes | None) -> bool:
    """Whether a value is short enough to be kept."""
    return value is None or len(value) <= _VALUE


def _mapped(path: str) -> int | None:
    """The address at which this process has the first bytes of a file; None if it has not."""
    try:
        lines = Path("/proc/self/maps").read_text(errors="surrogateescape").splitlines()
    except OSError:
        return None
    for line in lines:
        addresses, _, offset, _, _, *name = line.split(maxsplit=5)
        if name == [path] and int(offset, 16) == 0:
            return int(addresses.partition("-")[0], 16)
    return None
