"""Orphans: blobs of lives that ended, which no row names and none ever will."""

import logging
from contextlib import suppress

from blobstore import ids
from blobstore.base import BlobError, Corrupt, NotFound
from blobstore.blobs import Blobs
from blobstore.extents import Place
from metastore.engine import Corrupt as CorruptRow
from metastore.records import Version
from metastore.store import MetaStore
from ocean.objects import label, manifest
from ocean.objects.census import Census
from ocean.objects.inflight import Doubt, InFlight
from ocean.objects.label import Label
from ocean.objects.manifest import PartEntry

log = logging.getLogger(__name__)


class Orphans:
    """Judges the blobs of ended lives."""

    def __init__(self, meta: MetaStore, blobs: Blobs) -> None:
        self._meta = meta
        self._blobs = blobs
        self.deleted = 0

    async def judge(self, epochs: frozenset[int]) -> frozenset[int]:
        """Delete the blobs of `epochs` that no row names; the epochs of which none is in doubt."""
        doubtful = set[int]() if self._blobs.all_open else set(epochs)
        unlabeled: set[Place] = set()
        for pool in self._blobs.segment_pools():
            try:
                async for place in self._blobs.list(pool):
                    if epoch_of(place.blob) in epochs:
                        await self._judge_one(place, unlabeled, doubtful)
            except BlobError as error:  # what lies there is judged when it can be listed
                log.warning("judging the blobs in %s: %s", pool, error)
                doubtful |= epochs
        if unlabeled:
            await self._judge_unlabeled(unlabeled)
        return epochs - doubtful

    async def _judge_one(self, place: Place, unlabeled: set[Place], doubtful: set[int]) -> None:
        try:
            owner = await self._owner(place)
            if owner is None:
                unlabeled.add(place)
            else:
                await self._judge(owner, place)
        except NotFound:
            pass
        except (BlobError, CorruptRow) as error:
            log.warning("judging %s: %s", place.blob, error)
            doubtful.add(epoch_of(place.blob))

    async def judge_one(self, place: Place) -> bool:
        """Delete a blob that nobody can be writing any more unless a row names it; whether it is
        gone."""
        try:
            owner = await self._owner(place)
        except NotFound:
            return True
        return owner is not None and await self._judge(owner, place)

    async def settle(self, inflight: InFlight, tickets: frozenset[int]) -> None:
        """Judge what writes of this process left whose outcome nobody knows."""
        for ticket in tickets & inflight.doubts.keys():
            try:
                await self._settle(inflight.doubts[ticket])
            except CorruptRow as error:  # it stays in doubt
                log.warning("judging what a write left: %s", error)
            else:
                inflight.settle(ticket)

    async def _settle(self, doubt: Doubt) -> None:
        if doubt.owner is None:
            await self._meta.objects.fence(doubt.bucket_id, doubt.key)
        else:
            await fence(self._meta, doubt.owner)
        for place in doubt.places:
            with suppress(NotFound, Corrupt):
                owner = await self._owner(place)
                if owner is not None:
                    await self._judge(owner, place)

    async def _owner(self, place: Place) -> Label | None:
        try:
            return label.decode(await self._blobs.label(place))
        except Corrupt:
            return None

    async def _judge(self, owner: Label, place: Place) -> bool:
        if await self.named(owner, place):
            return False
        await fence(self._meta, owner)
        if await self.named(owner, place):
            return False
        await self._blobs.delete_blob(place)
        self.deleted += 1
        return True

    async def _judge_unlabeled(self, places: set[Place]) -> None:
        """Blobs torn at birth, or damaged since: only all rows together say which.

        The writer of one torn at birth had not come to its commit when its life ended, and comes
        to none: Lease.ensure stops it.
        """
        async for named in Census(self._meta.engine).rows():
            if named.holder is None:
                return  # a row that cannot be read may name any
            places.difference_update(e.place for e in (*named.extents, *named.discarded))
        for place in places:
            await self._blobs.delete_blob(place)
            self.deleted += 1

    async def named(self, owner: Label, place: Place) -> bool:
        """Whether a row names a blob, be it as trash.

        In the order in which references move: part, then versions.
        """
        if owner.part:
            part = await self._meta.uploads.part(owner.bucket_id, owner.upload, owner.part)
            if part is not None:
                for data in (part.manifest, *part.replaced):
                    if any(extent.place == place for extent in manifest.decode_extents(data)):
                        return True
        found = await self._meta.objects.made_by(
            owner.bucket_id, owner.key, op=owner.op, upload=owner.upload, trash=True
        )
        for version in found:
            if await self._names(owner, version, place):
                return True
        return False

    async def entries(self, owner: Label, version: Version) -> tuple[PartEntry, ...]:
        """Those of a version among which a part of `owner` is."""
        stored = manifest.decode(version.manifest)
        if stored.marks:
            number = stored.chunk_of(owner.part)
            async for data in self._meta.manifests.read(owner.bucket_id, version.op, number):
                return manifest.decode_chunk(data)
        return stored.parts

    async def _names(self, owner: Label, version: Version, place: Place) -> bool:
        parts = await self.entries(owner, version)
        return any(extent.place == place for part in parts for extent in part.extents)


async def fence(meta: MetaStore, owner: Label) -> None:
    """Let no swap land any more that was prepared before and may name the bytes of `owner`.

    Whoever wrote them, or was moving them, may only have paused.
    """
    await meta.objects.fence(owner.bucket_id, owner.key)
    for version in await meta.objects.made_by(
        owner.bucket_id, owner.key, op=owner.op, upload=owner.upload
    ):
        await meta.objects.relocate(owner.bucket_id, owner.key, version.seq, _unchanged)
    if owner.part:
        await meta.uploads.relocate(owner.bucket_id, owner.upload, owner.part, _in_place)


def _unchanged(version: Version) -> Version:
    return version


async def _in_place(extents: bytes) -> bytes:
    return extents


def epoch_of(blob: str) -> int:
    """The epoch in a blob's name; 0, which no life has, for a name that is none of ours."""
    try:
        return ids.parse(blob).epoch
    except ValueError:
        return 0
