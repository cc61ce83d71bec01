"""Compaction: volumes of which little is still named are copied together and deleted.

Hints say which volume is worth a look; what is named is decided needle by needle, by the rows.
"""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from blobstore.base import BlobError, NotFound
from blobstore.blobs import Blobs
from blobstore.extents import Extent, Layout, Place
from blobstore.frames import Needle
from metastore.engine import EngineError
from metastore.errors import Conflict, StoreError
from metastore.records import Version
from metastore.store import MetaStore
from metastore.uploads import UNDECIDED
from ocean.jobs import orphans
from ocean.objects import label, manifest
from ocean.objects.label import Label
from ocean.objects.manifest import Manifest

log = logging.getLogger(__name__)


class Compaction:
    """Rewrites volumes."""

    def __init__(self, meta: MetaStore, blobs: Blobs) -> None:
        self._meta = meta
        self._blobs = blobs
        self.rewritten = 0
        self._damaged: Counter[Place] = Counter()  # how often they were met with live bytes

    async def volume(
        self,
        volume: Place,
        *,
        fence: bool,
        pause: Callable[[], Awaitable[None]],
        live: int = 0,
    ) -> bool:
        """Move every named needle of `volume` elsewhere, then delete it; whether it is gone.

        A volume that cannot be told to be unnamed now stays for a later pass. `fence` keys whose
        needle is not named: their writer may only have paused. `live` bytes were named at the last
        count: as long as there are any, a damaged volume stays for whoever mends it. All that
        could be read of it has moved, so after a torn tail the next count finds none.
        """
        if live and volume in self._damaged:
            self._damaged[volume] += 1
            if self._damaged[volume] == 2:
                log.error("volume %s is damaged and kept: run ocean fsck --verify", volume.blob)
            return False
        damaged = False
        try:
            async for found in self._blobs.scan(volume):
                if not isinstance(found, Needle):
                    damaged = True
                elif not await self._move(volume, found, fence=fence):
                    return False
                await pause()
        except NotFound:
            return True
        except (BlobError, EngineError, StoreError) as error:
            log.warning("compacting %s: %s", volume.blob, error)
            return False
        if damaged and live:
            self._damaged[volume] = 1
            return False
        await self._blobs.delete_blob(volume)
        self._damaged.pop(volume, None)
        self.rewritten += 1
        return True

    async def _move(self, volume: Place, needle: Needle, *, fence: bool) -> bool:
        """Copy one needle if a row names it, and have the row name the copy."""
        owner = label.decode(needle.label)
        if owner is None:
            return False
        place = (volume.blob, needle.offset)
        if await self._relocate(owner, place):
            return True
        if fence:
            await orphans.fence(self._meta, owner)
            await self._relocate(owner, place)
        return True

    async def _relocate(self, owner: Label, place: tuple[str, int]) -> bool:
        """In the order in which references move: part, then version."""
        moved = False
        if owner.part:
            moved = await self._relocate_part(owner, place)
            await self._refuse_undecided(owner)
        for version in await self._meta.objects.made_by(
            owner.bucket_id, owner.key, op=owner.op, upload=owner.upload
        ):
            moved = await self._relocate_version(owner, version, place) or moved
        return moved

    async def _refuse_undecided(self, owner: Label) -> None:
        """Conflict while a Complete, which chose its parts, may make a version of the old place."""
        upload = await self._meta.uploads.find(owner.bucket_id, owner.key, owner.upload)
        if upload is not None and upload.state in UNDECIDED:
            raise Conflict(owner.key)

    async def _relocate_part(self, owner: Label, place: tuple[str, int]) -> bool:
        """In the row of a part of an upload that goes on."""

        async def moved(data: bytes) -> bytes | None:
            extents = manifest.decode_extents(data)
            if not any(_at(extent, place) for extent in extents):
                return None
            return manifest.encode_extents([await self._copied(e, place) for e in extents])

        return await self._meta.uploads.relocate(owner.bucket_id, owner.upload, owner.part, moved)

    async def _relocate_version(
        self, owner: Label, version: Version, place: tuple[str, int]
    ) -> bool:
        stored = manifest.decode(version.manifest)
        if stored.marks:
            return await self._relocate_chunk(owner, version, stored, place)
        if not any(_at(extent, place) for part in stored.parts for extent in part.extents):
            return False
        parts = [
            replace(part, extents=tuple([await self._copied(e, place) for e in part.extents]))
            for part in stored.parts
        ]
        data = manifest.encode(replace(stored, parts=tuple(parts)))

        def change(now: Version) -> Version:
            if now.manifest != version.manifest:
                raise Conflict(owner.key)  # another compaction moved another part
            return replace(now, manifest=data)

        return await self._meta.objects.relocate(owner.bucket_id, owner.key, version.seq, change)

    async def _relocate_chunk(
        self, owner: Label, version: Version, stored: Manifest, place: tuple[str, int]
    ) -> bool:
        """In a row of a long manifest, which only compactions ever change."""
        number = stored.chunk_of(owner.part)
        async for data in self._meta.manifests.read(owner.bucket_id, version.op, number):
            parts = manifest.decode_chunk(data)
            if not any(_at(extent, place) for part in parts for extent in part.extents):
                return False
            after = [
                replace(part, extents=tuple([await self._copied(e, place) for e in part.extents]))
                for part in parts
            ]
            chunk = manifest.encode_chunk(after)
            if await self._meta.manifests.replace(owner.bucket_id, version.op, number, data, chunk):
                return True
            raise Conflict(owner.key)
        return False

    async def _copied(self, extent: Extent, place: tuple[str, int]) -> Extent:
        """The extent, or a durable copy of it where it lies at `place`."""
        if not _at(extent, place):
            return extent
        return await self._blobs.move_needle(extent)


def _at(extent: Extent, place: tuple[str, int]) -> bool:
    return extent.layout is Layout.NEEDLE and (extent.blob, extent.offset) == place
