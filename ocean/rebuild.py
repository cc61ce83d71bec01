"""Rebuild: new metadata from the blobs alone, by the labels that are written beside all bytes.

Nothing is thrown away: every whole write that is found becomes a version, the newest of a key its
current one. What cannot be known is listed in ocean/design/0005-backup-and-rebuild.md.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from blobstore.base import BlobError, Corrupt, NotFound
from blobstore.blobs import Blobs
from blobstore.extents import Extent, Layout, Slice
from blobstore.frames import Needle
from metastore.records import (
    Algorithm,
    Bucket,
    Checksum,
    EncryptionMode,
    Life,
    LifeState,
    Version,
    Versioning,
)
from metastore.retention_records import BucketLock
from ocean.backup import Notes
from ocean.body import digests
from ocean.body.cipher import Tampered, sealed_size, window
from ocean.body.digests import MD5, Digests
from ocean.jobs.orphans import epoch_of
from ocean.keys.provider import KeyProviderError
from ocean.keys.wrapping import wrapper_of
from ocean.objects import label, manifest
from ocean.objects.encryption import Cipher, Subject
from ocean.objects.label import Label
from ocean.objects.manifest import StoredPart
from ocean.rules import etag
from ocean.store import Ocean

MARK = "ocean-recovered"  # user metadata of objects put together from parts
_TOGETHER = 64  # keys at once: they share the engine's commits
_CHECKSUM = "CRC64NVME"


class Rebuilt(NamedTuple):
    """What was made, and what could not be: writes without all their bytes, and unknown blobs.

    `keyless` are writes (objects, or parts) whose encryption keys, `missing_keys`, are not here.
    """

    buckets: int
    versions: int
    assembled: int  # of the versions: those put together from parts
    incomplete: int
    unlabeled: int
    keyless: int = 0
    missing_keys: tuple[str, ...] = ()


class _Write(NamedTuple):
    """One operation's bytes: all extents under one label."""

    owner: Label
    extents: tuple[Extent, ...]


class _Read(NamedTuple):
    """What a write's bytes are; without a checksum where nobody here can open them."""

    size: int
    etag: bytes
    checksum: bytes | None


Writes = dict[bytes, _Write]  # by operation id
_Key = tuple[bytes, str]  # bucket id, key


class Rebuild:
    """One run on a store without objects. `owner` becomes the owner of the buckets.

    `names` are those of buckets by id, as far as the old metadata could be read.
    """

    def __init__(
        self, ocean: Ocean, owner: str, region: str, names: Mapping[bytes, str], notes: Notes
    ) -> None:
        self._ocean = ocean
        self._blobs: Blobs = ocean.blobs
        self._owner = owner
        self._region = region
        self._names = names
        self._notes = notes
        self._objects: dict[_Key, Writes] = defaultdict(dict)
        self._parts: dict[_Key, dict[bytes, Writes]] = defaultdict(lambda: defaultdict(dict))
        self._locked: set[bytes] = set()  # ids of buckets with object lock
        self._missing_keys: set[str] = set()
        self._versions = self._assembled = self._incomplete = self._unlabeled = self._keyless = 0

    async def run(self) -> Rebuilt:
        """Read everything, then make buckets and versions."""
        self._notes.step("Looking for labels in volumes and blobs")
        epochs = {epoch_of(name) async for name in self._found()}
        for epoch in epochs:
            await self._ocean.meta.lives.record(Life(epoch=epoch, state=LifeState.CLEAN))
        self._notes.step("Reading the bytes and writing the metadata")
        by_bucket: dict[bytes, list[str]] = defaultdict(list)
        for bucket_id, key in sorted({*self._objects, *self._parts}):
            by_bucket[bucket_id].append(key)
        buckets = [await self._bucket(bucket_id) for bucket_id in by_bucket]  # names first
        for bucket in buckets:
            keys = by_bucket[bucket.id]
            for first in range(0, len(keys), _TOGETHER):
                some = keys[first : first + _TOGETHER]
                await asyncio.gather(*(self._put_all(bucket, key) for key in some))
        return Rebuilt(
            len(by_bucket),
            self._versions,
            self._assembled,
            self._incomplete,
            self._unlabeled,
            self._keyless,
            tuple(sorted(self._missing_keys)),
        )

    # -- what is there ----------------------------------------------------------------------

    async def _found(self) -> AsyncIterator[str]:
        """Note every labeled run of bytes; the names of all volumes and blobs."""
        blobs = self._blobs
        volumes = [one for pool in blobs.volume_pools() async for one in blobs.sealed(pool)]
        for volume in volumes:
            yield volume.blob
            async for found in blobs.scan(volume):
                self._notes.count(found.span)
                if isinstance(found, Needle):
                    within = (found.offset, found.span, found.size)
                    self._note(found.label, Extent(Layout.NEEDLE, *volume, *within))
                else:
                    self._incomplete += 1
        large = [one for pool in blobs.segment_pools() async for one in blobs.list(pool)]
        for place in large:
            yield place.blob
            try:
                extent, data = await blobs.segments(place)
            except (Corrupt, NotFound):
                self._unlabeled += 1
            else:
                self._note(data, extent)

    def _note(self, data: bytes, extent: Extent) -> None:
        owner = label.decode(data)
        if owner is None:
            self._unlabeled += 1
            return
        if owner.retention is not None or owner.legal_hold is not None:
            self._locked.add(owner.bucket_id)
        key = (owner.bucket_id, owner.key)
        writes = self._parts[key][owner.upload] if owner.part else self._objects[key]
        known = writes.get(owner.op)
        # A needle met twice was moved by compaction; blobs of segments follow each other.
        more = known is not None and extent.layout is Layout.SEGMENTS
        writes[owner.op] = _Write(owner, (*known.extents, extent) if known and more else (extent,))

    # -- what it makes ----------------------------------------------------------------------

    async def _bucket(self, bucket_id: bytes) -> Bucket:
        """Labels do not say the name."""
        bucket = Bucket(
            name=self._names.get(bucket_id) or f"recovered-{bucket_id.hex()}",
            id=bucket_id,
            owner=self._owner,
            created_ms=self._ocean.clock.now_ms(),
            region=self._region,
            versioning=Versioning.ENABLED,
            lock=BucketLock() if bucket_id in self._locked else None,
        )
        await self._ocean.meta.buckets.create(bucket)
        return bucket

    async def _put_all(self, bucket: Bucket, key: str) -> None:
        """Every version of one key, oldest first."""
        place = (bucket.id, key)
        drafts = [await self._whole(write) for write in self._objects.get(place, {}).values()]
        for upload, writes in self._parts.get(place, {}).items():
            drafts.append(await self._assemble(bucket, upload, writes.values()))
        kept = [draft for draft in drafts if draft is not None]
        for draft in sorted(kept, key=lambda draft: (draft.modified_ms, draft.op)):
            await self._ocean.meta.objects.put(bucket, key, draft, lambda _current: None)
            self._versions += 1

    async def _whole(self, write: _Write) -> Version | None:
        """The version that one put wrote."""
        read = await self._read(write)
        if read is None:
            return None
        owner, checksum = write.owner, None
        if read.checksum is not None:
            checksum = Checksum(Algorithm[_CHECKSUM], digests.encode(read.checksum))
        return Version(
            op=owner.op,
            size=read.size,
            modified_ms=owner.created_ms,
            etag=read.etag,
            owner=owner.owner or self._owner,
            checksum=checksum,
            headers=owner.headers,
            metadata=owner.metadata,
            tags=owner.tags,
            manifest=manifest.whole(write.extents, read.size),
            retention=owner.retention,
            legal_hold=owner.legal_hold,
            encryption=owner.encryption,
        )

    async def _assemble(
        self, bucket: Bucket, upload: bytes, writes: Iterable[_Write]
    ) -> Version | None:
        """The object that the newest part of each number makes up, marked as such.

        Whether the upload was completed, and with which of its parts, nobody knows.
        """
        newest: dict[int, tuple[_Write, _Read]] = {}
        for write in sorted(writes, key=lambda write: write.owner.op):
            read = await self._read(write)
            if read is not None:
                newest[write.owner.part] = (write, read)
        if not newest:
            return None
        stored = [
            StoredPart(number, read.size, "", manifest.encode_extents(write.extents), _salt(write))
            for number, (write, read) in sorted(newest.items())
        ]
        op = self._ocean.meta.edits.next()
        data, chunks = manifest.assemble(stored)
        if chunks:
            await self._ocean.meta.manifests.write(bucket.id, op, chunks)
        self._assembled += 1
        etags = [newest[part.number][1].etag for part in stored]
        last = newest[stored[-1].number][0].owner
        return Version(
            op=op,
            size=sum(part.size for part in stored),
            modified_ms=int.from_bytes(upload[:8], "big"),  # an upload's id begins with its time
            etag=bytes.fromhex(etag.multipart_etag(etags)[:32]),
            parts=len(stored),
            owner=self._owner,
            metadata={MARK: f"{len(stored)} parts, the last has number {stored[-1].number}"},
            manifest=data,
            upload=upload,
            retention=last.retention,
            legal_hold=last.legal_hold,
            encryption=last.encryption,
        )

    async def _read(self, write: _Write) -> _Read | None:
        """Digests of a write's bytes; None when they are not all there and right."""
        owner, stored = write.owner, sum(extent.size for extent in write.extents)
        size = owner.body_size(stored)
        try:
            if owner.size not in (-1, size) or (owner.encryption and sealed_size(size) != stored):
                raise Corrupt("broken off")
            return await self._digested(write, size, await self._cipher(owner))
        except (BlobError, Tampered):
            self._incomplete += 1
            return None

    async def _digested(self, write: _Write, size: int, cipher: Cipher | None) -> _Read:
        opening = None
        if cipher is not None:
            opening = cipher.opening(write.owner.op, size, window(0, size, size))
        running = Digests((MD5, _CHECKSUM))
        slices = [Slice(extent, 0, extent.size) for extent in write.extents]
        async for piece in self._blobs.read_all(slices):
            running.feed(piece if opening is None else opening.feed(piece))
            self._notes.count(len(piece))
        if opening is not None:
            opening.finish()
        found = running.finish()
        if cipher is not None:
            return _Read(size, cipher.etag(found[MD5]), found[_CHECKSUM])
        return _Read(size, found[MD5], None if write.owner.encryption else found[_CHECKSUM])

    async def _cipher(self, owner: Label) -> Cipher | None:
        """What opens a write; None of a plain one, and where the key is not here."""
        encryption = owner.encryption
        if encryption is None or encryption.mode is EncryptionMode.C:
            return None
        subject = Subject(owner.bucket_id, owner.key, owner.upload or owner.op)
        try:
            return await self._ocean.ciphers.opened(encryption, subject)
        except KeyProviderError:
            self._keyless += 1
            with suppress(KeyProviderError):
                self._missing_keys.add(wrapper_of(encryption.wrapped).name)
            return None


def _salt(write: _Write) -> bytes:
    """Of a part, for its manifest."""
    return write.owner.op if write.owner.encryption is not None else b""
