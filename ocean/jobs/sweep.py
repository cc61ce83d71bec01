"""Sweeping: finds what processes that died left behind, and counts what volumes still hold."""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from blobstore.extents import Layout
from metastore import codec, versions
from metastore.edits import epoch_of
from metastore.engine import Swap, Table
from metastore.keys import version_row
from metastore.objects import Discarded
from metastore.records import Head, Kind, LifeState, Part, Upload, UploadState
from metastore.store import MetaStore
from ocean.jobs.collect import Collector
from ocean.objects import manifest
from ocean.objects.census import Census, Named
from ocean.objects.discard import Discard
from ocean.ports import Clock

log = logging.getLogger(__name__)

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
        self.buckets: set[bytes] = set()  # ids that rows of the last pass began with

    async def run(self, pause: Spend) -> Counter[str]:
        """Pass over all rows, `pause` now and then; the live bytes of each volume."""
        live: Counter[str] = Counter()
        seen = _Seen(set(), {}, set(), set())
        count = 0
        async for named in Census(self._meta.engine).rows():
            count += 1
            if count % 200 == 0:
                await pause()
            for extent in named.extents:
                if extent.layout is Layout.NEEDLE:
                    live[extent.blob] += extent.span
            seen.buckets.add(named.bucket_id)
            await self._look(named, seen)
        for upload_id, parts in seen.parts.items():
            if upload_id not in seen.uploads:
                await self._parts(parts)
        self._noted, self.buckets = seen.noted, seen.buckets
        return live

    async def _look(self, named: Named, seen: "_Seen") -> None:
        match named.holder:
            case Head() as head:
                if head.trash or versions.removable(head):
                    self._note(Discarded(named.bucket_id, named.key, head.trash), seen)
            case codec.VersionRow() as row:
                await self._version(named, row, seen)
            case Upload() as upload:
                seen.uploads.add(named.upload)
                await self._upload(named.bucket_id, upload)
            case codec.TrashRow() as row:
                await self._trash_row(named, row)
            case Part():
                seen.parts.setdefault(named.upload, []).append(named)
            case _:
                log.error("a row of %s: %s", named.table.value, named.error)

    async def _version(self, named: Named, row: codec.VersionRow, seen: "_Seen") -> None:
        if row.version.kind is Kind.NONE:
            self._note(Discarded(named.bucket_id, named.key, (), named.seq), seen)
            return
        head = await self._meta.objects.head(named.bucket_id, named.key)
        if head is None or versions.contains(head.live, named.seq) or named.seq > head.last:
            return
        if any(entry.seq == named.seq for entry in head.trash):
            return
        if head.current is None or head.current.seq != named.seq:
            # The copy of a commit that did not come about: its bytes are the Head's or its trash's.
            key = version_row(named.bucket_id, named.key, named.seq)
            await self._meta.engine.swap(Swap(Table.VERSIONS, key, codec.encode_version(row), None))

    def _note(self, left: Discarded, seen: "_Seen") -> None:
        """Collect what a pass sees for the first time: its grace period begins here."""
        seen.noted.add(left)
        if left not in self._noted:
            self._collector.add(left)

    async def _upload(self, bucket_id: bytes, upload: Upload) -> None:
        if upload.state is UploadState.ABORTED:
            await self._discard.upload(bucket_id, upload, frozenset())
            await self._meta.uploads.remove(bucket_id, upload)
        elif upload.state is UploadState.DONE:
            await self._done(bucket_id, upload)
        elif upload.state is not UploadState.OPEN:
            life = await self._meta.lives.find(epoch_of(upload.op))
            if life is None or life.state is not LifeState.LIVE:
                await self._meta.uploads.reopen(bucket_id, upload)

    async def _done(self, bucket_id: bytes, upload: Upload) -> None:
        """Finish what the process that completed an upload would have done."""
        result = upload.result
        if result is None or epoch_of(upload.op) == self._meta.life.epoch:
            return
        head = await self._meta.objects.head(bucket_id, upload.key)
        version = head.current if head is not None else None
        if version is None or version.op != upload.op:
            stored = await self._meta.objects.stored_row(bucket_id, upload.key, result.seq)
            version = stored.version if stored is not None else None
        kept = await self._kept(bucket_id, version.op, version.manifest) if version else frozenset()
        await self._discard.upload(bucket_id, upload, kept)
        if self._clock.now_ms() - upload.initiated_ms > DAY_MS:
            await self._meta.uploads.remove(bucket_id, upload)

    async def _kept(self, bucket_id: bytes, op: bytes, data: bytes) -> frozenset[bytes]:
        stored = manifest.decode(data)
        parts = list(stored.parts)
        if stored.marks:
            async for chunk in self._meta.manifests.read(bucket_id, op, 0):
                parts += manifest.decode_chunk(chunk)
        return frozenset(manifest.encode_extents(part.extents) for part in parts)

    async def _trash_row(self, named: Named, row: codec.TrashRow) -> None:
        await self._discard.trash(named.bucket_id, named.key, row.trash)
        await self._meta.objects.remove_trash(named.bucket_id, named.key, row)

    async def _parts(self, parts: list[Named]) -> None:
        """Parts whose upload is gone."""
        for named in parts:
            await self._discard.extents([*named.extents, *named.discarded])
        await self._meta.uploads.forget_parts(parts[0].bucket_id, parts[0].upload)


class _Seen(NamedTuple):
    """What one pass has seen: uploads, parts by upload, leftovers and bucket ids."""

    uploads: set[bytes]
    parts: dict[bytes, list[Named]]
    noted: set[Discarded]
    buckets: set[bytes]
