"""Reading: the version that a request names, and its bytes."""

from collections.abc import AsyncIterator, Iterator
from email.utils import formatdate
from itertools import count
from typing import NamedTuple

from blobstore.base import Buffer, Corrupt, NotFound
from blobstore.blobs import Blobs
from blobstore.extents import Extent, Layout, Slice, cut
from metastore import keys
from metastore.records import Bucket, Kind, Version
from metastore.store import MetaStore
from ocean.body.cipher import Opening, Tampered, window
from ocean.errors import MethodNotAllowed, NoSuchKey, NoSuchVersion, S3Error
from ocean.objects import manifest
from ocean.objects.encryption import Cipher
from ocean.objects.manifest import Manifest, PartEntry
from ocean.rules.naming import check_version_id

MOVES = 10  # of bytes under one reader, after which it gives up


class _Run(NamedTuple):
    """What is read in one go, and what opens it, if it is sealed."""

    slices: Iterator[Slice]
    opening: Opening | None = None


class Get:
    """Finds versions and reads their bytes."""

    def __init__(self, meta: MetaStore, blobs: Blobs) -> None:
        self._meta = meta
        self._blobs = blobs

    async def version(self, bucket: Bucket, key: str, version_id: str | None) -> Version:
        """The object version that is asked for; NoSuchKey, NoSuchVersion, MethodNotAllowed."""
        if version_id is None:
            found = await self._meta.objects.current(bucket.id, key)
            if found is None:
                raise NoSuchKey(Key=key)
            if found.kind is Kind.MARKER:
                raise NoSuchKey(headers=marker_headers(found), Key=key)
            return found
        check_version_id(version_id)
        found = await self._meta.objects.find(bucket.id, key, version_id)
        if found is None:
            raise NoSuchVersion(Key=key, VersionId=version_id)
        if found.kind is Kind.MARKER:
            raise marker_named(found)
        return found

    async def small(
        self,
        bucket: Bucket,
        key: str,
        version: Version,
        start: int,
        stop: int,
        cipher: Cipher | None = None,
    ) -> bytes | None:
        """The bytes of a version that lies in one needle; None when it does not.

        `cipher` is of the version's encryption, if it has any.
        """
        _check(version, cipher)
        for attempt in count(1):
            if not version.manifest:
                return b""
            parts = manifest.decode(version.manifest).parts
            if len(parts) != 1 or len(parts[0].extents) != 1:
                return None
            extent = parts[0].extents[0]
            if extent.layout is not Layout.NEEDLE:
                return None
            try:
                if cipher is not None:
                    return await self._small_sealed(cipher, version, parts[0], start, stop)
                return await self._blobs.read_small(extent, start, stop)
            except (NotFound, Corrupt):
                now = await self._moved(bucket, key, version)
                if now is None or attempt == MOVES:
                    raise
                version = now
        return None

    async def _small_sealed(
        self, cipher: Cipher, version: Version, part: PartEntry, start: int, stop: int
    ) -> bytes:
        within = window(start, stop, part.size)
        opening = cipher.opening(part.salt or version.op, part.size, within)
        sealed = await self._blobs.read_small(part.extents[0], within.start, within.stop)
        try:
            data = bytes(opening.feed(sealed))
            opening.finish()
        except Tampered as error:
            raise Corrupt(str(error)) from error
        return data

    async def stream(
        self,
        bucket: Bucket,
        key: str,
        version: Version,
        start: int,
        stop: int,
        cipher: Cipher | None = None,
    ) -> AsyncIterator[Buffer]:
        """Bytes `start` to `stop` (exclusive) of a version, verified piece by piece.

        `cipher` is of the version's encryption, if it has any. Bytes that are moved meanwhile are
        read on where they then are.
        """
        for attempt in count(1):
            try:
                async for run in self._runs(bucket, version, start, stop, cipher):
                    async for data in self._blobs.read_all(run.slices):
                        if run.opening is not None and not (data := run.opening.feed(data)):
                            continue
                        yield data
                        start += len(data)
                    if run.opening is not None:
                        run.opening.finish()
            except Tampered as error:
                raise Corrupt(str(error)) from error
            except (NotFound, Corrupt):
                now = await self._moved(bucket, key, version)
                if now is None or attempt == MOVES:
                    raise
                version = now
            else:
                return

    async def _moved(self, bucket: Bucket, key: str, version: Version) -> Version | None:
        """The version as it is now, if its bytes may have been moved since.

        Rows of a long manifest change in their place.
        """
        head = await self._meta.objects.head(bucket.id, key)
        if head is None:
            return None
        now = head.current
        if now is None or now.seq != version.seq:
            now = await self._meta.objects.stored(bucket.id, key, version.seq)
        if now is None or now.op != version.op:
            return None
        moved = now.manifest != version.manifest or manifest.decode(now.manifest).marks
        return now if moved else None

    async def _runs(
        self, bucket: Bucket, version: Version, start: int, stop: int, cipher: Cipher | None
    ) -> AsyncIterator[_Run]:
        """Where bytes `start` to `stop` of a version lie, and what opens them."""
        _check(version, cipher)
        stored = manifest.decode(version.manifest)
        chunk = stored.chunk_at(start)
        base = stored.marks[chunk].start if stored.marks else 0
        async for parts in self.chunks(bucket.id, version, stored, chunk):
            size = sum(part.size for part in parts)
            if cipher is None:
                yield _Run(cut(_extents(parts), start - base, min(stop - base, size)))
            else:
                for run in _sealed_runs(cipher, version.op, parts, start - base, stop - base):
                    yield run
            base += size
            if base >= stop:
                return

    async def part(
        self, bucket: Bucket, version: Version, number: int
    ) -> tuple[PartEntry, int] | None:
        """Part `number` of a version and the offset where it begins; None: there is none."""
        stored = manifest.decode(version.manifest)
        chunk = stored.chunk_of(number)
        start = stored.marks[chunk].start if stored.marks else 0
        async for parts in self.chunks(bucket.id, version, stored, chunk):
            for entry in parts:
                if entry.number == number:
                    return entry, start
                start += entry.size
            return None
        return None

    async def parts(
        self, bucket: Bucket, version: Version, after: int, limit: int
    ) -> list[PartEntry]:
        """At most `limit` parts with numbers above `after`."""
        stored = manifest.decode(version.manifest)
        found: list[PartEntry] = []
        async for parts in self.chunks(bucket.id, version, stored, stored.chunk_of(after)):
            found += [part for part in parts if part.number > after]
            if len(found) >= limit:
                break
        return found[:limit]

    async def chunks(
        self, bucket_id: bytes, version: Version, stored: Manifest, first: int
    ) -> AsyncIterator[tuple[PartEntry, ...]]:
        """The parts of a version, chunk by chunk, from chunk `first`."""
        if not stored.marks:
            yield stored.parts
            return
        async for data in self._meta.manifests.read(bucket_id, version.op, first):
            yield manifest.decode_chunk(data)


def _check(version: Version, cipher: Cipher | None) -> None:
    if (cipher is None) is not (version.encryption is None):
        raise AssertionError("a version is opened as it was sealed")


def _sealed_runs(
    cipher: Cipher, op: bytes, parts: tuple[PartEntry, ...], start: int, stop: int
) -> Iterator[_Run]:
    """The same of parts in a row, each a stream of its own."""
    for part in parts:
        if start < part.size and stop > 0:
            within = window(max(start, 0), min(stop, part.size), part.size)
            slices = cut(part.extents, within.start, within.stop)
            yield _Run(slices, cipher.opening(part.salt or op, part.size, within))
        start -= part.size
        stop -= part.size


def _extents(parts: tuple[PartEntry, ...]) -> list[Extent]:
    return [extent for part in parts for extent in part.extents]


def version_id_of(version: Version) -> str:
    """The version id that clients see."""
    return "null" if version.null else keys.version_id(version.seq, version.op)


def marker_named(marker: Version) -> S3Error:
    """The error of a request that names a delete marker and does not delete it."""
    modified = formatdate(marker.modified_ms // 1000, usegmt=True)
    return MethodNotAllowed(
        headers={**marker_headers(marker), "allow": "DELETE", "last-modified": modified},
        ResourceType="DeleteMarker",
    )


def marker_headers(version: Version) -> dict[str, str]:
    """What an answer says of a delete marker that stands in the way."""
    return {"x-amz-delete-marker": "true", "x-amz-version-id": version_id_of(version)}
