"""What a pass does: judges a row, and acts if all that was judged is still as it was.

Whoever overwrites, deletes, restores, tags or locks a version in between wins: each of them leaves
another Head, and what rules do to a key is one swap of the Head that was judged. A swap that fails
leads to another judgement.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from blobstore.base import BlobError
from metastore import codec, keys, versions
from metastore.engine import Corrupt, Full, Row, Table
from metastore.errors import Conflict
from metastore.records import Bucket, Head, Kind, Upload, UploadState, Version, Versioning
from metastore.store import MetaStore
from metastore.versions import Plan
from ocean.lifecycle import stacks
from ocean.lifecycle.passes import Tally
from ocean.lifecycle.stacks import Stack
from ocean.objects.discard import Discard
from ocean.ports import Clock
from ocean.rules.expiration import Action, Due, Expiry, due, upload_due

ABORT = "AbortIncompleteMultipartUpload"  # the action on uploads
ATTEMPTS = 10  # at a key that others change all the time: there is another pass
LOOKED = Tally(1)

log = logging.getLogger(__name__)


class Acts:
    """Does what the rules of buckets say. `day_ms` is the length of a day."""

    def __init__(self, meta: MetaStore, discard: Discard, clock: Clock, *, day_ms: int) -> None:
        self._meta = meta
        self._discard = discard
        self._clock = clock
        self._day_ms = day_ms

    async def row(self, bucket: Bucket, table: Table, row: Row) -> Tally:
        """Act on the key or the upload of a row; NoBucket, EngineError."""
        try:
            if table is Table.UPLOADS:
                return await self.upload(bucket, codec.decode(Upload, row.value))
            if codec.kind_of(row.value) == Kind.NONE and not codec.has_live(row.value):
                return LOOKED
            head = codec.decode_head_once(row.value)
            return await self.key(bucket, keys.object_key(row.key), head)
        except (Corrupt, Full, Conflict, ValueError) as error:
            log.info("lifecycle of %s: a row of %s: %s", bucket.name, table.value, error)
            return Tally(1, failed=1)

    async def key(self, bucket: Bucket, key: str, head: Head | None) -> Tally:
        """Act on a key that was read with `head`; Conflict."""
        rows = 1
        for _ in range(ATTEMPTS):
            if head is None:
                return Tally(rows)
            now_ms = self._clock.now_ms()
            stack = await stacks.read(self._meta.engine, bucket, key, head, now_ms)
            rows += stack.rows
            found = due(
                bucket.lifecycle,
                key,
                stack.versions,
                bucket.versioning,
                now_ms,
                day_ms=self._day_ms,
            )
            wanted = [one for one in found if not one.protected]
            if not wanted or await self._done(bucket, key, stack, wanted):
                return _tally(rows, stack, found, now_ms) if found else Tally(rows)
            bucket = await self._fresh(bucket)
            head = await self._meta.objects.head(bucket.id, key)
        raise Conflict(key)

    async def _done(self, bucket: Bucket, key: str, stack: Stack, wanted: Sequence[Due]) -> bool:
        """Do all at once, or nothing where the rules or the versions are others by now."""
        fresh = await self._fresh(bucket)
        if fresh != bucket:
            return False
        marker = Version(
            kind=Kind.MARKER,
            op=self._meta.edits.next(),
            owner=bucket.owner,
            modified_ms=self._clock.now_ms(),
        )

        def decide(now: Head, _current: Version | None, mode: Versioning) -> Plan | None:
            # The commit may have read a record with other rules than were judged by.
            if self._meta.buckets.recent(fresh) is None or now != stack.head:
                return None
            return _plan(stack, wanted, marker, mode)

        return await self._meta.objects.commit(fresh, key, decide) is not None

    async def _fresh(self, bucket: Bucket) -> Bucket:
        """The bucket with rules that commits may act by; NoBucket."""
        buckets = self._meta.buckets
        return (buckets.recent(bucket) or await buckets.open(bucket)).bucket

    async def upload(self, bucket: Bucket, upload: Upload) -> Tally:
        """Abort an upload if it is due. One that is being completed is not."""
        if upload.state is not UploadState.OPEN or self._due(bucket, upload) is None:
            return LOOKED
        when = self._due(await self._fresh(bucket), upload)
        if when is None or not await self._meta.uploads.abort_unchanged(bucket.id, upload):
            return LOOKED
        with suppress(BlobError):  # of an aborted one the sweep gives back what is left
            await self._discard.upload(bucket.id, upload.id, frozenset())
            await self._meta.uploads.remove(bucket.id, upload)
        return Tally(1, {ABORT: 1}, overdue_ms=self._clock.now_ms() - when.at_ms)

    def _due(self, bucket: Bucket, upload: Upload) -> Expiry | None:
        when = upload_due(bucket.lifecycle, upload.key, upload.initiated_ms, day_ms=self._day_ms)
        return when if when is not None and when.at_ms <= self._clock.now_ms() else None


def _plan(stack: Stack, wanted: Sequence[Due], marker: Version, mode: Versioning) -> Plan | None:
    """The one commit that does all that is wanted, which has the current version last."""
    head = stack.head
    rows = {Action.DELETE}
    if head.current is None:
        rows.add(Action.DELETE_MARKER)
    positions = [one.position for one in wanted if one.action in rows]
    pruned = {stack.names[at][0]: stack.versions[at] for at in positions}
    after = versions.prune(head, sorted(pruned)) if pruned else head
    plan: Plan | None = Plan(after)
    last = wanted[-1].action
    if last is Action.EXPIRE:
        plan = versions.remove(after, marker, mode)
    elif last is Action.DELETE_MARKER and head.current is not None:
        plan = versions.erase(after)
    if plan is None:
        return None
    sizes = ((seq, one.size) for seq, one in pruned.items() if one.kind is Kind.OBJECT)
    return plan._replace(pruned=tuple(sizes))


def _tally(rows: int, stack: Stack, found: Sequence[Due], now_ms: int) -> Tally:
    """What was done, and how late: never later than the version is old."""
    done = [one for one in found if not one.protected]
    late = [now_ms - max(one.at_ms, stack.versions[one.position].modified_ms) for one in done]
    return Tally(
        rows,
        dict(Counter(one.action.value for one in done)),
        locked=len(found) - len(done),
        overdue_ms=max(late, default=0),
    )
