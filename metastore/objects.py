"""Objects: the commit protocol over one row of each key, and the lookups.

One swap of the key's Head is the commit of everything that makes a version current; see
ocean/design/0002-commit-protocol.md for what each step is there for.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from metastore import codec, keys, versions
from metastore.buckets import Buckets
from metastore.codec import VersionRow
from metastore.edits import Edits
from metastore.engine import Engine, Swap, Table, Unavailable, Unknown
from metastore.errors import Conflict, NoVersion
from metastore.lease import Lease
from metastore.records import Bucket, Head, Kind, Trash, Version, Versioning
from metastore.rows import ATTEMPTS
from metastore.versions import Plan

Guard = Callable[[Version | None], None]  # raises when the current version forbids the change
Decide = Callable[[Head, Version | None, Versioning], Plan | None]
TRASH_LIMIT = 32  # entries of trash that a Head may carry; more move to a row of `trash`


class Discarded(NamedTuple):
    """What a commit left behind: fresh entries of the Head's trash, or the row of a version."""

    bucket_id: bytes
    key: str
    trash: tuple[Trash, ...]
    seq: int = 0


def _forget(_discarded: Discarded) -> None:
    """Leave it to the sweeper."""


class Objects:
    """The verbs on versions of objects.

    `settle` is called with a completed upload's version before it stops being current;
    `discarded` is told whenever a commit left trash behind.
    """

    def __init__(self, engine: Engine, edits: Edits, buckets: Buckets, lease: Lease) -> None:
        self._engine = engine
        self._edits = edits
        self._buckets = buckets
        self._lease = lease
        self.settle: Callable[[bytes, str, Version], Awaitable[None]] | None = None
        self.discarded: Callable[[Discarded], None] = _forget

    # -- looking up -------------------------------------------------------------------------

    async def head(self, bucket_id: bytes, key: str) -> Head | None:
        """The Head of `key` as stored."""
        data = await self._engine.get(Table.OBJECTS, keys.object_row(bucket_id, key))
        return None if data is None else codec.decode_head(data)

    async def current(self, bucket_id: bytes, key: str) -> Version | None:
        """The current version, which may be a delete marker; None when there is none."""
        head = await self.head(bucket_id, key)
        return None if head is None else await self._current_of(bucket_id, key, head)

    async def find(self, bucket_id: bytes, key: str, version_id: str) -> Version | None:
        """The version with that id ("null" included), which may be a delete marker."""
        head = await self.head(bucket_id, key)
        return None if head is None else await self._version_of(bucket_id, key, head, version_id)

    async def _current_of(self, bucket_id: bytes, key: str, head: Head) -> Version | None:
        if head.kind is not Kind.REFERENCE:
            return head.current
        prefix = keys.version_rows(bucket_id, key)
        start, stop = prefix, keys.successor(prefix)
        while True:
            last = b""
            async for row in self._engine.scan(Table.VERSIONS, start, stop, limit=16):
                last = row.key
                if codec.kind_of(row.value) == Kind.NONE:
                    continue
                if versions.contains(head.live, keys.version_of(row.key)[1]):
                    return codec.decode_version(row.value).version
            if not last:
                return None
            start = last + b"\0"

    async def _version_of(
        self, bucket_id: bytes, key: str, head: Head, version_id: str
    ) -> Version | None:
        current = head.current
        if version_id == "null":
            if current is not None and current.null:
                return current
            return await self._row(bucket_id, key, head.null_seq) if head.null_seq else None
        parsed = keys.parse_version_id(version_id)
        if parsed is None:
            return None
        seq, op = parsed
        if current is not None and current.seq == seq:
            found: Version | None = current
        elif versions.contains(head.live, seq):
            found = await self._row(bucket_id, key, seq)
        else:
            return None
        return found if found is not None and found.op == op and not found.null else None

    async def _row(self, bucket_id: bytes, key: str, seq: int) -> Version | None:
        data = await self._engine.get(Table.VERSIONS, keys.version_row(bucket_id, key, seq))
        if data is None or codec.kind_of(data) == Kind.NONE:
            return None
        return codec.decode_version(data).version

    async def made_by(
        self, bucket_id: bytes, key: str, *, op: bytes, upload: bytes, trash: bool = False
    ) -> list[Version]:
        """Versions of `key` that one operation (or one upload, if given) made.

        With `trash` also what commits discarded and nobody has deleted yet, as versions of which
        only `op` and `manifest` are set.
        """
        head = await self.head(bucket_id, key)
        if head is None:
            return []
        found = [head.current] if head.current is not None else []
        discarded = list(head.trash)
        prefix = keys.version_rows(bucket_id, key)
        start, stop = prefix, keys.successor(prefix)
        async for row in self._engine.scan(Table.VERSIONS, start, stop, limit=1_000_000):
            stored = codec.decode_version(row.value)
            discarded += stored.trash
            found.append(stored.version)
        made = [v for v in found if (v.upload == upload if upload else v.op == op)]
        if trash:
            made += [Version(op=one.op, manifest=one.manifest) for one in discarded]
        return made

    # -- the four commits -------------------------------------------------------------------

    async def put(
        self,
        bucket: Bucket,
        key: str,
        draft: Version,
        guard: Guard,
        learned: Callable[[], Awaitable[None]] | None = None,
    ) -> Version:
        """Make `draft` the current version; `guard` sees the current one first.

        `learned` is awaited in each attempt after the Head was read: a Complete looks there
        whether its upload still wants to be completed.
        """

        def decide(head: Head, current: Version | None, mode: Versioning) -> Plan:
            guard(current)
            return versions.put(head, draft, mode)

        plan = await self._commit(bucket, key, decide, learned)
        if plan is None or plan.version is None:
            raise AssertionError("a put always makes a version")
        return plan.version

    async def delete(
        self, bucket: Bucket, key: str, marker: Version, guard: Guard
    ) -> Version | None:
        """Delete without a version id: the delete marker made, or None."""

        def decide(head: Head, current: Version | None, mode: Versioning) -> Plan | None:
            guard(current)
            return versions.remove(head, marker, mode)

        plan = await self._commit(bucket, key, decide)
        return plan.version if plan else None

    async def erase(
        self, bucket: Bucket, key: str, version_id: str, guard: Guard
    ) -> Version | None:
        """Delete one version for good: the version that went, or None when it was not there."""
        for _ in range(ATTEMPTS):
            head = await self.head(bucket.id, key)
            if head is None:
                return None
            gone = await self._version_of(bucket.id, key, head, version_id)
            if gone is None:
                return None
            guard(gone)
            current = head.current
            if current is None or current.seq != gone.seq:
                if await self._erase_row(bucket, key, gone):
                    await self._drop(bucket.id, key, gone.seq)
                    return gone
                continue
            if await self._erase_current(bucket, key, gone):
                return gone
        raise Conflict(key)

    async def amend(
        self, bucket: Bucket, key: str, version_id: str | None, change: Callable[[Version], Version]
    ) -> Version:
        """Change a version in place by `change`; NoVersion. None: the current one."""
        for _ in range(ATTEMPTS):
            view = await self._buckets.open(bucket)
            row = keys.object_row(bucket.id, key)
            data = await self._engine.get(Table.OBJECTS, row)
            head = versions.ABSENT if data is None else codec.decode_head(data)
            found = (
                await self._current_of(bucket.id, key, head)
                if version_id is None
                else await self._version_of(bucket.id, key, head, version_id)
            )
            if found is None:
                raise NoVersion(key)
            after = change(found)
            if head.current is not None and head.current.seq == found.seq:
                landed = await self._swap_head(row, data, versions.amend(head, after))
            else:
                landed = await self._swap_row(bucket.id, key, found, after)
            if landed:
                await self._buckets.confirm(view)
                return after
        raise Conflict(key)

    async def _erase_current(self, bucket: Bucket, key: str, gone: Version) -> bool:
        moved = False

        def decide(head: Head, _current: Version | None, _mode: Versioning) -> Plan | None:
            nonlocal moved
            moved = head.current is None or head.current.seq != gone.seq
            return None if moved else versions.erase(head)

        await self._commit(bucket, key, decide)
        return not moved

    async def _erase_row(self, bucket: Bucket, key: str, gone: Version) -> bool:
        view = await self._buckets.open(bucket)
        row = keys.version_row(bucket.id, key, gone.seq)
        old = await self._engine.get(Table.VERSIONS, row)
        if old is None or codec.decode_version(old).version != gone:
            return False
        trash = (Trash(gone.op, gone.manifest),) if gone.manifest else ()
        none = Version(kind=Kind.NONE, seq=gone.seq, op=gone.op, null=gone.null, owner=gone.owner)
        edit = self._edits.next()
        new = codec.encode_version(VersionRow(none, (edit,), trash))
        if not await self._swap_bytes(Table.VERSIONS, row, old, new):
            return False
        await self._buckets.confirm(view)
        self.discarded(Discarded(bucket.id, key, (), gone.seq))
        return True

    async def _swap_row(self, bucket_id: bytes, key: str, old: Version, new: Version) -> bool:
        row = keys.version_row(bucket_id, key, old.seq)
        data = await self._engine.get(Table.VERSIONS, row)
        if data is None:
            return False
        stored = codec.decode_version(data)
        if stored.version != old:
            return False
        trash = stored.trash
        if old.manifest != new.manifest and old.manifest:
            trash = (*trash, Trash(old.op, old.manifest))
        after = VersionRow(new, (self._edits.next(),), trash)
        return await self._swap_bytes(Table.VERSIONS, row, data, codec.encode_version(after))

    async def relocate(
        self, bucket_id: bytes, key: str, seq: int, change: Callable[[Version], Version]
    ) -> bool:
        """Change where the bytes of a version lie; False when it is not there any more.

        What it no longer names is the caller's to delete: nothing goes to the trash.
        """
        row = keys.object_row(bucket_id, key)
        for _ in range(ATTEMPTS):
            await self._lease.ensure()
            data = await self._engine.get(Table.OBJECTS, row)
            head = versions.ABSENT if data is None else codec.decode_head(data)
            if head.current is not None and head.current.seq == seq:
                after = change(head.current)
                moved = versions.moved(head, after)
                if await self._swap_head(row, data, moved):
                    return True
            elif versions.contains(head.live, seq):
                if await self._relocate_row(bucket_id, key, seq, change):
                    return True
            else:
                return False
        raise Conflict(key)

    async def _relocate_row(
        self, bucket_id: bytes, key: str, seq: int, change: Callable[[Version], Version]
    ) -> bool:
        row = keys.version_row(bucket_id, key, seq)
        data = await self._engine.get(Table.VERSIONS, row)
        if data is None or codec.kind_of(data) == Kind.NONE:
            return False
        stored = codec.decode_version(data)
        after = VersionRow(change(stored.version), (self._edits.next(),), stored.trash)
        return await self._swap_bytes(Table.VERSIONS, row, data, codec.encode_version(after))

    # -- putting away what commits left behind ------------------------------------------------

    async def tidied(self, bucket_id: bytes, key: str, trash: tuple[Trash, ...]) -> None:
        """Take trash whose blobs are gone out of the Head; remove a Head that says nothing."""
        row = keys.object_row(bucket_id, key)
        for _ in range(ATTEMPTS):
            data = await self._engine.get(Table.OBJECTS, row)
            if data is None:
                return
            head = codec.decode_head(data)
            after = versions.without_trash(head, trash)
            if versions.removable(after):
                if await self._swap_bytes(Table.OBJECTS, row, data, None):
                    return
            elif after.trash == head.trash or await self._swap_head(row, data, after):
                return
        raise Conflict(key)

    async def stored_row(self, bucket_id: bytes, key: str, seq: int) -> VersionRow | None:
        """The row of a version that is no longer current, whether live, deleted or replaced."""
        data = await self._engine.get(Table.VERSIONS, keys.version_row(bucket_id, key, seq))
        return None if data is None else codec.decode_version(data)

    async def drop(self, bucket_id: bytes, key: str, seq: int) -> None:
        """Remove the row of a deleted version, whose blobs are gone, and what names it."""
        await self._drop(bucket_id, key, seq)
        await self.remove_row(bucket_id, key, seq)

    async def _drop(self, bucket_id: bytes, key: str, seq: int) -> None:
        row = keys.object_row(bucket_id, key)
        for _ in range(ATTEMPTS):
            data = await self._engine.get(Table.OBJECTS, row)
            head = versions.ABSENT if data is None else codec.decode_head(data)
            live = versions.contains(head.live, seq)
            if not live or await self._swap_head(row, data, versions.drop(head, seq)):
                return
        raise Conflict(key)

    async def remove_row(self, bucket_id: bytes, key: str, seq: int) -> None:
        """Remove a row of `versions` that no Head names."""
        version_row = keys.version_row(bucket_id, key, seq)
        await self._engine.write(Table.VERSIONS, [(version_row, None)])

    # -- one commit -------------------------------------------------------------------------

    async def _commit(
        self,
        bucket: Bucket,
        key: str,
        decide: Decide,
        learned: Callable[[], Awaitable[None]] | None = None,
    ) -> Plan | None:
        row = keys.object_row(bucket.id, key)
        view = self._buckets.recent(bucket) or await self._buckets.open(bucket)
        for _ in range(ATTEMPTS):
            data = await self._engine.get(Table.OBJECTS, row)
            head = versions.ABSENT if data is None else codec.decode_head(data)
            await self._lease.ensure()
            if learned is not None:
                await learned()
            current = await self._current_of(bucket.id, key, head)
            if view.stale():
                view = await self._buckets.open(bucket)
            plan = decide(head, current, view.bucket.versioning)
            if plan is None:
                return None
            plan = await self._prepare(bucket.id, key, data, head, plan)
            if plan is None or view.stale():
                continue
            if await self._swap_head(row, data, plan.head):
                await self._buckets.confirm(view)
                self._note(bucket.id, key, head, plan.head)
                return plan
        raise Conflict(key)

    async def _prepare(
        self, bucket_id: bytes, key: str, data: bytes | None, head: Head, plan: Plan
    ) -> Plan | None:
        """Everything that has to be in place before the swap; None: begin again."""
        displaced = plan.displaced
        if displaced is not None and displaced.upload and self.settle is not None:
            await self.settle(bucket_id, key, displaced)
        for copy in plan.copies:
            if not await self._place(bucket_id, key, data, copy):
                return None
        if len(plan.head.trash) > TRASH_LIMIT:
            await self._spill_trash(bucket_id, key, head.trash)
            return plan._replace(head=versions.without_trash(plan.head, head.trash))
        return plan

    async def _place(self, bucket_id: bytes, key: str, data: bytes | None, copy: Version) -> bool:
        """Put the copy of a version that is about to be no longer current into `versions`.

        Never unconditionally: a writer with a stale Head would revert an acknowledged tag, or
        bring back a deleted version.
        """
        row = keys.version_row(bucket_id, key, copy.seq)
        new = codec.encode_version(VersionRow(copy))
        if await self._swap_bytes(Table.VERSIONS, row, None, new):
            return True
        there = await self._engine.get(Table.VERSIONS, row)
        if there == new:
            return True
        if await self._engine.get(Table.OBJECTS, keys.object_row(bucket_id, key)) != data:
            return False
        return await self._swap_bytes(Table.VERSIONS, row, there, new)

    async def _spill_trash(self, bucket_id: bytes, key: str, trash: tuple[Trash, ...]) -> None:
        record = codec.TrashRow(self._edits.next(), trash)
        row = keys.upload_row(bucket_id, key, record.edit)
        await self._engine.write(Table.TRASH, [(row, codec.encode(record))])

    async def remove_trash(self, bucket_id: bytes, key: str, record: codec.TrashRow) -> None:
        """Remove a row of trash that was dealt with."""
        row = keys.upload_row(bucket_id, key, record.edit)
        await self._engine.write(Table.TRASH, [(row, None)])

    async def _swap_bytes(
        self, table: Table, row: bytes, old: bytes | None, new: bytes | None
    ) -> bool:
        try:
            if await self._engine.swap(Swap(table, row, old, new)):
                return True
        except Unknown:
            pass
        now = await self._engine.get(table, row)
        if now == old and old is not None:
            raise Unavailable("the outcome of a swap is unknown and it may yet land")
        return now == new

    async def _swap_head(self, row: bytes, old: bytes | None, head: Head) -> bool:
        """Swap the Head; an unknown outcome is resolved by its trail, never guessed."""
        edit = self._edits.next()
        new = codec.encode_head(versions.edited(head, edit))
        try:
            if await self._engine.swap(Swap(Table.OBJECTS, row, old, new)):
                return True
        except Unknown:
            pass
        return await self._landed(row, old, edit)

    async def _landed(self, row: bytes, old: bytes | None, edit: bytes) -> bool:
        """Whether the swap under `edit` happened; afterwards it cannot happen any more."""
        before = codec.decode_head(old).trail[-1:] if old is not None else ()
        for _ in range(ATTEMPTS):
            now = await self._engine.get(Table.OBJECTS, row)
            head = versions.ABSENT if now is None else codec.decode_head(now)
            if edit in head.trail:
                return True
            if now != old:
                if not before or (before[0] in head.trail and head.trail[-1] != before[0]):
                    return False
                raise Unavailable("too many commits since: the outcome of a swap is unknown")
            await self._fence(row, old, head)
        raise Unavailable("the outcome of a swap is unknown")

    async def fence(self, bucket_id: bytes, key: str) -> Head:
        """Fence a key and return its Head."""
        row = keys.object_row(bucket_id, key)
        for _ in range(ATTEMPTS):
            old = await self._engine.get(Table.OBJECTS, row)
            head = versions.ABSENT if old is None else codec.decode_head(old)
            if await self._swap_head(row, old, head):
                if versions.removable(head):
                    self.discarded(Discarded(bucket_id, key, ()))
                return head
        raise Conflict(key)

    async def _fence(self, row: bytes, old: bytes | None, head: Head) -> None:
        """Swap the Head to the same content under a new edit id.

        Afterwards no swap that was prepared earlier can land.
        """
        new = codec.encode_head(versions.edited(head, self._edits.next()))
        try:
            await self._engine.swap(Swap(Table.OBJECTS, row, old, new))
        except Unknown:
            return

    def _note(self, bucket_id: bytes, key: str, before: Head, after: Head) -> None:
        fresh = tuple(entry for entry in after.trash if entry not in before.trash)
        if fresh or after.kind is Kind.NONE:
            self.discarded(Discarded(bucket_id, key, fresh))
