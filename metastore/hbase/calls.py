"""The calls that the engine makes of HBase, each blocking, on one connection.

One record is one cell, `r:v`. Values are never empty: HBase takes an empty one for absent.
"""

from collections.abc import Sequence
from typing import Any

from metastore.engine import Row, Unavailable, Unknown
from metastore.hbase import pages
from metastore.hbase.connection import Connection, Lost, thrift2
from metastore.hbase.outages import Region

FAMILY, QUALIFIER = b"r", b"v"
COLUMN = FAMILY + b":" + QUALIFIER
_RECEIVED = 1 << 18  # bytes at once: a page is some hundred KiB, and each wait is for the GIL too
_COLUMNS = [thrift2.TColumn(family=FAMILY, qualifier=QUALIFIER)]

# Of the newest cell, by its own timestamp. All that is older than now (DELETE_COLUMNS) would say
# True and leave a cell that was written before the region server's clock was put back.
_NEWEST = thrift2.TDeleteType.DELETE_COLUMN


def get_rows(connection: Connection, table: bytes, keys: Sequence[bytes]) -> dict[bytes, bytes]:
    """The values of the rows that are there."""

    def ask(to: Connection) -> Any:
        return to.first.table(table, use_prefix=False).rows(keys, columns=[COLUMN])

    return {row: cells[COLUMN] for row, cells in _read(connection, ask)}


def scan(
    connection: Connection, table: bytes, start: bytes, stop: bytes | None, limit: int
) -> list[Row]:
    """The first `limit` rows from `start` on, in one call: no scanner outlives it."""
    wanted = thrift2.TScan(
        startRow=start, stopRow=stop or b"", columns=_COLUMNS, caching=limit, limit=limit
    )
    question = pages.ask(thrift2.THBaseService.getScannerResults_args(table, wanted, limit))

    def ask(to: Connection) -> list[Row]:
        bare, page = to.bare, pages.Page()
        bare.sendall(question)
        while not page.take(bare.recv(_RECEIVED)):
            pass
        return page.rows

    rows: list[Row] = _read(connection, ask)
    return rows


def regions(connection: Connection, table: bytes) -> list[Region]:
    """Those of a table, in order."""

    def ask(to: Connection) -> Any:
        return to.first.table(table, use_prefix=False).regions()

    found = _read(connection, ask)
    return sorted(Region(one["start_key"], one["end_key"]) for one in found)


def remove(connection: Connection, table: bytes, key: bytes, old: bytes | None) -> bool:
    """Compare and remove one row. Unavailable: nothing was sent. Unknown: it may yet happen."""
    change = thrift2.TDelete(row=key, columns=_COLUMNS, deleteType=_NEWEST)

    def ask(to: Connection) -> bool:
        return bool(to.second.checkAndDelete(table, key, FAMILY, QUALIFIER, old, change))

    try:
        return connection.call(ask, again=False)
    except Lost as error:
        raise Unknown(str(error)) from error


def remove_rows(connection: Connection, table: bytes, keys: Sequence[bytes]) -> None:
    """Remove rows that nobody writes. Unknown: some may be there still."""
    deletes = [
        thrift2.TDelete(row=key, columns=_COLUMNS, deleteType=thrift2.TDeleteType.DELETE_COLUMNS)
        for key in keys
    ]
    try:
        connection.call(lambda to: to.second.deleteMultiple(table, deletes), again=True)
    except Lost as error:
        raise Unknown(str(error)) from error


def _read(connection: Connection, ask: Any) -> Any:
    try:
        return connection.call(ask, again=True)
    except Lost as error:
        raise Unavailable(str(error)) from error
