"""Discarding: giving back the bytes that nothing refers to any more."""

from collections.abc import Sequence

from blobstore.base import BlobError
from blobstore.blobs import Blobs
from blobstore.extents import Extent, Layout
from metastore.leftovers import Discarded
from metastore.records import Trash, Upload, Version
from metastore.store import MetaStore
from ocean.objects import manifest


class Discard:
    """Deletes blobs. Deleting twice, or late, is harmless: trash never becomes reachable again.

    Needles cannot be deleted one by one: compaction finds by the rows what nothing names.
    """

    def __init__(self, meta: MetaStore, blobs: Blobs) -> None:
        self._meta = meta
        self._blobs = blobs

    async def extents(self, extents: tuple[Extent, ...] | list[Extent]) -> None:
        """Delete what a run of extents names."""
        for extent in extents:
            await self._blobs.delete(extent)

    async def abandoned(self, extents: tuple[Extent, ...]) -> None:
        """Delete what was written for nothing; what cannot be deleted now is tried again."""
        try:
            await self.extents(extents)
        except BlobError:
            places = (extent.place for extent in extents if extent.layout is Layout.SEGMENTS)
            self._blobs.keep_in_mind(places)

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
            else:
                await self.version(bucket_id, entry.op, entry.manifest)

    async def row(self, bucket_id: bytes, key: str, seq: int) -> None:
        """Delete the row of a version that the Head does not name, and what that names."""
        leftovers = self._meta.objects.leftovers
        stored = await leftovers.unnamed(bucket_id, key, seq)
        if stored is None:
            return
        data, row = stored
        await self.trash(bucket_id, key, row.trash)
        await self.version(bucket_id, row.version.op, row.version.manifest)
        await leftovers.remove_row(bucket_id, key, seq, data)

    async def commit_leftovers(self, left: Discarded) -> Discarded | None:
        """After the grace period: blobs first, then a swap takes the trash away.

        What is returned is to be collected after another grace period.
        """
        leftovers = self._meta.objects.leftovers
        if left.seq:
            await leftovers.drop(left.bucket_id, left.key, left.seq)
            await self.row(left.bucket_id, left.key, left.seq)
            return None
        await self.trash(left.bucket_id, left.key, left.trash)
        if left.spilled:
            await leftovers.remove_spilled(left.bucket_id, left.key, left.spilled)
            return None
        return await leftovers.tidied(left.bucket_id, left.key, left.trash, left.edit)

    async def completed(self, bucket_id: bytes, upload: Upload, version: Version | None) -> None:
        """Delete a completed upload's rows, and the bytes that its version is not made of.

        `version` is as stored; None when it is gone.
        """
        kept: set[bytes] = set()
        if version is not None:
            stored = manifest.decode(version.manifest)
            parts = list(stored.parts)
            if stored.marks:
                async for chunk in self._meta.manifests.read(bucket_id, version.op, 0):
                    parts += manifest.decode_chunk(chunk)
            kept = {manifest.encode_extents(part.extents) for part in parts}
        await self.upload(bucket_id, upload.id, frozenset(kept))

    async def upload(self, bucket_id: bytes, upload_id: bytes, kept: frozenset[bytes]) -> None:
        """Delete an ended upload's parts, rows and bytes, but not the bytes that are `kept`."""
        spare = [
            data
            async for part in self._meta.uploads.parts(bucket_id, upload_id)
            for data in (*part.replaced, part.manifest)
            if data not in kept
        ]
        await self.parts(bucket_id, upload_id, spare)

    async def parts(self, bucket_id: bytes, upload_id: bytes, spare: Sequence[bytes]) -> None:
        """Delete the `spare` bytes of an ended upload, and then the rows of its parts."""
        for data in spare:
            await self.extents(manifest.decode_extents(data))
        await self._meta.uploads.forget_parts(bucket_id, upload_id)
