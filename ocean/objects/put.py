"""Putting: bytes in, digests checked, blobs durable, and then the one commit."""

from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from msgspec.structs import replace

from blobstore.blobs import ANYWHERE, Blobs, Target
from blobstore.extents import Extent
from metastore.errors import StoreError
from metastore.objects import Guard
from metastore.records import Algorithm, Bucket, Checksum, Version
from metastore.store import MetaStore
from ocean.body import digests
from ocean.body.cipher import Sealing, sealed_size
from ocean.body.digests import MD5, Digests
from ocean.errors import EntityTooLarge, S3Error
from ocean.objects import label, manifest
from ocean.objects.discard import Discard
from ocean.objects.encryption import Cipher, Ciphers, EncryptionRequest, Subject
from ocean.objects.inflight import InFlight
from ocean.objects.quotas import Quotas
from ocean.ports import Body, Clock
from ocean.rules.retention import retention_of_new

MAX_PUT = 5 * 1024**3  # bytes in one request; an object of more is uploaded in parts


class Expected(NamedTuple):
    """What the client says the bytes are.

    `algorithm` NONE: it named no checksum, the server adds one. `value` None means that it comes
    in the trailer, if at all. `also` is a checksum to compute besides.
    """

    md5: bytes | None = None
    algorithm: Algorithm = Algorithm.NONE
    value: bytes | None = None
    also: Algorithm = Algorithm.NONE


class Taken(NamedTuple):
    """Bytes that are durable: where they lie and what they are."""

    extents: tuple[Extent, ...]
    size: int
    md5: bytes
    checksum: Checksum
    also: Checksum | None


# Where new bytes of an object may go: of bucket, key, size (None: unknown), storage class.
Place = Callable[[str, str, int | None, int], Target]


def anywhere(_bucket: str, _key: str, _size: int | None, _storage_class: int) -> Target:
    """Where there are no rules."""
    return ANYWHERE


class Ingest:
    """Takes bodies in."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self.inflight = InFlight()

    async def __call__(
        self,
        owner: bytes,
        body: Body,
        expected: Expected,
        target: Target,
        sealing: Sealing | None = None,
    ) -> Taken:
        """Write a body under the label `owner`; BadDigest, EntityTooLarge, or as the body raises.

        A small body is verified before anything is written, a large one before it is kept. What is
        said and found of the bytes is of those that came, also where `sealing` encrypts them.
        """
        size = body.size
        if size is not None and size > MAX_PUT:
            raise EntityTooLarge(ProposedSize=str(size), MaxSizeAllowed=str(MAX_PUT))
        named = expected.algorithm or Algorithm.CRC64NVME
        running = Digests(
            (MD5, named.name, expected.also.name) if expected.also else (MD5, named.name)
        )
        if size is not None and size <= self._blobs.threshold_of(target):
            return await self._small(owner, body, running, expected, target, sealing)
        return await self._large(owner, body, running, expected, target, sealing)

    async def _small(
        self,
        owner: bytes,
        body: Body,
        running: Digests,
        expected: Expected,
        target: Target,
        sealing: Sealing | None,
    ) -> Taken:
        pieces = [piece async for piece in body]
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        running.feed(data)
        sums = verified(running, body, expected)
        if sealing is None:
            extents = tuple(await self._blobs.put(owner, data, target))
        elif data:  # in a needle as well, which may be a little longer than others
            sealed = sealing.feed(data) + sealing.finish()
            extents = (await self._blobs.put_needle(owner, sealed, target),)
        else:
            extents = ()
        return Taken(extents, len(data), *sums)

    async def _large(
        self,
        owner: bytes,
        body: Body,
        running: Digests,
        expected: Expected,
        target: Target,
        sealing: Sealing | None,
    ) -> Taken:
        size = body.size
        if sealing is not None and size is not None:
            size = sealed_size(size)
        writer = self._blobs.writer(owner, size, target)
        total = 0
        try:
            async for piece in body:
                total += len(piece)
                if total > MAX_PUT:
                    raise EntityTooLarge(MaxSizeAllowed=str(MAX_PUT))
                running.feed(piece)
                await writer.write(piece if sealing is None else sealing.feed(piece))
            sums = verified(running, body, expected)
            if sealing is not None:
                await writer.write(sealing.finish())
            extents = await writer.finish()
        except BaseException:
            await writer.abandon()
            raise
        return Taken(tuple(extents), total, *sums)


class Put:
    """Puts objects."""

    def __init__(
        self,
        meta: MetaStore,
        ingest: Ingest,
        discard: Discard,
        clock: Clock,
        place: Place,
        ciphers: Ciphers,
        quotas: Quotas,
    ) -> None:
        self._ciphers = ciphers
        self._quotas = quotas
        self._meta = meta
        self._ingest = ingest
        self._place = place
        self._discard = discard
        self._clock = clock

    async def __call__(
        self,
        bucket: Bucket,
        key: str,
        draft: Version,
        body: Body,
        *,
        expected: Expected,
        guard: Guard,
        encrypt: EncryptionRequest | None = None,
    ) -> Version:
        """Store `body` as `draft`: nothing is visible before the commit, all of it after.

        It is encrypted if `encrypt` asks for it; KeyNotFound, KeyDisabled, QuotaExceeded.
        """
        await self._quotas.check(bucket, body.size)
        now = self._clock.now_ms()
        draft = replace(
            draft,
            op=self._meta.edits.next(),
            modified_ms=now,
            retention=retention_of_new(draft.retention, bucket.lock, now),
        )
        cipher: Cipher | None = None
        if encrypt is not None:
            made, cipher = await self._ciphers.begin(encrypt, Subject.of(bucket.id, key, draft))
            draft = replace(draft, encryption=made)
        with self._ingest.inflight.write() as ticket:
            taken = await self._ingest(
                label.encode(bucket.id, key, draft, body.size),
                body,
                expected,
                self._place(bucket.name, key, body.size, draft.storage_class),
                None if cipher is None else cipher.sealing(draft.op),
            )
            version = replace(
                draft,
                size=taken.size,
                etag=taken.md5 if cipher is None else cipher.etag(taken.md5),
                checksum=taken.checksum,
                manifest=manifest.whole(taken.extents, taken.size),
            )
            try:
                async with self._quotas.room(bucket, version.size):
                    return await self._meta.objects.put(bucket, key, version, guard)
            except (S3Error, StoreError):  # certainly not committed
                await self._discard.abandoned(taken.extents)
                raise
            except BaseException:  # no outcome is known, or nobody waited for it
                self._ingest.inflight.doubt(ticket, bucket.id, key, taken.extents)
                raise


def verified(
    running: Digests, body: Body, expected: Expected
) -> tuple[bytes, Checksum, Checksum | None]:
    """MD5, checksum and further one of what came; BadDigest when the client said otherwise."""
    algorithm = expected.algorithm or Algorithm.CRC64NVME
    found = running.finish()
    if expected.md5 is not None:
        digests.verify(MD5, found[MD5], expected.md5)
    value = expected.value
    if value is None and expected.algorithm:
        trailer = body.checksum()
        value = digests.decode(trailer.algorithm.name, trailer.value) if trailer else None
    if value is not None:
        digests.verify(algorithm.name, found[algorithm.name], value)
    checksum = Checksum(algorithm, digests.encode(found[algorithm.name]))
    if not expected.also:
        return found[MD5], checksum, None
    return found[MD5], checksum, Checksum(expected.also, digests.encode(found[expected.also.name]))


class Spool:
    """A body made of pieces that are at hand: of a copy's source, or of a form."""

    def __init__(self, pieces: AsyncIterator[bytes | memoryview], size: int | None) -> None:
        self._pieces = pieces
        self.size = size

    def __aiter__(self) -> AsyncIterator[bytes | memoryview]:
        return self._pieces

    def checksum(self) -> Checksum | None:
        """There is no trailer."""
        return None
