"""Operations on one object: put, get, head, attributes."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, NamedTuple

from msgspec.structs import replace

from blobstore.base import BlobError, Buffer, NotFound
from gateway.context import Context
from gateway.failures import say_broken_off
from gateway.operations import BodyKind, s3
from gateway.ops import sse
from gateway.ops.customerkeys import customer_key
from gateway.ops.drafts import (
    checksum_fields,
    checksum_type,
    class_name,
    draft,
    expected,
    lock_fields,
    made_version,
    modified,
    quoted,
    stated_version,
    write_guard,
)
from gateway.ops.lifecycle import expires
from gateway.ops.shapes.objects import (
    Checksum,
    GetObjectAttributesInput,
    GetObjectAttributesOutput,
    GetObjectAttributesParts,
    GetObjectAttributesResponse,
    GetObjectInput,
    GetObjectOutput,
    HeadObjectInput,
    HeadObjectOutput,
    ObjectPart,
    PutObjectInput,
    PutObjectOutput,
)
from gateway.wire import conditions, dates, ranges
from metastore import versions
from metastore.records import Checksum as StoredChecksum
from metastore.records import Version
from ocean.errors import InvalidArgument, InvalidPart, InvalidRequest, NotModified
from ocean.objects.encryption import Cipher
from ocean.objects.manifest import PartEntry
from ocean.rules import access, preconditions
from ocean.rules.preconditions import NONE

READ_ATTEMPTS = 3  # of a version whose bytes are replaced between finding and opening it


@s3.operation("PUT", "/{Bucket}/{Key+}", action="s3:PutObject", body=BodyKind.STREAM)
async def put_object(cx: Context, given: PutObjectInput) -> PutObjectOutput:
    """Store an object."""
    if (named := cx.target.query.get("versionId")) is not None:
        raise InvalidArgument(
            "This operation does not accept a version-id.",
            ArgumentName="versionId",
            ArgumentValue=named,
        )
    wanted = await draft(cx, given, given.tagging)
    guard = write_guard(cx, given.if_match, given.if_none_match)
    encrypt = sse.wanted(cx, given)
    version = await cx.ocean.put(
        cx.bucket,
        cx.key,
        wanted,
        cx.stream,
        expected=expected(cx, given, wanted),
        guard=guard,
        encrypt=encrypt,
    )
    return PutObjectOutput(
        expiration=expires(cx, version),
        etag=quoted(version),
        version_id=made_version(version),
        checksum_type=checksum_type(version.checksum),
        **checksum_fields(version.checksum),
        **sse.made(encrypt, given),
    )


@s3.operation("GET", "/{Bucket}/{Key+}", action="s3:GetObject")
async def get_object(cx: Context, given: GetObjectInput) -> GetObjectOutput:
    """An object, or a range or a part of it."""
    missing = NotFound()
    for _ in range(READ_ATTEMPTS):
        version = await cx.version()
        cipher: Cipher | None = None
        if sse.concerns(given, version):
            key = customer_key(cx, given)
            cipher = await sse.opened(cx, cx.bucket, cx.key, version, key)
        shown = await _shown(cx, given, version)
        try:
            body = await _opened(cx, version, shown, cipher)
        except NotFound as error:
            missing = error  # replaced meanwhile, perhaps, and no byte was sent
            continue
        return GetObjectOutput(
            body=body,
            length=shown.stop - shown.start,
            status=206 if shown.partial else None,
            **_described(cx, given, version, shown),
        )
    raise missing


@s3.operation("HEAD", "/{Bucket}/{Key+}", action="s3:GetObject")
async def head_object(cx: Context, given: HeadObjectInput) -> HeadObjectOutput:
    """What GetObject would say, without the bytes."""
    version = await cx.version()
    if sse.concerns(given, version):
        sse.check(cx, given, version)
    shown = await _shown(cx, given, version)
    return HeadObjectOutput(
        length=shown.stop - shown.start,
        status=206 if shown.partial else None,
        **_described(cx, given, version, shown),
    )


class Shown(NamedTuple):
    """The bytes `start` to `stop` (exclusive) that an answer shows, and their checksum, if known.

    `parts` is of how many parts one is shown.
    """

    start: int
    stop: int
    partial: bool
    checksum: StoredChecksum | None = None
    parts: int | None = None


async def _shown(cx: Context, given: GetObjectInput | HeadObjectInput, version: Version) -> Shown:
    """Check the conditions and find the range that is asked for."""
    _check_overrides(cx, given)
    wanted = conditions.read_conditions(
        given.if_match, given.if_none_match, given.if_modified_since, given.if_unmodified_since
    )
    if wanted is not NONE:
        seconds = version.modified_ms // 1000
        try:
            preconditions.check_read(wanted, etag=version.etag_text, modified=seconds)
        except NotModified:
            raise NotModified(headers=_unchanged(cx, given, version)) from None
    if given.part_number is not None:
        if given.range is not None:
            raise InvalidRequest("Cannot specify both Range header and partNumber query parameter")
        return await _part(cx, version, given.part_number)
    found = _range(cx, given.range, version) if given.range is not None else None
    if found is None:
        return Shown(0, version.size, partial=False, checksum=version.checksum)
    return Shown(found.start, found.stop, partial=True)


def _unchanged(
    cx: Context, given: GetObjectInput | HeadObjectInput, version: Version
) -> dict[str, str]:
    """What a cache is told of the object it has (RFC 9110 15.4.5)."""
    fields = _described(cx, given, version, Shown(0, version.size, partial=False))
    told = {name: fields.get(name.replace("-", "_")) for name in _VALIDATED}
    headers = {name: value for name, value in told.items() if value is not None}
    if fields["version_id"] is not None:
        headers["x-amz-version-id"] = fields["version_id"]
    headers["last-modified"] = dates.http(fields["last_modified"].timestamp())
    return headers


def _range(cx: Context, header: str, version: Version) -> ranges.Range | None:
    """The range of a Range header; None for all, which who resumes another version gets too."""
    if_range = cx.request.headers.get("if-range")
    seconds = version.modified_ms // 1000
    if not conditions.range_holds(if_range, etag=version.etag_text, modified=seconds):
        return None
    return ranges.parse(header, version.size)


async def _part(cx: Context, version: Version, number: int) -> Shown:
    if not version.parts:
        if number == 1:
            return Shown(0, version.size, partial=True, checksum=version.checksum)
        raise InvalidPart(PartNumber=str(number))
    found = await cx.ocean.get.part(cx.bucket, version, number)
    if found is None:
        raise InvalidPart(PartNumber=str(number))
    entry, start = found
    return Shown(
        start,
        start + entry.size,
        partial=True,
        checksum=_checksum_of(version, entry),
        parts=version.parts,
    )


def _checksum_of(version: Version, part: PartEntry) -> StoredChecksum | None:
    """The checksum of a part, which is of the object's algorithm and type."""
    whole = version.checksum
    return replace(whole, value=part.checksum) if whole and part.checksum else None


async def _opened(
    cx: Context, version: Version, shown: Shown, cipher: Cipher | None
) -> bytes | AsyncIterator[Buffer]:
    """The bytes, or a stream whose first piece has been read and verified."""
    get, start, stop = cx.ocean.get, shown.start, shown.stop
    whole = await get.small(cx.bucket, cx.key, version, start, stop, cipher)
    if whole is not None:
        return whole
    stream = get.stream(cx.bucket, cx.key, version, start, stop, cipher)
    try:
        first = await anext(stream)
    except StopAsyncIteration:
        return b""
    return _chained(cx, first, stream)


async def _chained(
    cx: Context, first: Buffer, rest: AsyncIterator[Buffer]
) -> AsyncIterator[Buffer]:
    """Both, or an end that no client can take for the whole."""
    yield first
    try:
        async for piece in rest:
            yield piece
    except BlobError as error:
        say_broken_off(cx.target.raw_path, cx.request_id, error)
        raise ConnectionAbortedError("the answer broke off") from error


_OVERRIDES = (
    "cache_control",
    "content_disposition",
    "content_encoding",
    "content_language",
    "content_type",
    "expires",
)
_RESPONSE = frozenset(f"response-{name.replace('_', '-')}" for name in _OVERRIDES)
_VALIDATED = ("etag", "cache-control", "expires")  # of a representation that did not change
_STORED = {name.replace("_", "-"): name for name in _OVERRIDES}


def _overrides(cx: Context, given: GetObjectInput | HeadObjectInput) -> dict[str, str]:
    """The headers of the answer that the query sets, by field."""
    if _RESPONSE.isdisjoint(cx.target.query):
        return {}
    values = ((name, getattr(given, f"response_{name}")) for name in _OVERRIDES)
    return {name: value for name, value in values if value is not None}


def _check_overrides(cx: Context, given: GetObjectInput | HeadObjectInput) -> None:
    for name, value in _overrides(cx, given).items():
        if cx.account is None:
            raise InvalidRequest(
                "Request specific response headers cannot be used for anonymous GET requests."
            )
        if not value.isprintable():
            raise InvalidArgument(
                "Header value has characters that a header cannot carry.",
                ArgumentName=f"response-{name.replace('_', '-')}",
            )


def _described(
    cx: Context, given: GetObjectInput | HeadObjectInput, version: Version, shown: Shown
) -> dict[str, Any]:
    """The headers of an answer that shows a version."""
    fields: dict[str, Any] = {
        "accept_ranges": "bytes",
        "last_modified": modified(version),
        "etag": quoted(version),
        "version_id": stated_version(cx.bucket, version),
        "metadata": version.metadata or None,
        "parts_count": shown.parts,
    }
    for name, value in version.headers.items():
        if name in _STORED:
            fields[_STORED[name]] = value
    fields.update(_overrides(cx, given))
    if version.tags and _may_see_tags(cx, version):
        fields["tag_count"] = len(version.tags)
    if given.version_id is None:
        fields["expiration"] = expires(cx, version)
    if versions.bears_lock(version):
        fields.update(lock_fields(cx, version))
    if version.storage_class:
        fields["storage_class"] = class_name(cx, version.storage_class)
    if shown.partial and version.size:
        selected = ranges.Range(shown.start, shown.stop)
        fields["content_range"] = ranges.content_range(selected, version.size)
    if given.checksum_mode is not None:
        fields.update(checksum_fields(shown.checksum))
        fields["checksum_type"] = checksum_type(shown.checksum)
    if version.encryption is not None:
        fields.update(sse.answer(version.encryption, given))
    return fields


def _may_see_tags(cx: Context, version: Version) -> bool:
    action = access.action_on("s3:GetObjectTagging", cx.version_id)
    target = access.Target.of(cx.bucket, cx.key, version)
    return cx.rule(action, target, version, cx.version_id).allowed


@s3.operation("GET", "/{Bucket}/{Key+}?attributes", action="s3:GetObjectAttributes")
async def get_object_attributes(
    cx: Context, given: GetObjectAttributesInput
) -> GetObjectAttributesOutput:
    """Those attributes of an object that are asked for, by who may read it as well."""
    version = await cx.version()
    reading = access.action_on("s3:GetObject", cx.version_id)
    cx.authorize_on(reading, cx.bucket, cx.key, version, cx.version_id)
    if sse.concerns(given, version):
        sse.check(cx, given, version)
    wanted = frozenset(given.object_attributes)
    if not wanted:
        raise InvalidArgument("No attribute is named.", ArgumentName="x-amz-object-attributes")
    parts = None
    if "ObjectParts" in wanted and version.parts:
        parts = await _attributes_of_parts(cx, given, version)
    checksum = version.checksum if "Checksum" in wanted else None
    when: datetime = modified(version)
    return GetObjectAttributesOutput(
        last_modified=when,
        version_id=stated_version(cx.bucket, version),
        document=GetObjectAttributesResponse(
            etag=version.etag_text if "ETag" in wanted else None,
            checksum=Checksum(checksum_type=checksum_type(checksum), **checksum_fields(checksum))
            if checksum
            else None,
            object_parts=parts,
            storage_class=class_name(cx, version.storage_class)
            if "StorageClass" in wanted
            else None,
            object_size=version.size if "ObjectSize" in wanted else None,
        ),
    )


async def _attributes_of_parts(
    cx: Context, given: GetObjectAttributesInput, version: Version
) -> GetObjectAttributesParts:
    """The parts after a number, with their checksums."""
    after, limit = given.part_number_marker or 0, min(given.max_parts or 1000, 1000)
    found = await cx.ocean.get.parts(cx.bucket, version, after, limit + 1)
    listed = found[:limit]
    return GetObjectAttributesParts(
        total_parts_count=version.parts,
        part_number_marker=after,
        next_part_number_marker=listed[-1].number if listed else 0,
        max_parts=limit,
        is_truncated=len(found) > limit,
        parts=tuple(
            ObjectPart(
                part_number=part.number,
                size=part.size,
                **checksum_fields(_checksum_of(version, part)),
            )
            for part in listed
        ),
    )
