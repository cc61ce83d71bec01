"""Manifests too long for a Head: rows of their own, written before the swap that refers to them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from functools import partial
from operator import eq

from metastore import codec, keys
from metastore.engine import Engine, Swap, Table, Unavailable, Unknown
from metastore.listing import Cursor
from metastore.rows import replaced


class Manifests:
    """The verbs on manifest rows; what a chunk says is the caller's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def write(self, bucket_id: bytes, op: bytes, chunks: Sequence[bytes]) -> None:
        """Store the chunks of the version that the operation `op` makes.

        A chunk that is there was written by the same Complete, and may have been replaced since.
        """
        rows = [keys.manifest_row(bucket_id, op, number) for number in range(len(chunks))]
        swaps = [
            Swap(Table.MANIFESTS, row, None, codec.encode_chunk(chunk))
            for row, chunk in zip(rows, chunks, strict=True)
        ]
        with suppress(Unknown):
            if all(await self._engine.swap_many(swaps)):
                return
        if None in await self._engine.get_many(Table.MANIFESTS, rows):
            raise Unavailable("a chunk of a manifest was not written")

    async def replace(
        self, bucket_id: bytes, op: bytes, number: int, old: bytes, new: bytes
    ) -> bool:
        """Swap one chunk: the same parts, lying elsewhere. False: it is not `old` any more."""
        before, after = codec.encode_chunk(old), codec.encode_chunk(new)
        swap = Swap(Table.MANIFESTS, keys.manifest_row(bucket_id, op, number), before, after)
        return await replaced(self._engine, swap, partial(eq, after))

    async def read(self, bucket_id: bytes, op: bytes, first: int) -> AsyncIterator[bytes]:
        """Chunks in order from number `first`; Corrupt."""
        stop = keys.successor(keys.manifest_rows(bucket_id, op))
        start = keys.manifest_row(bucket_id, op, first)
        async for row in Cursor(self._engine, Table.MANIFESTS, start, stop, 1):
            yield codec.decode_chunk(row.value)

    async def forget(self, bucket_id: bytes, op: bytes, count: int) -> None:
        """Remove all chunks."""
        rows = [(keys.manifest_row(bucket_id, op, n), None) for n in range(count)]
        await self._engine.write(Table.MANIFESTS, rows)
