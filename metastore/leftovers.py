"""Leftovers: what commits made unreachable, and the rows that still name it.

Whoever collects may come late, twice, or after the key was removed and made anew with seqs that
begin at 1 again; so each step looks before it acts, in the order that makes looking enough.
"""

from typing import NamedTuple

from metastore import codec, keys, versions
from metastore.edits import Edits
from metastore.engine import Engine, Table
from metastore.errors import Conflict
from metastore.heads import Heads, StoredVersion
from metastore.records import Kind, Trash
from metastore.rows import ATTEMPTS

SPILLED = 1000  # entries in a row of `trash`


class Discarded(NamedTuple):
    """What a commit left behind: entries of trash, or the row `seq` of a version.

    `edit` is the edit id under which the Head was left so; of a row of `trash`, `spilled` is its
    id.
    """

    bucket_id: bytes
    key: str
    trash: tuple[Trash, ...] = ()
    seq: int = 0
    edit: bytes = b""
    spilled: bytes = b""


class Leftovers:
    """The verbs on what is to be collected."""

    def __init__(self, engine: Engine, edits: Edits, heads: Heads) -> None:
        self._engine = engine
        self._edits = edits
        self._heads = heads

    async def spill(self, bucket_id: bytes, key: str, trash: tuple[Trash, ...]) -> None:
        """Store trash of a Head that is too much for it, before the swap that leaves it out."""
        rows: list[tuple[bytes, bytes | None]] = []
        for first in range(0, len(trash), SPILLED):
            record = codec.TrashRow(self._edits.next(), trash[first : first + SPILLED])
            row = keys.upload_row(bucket_id, key, record.edit)
            rows.append((row, codec.encode(record)))
        await self._engine.write(Table.TRASH, rows)

    async def remove_spilled(self, bucket_id: bytes, key: str, edit: bytes) -> None:
        """Remove a row of trash that was dealt with."""
        await self._engine.write(Table.TRASH, [(keys.upload_row(bucket_id, key, edit), None)])

    async def tidied(
        self, bucket_id: bytes, key: str, trash: tuple[Trash, ...], edit: bytes
    ) -> Discarded | None:
        """Take trash whose blobs are gone out of the Head; remove a Head that says nothing.

        Only a Head that nobody touched since `edit` is removed: as long as a swap may be under
        way, a fence has to stand. What is returned is to be collected after the grace period.
        """
        for _ in range(ATTEMPTS):
            data, head = await self._heads.read(bucket_id, key)
            if data is None:
                return None
            after = versions.without_trash(head, trash)
            if versions.removable(after) and head.trail[-1:] == (edit,):
                if await self._heads.remove(bucket_id, key, data):
                    return None
            elif after.trash == head.trash:
                return None
            elif left := await self._heads.swap(bucket_id, key, data, after):
                return Discarded(bucket_id, key, edit=left) if versions.removable(after) else None
        raise Conflict(key)

    async def drop(self, bucket_id: bytes, key: str, seq: int) -> bool:
        """Have the Head no longer name a version whose row is none; whether this call did it.

        The Head is read before the row: the swap then fails if this is another's seq by now.
        """
        for _ in range(ATTEMPTS):
            data, head = await self._heads.read(bucket_id, key)
            if not versions.contains(head.live, seq):
                return False
            stored = await self._heads.read_version(bucket_id, key, seq)
            if stored is None or stored.row.version.kind is not Kind.NONE:
                return False
            if await self._heads.swap(bucket_id, key, data, versions.drop(head, seq)):
                return True
        raise Conflict(key)

    async def unnamed(self, bucket_id: bytes, key: str, seq: int) -> StoredVersion | None:
        """The row of a version, if the Head does not name it any more.

        The row is read before the Head: a version that was there and is not named then never
        will be again, whatever becomes of the key.
        """
        stored = await self._heads.read_version(bucket_id, key, seq)
        if stored is None:
            return None
        head = (await self._heads.read(bucket_id, key)).head
        named = head.current is not None and head.current.seq == seq
        return None if named or versions.contains(head.live, seq) else stored

    async def remove_row(self, bucket_id: bytes, key: str, seq: int, data: bytes) -> None:
        """Remove a row of `versions` whose blobs are gone, if it is still `data`."""
        await self._heads.remove_version(bucket_id, key, seq, data)
