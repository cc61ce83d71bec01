"""Multipart uploads: a state row for each upload, a row for each part.

open -> completing (operation id, exact parts) -> the Head's commit -> done. Whoever finds an
upload completing and wants something else takes it to reopening, fences the Head, looks whether
the operation is there, and leaves it done or open: so a Complete never lands late.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from operator import eq

from msgspec.structs import replace

from metastore import codec, keys, versions
from metastore.edits import Edits
from metastore.engine import Engine, Swap, Table
from metastore.errors import Conflict, NoUpload, TakenIn
from metastore.lease import Lease
from metastore.listing import Cursor, Scope
from metastore.objects import Objects
from metastore.records import Head, Kind, Part, Upload, UploadState, Version
from metastore.rows import ATTEMPTS, replaced

MAX_PARTS = 10_000  # of an upload
UNDECIDED = frozenset({UploadState.COMPLETING, UploadState.REOPENING})


@dataclass(slots=True)
class UploadPage:
    """Uploads and common prefixes of one page; `after` and `after_id` are the next markers."""

    uploads: list[Upload] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    truncated: bool = False
    after: str = ""
    after_id: bytes = b""

    def __len__(self) -> int:
        return len(self.uploads) + len(self.prefixes)


class Uploads:
    """The verbs on multipart uploads."""

    def __init__(self, engine: Engine, edits: Edits, objects: Objects, lease: Lease) -> None:
        self._engine = engine
        self._edits = edits
        self._objects = objects
        self._lease = lease
        objects.settle = self.settle

    async def create(self, bucket_id: bytes, upload: Upload) -> None:
        """Begin `upload`."""
        data = codec.encode(replace(upload, edit=self._edits.next()))
        swap = Swap(Table.UPLOADS, keys.upload_row(bucket_id, upload.key, upload.id), None, data)
        if not await replaced(self._engine, swap, partial(eq, data)):
            raise Conflict(upload.key)

    async def find(self, bucket_id: bytes, key: str, upload_id: bytes) -> Upload | None:
        """The upload, whatever its state."""
        data = await self._engine.get(Table.UPLOADS, keys.upload_row(bucket_id, key, upload_id))
        return None if data is None else codec.decode(Upload, data)

    async def put_part(self, bucket_id: bytes, upload: Upload, part: Part) -> None:
        """Store a part; NoUpload (the part's bytes are then the caller's to delete) or TakenIn.

        The upload is looked at again after the part's row is written, so that a part that came
        after Complete or Abort is never acknowledged. A Complete may have read the row before it
        is taken back, when the same part was sent twice: then only the rows tell whose the bytes
        are.
        """
        row = keys.part_row(bucket_id, upload.id, part.number)
        for _ in range(ATTEMPTS):
            old = await self._engine.get(Table.PARTS, row)
            before = codec.decode(Part, old) if old is not None else None
            if before is not None:
                part = replace(part, replaced=(*before.replaced, before.manifest))
            data = codec.encode(replace(part, edit=self._edits.next()))
            swap = Swap(Table.PARTS, row, old, data)
            if await replaced(self._engine, swap, partial(eq, data)):
                break
        else:
            raise Conflict(upload.key)
        now = await self._rested(bucket_id, upload)
        await self._lease.ensure()  # no fence stands in for a part that was judged an orphan
        if now is None or now.state is not UploadState.OPEN:
            undone = None
            if before is not None:
                undone = codec.encode(replace(before, edit=self._edits.next()))
            await replaced(self._engine, Swap(Table.PARTS, row, data, undone), partial(eq, undone))
            taken = now is not None and now.state is UploadState.DONE
            raise (TakenIn if taken else NoUpload)(upload.key)

    async def _rested(self, bucket_id: bytes, upload: Upload) -> Upload | None:
        """The upload once nobody is completing it: open, ended or gone."""
        for _ in range(ATTEMPTS):
            now = await self.find(bucket_id, upload.key, upload.id)
            if now is None or now.state not in UNDECIDED:
                return now
            await self.reopen(bucket_id, now)
        raise Conflict(upload.key)

    async def parts(
        self, bucket_id: bytes, upload_id: bytes, after: int = 0, limit: int = MAX_PARTS
    ) -> AsyncIterator[Part]:
        """Parts in order of number, beginning after number `after`."""
        prefix = keys.part_rows(bucket_id, upload_id)
        start = keys.part_row(bucket_id, upload_id, after) + b"\0" if after else prefix
        async for row in self._engine.scan(Table.PARTS, start, keys.successor(prefix), limit=limit):
            yield codec.decode(Part, row.value)

    async def part_rows(self, bucket_id: bytes, upload_id: bytes) -> list[bytes]:
        """All parts in order of number, as codec.encode made them: equal while no one writes."""
        start, stop = keys.part_range(bucket_id, upload_id)
        return await self._engine.values(Table.PARTS, start, stop, limit=MAX_PARTS)

    async def part(self, bucket_id: bytes, upload_id: bytes, number: int) -> Part | None:
        """One part."""
        data = await self._engine.get(Table.PARTS, keys.part_row(bucket_id, upload_id, number))
        return None if data is None else codec.decode(Part, data)

    async def relocate(
        self,
        bucket_id: bytes,
        upload_id: bytes,
        number: int,
        moved: Callable[[bytes], Awaitable[bytes | None]],
    ) -> bool:
        """Change where a part's bytes lie by `moved` (None: it does not lie there)."""
        row = keys.part_row(bucket_id, upload_id, number)
        for _ in range(ATTEMPTS):
            old = await self._engine.get(Table.PARTS, row)
            if old is None:
                return False
            part = codec.decode(Part, old)
            after = await moved(part.manifest)
            if after is None:
                return False
            data = codec.encode(replace(part, manifest=after, edit=self._edits.next()))
            if await replaced(self._engine, Swap(Table.PARTS, row, old, data), partial(eq, data)):
                return True
        raise Conflict("a part")

    async def amend(self, bucket_id: bytes, upload: Upload, draft: Version) -> bool:
        """Change what an upload is to become; False when someone else changed it."""
        return await self._move(bucket_id, upload, draft=draft) is not None

    async def complete(
        self, bucket_id: bytes, upload: Upload, op: bytes, *, digest: bytes, exact: bytes
    ) -> Upload:
        """Take an open upload to completing under `op` for the parts named by `digest`.

        `exact` names their bytes: an operation id stands for one manifest. Returns the upload as
        it stands: completing (under its own operation id, when the same Complete began before)
        or done. NoUpload. Another's Complete with other parts is undone.
        """
        for _ in range(ATTEMPTS):
            now = await self.find(bucket_id, upload.key, upload.id)
            if now is None or now.state is UploadState.ABORTED:
                raise NoUpload(upload.key)
            if now.state is UploadState.DONE:
                if now.digest == digest:
                    return now
                raise NoUpload(upload.key)
            wanted = {"state": UploadState.COMPLETING, "digest": digest, "exact": exact}
            if now.state is UploadState.OPEN:
                after = await self._move(bucket_id, now, op=op, **wanted)
                if after is not None:
                    return after
            elif all(getattr(now, name) == value for name, value in wanted.items()):
                return now
            else:
                await self.reopen(bucket_id, now)
        raise Conflict(upload.key)

    async def finish(self, bucket_id: bytes, upload: Upload, version: Version) -> None:
        """Done: the Head holds `version`."""
        for _ in range(ATTEMPTS):
            if upload.state is UploadState.DONE:
                return
            result = replace(version, manifest=b"")
            if await self._move(bucket_id, upload, state=UploadState.DONE, result=result):
                return
            now = await self.find(bucket_id, upload.key, upload.id)
            if now is None:
                return
            upload = now
        raise Conflict(upload.key)

    async def abort(self, bucket_id: bytes, upload: Upload) -> bool:
        """Abort; False when it was completed before. NoUpload."""
        for _ in range(ATTEMPTS):
            now = await self.find(bucket_id, upload.key, upload.id)
            if now is None or now.state is UploadState.ABORTED:
                raise NoUpload(upload.key)
            if now.state is UploadState.DONE:
                return False
            if now.state is not UploadState.OPEN:
                await self.reopen(bucket_id, now)
            elif await self._move(bucket_id, now, state=UploadState.ABORTED):
                return True
        raise Conflict(upload.key)

    async def abort_unchanged(self, bucket_id: bytes, upload: Upload) -> bool:
        """Abort an open upload; False when it is not as it was any more."""
        return await self._move(bucket_id, upload, state=UploadState.ABORTED) is not None

    async def reopen(self, bucket_id: bytes, upload: Upload) -> Upload:
        """Take a completing upload back to open, or to done if its operation has landed."""
        if upload.state is UploadState.COMPLETING:
            moved = await self._move(bucket_id, upload, state=UploadState.REOPENING)
            upload = moved or upload
        if upload.state is UploadState.REOPENING:
            head = await self._objects.fence(bucket_id, upload.key)
            version = await self._landed(bucket_id, upload, head)
            if version is not None:
                await self.finish(bucket_id, upload, version)
            else:
                opened = {"state": UploadState.OPEN, "op": b"", "digest": b"", "exact": b""}
                await self._move(bucket_id, upload, **opened)
        return await self.find(bucket_id, upload.key, upload.id) or upload

    async def settle(self, bucket_id: bytes, key: str, version: Version) -> None:
        """Before a completed version stops being current, its upload is done."""
        upload = await self.find(bucket_id, key, version.upload)
        if upload is not None and upload.state is not UploadState.DONE:
            await self.finish(bucket_id, upload, version)

    async def forget_parts(self, bucket_id: bytes, upload_id: bytes) -> None:
        """Remove the rows of an upload's parts, whose blobs have been dealt with."""
        await self._engine.remove_range(Table.PARTS, *keys.part_range(bucket_id, upload_id))

    async def remove(self, bucket_id: bytes, upload: Upload) -> None:
        """Remove the row of an ended upload; its parts are gone already."""
        row = keys.upload_row(bucket_id, upload.key, upload.id)
        await self._engine.write(Table.UPLOADS, [(row, None)])

    async def page(self, scope: Scope, after: str, after_id: bytes, limit: int) -> UploadPage:
        """Uploads that have not ended, by key and then by the time of initiation."""
        page = UploadPage()
        first = keys.upload_prefix(scope.bucket_id, scope.prefix)
        start = max(first, self._behind(scope, after, after_id))
        cursor = Cursor(self._engine, Table.UPLOADS, start, keys.successor(first), 64)
        async for row in cursor:
            upload = codec.decode(Upload, row.value)
            if upload.state in {UploadState.DONE, UploadState.ABORTED}:
                continue
            if len(page) >= limit:
                page.truncated = limit > 0
                return page
            common = scope.common(upload.key)
            if common is None:
                page.uploads.append(upload)
                page.after, page.after_id = upload.key, upload.id
            else:
                page.prefixes.append(common)
                page.after, page.after_id = common, b""
                cursor.jump(keys.successor(keys.upload_prefix(scope.bucket_id, common)))
        return page

    def _behind(self, scope: Scope, after: str, after_id: bytes) -> bytes:
        if not after:
            return b""
        if scope.rolled(after):
            return keys.successor(keys.upload_prefix(scope.bucket_id, after)) or b""
        if after_id:
            return keys.upload_row(scope.bucket_id, after, after_id) + b"\0"
        return keys.successor(keys.upload_rows(scope.bucket_id, after)) or b""

    async def _landed(self, bucket_id: bytes, upload: Upload, head: Head) -> Version | None:
        """The version that the upload's operation made, current or not."""
        current = head.current
        if current is not None and current.op == upload.op:
            return current
        prefix = keys.version_rows(bucket_id, upload.key)
        cursor = Cursor(self._engine, Table.VERSIONS, prefix, keys.successor(prefix), 16)
        async for row in cursor:
            version = codec.decode_version(row.value).version
            live = versions.contains(head.live, version.seq)
            if live and version.op == upload.op and version.kind is not Kind.NONE:
                return version
        return None

    async def _move(self, bucket_id: bytes, upload: Upload, **changes: object) -> Upload | None:
        """Swap the upload's row; None when someone else changed it."""
        row = keys.upload_row(bucket_id, upload.key, upload.id)
        old = await self._engine.get(Table.UPLOADS, row)
        if old is None or codec.decode(Upload, old) != upload:
            return None
        after = replace(upload, **changes, edit=self._edits.next())
        data = codec.encode(after)
        swap = Swap(Table.UPLOADS, row, old, data)
        return after if await replaced(self._engine, swap, partial(eq, data)) else None
