"""Heads and rows of versions: read, and swapped under fresh edit ids.

A row is its own journal: the trail of the last edit ids in it tells whether a swap without an
answer landed. It is never guessed, and never simply tried again: a put that is applied twice
would revert the one between.
"""

from collections.abc import Sequence
from typing import NamedTuple

from metastore import codec, keys, versions
from metastore.codec import VersionRow
from metastore.edits import Edits
from metastore.engine import Engine, Swap, Table, Unavailable, Unknown
from metastore.records import Head
from metastore.rows import ATTEMPTS

_UNANSWERED = 2  # fences without an answer, each of which may have taken seconds


class StoredHead(NamedTuple):
    """A Head with the bytes of its row; None: there is no row, and the Head says nothing."""

    data: bytes | None
    head: Head


class StoredVersion(NamedTuple):
    """A row of `versions` with its bytes."""

    data: bytes
    row: VersionRow


class Heads:
    """The only place where rows of `objects` and `versions` are swapped."""

    def __init__(self, engine: Engine, edits: Edits) -> None:
        self._engine = engine
        self._edits = edits

    async def read(self, bucket_id: bytes, key: str) -> StoredHead:
        """The Head of `key` as stored."""
        return _stored(await self._engine.get(Table.OBJECTS, keys.object_row(bucket_id, key)))

    async def read_many(self, bucket_id: bytes, wanted: Sequence[str]) -> list[StoredHead]:
        """The Heads of several keys."""
        rows = [keys.object_row(bucket_id, key) for key in wanted]
        return list(map(_stored, await self._engine.get_many(Table.OBJECTS, rows)))

    async def read_version(self, bucket_id: bytes, key: str, seq: int) -> StoredVersion | None:
        """The row of a version that is no longer current."""
        data = await self._engine.get(Table.VERSIONS, keys.version_row(bucket_id, key, seq))
        return None if data is None else StoredVersion(data, codec.decode_version(data))

    async def swap(self, bucket_id: bytes, key: str, old: bytes | None, head: Head) -> bytes | None:
        """Swap in `head` under a fresh edit id: that id, or None when others were first."""
        edit = self._edits.next()
        swap = _swap(bucket_id, key, old, head, edit)
        return edit if await self._swapped(swap, edit) else None

    async def swap_many(
        self, bucket_id: bytes, changes: Sequence[tuple[str, bytes | None, Head]]
    ) -> list[bytes | None]:
        """`swap` for each (key, old, head), in as few round trips as the engine needs."""
        edits = [self._edits.next() for _ in changes]
        swaps = [
            _swap(bucket_id, key, old, head, edit)
            for (key, old, head), edit in zip(changes, edits, strict=True)
        ]
        definite = self._engine.definite
        try:
            done = await self._engine.swap_many(swaps)
        except Unknown:
            done, definite = [False] * len(swaps), False
        if not definite:
            pairs = zip(swaps, edits, done, strict=True)
            done = [ok or await self._landed(swap, edit) for swap, edit, ok in pairs]
        return [edit if ok else None for edit, ok in zip(edits, done, strict=True)]

    async def swap_version(self, bucket_id: bytes, key: str, old: bytes, after: VersionRow) -> bool:
        """Swap in a row of `versions` under a fresh edit id behind its trail."""
        edit = self._edits.next()
        seq = after.version.seq
        new = codec.encode_version(_marked(after, edit))
        row = keys.version_row(bucket_id, key, seq)
        return await self._swapped(Swap(Table.VERSIONS, row, old, new), edit)

    async def fence(self, bucket_id: bytes, key: str) -> tuple[Head, bytes] | None:
        """Swap the Head to the same content under a new edit id: the Head, and that id.

        Afterwards no swap that was prepared earlier can land. None: others were first.
        """
        stored = await self.read(bucket_id, key)
        edit = await self.swap(bucket_id, key, stored.data, stored.head)
        return None if edit is None else (stored.head, edit)

    async def place(self, bucket_id: bytes, key: str, stored: StoredHead) -> bool:
        """Put the copy of the current version, about to be so no longer, into `versions`.

        Never unconditionally: a writer with a stale Head would revert an acknowledged tag, or
        bring back a deleted version. The copy bears the Head's last edit id: writers with one
        Head write the same bytes, and those of a later Head never the same again.
        """
        current = stored.head.current
        if current is None:
            raise AssertionError("only a current version is placed")
        row = keys.version_row(bucket_id, key, current.seq)
        new = codec.encode_version(VersionRow(current, stored.head.trail[-1:]))
        if await self._exchanged(Swap(Table.VERSIONS, row, None, new)):
            return True
        there = await self._engine.get(Table.VERSIONS, row)
        if there == new:
            return True
        if (await self.read(bucket_id, key)).data != stored.data:
            return False
        return await self._exchanged(Swap(Table.VERSIONS, row, there, new))

    async def remove(self, bucket_id: bytes, key: str, old: bytes) -> bool:
        """Remove the row of a Head that says nothing."""
        return await self._exchanged(
            Swap(Table.OBJECTS, keys.object_row(bucket_id, key), old, None)
        )

    async def remove_version(self, bucket_id: bytes, key: str, seq: int, old: bytes) -> bool:
        """Remove a row of `versions` that no Head names."""
        row = keys.version_row(bucket_id, key, seq)
        return await self._exchanged(Swap(Table.VERSIONS, row, old, None))

    async def _exchanged(self, swap: Swap) -> bool:
        """Carry out a swap of which it does not matter who did it, or whether it lands late."""
        try:
            if await self._engine.swap(swap):
                return True
        except Unknown:
            pass
        return await self._engine.get(swap.table, swap.key) == swap.new

    async def _swapped(self, swap: Swap, edit: bytes) -> bool:
        try:
            if await self._engine.swap(swap):
                return True
            if self._engine.definite:
                return False
        except Unknown:
            pass
        return await self._landed(swap, edit)

    async def _landed(self, swap: Swap, edit: bytes) -> bool:
        """Whether the swap under `edit` happened; afterwards it cannot happen any more.

        An answer of False is no proof either: a client that repeats a swap by itself, because the
        first answer was lost, hears False of the repeat.
        """
        before = _trail(swap.table, swap.old)
        unanswered = 0
        for _ in range(ATTEMPTS):
            now = await self._engine.get(swap.table, swap.key)
            trail = _trail(swap.table, now)
            if edit in trail:
                return True
            if now != swap.old:
                if _passed_over(before, trail):
                    return False
                raise Unavailable("too many commits since: the outcome of a swap is unknown")
            if unanswered == _UNANSWERED:
                break
            unanswered += not await self._fence(swap)
        raise Unavailable("the outcome of a swap is unknown")

    async def _fence(self, swap: Swap) -> bool:
        """Whether there was an answer: if so, then the row is not what it was."""
        edit = self._edits.next()
        if swap.table is Table.OBJECTS:
            head = versions.ABSENT if swap.old is None else codec.decode_head(swap.old)
            new = codec.encode_head(versions.edited(head, edit))
        else:
            new = codec.encode_version(_marked(codec.decode_version(swap.old or b""), edit))
        try:
            await self._engine.swap(swap._replace(new=new))
        except Unknown:
            return False
        return True


def _stored(data: bytes | None) -> StoredHead:
    return StoredHead(data, versions.ABSENT if data is None else codec.decode_head(data))


def _swap(bucket_id: bytes, key: str, old: bytes | None, head: Head, edit: bytes) -> Swap:
    """The swap of a Head under the edit id `edit`."""
    new = codec.encode_head(versions.edited(head, edit))
    return Swap(Table.OBJECTS, keys.object_row(bucket_id, key), old, new)


def _trail(table: Table, data: bytes | None) -> tuple[bytes, ...]:
    if data is None:
        return ()
    if table is Table.OBJECTS:
        return codec.decode_head(data).trail
    return codec.decode_version(data).trail


def _passed_over(before: tuple[bytes, ...], trail: tuple[bytes, ...]) -> bool:
    """Whether another's edit followed what was swapped from: ours did not, and never can."""
    if not before:
        return 0 < len(trail) < versions.TRAIL  # all that happened since the row was made
    return before[-1] in trail and trail[-1] != before[-1]


def _marked(row: VersionRow, edit: bytes) -> VersionRow:
    return VersionRow(row.version, (*row.trail, edit)[-versions.TRAIL :], row.trash)
