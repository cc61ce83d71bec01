"""Opening the database file of the embedded engine: format, settings and recovery."""

import fcntl
import os
import sqlite3
from dataclasses import dataclass
from typing import Literal

from metastore.engine import Corrupt, EngineError, Table, Unavailable

FORMAT = 1  # PRAGMA user_version of the files that this code writes, and the newest it reads
_APPLICATION = 0x4F43_4541  # PRAGMA application_id: "OCEA"

# Rows of 300-600 bytes lie in inner pages too, so small pages make a deep tree (4 KiB: about 8 rows
# a page), and large ones a log that is mostly repetition. 8 KiB was the best of 4, 8 and 16.
PAGE = 8192

Durability = Literal["full", "relaxed"]


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of one process; those of the file itself are fixed when it is made."""

    durability: Durability = "full"  # relaxed: a power cut may undo what was acknowledged
    read_cache: int = 64 * 2**20  # bytes
    write_cache: int = 32 * 2**20  # bytes
    checkpoint_pages: int = 1000  # pages in the log before they go to their places
    reserve: int | None = None  # bytes held back for removals; None: 1 %, at most 16 MiB
    patience: float = 5.0  # seconds to wait for a foreign program's lock


def for_each_table(statement: str) -> dict[Table, str]:
    """The statement with the name of each table in place of {}."""
    return {table: statement.format(table.value) for table in Table}


class Presence:
    """A shared lock held while the file is open, so that the first opener knows it is alone.

    Until `share`, all other openers wait.
    """

    def __init__(self, path: str) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._opening = os.open(f"{path}ing", flags, 0o600)
        self._open = os.open(path, flags, 0o600)
        fcntl.flock(self._opening, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._open, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.alone = True
        except BlockingIOError:
            self.alone = False

    def share(self) -> None:
        """Let others in, once what only the first opener does is done."""
        fcntl.flock(self._open, fcntl.LOCK_SH)
        fcntl.flock(self._opening, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._opening)
        os.close(self._open)


def connect(path: str, cache: int, patience: float) -> sqlite3.Connection:
    """A connection in autocommit mode that any one thread at a time may use."""
    connection = sqlite3.connect(
        path,
        timeout=patience,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    connection.execute(f"PRAGMA cache_size = {-(cache // 1024)}")
    connection.execute("PRAGMA secure_delete = OFF")
    return connection


def prepare_file(connection: sqlite3.Connection, path: str) -> None:
    """Make the file if it is new, refuse one that is not ours, and bring the log home.

    Only while no one else has it open. The log may hold commits whose fsync failed or was cut
    short: readable, since they are in the page cache, but not durable. The checkpoint syncs them.

    Raises:
        EngineError: the file is of a newer format.
        Corrupt: the file is no database, or that of another program.
    """
    try:
        version = check_file(connection, path)
        connection.execute(f"PRAGMA page_size = {PAGE}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise Unavailable(f"{path} is in use by another program")
        if version < FORMAT:
            _create(connection)
    except sqlite3.DatabaseError as error:
        raise read_error(error) from error


def check_file(connection: sqlite3.Connection, path: str) -> int:
    """The file's format, 0 if it is new.

    Raises:
        EngineError: it is of a newer format.
        Corrupt: it is that of another program.
    """
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    tables: int = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application != _APPLICATION and (application or version or tables):
        raise Corrupt(f"{path} is a database of another program")
    if version > FORMAT:
        raise EngineError(f"{path} has format {version}; this release knows up to {FORMAT}")
    return version


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    for table in Table:
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {table.value}"
            " (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
        )
    connection.execute("COMMIT")


def read_error(error: sqlite3.Error) -> EngineError:
    """What a read that failed so raises."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return Corrupt(str(error))
    return Unavailable(str(error))
