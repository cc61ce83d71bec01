"""A consistent copy of the embedded engine's file, whether processes write to it or not."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

from metastore.sqlite_file import check_file, read_error

_PAGES = 4096  # copied in one step: 32 MiB


def snapshot(source: str, target: str, note: Callable[[int, int], None]) -> None:
    """Copy the file at `source` as it is at one moment to the new file `target`.

    One read transaction spans the copying, so that writers neither wait nor make it begin again;
    the log grows meanwhile (https://www.sqlite.org/backup.html). `note` is told pages done and
    pages in all. What is read is durable: see sqlite.py.

    Raises:
        EngineError: the file is of a newer format. Corrupt: it is not ours.
        Unavailable: it cannot be read, or the copy cannot be written.
    """

    def progress(_status: int, remaining: int, total: int) -> None:
        note(total - remaining, total)

    try:
        with (
            closing(sqlite3.connect(source, isolation_level=None)) as reader,
            closing(sqlite3.connect(target, isolation_level=None)) as writer,
        ):
            reader.execute("BEGIN")
            check_file(reader, source)
            reader.backup(writer, pages=_PAGES, progress=progress, sleep=0)
            reader.execute("COMMIT")
    except sqlite3.Error as error:
        raise read_error(error) from error
