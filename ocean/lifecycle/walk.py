"""What a pass over a bucket reads, and in what order: the rows that its rules are about."""

from typing import NamedTuple

from metastore import keys
from metastore.engine import Engine, Row, Table
from metastore.records import Bucket
from ocean.rules import expiration

BATCH = 200
_ORDER = (Table.OBJECTS, Table.UPLOADS)


class Position(NamedTuple):
    """The row that comes next."""

    table: Table
    row: bytes


FIRST = Position(_ORDER[0], b"")


class Batch(NamedTuple):
    """Rows of one keyspace, and where to go on; None: there are no more."""

    table: Table
    rows: list[Row]
    behind: Position | None


async def batch(engine: Engine, bucket: Bucket, position: Position) -> Batch:
    """The next rows of `bucket`, as its rules are now."""
    for table, start, stop in _spans(bucket):
        if _ORDER.index(table) < _ORDER.index(position.table):
            continue
        if table is position.table:
            start = max(start, position.row)
        if stop is not None and start >= stop:
            continue  # it has been read, with a shorter prefix perhaps
        rows = [row async for row in engine.scan(table, start, stop, limit=BATCH)]
        if rows:
            return Batch(table, rows, Position(table, rows[-1].key + b"\0"))
    return Batch(position.table, [], None)


def _spans(bucket: Bucket) -> list[tuple[Table, bytes, bytes | None]]:
    """Where the rows begin, and the row behind them."""
    objects = [keys.object_row(bucket.id, one) for one in expiration.prefixes(bucket.lifecycle)]
    uploads = [
        keys.upload_prefix(bucket.id, one)
        for one in expiration.prefixes(bucket.lifecycle, uploads=True)
    ]
    return [
        *((Table.OBJECTS, start, keys.successor(start)) for start in objects),
        *((Table.UPLOADS, start, keys.successor(start)) for start in uploads),
    ]
