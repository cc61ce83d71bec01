"""Operations of multipart uploads."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from gateway.context import Context
from gateway.operations import BodyKind, s3
from gateway.ops import slow, sse
from gateway.ops.drafts import (
    checksum_fields,
    checksum_type,
    class_name,
    draft,
    expected,
    made_version,
    parse_algorithm,
    quoted,
    write_guard,
)
from gateway.ops.found import check_initiator, found_upload
from gateway.ops.lifecycle import aborts, expires
from gateway.ops.shapes.common import Owner
from gateway.ops.shapes.multipart import (
    AbortMultipartUploadInput,
    AbortMultipartUploadOutput,
    CommonPrefix,
    CompletedPart,
    CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput,
    CompleteMultipartUploadResult,
    CreateMultipartUploadInput,
    CreateMultipartUploadOutput,
    InitiateMultipartUploadResult,
    Initiator,
    ListMultipartUploadsInput,
    ListMultipartUploadsOutput,
    ListMultipartUploadsResult,
    ListPartsInput,
    ListPartsOutput,
    ListPartsResult,
    MultipartUpload,
    Part,
    UploadPartInput,
    UploadPartOutput,
)
from gateway.wire.listing import encode_head, url_encode
from metastore.listing import Scope
from metastore.records import Algorithm, Checksum, Upload, Version
from ocean.errors import AccessDenied, InvalidArgument, InvalidRequest, MalformedXML, S3Error
from ocean.objects.multipart import Asked

MAX_LISTED = 1000
MAX_PARTS = 10_000
_COMPOSITE_ONLY = frozenset({Algorithm.SHA1, Algorithm.SHA256})
_ALGORITHMS = tuple(algorithm for algorithm in Algorithm if algorithm)


@s3.operation("POST", "/{Bucket}/{Key+}?uploads", action="s3:PutObject")
async def create_multipart_upload(
    cx: Context, given: CreateMultipartUploadInput
) -> CreateMultipartUploadOutput:
    """Begin an upload."""
    if cx.account is None:
        raise AccessDenied("Who does not sign cannot begin an upload in parts.")
    algorithm, composite = _checksum_of_upload(given.checksum_algorithm, given.checksum_type)
    wanted = await draft(cx, given, given.tagging)
    encrypt = sse.wanted(cx, given)
    upload_id = await cx.ocean.multipart.create(
        cx.bucket,
        cx.key,
        wanted,
        initiator="" if cx.account is None else cx.account.id,
        algorithm=algorithm,
        composite=composite,
        encrypt=encrypt,
    )
    return CreateMultipartUploadOutput(
        checksum_algorithm=algorithm.name if algorithm else None,
        checksum_type=("COMPOSITE" if composite else "FULL_OBJECT") if algorithm else None,
        document=InitiateMultipartUploadResult(
            bucket=cx.bucket.name, key=cx.key, upload_id=upload_id
        ),
        **sse.made(encrypt, given),
        **aborts(cx, int(upload_id[:16], 16)),  # ids begin with the time
    )


def _checksum_of_upload(name: str | None, kind: str | None) -> tuple[Algorithm, bool]:
    """Algorithm and whether composite: by default full-object CRC64NVME, as AWS."""
    if name is None:
        if kind is not None:
            raise InvalidRequest(
                "The x-amz-checksum-type header can only be used with the "
                "x-amz-checksum-algorithm header."
            )
        return Algorithm.NONE, False
    algorithm = parse_algorithm(name)
    if kind is None:
        return algorithm, algorithm is not Algorithm.CRC64NVME
    composite = _is_composite(kind)
    if composite == (algorithm is Algorithm.CRC64NVME) and composite:
        raise _mismatch(kind, algorithm)
    if not composite and algorithm in _COMPOSITE_ONLY:
        raise _mismatch(kind, algorithm)
    return algorithm, composite


def _is_composite(kind: str) -> bool:
    if kind.upper() not in {"COMPOSITE", "FULL_OBJECT"}:
        raise InvalidRequest("Value for x-amz-checksum-type header is invalid.")
    return kind.upper() == "COMPOSITE"


def _mismatch(kind: str, algorithm: Algorithm) -> S3Error:
    return InvalidRequest(
        f"The {kind.upper()} checksum type cannot be used with the "
        f"{algorithm.name.lower()} checksum algorithm."
    )


@s3.operation(
    "PUT",
    "/{Bucket}/{Key+}",
    action="s3:PutObject",
    body=BodyKind.STREAM,
    also=sse.REPEATED,
)
async def upload_part(cx: Context, given: UploadPartInput) -> UploadPartOutput:
    """Store one part."""
    upload = await found_upload(cx, given.upload_id)
    cipher = await sse.of_upload(cx, given, upload)
    said = expected(cx, given, upload.draft)
    part = await cx.ocean.multipart.upload_part(
        cx.bucket, upload, given.part_number, cx.stream, said, cipher
    )
    return UploadPartOutput(
        etag=f'"{part.etag.hex()}"',
        **checksum_fields(part.checksum),
        **sse.answer(upload.draft.encryption, given),
    )


@s3.operation("POST", "/{Bucket}/{Key+}", action="s3:PutObject", also=sse.REPEATED)
async def complete_multipart_upload(
    cx: Context, given: CompleteMultipartUploadInput
) -> CompleteMultipartUploadOutput:
    """Make the object of its parts."""
    parts = given.multipart_upload.parts
    if not 0 < len(parts) <= MAX_PARTS:
        raise MalformedXML
    wanted = _wanted(parts)
    upload = await cx.ocean.multipart.stored(cx.bucket, cx.key, given.upload_id)
    check_initiator(cx, upload)
    # AWS asks for the key where parts have checksums, which are of the plaintext; clients leave it
    # out otherwise.
    sse.check_upload(cx, given, upload, required=upload.algorithm is not Algorithm.NONE)
    work = asyncio.create_task(
        cx.ocean.multipart.complete(
            cx.bucket,
            upload,
            wanted,
            expected=_stated(given),
            composite=None if given.checksum_type is None else _is_composite(given.checksum_type),
            size=given.mpu_object_size,
            guard=write_guard(cx, given.if_match, given.if_none_match),
        )
    )
    if not await slow.ended(work):
        return CompleteMultipartUploadOutput(
            stream=slow.answer(cx, work, lambda version: _completed(cx, version)),
            **sse.answer(upload.draft.encryption, given),
        )
    version = work.result()
    return CompleteMultipartUploadOutput(
        expiration=expires(cx, version),
        version_id=made_version(version),
        document=_completed(cx, version),
        **sse.answer(version.encryption, given),
    )


def _completed(cx: Context, version: Version) -> CompleteMultipartUploadResult:
    host = cx.request.headers.get("host", "")
    scheme = "https" if cx.request.secure else "http"
    return CompleteMultipartUploadResult(
        location=f"{scheme}://{host}{cx.target.raw_path}",
        bucket=cx.bucket.name,
        key=cx.key,
        etag=quoted(version),
        checksum_type=checksum_type(version.checksum),
        **checksum_fields(version.checksum),
    )


def _wanted(parts: Sequence[CompletedPart]) -> list[Asked]:
    numbers = [part.part_number for part in parts]
    if min(numbers) < 1 or max(numbers) > MAX_PARTS:
        wrong = next(number for number in numbers if not 1 <= number <= MAX_PARTS)
        raise InvalidArgument(
            "PartNumber must be >= 1", ArgumentName="partNumber", ArgumentValue=str(wrong)
        )
    tags = [part.etag.strip('"').lower() for part in parts]
    return list(zip(numbers, tags, map(_value, parts), strict=True))


def _value(given: CompletedPart) -> str:
    """The checksum that was given, whichever it is."""
    return (
        given.checksum_crc32
        or given.checksum_crc32c
        or given.checksum_crc64nvme
        or given.checksum_sha1
        or given.checksum_sha256
        or ""
    )


def _stated(given: CompleteMultipartUploadInput) -> Checksum | None:
    sent = [
        Checksum(algorithm, value)
        for algorithm in _ALGORITHMS
        if (value := getattr(given, f"checksum_{algorithm.name.lower()}")) is not None
    ]
    if len(sent) > 1:
        raise InvalidRequest(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    return sent[0] if sent else None


@s3.operation("DELETE", "/{Bucket}/{Key+}", action="s3:AbortMultipartUpload", status=204)
async def abort_multipart_upload(
    cx: Context, given: AbortMultipartUploadInput
) -> AbortMultipartUploadOutput:
    """Abort an upload; its parts are gone."""
    check_initiator(cx, await cx.ocean.multipart.stored(cx.bucket, cx.key, given.upload_id))
    await cx.ocean.multipart.abort(cx.bucket, cx.key, given.upload_id)
    return AbortMultipartUploadOutput()


@s3.operation("GET", "/{Bucket}/{Key+}", action="s3:ListMultipartUploadParts")
async def list_parts(cx: Context, given: ListPartsInput) -> ListPartsOutput:
    """The parts that are there: what a client needs to resume."""
    upload = await found_upload(cx, given.upload_id)
    sse.check_upload(cx, given, upload, required=False)
    limit = min(MAX_LISTED if given.max_parts is None else given.max_parts, MAX_LISTED)
    after = given.part_number_marker or 0
    found = [
        part
        async for part in cx.ocean.meta.uploads.parts(
            cx.bucket.id, upload.id, min(after, MAX_PARTS), limit + 1
        )
    ]
    listed = found[:limit]
    names = cx.accounts.display_name
    return ListPartsOutput(
        document=ListPartsResult(
            bucket=cx.bucket.name,
            key=cx.key,
            upload_id=given.upload_id,
            part_number_marker=after,
            next_part_number_marker=listed[-1].number if listed else 0,
            max_parts=limit,
            is_truncated=len(found) > limit > 0,
            initiator=Initiator(id=upload.initiator, display_name=await names(upload.initiator)),
            owner=Owner(id=upload.draft.owner, display_name=await names(upload.draft.owner)),
            storage_class=class_name(cx, upload.draft.storage_class),
            checksum_algorithm=upload.algorithm.name if upload.algorithm else None,
            checksum_type=_type(upload),
            parts=tuple(
                Part(
                    part_number=part.number,
                    last_modified=_moment(part.modified_ms),
                    etag=f'"{part.etag.hex()}"',
                    size=part.size,
                    **(checksum_fields(part.checksum) if upload.algorithm else {}),
                )
                for part in listed
            ),
        ),
        **aborts(cx, upload.initiated_ms),
    )


@s3.operation("GET", "/{Bucket}?uploads", action="s3:ListBucketMultipartUploads")
async def list_multipart_uploads(
    cx: Context, given: ListMultipartUploadsInput
) -> ListMultipartUploadsOutput:
    """Uploads that were begun and have not ended."""
    limit = min(MAX_LISTED if given.max_uploads is None else given.max_uploads, MAX_LISTED)
    scope = Scope(cx.bucket.id, given.prefix or "", given.delimiter or "")
    marker = given.upload_id_marker if given.key_marker else None  # S3 ignores it by itself
    page = await cx.ocean.meta.uploads.page(scope, given.key_marker or "", _marker(marker), limit)
    names = {
        id_: await cx.accounts.display_name(id_)
        for upload in page.uploads
        for id_ in (upload.draft.owner, upload.initiator)
    }
    written = url_encode if given.encoding_type == "url" else str
    head = ListMultipartUploadsResult(
        bucket=cx.bucket.name,
        key_marker=given.key_marker or "",
        upload_id_marker=given.upload_id_marker or "",
        next_key_marker=page.after if page.truncated else None,
        next_upload_id_marker=page.after_id.hex() if page.truncated else None,
        prefix=given.prefix or "",
        delimiter=given.delimiter or None,
        max_uploads=limit,
        is_truncated=page.truncated,
        encoding_type=given.encoding_type,
        common_prefixes=tuple(CommonPrefix(prefix=written(one)) for one in page.prefixes),
        uploads=tuple(
            MultipartUpload(
                upload_id=upload.id.hex(),
                key=written(upload.key),
                initiated=_moment(upload.initiated_ms),
                storage_class=class_name(cx, upload.draft.storage_class),
                owner=Owner(id=upload.draft.owner, display_name=names[upload.draft.owner]),
                initiator=Initiator(id=upload.initiator, display_name=names[upload.initiator]),
                checksum_algorithm=upload.algorithm.name if upload.algorithm else None,
                checksum_type=_type(upload),
            )
            for upload in page.uploads
        ),
    )
    encoded = encode_head(head)
    assert isinstance(encoded, ListMultipartUploadsResult)
    return ListMultipartUploadsOutput(document=encoded)


def _marker(text: str | None) -> bytes:
    try:
        return bytes.fromhex(text or "")
    except ValueError:
        raise InvalidArgument(
            "Invalid uploadId marker", ArgumentName="upload-id-marker", ArgumentValue=text or ""
        ) from None


def _type(upload: Upload) -> Any:
    if not upload.algorithm:
        return None
    return "COMPOSITE" if upload.composite else "FULL_OBJECT"


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
