"""Sweeping: finds what processes that died left behind, and counts what volumes still hold."""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple

from blobstore.base import BlobError
from blobstore.extents import Layout
from metastore import codec, versions
from metastore.edits import epoch_of
from metastore.engine import Corrupt, Table
from metastore.leftovers import Discarded
from metastore.records import Head, Kind, LifeState, Part, Upload, UploadState
from metastore.store import MetaStore
from ocean.jobs.collect import Collector
from ocean.objects.census import Census, Named
from ocean.objects.discard import Discard
from ocean.ports import Clock

log = logging.getLogger(__name__)

STUCK_MS = 600_000  # far longer than a Complete takes; one that goes on begins again
DAY_MS = 86_400_000  # a completed upload is remembered so long, for clients that repeat Complete
Spend = Callable[[], Awaitable[None]]


class Sweep:
    """One pass over all rows."""

    def __init__(
        self, meta: MetaStore, discard: Discard, collector: Collector, clock: Clock
    ) -> None:
        self._meta = meta
        self._discard = discard
        self._collector = collector
        self._clock = clock
        self._noted: set[Discarded] = set()
        self._completing: dict[bytes, int] = {}  # when the pass came by that found it so, by op
        self.buckets: set[bytes] = set()  # ids that rows of the last pass began with

    async def run(self, pause: Spend) -> Counter[str]:
        """Pass over all rows, `pause` now and then; the live bytes of each volume."""
        live: Counter[str] = Counter()
        seen = _Seen(set(), {}, set(), set(), {})
        count = 0
        async for named in Census(self._meta.engine).rows():
            count += 1
            if count % 200 == 0:
                await pause()
            for extent in named.extents:
                if extent.layout is Layout.NEEDLE:
                    live[extent.blob] += extent.span
            seen.buckets.add(named.bucket_id)
            try:
                await self._look(named, seen)
            except (Corrupt, BlobError) as error:  # of another row of that key, or its partition
                log.warning("a row of %s: %s", named.table.value, error)
        for upload_id, bucket_id in seen.parts.items():
            # Rows without an upload are trash, if the rows of all uploads are known.
            if upload_id not in seen.uploads and b"" not in seen.uploads:
                with suppress(BlobError):  # the next pass finds them again
                    await self._discard.upload(bucket_id, upload_id, frozenset())
        self._noted, self.buckets = seen.noted, seen.buckets
        self._completing = seen.completing
        return live

    async def _look(self, named: Named, seen: "_Seen") -> None:
        match named.holder:
            case Head() as head:
                if head.trash or versions.removable(head):
                    edit = head.trail[-1]
                    left = Discarded(named.bucket_id, named.key, head.trash, edit=edit)
                    self._note(left, seen)
            case codec.VersionRow() as row:
                await self._version(named, row, seen)
            case Upload() as upload:
                seen.uploads.add(named.upload)
                await self._upload(named.bucket_id, upload, seen)
            case codec.TrashRow() as row:
                left = Discarded(named.bucket_id, named.key, row.trash, spilled=row.edit)
                self._note(left, seen)
            case Part():
                seen.parts[named.upload] = named.bucket_id
            case _:
                log.error("a row of %s: %s", named.table.value, named.error)
                if named.table in {Table.UPLOADS, Table.PARTS}:
                    seen.uploads.add(named.upload)  # whose parts are no trash, as far as is known

    async def _version(self, named: Named, row: codec.VersionRow, seen: "_Seen") -> None:
        """Note rows that no Head names: deleted, replaced, or copied for a commit that failed."""
        if row.version.kind is not Kind.NONE:
            head = await self._meta.objects.head(named.bucket_id, named.key)
            current = head.current if head is not None else None
            if current is not None and current.seq == named.seq:
                return
            if head is not None and versions.contains(head.live, named.seq):
                return
        self._note(Discarded(named.bucket_id, named.key, seq=named.seq), seen)

    def _note(self, left: Discarded, seen: "_Seen") -> None:
        """Collect what a pass sees for the first time: its grace period begins here."""
        seen.noted.add(left)
        if left not in self._noted:
            self._collector.add(left)

    async def _upload(self, bucket_id: bytes, upload: Upload, seen: "_Seen") -> None:
        if upload.state is UploadState.ABORTED:
            await self._discard.upload(bucket_id, upload.id, frozenset())
            await self._meta.uploads.remove(bucket_id, upload)
        elif upload.state is UploadState.DONE:
            if upload.id in seen.parts:
                await self._completed(bucket_id, upload)
            elif self._clock.now_ms() - _done_ms(upload) > DAY_MS:
                await self._meta.uploads.remove(bucket_id, upload)
        elif upload.state is not UploadState.OPEN:
            now_ms = self._clock.now_ms()
            since_ms = seen.completing[upload.op] = self._completing.get(upload.op, now_ms)
            life = await self._meta.lives.find(epoch_of(upload.op))
            dead = life is None or life.state is not LifeState.LIVE
            if dead or now_ms - since_ms > STUCK_MS:
                await self._meta.uploads.reopen(bucket_id, upload)

    async def _completed(self, bucket_id: bytes, upload: Upload) -> None:
        """Clean up as whoever completed an upload would have, and after parts that came late."""
        head = await self._meta.objects.head(bucket_id, upload.key)
        version = head.current if head is not None else None
        if version is None or version.op != upload.op:
            seq = upload.result.seq if upload.result is not None else 0
            stored = await self._meta.objects.stored(bucket_id, upload.key, seq)
            version = stored if stored is not None and stored.op == upload.op else None
        await self._discard.completed(bucket_id, upload, version)


def _done_ms(upload: Upload) -> int:
    return upload.result.modified_ms if upload.result is not None else upload.initiated_ms


class _Seen(NamedTuple):
    """What one pass has seen: uploads, buckets of uploads with parts, leftovers, bucket ids, and
    since when uploads are being completed.
    """

    uploads: set[bytes]
    parts: dict[bytes, bytes]
    noted: set[Discarded]
    buckets: set[bytes]
    completing: dict[bytes, int]
