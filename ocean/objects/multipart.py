"""Multipart uploads: begun, filled part by part, completed in one commit or aborted."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from msgspec.structs import replace

from metastore import codec
from metastore.errors import NoUpload, TakenIn
from metastore.objects import Guard
from metastore.records import (
    Algorithm,
    Bucket,
    Checksum,
    Part,
    Upload,
    UploadState,
    Version,
)
from metastore.store import MetaStore
from ocean.body import digests
from ocean.errors import (
    BadDigest,
    EntityTooSmall,
    InvalidPart,
    InvalidPartOrder,
    InvalidRequest,
    NoSuchUpload,
    OperationAborted,
    S3Error,
)
from ocean.objects import label, manifest
from ocean.objects.discard import Discard
from ocean.objects.encryption import Cipher, Ciphers, EncryptionRequest, Subject
from ocean.objects.put import Expected, Ingest, Place, Taken
from ocean.objects.quotas import Quotas
from ocean.ports import Body, Clock
from ocean.rules import etag
from ocean.rules.retention import retention_of_new

DEFAULT = Algorithm.CRC64NVME  # of an upload that was begun without a checksum
ATTEMPTS = 10  # of a Complete whose parts change under it
MIN_PART = 5 * 1024 * 1024  # bytes; of all parts but the last


class Wanted(NamedTuple):
    """A part as the client names it in Complete; `etag` is hex, `checksum` base64 text."""

    number: int
    etag: str
    checksum: str = ""


Asked = tuple[int, str, str]  # a Wanted, or only its fields where there are thousands


class _Reopened(Exception):
    """A part came meanwhile, or another Complete: what there is has to be looked at again."""


class _AlreadyDone(Exception):
    """The upload turned out to be completed."""

    def __init__(self, result: Version) -> None:
        super().__init__()
        self.result = result


class Multipart:
    """The verbs of multipart uploads."""

    def __init__(
        self,
        meta: MetaStore,
        ingest: Ingest,
        discard: Discard,
        clock: Clock,
        place: Place,
        ciphers: Ciphers,
        quotas: Quotas,
        *,
        min_part: int,
    ) -> None:
        self._place = place
        self._ciphers = ciphers
        self._quotas = quotas
        self._meta = meta
        self._ingest = ingest
        self._discard = discard
        self._clock = clock
        self._min_part = min_part

    async def create(
        self,
        bucket: Bucket,
        key: str,
        draft: Version,
        *,
        initiator: str,
        algorithm: Algorithm,
        composite: bool,
        encrypt: EncryptionRequest | None = None,
    ) -> str:
        """Begin an upload that shall become `draft`, encrypted if `encrypt` asks for it; its id."""
        now = self._clock.now_ms()
        upload = Upload(
            id=now.to_bytes(8, "big") + self._meta.edits.next(),
            key=key,
            initiated_ms=now,
            initiator=initiator,
            draft=draft,
            algorithm=algorithm,
            composite=composite,
        )
        if encrypt is not None:
            made, _ = await self._ciphers.begin(encrypt, Subject.of_upload(bucket.id, upload))
            upload = replace(upload, draft=replace(draft, encryption=made))
        await self._meta.uploads.create(bucket.id, upload)
        return upload.id.hex()

    async def stored(self, bucket: Bucket, key: str, upload_id: str) -> Upload:
        """An upload, ended or not; NoSuchUpload."""
        try:
            raw = bytes.fromhex(upload_id)
        except ValueError:
            raw = b""
        upload = await self._meta.uploads.find(bucket.id, key, raw) if len(raw) == 20 else None
        if upload is None:
            raise NoSuchUpload(UploadId=upload_id)
        return upload

    async def find(self, bucket: Bucket, key: str, upload_id: str) -> Upload:
        """An upload that has not ended; NoSuchUpload."""
        upload = await self.stored(bucket, key, upload_id)
        if upload.state in {UploadState.DONE, UploadState.ABORTED}:
            raise NoSuchUpload(UploadId=upload_id)
        return upload

    async def upload_part(
        self,
        bucket: Bucket,
        upload: Upload,
        number: int,
        body: Body,
        expected: Expected,
        cipher: Cipher | None = None,
    ) -> Part:
        """Store part `number`; a later one of the same number replaces it.

        `cipher` is of the upload's encryption, if it has any.
        """
        if (cipher is None) is not (upload.draft.encryption is None):
            raise AssertionError("a part is encrypted as its upload is")
        if not upload.algorithm and expected.algorithm:
            expected = expected._replace(also=DEFAULT)
        if upload.algorithm and not expected.algorithm:
            expected = expected._replace(algorithm=upload.algorithm)
        if upload.algorithm and expected.algorithm is not upload.algorithm:
            raise _another_algorithm(upload.algorithm, expected.algorithm)
        op = self._meta.edits.next()
        held = retention_of_new(upload.draft.retention, bucket.lock, self._clock.now_ms())
        draft = replace(upload.draft, retention=held)
        owner = label.encode_part(bucket.id, upload.key, op, upload.id, number, body.size, draft)
        with self._ingest.inflight.write() as ticket:
            target = self._place(bucket.name, upload.key, body.size, upload.draft.storage_class)
            sealing = None if cipher is None else cipher.sealing(op)
            taken = await self._ingest(owner, body, expected, target, sealing)
            try:
                part = self._part(number, taken, cipher, op)
                await self._meta.uploads.put_part(bucket.id, upload, part)
                return part
            except NoUpload as refused:
                if isinstance(refused, TakenIn):
                    self._ingest.inflight.doubt(ticket, bucket.id, upload.key, taken.extents)
                else:  # certainly not stored
                    await self._discard.abandoned(taken.extents)
                raise NoSuchUpload(UploadId=upload.id.hex()) from None
            except BaseException:  # no outcome is known, or nobody waited for it
                self._ingest.inflight.doubt(ticket, bucket.id, upload.key, taken.extents)
                raise

    def _part(self, number: int, taken: Taken, cipher: Cipher | None, op: bytes) -> Part:
        return Part(
            number=number,
            size=taken.size,
            etag=taken.md5 if cipher is None else cipher.etag(taken.md5),
            modified_ms=self._clock.now_ms(),
            manifest=manifest.encode_extents(taken.extents),
            checksum=taken.checksum,
            crc=taken.also,
            salt=b"" if cipher is None else op,
        )

    async def abort(self, bucket: Bucket, key: str, upload_id: str) -> None:
        """Abort an upload and delete its parts; NoSuchUpload."""
        upload = await self.stored(bucket, key, upload_id)
        try:
            aborted = await self._meta.uploads.abort(bucket.id, upload)
        except NoUpload:
            raise NoSuchUpload(UploadId=upload_id) from None
        if not aborted:
            raise NoSuchUpload(UploadId=upload_id)
        await self._discard.upload(bucket.id, upload.id, frozenset())
        await self._meta.uploads.remove(bucket.id, upload)

    async def complete(
        self,
        bucket: Bucket,
        upload: Upload,
        wanted: Sequence[Asked],
        *,
        expected: Checksum | None,
        size: int | None,
        guard: Guard,
        composite: bool | None = None,
    ) -> Version:
        """Make the object of the parts named; the same call again gives the same answer.

        `upload` is as `stored` has just given it. `expected`, `composite` and `size` are what the
        client takes the object's checksum, its type and the object's bytes for.
        """
        digest = _digest(wanted)
        for attempt in range(ATTEMPTS):
            if attempt:
                upload = await self.stored(bucket, upload.key, upload.id.hex())
            if upload.state is UploadState.DONE:
                return _result(upload, digest)
            if composite is not None and composite is not upload.composite:
                raise BadDigest("The checksum type is not that of the upload.")
            try:
                draft = await self._assembled(bucket, upload, wanted, expected, size)
            except S3Error:
                # Its parts may have just been cleaned away, because it is done or aborted.
                now = await self.stored(bucket, upload.key, upload.id.hex())
                if now.state is UploadState.ABORTED:
                    raise NoSuchUpload(UploadId=upload.id.hex()) from None
                if now.state is not UploadState.DONE:
                    raise
                continue
            begun = await self._begin(bucket, upload, digest, draft)
            if begun is not None:
                with suppress(_Reopened):
                    return await self._commit(bucket, begun, draft, guard)
        raise OperationAborted

    async def _begin(
        self, bucket: Bucket, upload: Upload, digest: bytes, draft: "_Assembled"
    ) -> Upload | None:
        """Take the upload to completing; None: it is done, or its parts are others by now.

        The parts are looked at again: whoever moves or replaces one after that finds the upload
        completing, and lets the bytes be.
        """
        try:
            upload = await self._meta.uploads.complete(
                bucket.id, upload, self._meta.edits.next(), digest=digest, exact=draft.exact
            )
        except NoUpload:
            raise NoSuchUpload(UploadId=upload.id.hex()) from None
        if upload.state is UploadState.DONE:
            return None
        if await self._meta.uploads.part_rows(bucket.id, upload.id) == draft.rows:
            return upload
        await self._meta.uploads.reopen(bucket.id, upload)
        return None

    async def _commit(
        self, bucket: Bucket, upload: Upload, draft: "_Assembled", guard: Guard
    ) -> Version:
        version = replace(draft.version, op=upload.op, upload=upload.id)
        if draft.chunks:
            await self._meta.manifests.write(bucket.id, upload.op, draft.chunks)

        def unless_done(current: Version | None) -> None:
            if current is not None and current.upload == upload.id:
                raise _AlreadyDone(current)
            guard(current)

        async def learned() -> None:
            now = await self._meta.uploads.find(bucket.id, upload.key, upload.id)
            if now is not None and now.state is UploadState.DONE and now.result is not None:
                raise _AlreadyDone(now.result)
            if now is None or now.op != upload.op or now.state is not UploadState.COMPLETING:
                raise _Reopened

        try:
            async with self._quotas.room(bucket, version.size, (_AlreadyDone, _Reopened)):
                made = await self._meta.objects.put(
                    bucket, upload.key, version, unless_done, learned
                )
        except _AlreadyDone as done:
            await self._finish(bucket, upload, done.result)
            return done.result
        except Exception:
            await self._meta.uploads.reopen(bucket.id, upload)
            raise
        await self._meta.uploads.finish(bucket.id, upload, made)
        await self._discard.parts(bucket.id, upload.id, draft.spare)
        return made

    async def _finish(self, bucket: Bucket, upload: Upload, made: Version) -> None:
        """Go on for another process, which may have died behind its commit."""
        await self._meta.uploads.finish(bucket.id, upload, made)
        if made.manifest:  # else that process went on by itself
            await self._discard.completed(bucket.id, upload, made)

    async def _assembled(
        self,
        bucket: Bucket,
        upload: Upload,
        wanted: Sequence[Asked],
        expected: Checksum | None,
        size: int | None,
    ) -> "_Assembled":
        """The version that the parts make up, checked as S3 checks them."""
        rows = await self._meta.uploads.part_rows(bucket.id, upload.id)
        there = codec.decode_all(Part, rows)
        parts = self._chosen(upload, there, wanted)
        sizes = [part.size for part in parts]
        total = sum(sizes)
        if size is not None and size != total:
            raise InvalidRequest(
                f"The provided 'x-amz-mp-object-size' header value {size} "
                f"does not match what was computed: {total}"
            )
        numbers, extents = [part.number for part in parts], [part.manifest for part in parts]
        sums, salts = list(map(_sum, parts)), [part.salt for part in parts]
        data, chunks = manifest.assemble(zip(numbers, sizes, sums, extents, salts, strict=True))
        now = self._clock.now_ms()
        made = _checksum(upload, sums, sizes, expected)
        if upload.composite and upload.algorithm:
            _check_stated(upload.algorithm, wanted)
        version = replace(
            upload.draft,
            size=total,
            etag=bytes.fromhex(etag.multipart_etag([part.etag for part in parts])[:32]),
            parts=len(parts),
            modified_ms=now,
            manifest=data,
            checksum=made,
            retention=retention_of_new(upload.draft.retention, bucket.lock, now),
        )
        return _Assembled(version, chunks, rows, _spare(there, parts))

    def _chosen(self, upload: Upload, there: Sequence[Part], wanted: Sequence[Asked]) -> list[Part]:
        """The parts named, in order; InvalidPart, InvalidPartOrder, EntityTooSmall.

        Of a number that is named twice in a row the last counts: the part was sent again.
        """
        numbers = [number for number, _, _ in wanted]
        gapless = upload.composite and upload.algorithm  # as AWS wants parts with checksums
        if numbers != sorted(numbers) or (gapless and len(set(numbers)) < numbers[-1]):
            raise InvalidPartOrder(UploadId=upload.id.hex())
        if wanted == [(part.number, part.etag.hex(), "") for part in there]:
            chosen = list(there)  # as of most uploads
        else:
            by_number = {part.number: part for part in there}
            last = dict(zip(numbers, wanted, strict=True)).values()
            chosen = [_named(upload, by_number, asked) for asked in last]
        small = next((part for part in chosen[:-1] if part.size < self._min_part), None)
        if small is not None:
            raise EntityTooSmall(
                ProposedSize=str(small.size),
                MinSizeAllowed=str(self._min_part),
                PartNumber=str(small.number),
                ETag=small.etag.hex(),
            )
        return chosen


class _Assembled(NamedTuple):
    """What a Complete is about to commit, made of `rows`; the extents `spare` are no part of it."""

    version: Version
    chunks: list[bytes]
    rows: list[bytes]
    spare: list[bytes]

    @property
    def exact(self) -> bytes:
        """What names the very bytes of the object, and where they lie."""
        return hashlib.sha256(b"".join([self.version.manifest, *self.chunks])).digest()


def _check_stated(algorithm: Algorithm, wanted: Sequence[Asked]) -> None:
    """InvalidRequest unless the checksum of each part is said again, as AWS wants it."""
    for number, _, checksum in wanted:
        if not checksum:
            name = algorithm.name.lower()
            raise InvalidRequest(
                f"The upload was created using a {name} checksum. The complete request must "
                f"include the checksum for each part. It was missing for part {number} in the "
                "request."
            )


def _named(upload: Upload, by_number: dict[int, Part], asked: Asked) -> Part:
    number, tag, checksum = asked
    part = by_number.get(number)
    if part is None or part.etag.hex() != tag or (checksum and not _has(part, checksum)):
        raise InvalidPart(UploadId=upload.id.hex(), PartNumber=str(number), ETag=tag)
    return part


def _has(part: Part, checksum: str) -> bool:
    return part.checksum is not None and part.checksum.value == checksum


def _spare(there: Sequence[Part], chosen: Sequence[Part]) -> list[bytes]:
    """The extents that rows name and the version of the parts `chosen` does not."""
    replaced = [data for part in there if part.replaced for data in part.replaced]
    if not replaced and len(chosen) == len(there):
        return []
    kept = {part.manifest for part in chosen}
    return [data for data in [*replaced, *[part.manifest for part in there]] if data not in kept]


def _digest(wanted: Sequence[Asked]) -> bytes:
    return hashlib.sha256(
        "\n".join(f"{n} {tag} {sum_}" for n, tag, sum_ in wanted).encode()
    ).digest()


def _result(upload: Upload, digest: bytes) -> Version:
    if upload.digest != digest or upload.result is None:
        raise NoSuchUpload(UploadId=upload.id.hex())
    return upload.result


def _another_algorithm(wanted: Algorithm, sent: Algorithm) -> S3Error:
    return InvalidRequest(
        f"Checksum Type mismatch occurred, expected checksum Type: {wanted.name.lower()}, "
        f"actual checksum Type: {sent.name.lower()}"
    )


def _sum(part: Part) -> str:
    """The checksum of a part of which the object's is made; none of a part without any."""
    checksum = part.crc or part.checksum
    return checksum.value if checksum else ""


def _checksum(
    upload: Upload, texts: Sequence[str], sizes: Sequence[int], expected: Checksum | None
) -> Checksum:
    """The object's checksum, from those of its parts; BadDigest when another was expected."""
    algorithm = upload.algorithm or DEFAULT
    name = algorithm.name
    sums = digests.decode_all(name, texts)
    if upload.composite:
        value = etag.composite(name, sums)
    else:
        value = digests.encode(etag.full_object(name, zip(sums, sizes, strict=True)))
    if expected is not None and expected.algorithm is not algorithm:
        raise _another_algorithm(algorithm, expected.algorithm)
    # The number of parts may be left out behind a composite one.
    if expected is not None and expected.value not in (value, value.partition("-")[0]):
        raise BadDigest(f"The {name} you specified did not match the calculated checksum.")
    return Checksum(algorithm, value, upload.composite)
