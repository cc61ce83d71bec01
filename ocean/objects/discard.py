"""Discarding: giving back the bytes that nothing refers to any more."""

from blobstore.blobs import Blobs
from blobstore.extents import Extent, Layout
from metastore.objects import Discarded
from metastore.records import Trash, Upload
from metastore.store import MetaStore
from ocean.objects import manifest


class Discard:
    """Deletes blobs. Deleting twice, or late, is harmless: trash never becomes reachable again.

    Needles cannot be deleted one by one: `dead` sums up their bytes by volume, as a hint for
    compaction, which decides by the rows.
    """

    def __init__(self, meta: MetaStore, blobs: Blobs) -> None:
        self._meta = meta
        self._blobs = blobs
        self.dead: dict[str, int] = {}

    async def extents(self, extents: tuple[Extent, ...] | list[Extent]) -> None:
        """Delete what a run of extents names."""
        for extent in extents:
            if extent.layout is Layout.NEEDLE:
                self.dead[extent.blob] = self.dead.get(extent.blob, 0) + extent.span
            else:
                await self._blobs.delete(extent)

    async def version(self, bucket_id: bytes, op: bytes, data: bytes) -> None:
        """Delete the bytes of a whole version by its manifest, and the manifest's own rows."""
        stored = manifest.decode(data)
        for part in stored.parts:
            await self.extents(part.extents)
        if not stored.marks:
            return
        async for chunk in self._meta.manifests.read(bucket_id, op, 0):
            for part in manifest.decode_chunk(chunk):
                await self.extents(part.extents)
        await self._meta.manifests.forget(bucket_id, op, len(stored.marks))

    async def trash(self, bucket_id: bytes, key: str, entries: tuple[Trash, ...]) -> None:
        """Delete what entries of a Head's trash name; rows of replaced versions go with it."""
        for entry in entries:
            if entry.seq:
                await self.row(bucket_id, key, entry.seq)
                await self._meta.objects.remove_row(bucket_id, key, entry.seq)
            else:
                await self.version(bucket_id, entry.op, entry.manifest)

    async def row(self, bucket_id: bytes, key: str, seq: int) -> None:
        """Delete what the row of a deleted or replaced version names."""
        row = await self._meta.objects.stored_row(bucket_id, key, seq)
        if row is None:
            return
        await self.trash(bucket_id, key, row.trash)
        if row.version.manifest:
            await self.version(bucket_id, row.version.op, row.version.manifest)

    async def commit_leftovers(self, left: Discarded) -> None:
        """After the grace period: blobs first, then a swap takes the trash away."""
        if left.seq:
            await self.row(left.bucket_id, left.key, left.seq)
            await self._meta.objects.drop(left.bucket_id, left.key, left.seq)
        else:
            await self.trash(left.bucket_id, left.key, left.trash)
            await self._meta.objects.tidied(left.bucket_id, left.key, left.trash)

    async def upload(self, bucket_id: bytes, upload: Upload, kept: frozenset[bytes]) -> None:
        """Delete an ended upload's parts, rows and bytes, but not the bytes that are `kept`."""
        async for part in self._meta.uploads.parts(bucket_id, upload.id):
            for data in (*part.replaced, part.manifest):
                if data not in kept:
                    await self.extents(manifest.decode_extents(data))
        await self._meta.uploads.forget_parts(bucket_id, upload.id)
