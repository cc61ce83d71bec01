"""Objects: the commit protocol over one row of each key, and the lookups.

One swap of the key's Head is the commit of everything that makes a version current; see
ocean/design/0002-commit-protocol.md for what each step is there for.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from weakref import WeakValueDictionary

from metastore import codec, keys, versions
from metastore.buckets import VIEWS, Buckets, BucketView
from metastore.codec import VersionRow
from metastore.edits import Edits
from metastore.engine import Engine, Table
from metastore.errors import Conflict, NoVersion
from metastore.heads import Heads, StoredHead
from metastore.lease import Lease
from metastore.leftovers import Discarded, Leftovers
from metastore.records import Bucket, Head, Kind, Version, Versioning
from metastore.rows import ATTEMPTS
from metastore.versions import Deletion, Plan

NEWS = 4  # commits that found nothing, after which the next one does not look first
NOTHING = StoredHead(None, versions.ABSENT)

Guard = versions.Guard
Decide = Callable[[Head, Version | None, Versioning], Plan | None]


def _forget(*_told: object) -> None:
    """Leave it to the sweeper; nobody counts."""


class Objects:
    """The verbs on versions of objects.

    `settle` is called with a completed upload's version before it stops being current;
    `discarded` is told whenever a commit left trash behind, `gone` how many bytes in how many
    versions of a bucket are stored no more.
    """

    def __init__(self, engine: Engine, edits: Edits, buckets: Buckets, lease: Lease) -> None:
        self._engine = engine
        self._buckets = buckets
        self._lease = lease
        self._heads = Heads(engine, edits)
        self.leftovers = Leftovers(engine, edits, self._heads)
        self._news: dict[bytes, int] = {}  # by bucket: commits since one found a Head
        self._turns: WeakValueDictionary[tuple[bytes, str], asyncio.Lock] = WeakValueDictionary()
        self.settle: Callable[[bytes, str, Version], Awaitable[None]] | None = None
        self.discarded: Callable[[Discarded], None] = _forget
        self.gone: Callable[[Bucket, int, int], None] = _forget

    # -- looking up -------------------------------------------------------------------------

    async def head(self, bucket_id: bytes, key: str) -> Head | None:
        """The Head of `key` as stored."""
        data = await self._engine.get(Table.OBJECTS, keys.object_row(bucket_id, key))
        return None if data is None else codec.decode_head(data)

    async def current(self, bucket_id: bytes, key: str) -> Version | None:
        """The current version, which may be a delete marker; None when there is none."""
        for _ in range(ATTEMPTS):
            head = await self.head(bucket_id, key)
            if head is None or head.kind is not Kind.REFERENCE:
                return None if head is None else head.current
            found = await self._current_of(bucket_id, key, head)
            if await self.head(bucket_id, key) == head:  # else it may never have been current
                return found
        raise Conflict(key)

    async def find(self, bucket_id: bytes, key: str, version_id: str) -> Version | None:
        """The version with that id ("null" included), which may be a delete marker."""
        for _ in range(ATTEMPTS):
            head = await self.head(bucket_id, key)
            if head is None:
                return None
            found = await self._version_of(bucket_id, key, head, version_id)
            if found is not None or not head.live:
                return found
            if await self.head(bucket_id, key) == head:  # else its row may just have moved
                return None
        raise Conflict(key)

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
            return await self.stored(bucket_id, key, head.null_seq) if head.null_seq else None
        parsed = keys.parse_version_id(version_id)
        if parsed is None:
            return None
        seq, op = parsed
        if current is not None and current.seq == seq:
            found: Version | None = current
        elif versions.contains(head.live, seq):
            found = await self.stored(bucket_id, key, seq)
        else:
            return None
        return found if found is not None and found.op == op and not found.null else None

    async def stored(self, bucket_id: bytes, key: str, seq: int) -> Version | None:
        """The version in a row of `versions`, whether the Head names it or not."""
        data = await self._engine.get(Table.VERSIONS, keys.version_row(bucket_id, key, seq))
        if data is None or codec.kind_of(data) == Kind.NONE:
            return None
        return codec.decode_version(data).version

    async def made_by(
        self,
        bucket_id: bytes,
        key: str,
        *,
        op: bytes,
        upload: bytes,
        trash: bool = False,
        live: bool = False,
    ) -> list[Version]:
        """Versions of `key` that one operation (or one upload, if given) made.

        A row of the current version is left out: nobody reads it, and whoever makes another version
        current writes it anew. With `live` only those that the Head names. With `trash` also what
        commits discarded and nobody has deleted yet, as versions of which only `op` and `manifest`
        are set.
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
            seq = keys.version_of(row.key)[1]
            if head.current is not None and head.current.seq == seq:
                continue
            if not live or versions.contains(head.live, seq):
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

        if learned is None and (made := await self._put_new(bucket, key, draft, guard)):
            return made
        plan = await self.commit(bucket, key, decide, learned)
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

        plan = await self.commit(bucket, key, decide)
        return plan.version if plan else None

    async def delete_many(
        self, bucket: Bucket, wanted: Sequence[Deletion]
    ) -> list[Version | Exception | None]:
        """`delete` for each of several keys, with shared reads and swaps; what each one raised.

        EngineError when the outcome of some is unknown.
        """
        done = await self._delete_together(bucket, wanted)
        alone = [n for n in range(len(wanted)) if n not in done]
        results = await asyncio.gather(
            *(self.delete(bucket, *wanted[n]) for n in alone), return_exceptions=True
        )
        for n, result in zip(alone, results, strict=True):
            if isinstance(result, BaseException) and not isinstance(result, Exception):
                raise result
            done[n] = result
        return [done[n] for n in range(len(wanted))]

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
            current = head.current
            if current is None or current.seq != gone.seq:
                guard(gone)
                if await self._erase_row(bucket, key, gone):
                    return gone
            elif await self._erase_current(bucket, key, gone.seq, guard):
                return gone
        raise Conflict(key)

    async def amend(
        self, bucket: Bucket, key: str, version_id: str | None, change: Callable[[Version], Version]
    ) -> Version:
        """Change a version in place by `change`; NoVersion. None: the current one."""
        for _ in range(ATTEMPTS):
            view = await self._buckets.open(bucket)
            data, head = await self._heads.read(bucket.id, key)
            found = (
                await self._current_of(bucket.id, key, head)
                if version_id is None
                else await self._version_of(bucket.id, key, head, version_id)
            )
            if found is None:
                raise NoVersion(key)
            after = change(found)
            if head.current is not None and head.current.seq == found.seq:
                amended = versions.amend(head, after)
                landed = await self._heads.swap(bucket.id, key, data, amended) is not None
            else:
                # The fence: whoever judged the row as it was, to drop it from the Head, is late.
                landed = await self._amend_row(bucket.id, key, found, after) and versions.contains(
                    (await self.fence(bucket.id, key)).live, found.seq
                )
            if landed:
                await self._buckets.confirm(view)
                return after
        raise Conflict(key)

    async def _erase_current(self, bucket: Bucket, key: str, seq: int, guard: Guard) -> bool:
        moved = False

        def decide(head: Head, _current: Version | None, _mode: Versioning) -> Plan | None:
            nonlocal moved
            moved = head.current is None or head.current.seq != seq
            if moved:
                return None
            guard(head.current)
            return versions.erase(head)

        await self.commit(bucket, key, decide)
        return not moved

    async def _erase_row(self, bucket: Bucket, key: str, gone: Version) -> bool:
        view = await self._buckets.open(bucket)
        stored = await self._heads.read_version(bucket.id, key, gone.seq)
        if stored is None or stored.row.version != gone:
            return False
        trash = stored.row.trash + versions.trash_of(gone)
        none = Version(kind=Kind.NONE, seq=gone.seq, op=gone.op, null=gone.null, owner=gone.owner)
        after = VersionRow(none, stored.row.trail, trash)
        if not await self._heads.swap_version(bucket.id, key, stored.data, after):
            return False
        await self._buckets.confirm(view)
        try:
            dropped = await self.leftovers.drop(bucket.id, key, gone.seq)
        finally:
            self.discarded(Discarded(bucket.id, key, seq=gone.seq))
        if dropped:  # else a commit did meanwhile, which counts what it takes out of the Head
            self.gone(view.bucket, gone.size, gone.kind is Kind.OBJECT)
        return True

    async def _amend_row(self, bucket_id: bytes, key: str, old: Version, new: Version) -> bool:
        stored = await self._heads.read_version(bucket_id, key, old.seq)
        if stored is None or stored.row.version != old:
            return False
        trash = stored.row.trash
        if old.manifest != new.manifest:
            trash += versions.trash_of(old)
        after = VersionRow(new, stored.row.trail, trash)
        return await self._heads.swap_version(bucket_id, key, stored.data, after)

    async def relocate(
        self, bucket_id: bytes, key: str, seq: int, change: Callable[[Version], Version]
    ) -> bool:
        """Change where the bytes of a version lie; False when it is not there any more.

        What it no longer names is the caller's to delete: nothing goes to the trash. A change to
        the same version is a fence of its row.
        """
        for _ in range(ATTEMPTS):
            await self._lease.ensure()
            data, head = await self._heads.read(bucket_id, key)
            if head.current is not None and head.current.seq == seq:
                moved = versions.moved(head, change(head.current))
                if await self._heads.swap(bucket_id, key, data, moved):
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
        stored = await self._heads.read_version(bucket_id, key, seq)
        if stored is None or stored.row.version.kind is Kind.NONE:
            return False
        row = stored.row
        after = VersionRow(change(row.version), row.trail, row.trash)
        return await self._heads.swap_version(bucket_id, key, stored.data, after)

    async def fence(self, bucket_id: bytes, key: str) -> Head:
        """Make sure that no swap of the Head that was prepared before can land; the Head."""
        for _ in range(ATTEMPTS):
            fenced = await self._heads.fence(bucket_id, key)
            if fenced is not None:
                head, edit = fenced
                if versions.removable(head):
                    self.discarded(Discarded(bucket_id, key, edit=edit))
                return head
        raise Conflict(key)

    # -- one commit -------------------------------------------------------------------------

    async def commit(
        self,
        bucket: Bucket,
        key: str,
        decide: Decide,
        learned: Callable[[], Awaitable[None]] | None = None,
    ) -> Plan | None:
        """Commit what `decide` plans for a key; None: it had nothing to do.

        Commits of one process to one key take turns: only other processes can be first then.
        """
        turn = self._turns.setdefault((bucket.id, key), asyncio.Lock())
        async with turn:
            return await self._commit_in_turn(bucket, key, decide, learned)

    async def _commit_in_turn(
        self,
        bucket: Bucket,
        key: str,
        decide: Decide,
        learned: Callable[[], Awaitable[None]] | None,
    ) -> Plan | None:
        view = self._buckets.recent(bucket) or await self._buckets.open(bucket)
        for _ in range(ATTEMPTS):
            stored = await self._heads.read(bucket.id, key)
            head = stored.head
            await self._lease.ensure()
            if learned is not None:
                await learned()
            current = await self._current_of(bucket.id, key, head)
            if self._buckets.stale(view):
                view = await self._buckets.open(bucket)
            null = await self._null(view, key, head)
            plan = decide(head, current, versions.mode_above(null, view.bucket.versioning))
            if plan is None:
                return None
            plan = await self._prepare(bucket.id, key, stored, plan)
            if plan is None or self._buckets.stale(view):
                continue
            if await self._land(view, key, stored, plan.head):
                if sizes := versions.pruned(plan, null):
                    self.gone(view.bucket, sum(sizes), len(sizes))
                return plan
        raise Conflict(key)

    async def _null(self, view: BucketView, key: str, head: Head) -> Version | None:
        """The null version in a row of its own that a commit may replace."""
        if view.bucket.versioning is Versioning.ENABLED or not head.null_seq:
            return None
        return await self.stored(view.bucket.id, key, head.null_seq)

    async def _land(self, view: BucketView, key: str, stored: StoredHead, head: Head) -> bool:
        """The swap that is the commit, and what has to hold afterwards."""
        bucket_id = view.bucket.id
        edit = await self._heads.swap(bucket_id, key, stored.data, head)
        new = stored.data is None and edit is not None
        if len(self._news) >= VIEWS:
            self._news.clear()
        self._news[bucket_id] = self._news.get(bucket_id, 0) + 1 if new else 0
        if edit is None:
            return False
        await self._lease.ensure()  # where there was no row, a fence may be gone by now
        await self._buckets.confirm(view)
        self._note(view.bucket, key, stored.head, head, edit)
        return True

    async def _put_new(
        self, bucket: Bucket, key: str, draft: Version, guard: Guard
    ) -> Version | None:
        """Put where nothing is, without looking first; None: begin again, and look.

        A bucket that only grew lately goes on growing: cameras and backups write new keys, and
        the look at each would find nothing.
        """
        if self._news.get(bucket.id, 0) < NEWS:
            return None
        try:
            guard(None)
        except Exception:  # noqa: BLE001 - of nothing; what it says of the Head is another matter
            return None
        view = self._buckets.recent(bucket) or await self._buckets.open(bucket)
        await self._lease.ensure()
        if self._buckets.stale(view):
            return None
        plan = versions.put(versions.ABSENT, draft, view.bucket.versioning)
        return plan.version if await self._land(view, key, NOTHING, plan.head) else None

    async def _delete_together(
        self, bucket: Bucket, wanted: Sequence[Deletion]
    ) -> dict[int, Version | Exception | None]:
        """One attempt at all; left out are those that take more steps, or where others won."""
        view = self._buckets.recent(bucket) or await self._buckets.open(bucket)
        stored = await self._heads.read_many(bucket.id, [one.key for one in wanted])
        await self._lease.ensure()
        done: dict[int, Version | Exception | None] = {}
        plans: dict[int, Plan] = {}
        for n, (one, (_, head)) in enumerate(zip(wanted, stored, strict=True)):
            if head.kind is Kind.REFERENCE:
                continue
            try:
                one.guard(head.current)
            except Exception as error:  # noqa: BLE001 - it is the answer for this key
                done[n] = error
                continue
            plan = versions.remove(head, one.marker, view.bucket.versioning)
            if plan is None:
                done[n] = None
            elif plan.swap_only:
                plans[n] = plan
        if self._buckets.stale(view):
            return {}
        changes = [(wanted[n].key, stored[n].data, plan.head) for n, plan in plans.items()]
        edits = await self._heads.swap_many(bucket.id, changes)
        await self._lease.ensure()
        await self._buckets.confirm(view)
        for (n, plan), edit in zip(plans.items(), edits, strict=True):
            if edit is not None:
                self._note(view.bucket, wanted[n].key, stored[n].head, plan.head, edit)
                done[n] = plan.version
        return done

    async def _prepare(
        self, bucket_id: bytes, key: str, stored: StoredHead, plan: Plan
    ) -> Plan | None:
        """Everything that has to be in place before the swap; None: begin again."""
        displaced = plan.displaced
        if displaced is not None and displaced.upload and self.settle is not None:
            await self.settle(bucket_id, key, displaced)
        if plan.copies and not await self._heads.place(bucket_id, key, stored):
            return None
        if early := versions.spillable(stored.head, plan.head):
            await self.leftovers.spill(bucket_id, key, early)
            return plan._replace(head=versions.without_trash(plan.head, early))
        return plan

    def _note(self, bucket: Bucket, key: str, before: Head, after: Head, edit: bytes) -> None:
        fresh = tuple(entry for entry in after.trash if entry not in before.trash)
        if fresh or after.kind is Kind.NONE:
            self.discarded(Discarded(bucket.id, key, fresh, edit=edit))
        if (was := versions.gone(before, after)) is not None:
            self.gone(bucket, was.size, 1)
