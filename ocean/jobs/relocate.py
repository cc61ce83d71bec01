"""Relocating: rows that name bytes are made to name a copy, in the order of moving references."""

from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from blobstore.extents import Extent
from metastore.errors import Conflict
from metastore.records import Version
from metastore.store import MetaStore
from metastore.uploads import UNDECIDED
from ocean.objects import manifest
from ocean.objects.label import Label
from ocean.objects.manifest import Manifest, PartEntry

Copy = Callable[[Extent], Awaitable[tuple[Extent, ...]]]


class Relocate:
    """Of one owner's bytes that `lies` finds, with copies that `copy` makes: one for each row.

    No two rows name one copy: the row of a part may be collected while a version's is moved.
    """

    def __init__(
        self, meta: MetaStore, owner: Label, lies: Callable[[Extent], bool], copy: Copy
    ) -> None:
        self._meta = meta
        self._owner = owner
        self._lies = lies
        self._copy = copy

    async def __call__(self) -> bool:
        """Part, then versions; whether a row named the bytes. Conflict: try again later."""
        owner = self._owner
        moved = False
        if owner.part:
            moved = await self._meta.uploads.relocate(
                owner.bucket_id, owner.upload, owner.part, self._part
            )
            await self._refuse_undecided()
        for version in await self._meta.objects.made_by(
            owner.bucket_id, owner.key, op=owner.op, upload=owner.upload, live=True
        ):
            moved = await self._version(version) or moved
        return moved

    async def _refuse_undecided(self) -> None:
        """Conflict while a Complete, which chose its parts, may make a version of the old place."""
        owner = self._owner
        upload = await self._meta.uploads.find(owner.bucket_id, owner.key, owner.upload)
        if upload is not None and upload.state in UNDECIDED:
            raise Conflict(owner.key)

    async def _part(self, data: bytes) -> bytes | None:
        """In the row of a part of an upload that goes on."""
        extents = manifest.decode_extents(data)
        if not any(map(self._lies, extents)):
            return None
        return manifest.encode_extents(await self._copied(extents))

    async def _version(self, version: Version) -> bool:
        owner = self._owner
        stored = manifest.decode(version.manifest)
        if stored.marks:
            return await self._chunk(version, stored)
        if not self._named(stored.parts):
            return False
        data = manifest.encode(replace(stored, parts=await self._entries(stored.parts)))

        def change(now: Version) -> Version:
            if now.manifest != version.manifest:
                raise Conflict(owner.key)  # another moved another part
            return replace(now, manifest=data)

        return await self._meta.objects.relocate(owner.bucket_id, owner.key, version.seq, change)

    async def _chunk(self, version: Version, stored: Manifest) -> bool:
        """In a row of a long manifest, which only relocations ever change."""
        owner = self._owner
        number = stored.chunk_of(owner.part)
        async for data in self._meta.manifests.read(owner.bucket_id, version.op, number):
            parts = manifest.decode_chunk(data)
            if not self._named(parts):
                return False
            chunk = manifest.encode_chunk(await self._entries(parts))
            if await self._meta.manifests.replace(owner.bucket_id, version.op, number, data, chunk):
                return True
            raise Conflict(owner.key)
        return False

    def _named(self, parts: tuple[PartEntry, ...]) -> bool:
        return any(self._lies(extent) for part in parts for extent in part.extents)

    async def _entries(self, parts: tuple[PartEntry, ...]) -> tuple[PartEntry, ...]:
        return tuple([
            replace(part, extents=await self._copied(part.extents))
            if any(map(self._lies, part.extents))
            else part
            for part in parts
        ])  # fmt: skip

    async def _copied(self, extents: tuple[Extent, ...]) -> tuple[Extent, ...]:
        found: list[Extent] = []
        for extent in extents:
            found += await self._copy(extent) if self._lies(extent) else (extent,)
        return tuple(found)
