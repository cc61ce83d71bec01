"""Manifests too long for a Head: rows of their own, written before the swap that refers to them."""

from collections.abc import AsyncIterator, Sequence

from metastore import keys
from metastore.engine import Engine, Table
from metastore.listing import Cursor


class Manifests:
    """The verbs on manifest rows; what a chunk says is the caller's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def write(self, bucket_id: bytes, op: bytes, chunks: Sequence[bytes]) -> None:
        """Store the chunks of the version that the operation `op` makes."""
        rows = [(keys.manifest_row(bucket_id, op, n), chunk) for n, chunk in enumerate(chunks)]
        await self._engine.write(Table.MANIFESTS, rows)

    async def replace(self, bucket_id: bytes, op: bytes, number: int, chunk: bytes) -> None:
        """Store one chunk anew: the same parts, lying elsewhere."""
        row = keys.manifest_row(bucket_id, op, number)
        await self._engine.write(Table.MANIFESTS, [(row, chunk)])

    async def read(self, bucket_id: bytes, op: bytes, first: int) -> AsyncIterator[bytes]:
        """Chunks in order from number `first`."""
        stop = keys.successor(keys.manifest_rows(bucket_id, op))
        start = keys.manifest_row(bucket_id, op, first)
        async for row in Cursor(self._engine, Table.MANIFESTS, start, stop, 1):
            yield row.value

    async def forget(self, bucket_id: bytes, op: bytes, count: int) -> None:
        """Remove all chunks."""
        rows = [(keys.manifest_row(bucket_id, op, n), None) for n in range(count)]
        await self._engine.write(Table.MANIFESTS, rows)
