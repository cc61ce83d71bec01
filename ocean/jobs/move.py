"""Moving blobs of segments: copied elsewhere, compared, named instead, and then deleted.

Whoever reads the old one finds it gone and looks again where the bytes are: see Get.stream.
"""

import logging
from contextlib import aclosing, suppress

from blobstore.base import BlobError, Corrupt, NotFound
from blobstore.blobs import ANYWHERE, Blobs, Target
from blobstore.extents import Extent, Place, Slice
from blobstore.partition import Partition
from metastore.engine import Corrupt as CorruptRow
from metastore.errors import StoreError
from metastore.records import UploadState
from metastore.store import MetaStore
from ocean.body.digests import Digests
from ocean.jobs.orphans import Orphans
from ocean.jobs.relocate import Relocate
from ocean.objects import label, manifest
from ocean.objects.inflight import InFlight
from ocean.objects.label import Label

log = logging.getLogger(__name__)

_CHECKSUM = "CRC64NVME"


class Different(BlobError):
    """A copy is not what was copied."""


class Move:
    """Moves blobs out of where they are."""

    def __init__(self, meta: MetaStore, blobs: Blobs, inflight: InFlight) -> None:
        self._meta = meta
        self._blobs = blobs
        self._inflight = inflight
        self._orphans = Orphans(meta, blobs)

    async def blob(
        self, place: Place, target: Target = ANYWHERE, into: Partition | None = None
    ) -> int | None:
        """Move one blob to `target`; the bytes moved, None when it has to stay for now.

        To `into`, if given, which `target` allows, under a name that prefers it.

        It stays while its write may be under way, or a Complete may name it; Conflict likewise.
        """
        try:
            data = await self._blobs.label(place)
        except NotFound:
            return 0
        except Corrupt as error:
            log.warning("moving %s: %s", place.blob, error)
            return None
        owner = label.decode(data)
        if owner is None:
            return None
        copies = _Copies(self._blobs, data, target, into)
        relocate = Relocate(self._meta, owner, lambda extent: extent.place == place, copies.copy)
        with self._inflight.move(owner, copies.made):
            try:
                moved = await relocate()
            except StoreError:  # certainly not done
                await self._give_up(owner, copies)
                raise
            await self._give_up(owner, copies)
        if await self._orphans.named(owner, place):
            # In the trash it is for others to collect.
            gone = bool(owner.part) and await self._replaced(owner, place)
        else:
            gone = moved  # else it may be on the way to be named
        if not gone:
            return None
        await self._blobs.delete_blob(place)
        return copies.size

    async def _replaced(self, owner: Label, place: Place) -> bool:
        """Whether a part that was sent again is all that a blob is still named by, as replaced.

        A Complete that had chosen it and begins now finds other rows, and chooses again.
        """
        part = await self._meta.uploads.part(owner.bucket_id, owner.upload, owner.part)
        if part is None or place in [e.place for e in manifest.decode_extents(part.manifest)]:
            return False
        upload = await self._meta.uploads.find(owner.bucket_id, owner.key, owner.upload)
        return upload is not None and upload.state is UploadState.OPEN

    async def _give_up(self, owner: Label, copies: "_Copies") -> None:
        """Delete copies that no row came to name; what cannot be judged now is kept for later."""
        for extent in copies.made:
            with suppress(BlobError, CorruptRow):
                if not await self._orphans.named(owner, extent.place):
                    await self._blobs.delete(extent)


class _Copies:
    """Copies of one blob, each verified byte by byte once it is written."""

    def __init__(self, blobs: Blobs, owner: bytes, target: Target, into: Partition | None) -> None:
        self._blobs = blobs
        self._owner = owner
        self._fresh = None if into is None else blobs.names_for(into, target)
        self._target = target if into is None else Target(frozenset({into.name}))
        self.made: list[Extent] = []
        self.size = 0

    async def copy(self, extent: Extent) -> tuple[Extent, ...]:
        writer = self._blobs.segment_writer(self._owner, self._target, self._fresh)
        running = Digests((_CHECKSUM,))
        try:
            async with aclosing(self._blobs.read(Slice(extent, 0, extent.size))) as pieces:
                async for piece in pieces:
                    running.feed(piece)
                    await writer.write(piece)
            made = tuple(await writer.finish())
        except BaseException:
            self._blobs.keep_in_mind(await writer.abandon())
            raise
        self._blobs.keep_in_mind(writer.doubtful())
        self.made += made
        if await self._read(made) != running.finish()[_CHECKSUM]:
            raise Different(f"the copy of {extent.blob} differs")
        self.size += extent.size
        return made

    async def _read(self, extents: tuple[Extent, ...]) -> bytes:
        running = Digests((_CHECKSUM,))
        for extent in extents:
            async with aclosing(self._blobs.read(Slice(extent, 0, extent.size))) as pieces:
                async for piece in pieces:
                    running.feed(piece)
        return running.finish()[_CHECKSUM]
