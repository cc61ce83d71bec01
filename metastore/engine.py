"""What a metadata engine owes: what one HBase table gives, and nothing more.

Ordered rows of one value each, linearizable per row, and **durable before visible**: no process
ever reads a row that a power cut may take back. There is no transaction over two rows.
"""

from collections.abc import AsyncIterator, Sequence
from enum import Enum
from typing import NamedTuple, Protocol, runtime_checkable


class Table(Enum):
    """The keyspaces (see keys.py for their row keys)."""

    BUCKETS = "buckets"
    OBJECTS = "objects"
    VERSIONS = "versions"
    UPLOADS = "uploads"
    PARTS = "parts"
    MANIFESTS = "manifests"
    TRASH = "trash"
    VOLUMES = "volumes"
    LIVES = "lives"
    IDENTITIES = "identities"
    JOBS = "jobs"


class Row(NamedTuple):
    key: bytes
    value: bytes


class Swap(NamedTuple):
    """Replace `old` by `new` in one row: old None means absent, new None removes the row.

    Values are never empty. Bytes never repeat in a row, because every writer puts a fresh edit id
    into them, so there is no A-B-A; absence does repeat.
    """

    table: Table
    key: bytes
    old: bytes | None
    new: bytes | None


class EngineError(Exception):
    """A metadata operation did not succeed."""


class Unavailable(EngineError):
    """The engine cannot be reached or did not answer in time; a read, or nothing was changed."""


class Unknown(EngineError):
    """A swap or write was sent and no answer came: it may have happened, or may yet happen."""


class Full(EngineError):
    """No room for the change, which was not made. Reads and removals still work."""


class Corrupt(EngineError):
    """A stored value cannot be what was written."""


class Failed(EngineError):
    """A write or fsync failed: the engine has stopped for good and this process must end."""


class Counters:
    """Units of work done, for tests and metrics: growth is asserted on these, not on time."""

    __slots__ = ("commits", "fsyncs", "reads", "rows", "rpcs", "swaps")

    def __init__(self) -> None:
        self.reads = 0  # get, get_many (one for each key) and scans begun
        self.rows = 0  # rows that the engine's cursor moved over in scans
        self.swaps = 0  # swaps and writes, one for each row; removed ranges, one or a few for each
        self.commits = 0  # transactions that made them durable
        self.fsyncs = 0
        self.rpcs = 0  # calls of a server, where there is one


@runtime_checkable
class Engine(Protocol):
    """Every method may raise Unavailable; swap and write also Unknown, Full and Failed."""

    @property
    def counters(self) -> Counters: ...

    @property
    def definite(self) -> bool:
        """Whether False from a swap proves that it did not happen and never will."""
        ...

    async def get(self, table: Table, key: bytes) -> bytes | None: ...

    async def get_many(self, table: Table, keys: Sequence[bytes]) -> list[bytes | None]: ...

    def scan(
        self, table: Table, start: bytes, stop: bytes | None, *, limit: int
    ) -> AsyncIterator[Row]:
        """At most `limit` rows with start <= key < stop (None: to the end), ascending.

        Each row as it was at some moment during the scan; a row that existed throughout is
        never missed, none comes twice.
        """
        ...

    async def values(
        self, table: Table, start: bytes, stop: bytes | None, *, limit: int
    ) -> list[bytes]:
        """The values of the rows that scan gives, all at once: for at most some 10,000 rows."""
        ...

    async def swap(self, swap: Swap) -> bool:
        """True: done and durable. False: the row was not `old`; unless the engine is definite,
        also for a swap that its own retry had done already, as HBase's client answers.
        """
        ...

    async def swap_many(self, swaps: Sequence[Swap]) -> list[bool]:
        """Each on its own, as `swap` would, in any order; together only to save round trips."""
        ...

    async def write(self, table: Table, rows: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Put or remove (value None) rows that no one else writes at the time."""
        ...

    async def remove_range(self, table: Table, start: bytes, stop: bytes) -> None:
        """Remove rows with start <= key < stop that no one else writes at the time.

        Not as one: others may see some of them gone, and after an error some may stay.
        """
        ...

    async def close(self) -> None: ...
