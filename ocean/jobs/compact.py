"""Compaction: volumes of which little is still named are copied together and deleted.

Hints say which volume is worth a look; what is named is decided needle by needle, by the rows.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

from blobstore.base import BlobError, NotFound
from blobstore.blobs import Blobs
from blobstore.extents import Extent, Layout, Place
from blobstore.frames import Damage, Needle
from blobstore.partition import Partition
from metastore.engine import EngineError
from metastore.errors import StoreError
from metastore.store import MetaStore
from ocean.jobs import orphans
from ocean.jobs.relocate import Relocate
from ocean.objects import label
from ocean.objects.inflight import InFlight
from ocean.objects.label import Label

log = logging.getLogger(__name__)

TOGETHER = 64  # needles moved at once: they share writes and commits


class Compaction:
    """Rewrites volumes."""

    def __init__(self, meta: MetaStore, blobs: Blobs, inflight: InFlight) -> None:
        self._meta = meta
        self._blobs = blobs
        self._inflight = inflight
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
            async for found in _groups(self._blobs.scan(volume)):
                damaged = damaged or not all(isinstance(one, Needle) for one in found)
                needles = [one for one in found if isinstance(one, Needle)]
                if not await self._move_all(volume, needles, fence=fence):
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

    async def spread(
        self,
        volume: Place,
        wanted: Callable[[Label, Needle], Awaitable[Partition | None]],
        pause: Callable[[], Awaitable[None]],
    ) -> int:
        """Move the needles that are `wanted` in another partition there; the bytes moved.

        The volume stays, for compaction to rewrite what is left.
        """
        moved = 0
        async for found in _groups(self._blobs.scan(volume)):
            for needle in found:
                owner = label.decode(needle.label) if isinstance(needle, Needle) else None
                if owner is None or not isinstance(needle, Needle):
                    continue
                into = await wanted(owner, needle)
                if into is not None:
                    await self._move(volume, owner, needle, fence=False, into=into)
                    moved += needle.size
            await pause()
        return moved

    async def _move_all(self, volume: Place, needles: list[Needle], *, fence: bool) -> bool:
        """Whether all could be judged; raises what one of them raised once all have ended.

        Those of one key, such as parts of one upload, one after the other: they share rows.
        """
        by_key: dict[tuple[bytes, str], list[tuple[Label, Needle]]] = {}
        for needle in needles:
            owner = label.decode(needle.label)
            if owner is None:
                return False
            by_key.setdefault((owner.bucket_id, owner.key), []).append((owner, needle))

        async def move(some: list[tuple[Label, Needle]]) -> None:
            for owner, needle in some:
                await self._move(volume, owner, needle, fence=fence)

        if len(by_key) == 1:
            await move(*by_key.values())
            return True
        outcomes = await asyncio.gather(*map(move, by_key.values()), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return True

    async def _move(
        self,
        volume: Place,
        owner: Label,
        needle: Needle,
        *,
        fence: bool,
        into: Partition | None = None,
    ) -> None:
        """Copy one needle if a row names it, and have the row name the copy."""

        def lies(extent: Extent) -> bool:
            return extent.place == volume and extent.offset == needle.offset and _needle(extent)

        async def copy(_extent: Extent) -> tuple[Extent, ...]:
            return (await self._blobs.move_needle(volume, needle, into),)

        relocate = Relocate(self._meta, owner, lies, copy)
        with self._inflight.move(owner, []):
            if not await relocate() and fence:
                await orphans.fence(self._meta, owner)
                await relocate()


async def _groups(found: AsyncIterator[Needle | Damage]) -> AsyncIterator[list[Needle | Damage]]:
    """The same, some at a time."""
    group: list[Needle | Damage] = []
    try:
        async for one in found:
            group.append(one)
            if len(group) == TOGETHER:
                yield group
                group = []
    except BlobError:
        if group:
            yield group  # what was read can be moved
        raise
    if group:
        yield group


def _needle(extent: Extent) -> bool:
    return extent.layout is Layout.NEEDLE
