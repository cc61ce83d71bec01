"""Operations that list keys and versions."""

import base64
import binascii

from gateway.context import Context
from gateway.operations import s3
from gateway.ops.drafts import class_name
from gateway.ops.shapes.listing import (
    ListBucketResult,
    ListBucketResultV2,
    ListObjectsInput,
    ListObjectsOutput,
    ListObjectsV2Input,
    ListObjectsV2Output,
    ListObjectVersionsInput,
    ListObjectVersionsOutput,
    ListVersionsResult,
)
from gateway.wire import listing
from gateway.wire.listing import ObjectRow, Owner, VersionRow
from metastore import codec
from metastore.listing import Entry, Page, Scope, version_id_of
from metastore.records import Algorithm, Kind, Ownership
from ocean.errors import InvalidArgument
from ocean.rules.naming import check_version_id

MAX_KEYS = 1000
_ALGORITHMS = tuple(algorithm.name for algorithm in Algorithm)
_TYPES = ("FULL_OBJECT", "COMPOSITE")


@s3.operation("GET", "/{Bucket}", action="s3:ListBucket")
async def list_objects(cx: Context, given: ListObjectsInput) -> ListObjectsOutput:
    """Keys behind `marker`."""
    limit = min(MAX_KEYS if given.max_keys is None else given.max_keys, MAX_KEYS)
    page = await cx.ocean.meta.listing.keys(_scope(cx, given), given.marker or "", limit)
    head = ListBucketResult(
        name=cx.bucket.name,
        prefix=given.prefix or "",
        marker=given.marker or "",
        next_marker=page.after
        if page.truncated and (given.delimiter or not page.entries)
        else None,
        max_keys=limit,
        delimiter=given.delimiter or None,
        is_truncated=page.truncated,
        encoding_type=given.encoding_type,
    )
    owners = await _owners(cx, page)
    document = listing.objects_page(head, _rows(cx, page), page.prefixes, owners=owners)
    return ListObjectsOutput(document=document)


@s3.operation("GET", "/{Bucket}?list-type=2", action="s3:ListBucket")
async def list_objects_v2(cx: Context, given: ListObjectsV2Input) -> ListObjectsV2Output:
    """Keys behind the continuation token, or behind `start-after`."""
    limit = min(MAX_KEYS if given.max_keys is None else given.max_keys, MAX_KEYS)
    token = given.continuation_token
    after = given.start_after or "" if token is None else _decode_token(token)
    page = await cx.ocean.meta.listing.keys(_scope(cx, given), after, limit)
    head = ListBucketResultV2(
        name=cx.bucket.name,
        prefix=given.prefix or "",
        key_count=len(page),
        max_keys=limit,
        delimiter=given.delimiter or None,
        is_truncated=page.truncated,
        continuation_token=token,
        next_continuation_token=_encode_token(page.after) if page.truncated else None,
        start_after=given.start_after or None,
        encoding_type=given.encoding_type,
    )
    owners = await _owners(cx, page) if given.fetch_owner else ()
    document = listing.objects_page(head, _rows(cx, page), page.prefixes, owners=owners)
    return ListObjectsV2Output(document=document)


@s3.operation("GET", "/{Bucket}?versions", action="s3:ListBucketVersions")
async def list_object_versions(
    cx: Context, given: ListObjectVersionsInput
) -> ListObjectVersionsOutput:
    """Versions and delete markers behind the two markers, newest first within a key."""
    limit = min(MAX_KEYS if given.max_keys is None else given.max_keys, MAX_KEYS)
    marker = given.version_id_marker or ""
    if marker and not given.key_marker:
        raise InvalidArgument(
            "A version-id marker cannot be specified without a key marker.",
            ArgumentName="version-id-marker",
            ArgumentValue=marker,
        )
    check_version_id(marker or None, "version-id-marker")
    page = await cx.ocean.meta.listing.versions(
        _scope(cx, given), given.key_marker or "", marker, limit
    )
    head = ListVersionsResult(
        name=cx.bucket.name,
        prefix=given.prefix or "",
        key_marker=given.key_marker or "",
        version_id_marker=marker,
        next_key_marker=page.after if page.truncated else None,
        next_version_id_marker=page.after_version or None if page.truncated else None,
        max_keys=limit,
        delimiter=given.delimiter or None,
        is_truncated=page.truncated,
        encoding_type=given.encoding_type,
    )
    rows = [_version_row(cx, entry) for entry in page.entries]
    owners = await _owners(cx, page)
    document = listing.versions_page(head, rows, page.prefixes, owners=owners)
    return ListObjectVersionsOutput(document=document)


def _scope(
    cx: Context, given: ListObjectsInput | ListObjectsV2Input | ListObjectVersionsInput
) -> Scope:
    return Scope(cx.bucket.id, given.prefix or "", given.delimiter or "")


async def _owners(cx: Context, page: Page) -> list[Owner]:
    """Of each entry: its own owner, or the bucket's where that owns every object."""
    if cx.bucket.ownership is Ownership.BUCKET_OWNER_ENFORCED:
        owner = cx.bucket.owner
        return [(owner, await cx.accounts.display_name(owner))] * len(page.entries)
    rows = [entry.summary.owner for entry in page.entries]
    known = {row: row.hex() for row in set(rows)}
    owners = {row: (id_, await cx.accounts.display_name(id_)) for row, id_ in known.items()}
    return [owners[row] for row in rows]


def _rows(cx: Context, page: Page) -> list[ObjectRow]:
    return [
        (
            key,
            s.modified_ms // 1000,
            f"{s.etag.hex()}-{s.parts}" if s.parts else s.etag.hex(),
            s.size,
            _ALGORITHMS[s.algorithm] if s.algorithm else "",
            _TYPES[s.composite],
            class_name(cx, s.storage_class),
        )
        for key, s, _ in page.entries
    ]


def _version_row(cx: Context, entry: Entry) -> VersionRow:
    s = entry.summary
    etag = ""
    if s.kind & codec.KIND == Kind.OBJECT:
        etag = f"{s.etag.hex()}-{s.parts}" if s.parts else s.etag.hex()
    return (
        entry.key,
        version_id_of(s),
        entry.latest,
        s.modified_ms // 1000,
        etag,
        s.size,
        _ALGORITHMS[s.algorithm] if s.algorithm else "",
        _TYPES[s.composite],
        class_name(cx, s.storage_class),
    )


def _encode_token(after: str) -> str:
    return base64.urlsafe_b64encode(after.encode()).decode()


def _decode_token(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (UnicodeError, binascii.Error, ValueError):
        raise InvalidArgument(
            "The continuation token provided is incorrect",
            ArgumentName="continuation-token",
            ArgumentValue=token,
        ) from None
