"""From a request's headers to the version it asks for, and from a version to answer headers."""

import re
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from gateway.conditionkeys import of_lock_headers, of_tags
from gateway.context import Context
from gateway.ops.grants import of_new_object
from gateway.wire import conditions
from metastore.objects import Guard
from metastore.records import Algorithm, Bucket, Checksum, Kind, Version, Versioning
from ocean.body import digests
from ocean.errors import BadDigest, InvalidArgument, InvalidRequest, MetadataTooLarge
from ocean.objects.get import version_id_of
from ocean.objects.put import Expected
from ocean.partitions.records import STANDARD
from ocean.rules import access, preconditions, retention, tags
from ocean.rules.preconditions import NONE, Conditions

METADATA_LIMIT = 2048  # bytes of user metadata, names and values together
DEFAULT_TYPE = "binary/octet-stream"
_SYSTEM = (
    ("cache_control", "cache-control"),
    ("content_disposition", "content-disposition"),
    ("content_encoding", "content-encoding"),
    ("content_language", "content-language"),
    ("content_type", "content-type"),
    ("expires", "expires"),
)
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]*")  # RFC 9110 5.6.2
_UNSTORED = frozenset({"", "aws-chunked"})  # encodings that are of the request, not of the object
_FIELDS = {algorithm: f"checksum_{algorithm.name.lower()}" for algorithm in Algorithm if algorithm}
_NAMES = tuple((name, f"checksum_{name.lower()}") for name in digests.CHECKSUMS)


async def draft(cx: Context, given: Any, tagging: str | None) -> Version:
    """The version that a PutObject, CreateMultipartUpload or form describes, without bytes."""
    owner, grants = await of_new_object(cx)
    made = Version(
        owner=owner,
        headers=system_headers(given),
        metadata=user_metadata(given.metadata),
        storage_class=class_number(cx, given.storage_class),
        acl=grants,
    )
    made = locked(cx, made, given)
    return tagged(cx, made, tuple(tags.parse_header(tagging).items())) if tagging else made


def tagged(cx: Context, made: Version, pairs: tuple[tuple[str, str], ...]) -> Version:
    """A new version with tags, if the caller may set any: to write is not enough; AccessDenied."""
    cx.requested = of_tags(pairs) | of_lock_headers(cx.given)
    target = access.Target(cx.bucket, cx.key, cx.bucket.owner)
    cx.authorize("s3:PutObjectTagging", target)
    return replace(made, tags=pairs)


def locked(cx: Context, made: Version, given: Any) -> Version:
    """A new version under the lock that the request asks for, if the caller may set it.

    Raises AccessDenied, InvalidArgument, and InvalidRequest for a bucket without object lock.
    """
    asked = retention.asked(
        given.object_lock_mode,
        given.object_lock_retain_until_date,
        given.object_lock_legal_hold,
        now_ms=cx.ocean.clock.now_ms(),
    )
    if asked is retention.NONE:
        return made
    target = access.Target(cx.bucket, cx.key, cx.bucket.owner)
    if asked.retention is not None:
        cx.authorize("s3:PutObjectRetention", target)
    if asked.legal_hold is not None:
        cx.authorize("s3:PutObjectLegalHold", target)
    retention.check_enabled(cx.bucket.lock)
    return replace(made, retention=asked.retention, legal_hold=asked.legal_hold)


def lock_fields(cx: Context, version: Version) -> dict[str, str]:
    """What an answer may tell the caller of a version's lock, by name of its field."""

    def may(action: str) -> bool:
        target = access.Target.of(cx.bucket, cx.key, version)
        return cx.rule(action, target, version, cx.version_id).allowed

    held, hold, fields = version.retention, version.legal_hold, {}
    if held is not None and may("s3:GetObjectRetention"):
        fields["object_lock_mode"] = held.mode.name
        fields["object_lock_retain_until_date"] = retention.date_text(held.until_ms)
    if hold is not None and may("s3:GetObjectLegalHold"):
        fields["object_lock_legal_hold"] = "ON" if hold else "OFF"
    return fields


def class_number(cx: Context, name: str | None) -> int:
    """The number that versions have for a storage class that was not refused."""
    return (cx.ocean.topology().class_number(name) or 0) if name else 0


def class_name(cx: Context, number: int) -> str:
    """The storage class of a version, as documents have it."""
    return cx.ocean.topology().class_name(number) if number else STANDARD


def system_headers(given: Any) -> dict[str, str]:
    """The headers that are stored with an object and given back."""
    headers = {}
    for field, name in _SYSTEM:
        value = getattr(given, field)
        if value is not None:
            headers[name] = _text(name, value)
    encoding = headers.get("content-encoding")
    if encoding is not None:
        words = encoding.split(",")
        kept = ",".join([word for word in words if word.strip().lower() not in _UNSTORED]).strip()
        headers["content-encoding"] = kept
        if not kept:
            del headers["content-encoding"]
    headers["content-type"] = headers.get("content-type") or DEFAULT_TYPE
    return headers


def user_metadata(metadata: dict[str, str] | None) -> dict[str, str]:
    """User metadata within AWS's limit; MetadataTooLarge, InvalidArgument."""
    if not metadata:
        return {}
    for name in metadata:
        if _NAME.fullmatch(name) is None:  # of a form or a presigned URL, not of a header
            raise InvalidArgument("The name of a piece of metadata is that of no header.")
    checked = {name: _text(name, value) for name, value in metadata.items()}
    size = sum(len(name.encode()) + len(value.encode()) for name, value in checked.items())
    if size > METADATA_LIMIT:
        raise MetadataTooLarge(Size=str(size), MaxSizeAllowed=str(METADATA_LIMIT))
    return checked


def _text(name: str, value: str) -> str:
    """A header's value as it can be stored and sent again."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidArgument(
            f"The value of {name} is not valid UTF-8.", ArgumentName=name
        ) from None
    if any(char < " " and char != "\t" for char in value):
        raise InvalidArgument(f"The value of {name} has control characters.", ArgumentName=name)
    return value


def expected(cx: Context, given: Any, made: Version) -> Expected:
    """What the client says the body of `made` is: MD5, and at most one checksum.

    It has to say it of what is to be under object lock; InvalidRequest.
    """
    md5 = None if given.content_md5 is None else digests.decode_md5(given.content_md5)
    stated = digests.expected({name: getattr(given, field) for name, field in _NAMES})
    trailer = _trailer(cx)
    if stated is not None and trailer is not None:
        raise InvalidRequest(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    sent = Algorithm[stated[0]] if stated else trailer
    if md5 is None and not sent and _is_locked(cx.bucket, made):
        what = "Part" if cx.operation.name == "UploadPart" else "Object"
        raise InvalidRequest(
            f"Content-MD5 OR x-amz-checksum- HTTP header is required for Put {what} requests with "
            "Object Lock parameters"
        )
    named = parse_algorithm(given.checksum_algorithm) if given.checksum_algorithm else None
    if not sent and "x-amz-sdk-checksum-algorithm" in cx.request.headers:
        raise InvalidRequest(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or "
            "x-amz-trailer headers were found."
        )
    if sent and named and sent is not named:
        raise BadDigest(f"The checksum that was sent is no {named.name}.")
    return Expected(md5, sent or named or Algorithm.NONE, stated[1] if stated else None)


def _is_locked(bucket: Bucket, made: Version) -> bool:
    """Whether a new version is to be under object lock, be it by the default of its bucket."""
    by_default = bucket.lock is not None and bucket.lock.default is not None
    return by_default or made.retention is not None or made.legal_hold is not None


def _trailer(cx: Context) -> Algorithm | None:
    names = cx.request.headers.get("x-amz-trailer")
    if names is None:
        return None
    if not cx.request.headers.get("x-amz-content-sha256", "").endswith("-TRAILER"):
        raise InvalidRequest("The body that x-amz-trailer announces has no trailer.")
    for name in names.lower().split(","):
        algorithm = name.strip().removeprefix(digests.PREFIX).upper()
        if algorithm in digests.CHECKSUMS:
            return Algorithm[algorithm]
    raise InvalidRequest("The value specified in the x-amz-trailer header is not supported")


def parse_algorithm(name: str) -> Algorithm:
    """A checksum algorithm by its name in a header; InvalidRequest."""
    return Algorithm[digests.algorithm(name)]


def write_guard(cx: Context, if_match: str | None, if_none_match: str | None = None) -> Guard:
    """What a conditional write asks of the current version."""
    return guard_of(cx, conditions.write_conditions(if_match, if_none_match), cx.key)


def guard_of(cx: Context, wanted: Conditions, key: str) -> Guard:
    """A guard that raises unless `wanted` holds; a delete marker is no object.

    What an entity tag is compared with is told to who may read it only: AccessDenied.
    """
    if wanted is NONE:
        return _unconditional

    def guard(current: Version | None) -> None:
        there = current if current is not None and current.kind is Kind.OBJECT else None
        if wanted.if_match is not None:
            cx.authorize_on("s3:GetObject", cx.bucket, key, there, None)
        etag = there.etag_text if there is not None else None
        preconditions.check_write(wanted, etag=etag, key=key)

    return guard


def _unconditional(_current: Version | None) -> None:
    """No condition."""


def checksum_fields(checksum: Checksum | None) -> dict[str, Any]:
    """The checksum member of an output or document, by name of its field."""
    return {} if checksum is None else {_FIELDS[checksum.algorithm]: checksum.value}


def checksum_type(checksum: Checksum | None) -> Any:
    """COMPOSITE or FULL_OBJECT; None without a checksum."""
    if checksum is None:
        return None
    return "COMPOSITE" if checksum.composite else "FULL_OBJECT"


def made_version(version: Version) -> str | None:
    """The version id that the answer to a write states: none of the null version."""
    return None if version.null else version_id_of(version)


def stated_version(bucket: Bucket, version: Version) -> str | None:
    """The version id that an answer to others states: none in a bucket that never had versions."""
    if version.null and bucket.versioning is Versioning.OFF:
        return None
    return version_id_of(version)


def modified(version: Version) -> datetime:
    """When a version was made."""
    return datetime.fromtimestamp(version.modified_ms / 1000, UTC)


def quoted(version: Version) -> str:
    """The ETag as headers and documents have it."""
    return f'"{version.etag_text}"'
