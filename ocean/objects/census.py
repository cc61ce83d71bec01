"""The census: every row that names bytes, read in the order in which references move.

Parts before uploads before objects before versions: what moves while the census goes on moves
forward in this order, so nothing that is named throughout is overlooked.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import NamedTuple

from blobstore.extents import Extent
from metastore import codec, keys
from metastore.engine import Corrupt, Engine, Row, Table
from metastore.listing import Cursor
from metastore.manifests import Manifests
from metastore.records import Head, Part, Trash, Upload, Version
from ocean.objects import manifest

BATCH = 500
TABLES = (Table.PARTS, Table.UPLOADS, Table.TRASH, Table.OBJECTS, Table.VERSIONS)


class Named(NamedTuple):
    """What one row names. `extents` belong to versions and parts, `discarded` to trash.

    `row` and `value` are the bytes; `holder` is the decoded row, None when it cannot be decoded
    (`error` says why). A version has an `error` as well when rows of its manifest are not there:
    one that is being collected may.
    """

    table: Table
    row: bytes
    value: bytes
    bucket_id: bytes
    key: str
    holder: Head | codec.VersionRow | Upload | Part | codec.TrashRow | None
    extents: tuple[Extent, ...] = ()
    discarded: tuple[Extent, ...] = ()
    seq: int = 0
    upload: bytes = b""
    error: str = ""


class Census:
    """Reads the rows of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._manifests = Manifests(engine)

    async def rows(self, bucket_id: bytes = b"") -> AsyncIterator[Named]:
        """All rows that name bytes, and all uploads; of one bucket, if given."""
        for table in TABLES:
            async for named in self.table(table, bucket_id, keys.successor(bucket_id)):
                yield named

    async def table(
        self, table: Table, start: bytes = b"", stop: bytes | None = None
    ) -> AsyncIterator[Named]:
        """Those of one keyspace from row `start` to before `stop`."""
        async for row in Cursor(self._engine, table, start, stop, BATCH):
            yield await self._named(table, row)

    async def again(self, named: Named) -> Named | None:
        """What a row names now; None when it is gone."""
        value = await self._engine.get(named.table, named.row)
        return None if value is None else await self._named(named.table, Row(named.row, value))

    async def head(self, bucket_id: bytes, key: str) -> Head | None:
        """One Head as it is now."""
        data = await self._engine.get(Table.OBJECTS, keys.object_row(bucket_id, key))
        return None if data is None else codec.decode_head(data)

    async def _named(self, table: Table, row: Row) -> Named:
        bucket_id = row.key[: keys.ID_SIZE]
        try:
            return await self._read(table, bucket_id, row)
        except (Corrupt, ValueError, IndexError) as error:
            upload = _upload_id(table, row)
            return Named(
                table, *row, bucket_id, repr(row.key), None, upload=upload, error=str(error)
            )

    async def _read(self, table: Table, bucket_id: bytes, row: Row) -> Named:
        match table:
            case Table.PARTS:
                return _part(bucket_id, row)
            case Table.UPLOADS:
                key, upload_id = keys.upload_of(row.key)
                upload = codec.decode(Upload, row.value)
                return Named(table, *row, bucket_id, key, upload, upload=upload_id)
            case Table.OBJECTS:
                head = codec.decode_head_once(row.value)
                key = keys.object_key(row.key)
                named, error = await self._version(bucket_id, head.current)
                trash = await self._trash(bucket_id, head.trash)
                return Named(table, *row, bucket_id, key, head, named, trash, error=error)
            case Table.VERSIONS:
                key, seq = keys.version_of(row.key)
                stored = codec.decode_version(row.value)
                named, error = await self._version(bucket_id, stored.version)
                trash = await self._trash(bucket_id, stored.trash)
                return Named(
                    table, *row, bucket_id, key, stored, named, trash, seq=seq, error=error
                )
            case _:
                key, _ = keys.upload_of(row.key)
                spilled = codec.decode(codec.TrashRow, row.value)
                trash = await self._trash(bucket_id, spilled.trash)
                return Named(table, *row, bucket_id, key, spilled, discarded=trash)

    async def _version(
        self, bucket_id: bytes, version: Version | None
    ) -> tuple[tuple[Extent, ...], str]:
        if version is None or not version.manifest:
            return (), ""
        return await self._extents(bucket_id, version.op, version.manifest)

    async def _trash(self, bucket_id: bytes, trash: tuple[Trash, ...]) -> tuple[Extent, ...]:
        found: tuple[Extent, ...] = ()
        for entry in trash:
            if entry.manifest:
                found += (await self._extents(bucket_id, entry.op, entry.manifest))[0]
        return found

    async def _extents(
        self, bucket_id: bytes, op: bytes, data: bytes
    ) -> tuple[tuple[Extent, ...], str]:
        """Where the bytes lie, and what is missing of the manifest's own rows."""
        stored = manifest.decode(data)
        parts = list(stored.parts)
        if stored.marks:
            async for chunk in self._manifests.read(bucket_id, op, 0):
                parts += manifest.decode_chunk(chunk)
        found = tuple(extent for part in parts for extent in part.extents)
        if len(parts) == stored.count:
            return found, ""
        return found, f"the manifest has {len(parts)} of {stored.count} parts"


def _upload_id(table: Table, row: Row) -> bytes:
    """Of an upload or part whose row cannot be decoded, as far as its key can be."""
    if table is Table.PARTS:
        return row.key[keys.ID_SIZE : -2]
    with suppress(ValueError, IndexError):
        return keys.upload_of(row.key)[1] if table is Table.UPLOADS else b""
    return b""


def _part(bucket_id: bytes, row: Row) -> Named:
    part = codec.decode(Part, row.value)
    return Named(
        Table.PARTS,
        *row,
        bucket_id,
        "",
        part,
        manifest.decode_extents(part.manifest),
        tuple(extent for old in part.replaced for extent in manifest.decode_extents(old)),
        upload=row.key[keys.ID_SIZE : -2],
    )
