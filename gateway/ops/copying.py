"""Operations that copy: an object, or a range of one into a part."""

from typing import NamedTuple

from msgspec.structs import replace

from gateway.context import Context
from gateway.operations import s3
from gateway.ops import sse
from gateway.ops.customerkeys import source_key
from gateway.ops.drafts import (
    checksum_fields,
    checksum_type,
    class_number,
    locked,
    made_version,
    modified,
    parse_algorithm,
    quoted,
    stated_version,
    system_headers,
    tagged,
    user_metadata,
    write_guard,
)
from gateway.ops.found import found_upload
from gateway.ops.grants import of_new_object
from gateway.ops.lifecycle import expires
from gateway.ops.shapes.copying import (
    CopyObjectInput,
    CopyObjectOutput,
    CopyObjectResult,
    CopyPartResult,
    SourceInput,
    UploadPartCopyInput,
    UploadPartCopyOutput,
)
from gateway.wire import conditions, copysource, ranges
from metastore.records import Algorithm, Bucket, Version
from ocean.errors import AccessDenied, InvalidRequest, MethodNotAllowed, NoSuchBucket, S3Error
from ocean.objects.copy import Source
from ocean.objects.put import MAX_PUT, Expected
from ocean.rules import access, preconditions, tags


class Found(NamedTuple):
    """The source of a copy, which the caller may read."""

    bucket: Bucket
    key: str
    source: Source

    @property
    def version(self) -> Version:
        return self.source.version


@s3.operation("PUT", "/{Bucket}/{Key+}", action="s3:PutObject")
async def copy_object(cx: Context, given: CopyObjectInput) -> CopyObjectOutput:
    """Make a new version with the bytes of another."""
    found = await _find(cx, given)
    if found.version.size > MAX_PUT:
        raise InvalidRequest(
            "The specified copy source is larger than the maximum allowable size for a copy "
            f"source: {MAX_PUT}"
        )
    same = found.bucket.id == cx.bucket.id and found.key == cx.key
    encrypt = sse.wanted(cx, given)
    replaces = given.metadata_directive == "REPLACE" or given.tagging_directive == "REPLACE"
    replaces = replaces or given.storage_class is not None
    replaces = replaces or sse.changes(encrypt, given, found.version)
    if same and not replaces and copysource.parse(given.copy_source).version_id is None:
        raise InvalidRequest(
            "This copy request is illegal because it is trying to copy an object to itself "
            "without changing the object's metadata, storage class, website redirect location "
            "or encryption attributes."
        )
    version = await cx.ocean.put(
        cx.bucket,
        cx.key,
        await _draft(cx, given, found),
        found.source.body(),
        expected=Expected(algorithm=_algorithm(given, found.version)),
        guard=write_guard(cx, given.if_match, given.if_none_match),
        encrypt=encrypt,
    )
    return CopyObjectOutput(
        expiration=expires(cx, version),
        copy_source_version_id=stated_version(found.bucket, found.version),
        version_id=made_version(version),
        copy_object_result=CopyObjectResult(
            etag=quoted(version),
            last_modified=modified(version),
            checksum_type=checksum_type(version.checksum),
            **checksum_fields(version.checksum),
        ),
        **sse.made(encrypt, given),
    )


def _algorithm(given: CopyObjectInput, source: Version) -> Algorithm:
    if given.checksum_algorithm:
        return parse_algorithm(given.checksum_algorithm)
    return source.checksum.algorithm if source.checksum else Algorithm.NONE


async def _draft(cx: Context, given: CopyObjectInput, found: Found) -> Version:
    """The version to be: metadata and tags of the source, or of the request."""
    owner, grants = await of_new_object(cx)
    source = found.version
    made = Version(
        owner=owner,
        headers=source.headers,
        metadata=source.metadata,
        storage_class=class_number(cx, given.storage_class),
        acl=grants,
    )
    if given.metadata_directive == "REPLACE":
        headers, metadata = system_headers(given), user_metadata(given.metadata)
        made = replace(made, headers=headers, metadata=metadata)
    made = locked(cx, made, given)
    pairs = source.tags
    if given.tagging_directive == "REPLACE":
        pairs = tuple(tags.parse_header(given.tagging or "").items())
    elif pairs:
        named = copysource.parse(given.copy_source).version_id
        action = access.action_on("s3:GetObjectTagging", named)
        cx.authorize_on(action, found.bucket, found.key, source, named)
    return tagged(cx, made, pairs) if pairs else made


@s3.operation("PUT", "/{Bucket}/{Key+}", action="s3:PutObject", also=sse.REPEATED)
async def upload_part_copy(cx: Context, given: UploadPartCopyInput) -> UploadPartCopyOutput:
    """Store a part with the bytes of an object, or of a range of it."""
    upload = await found_upload(cx, given.upload_id)
    cipher = await sse.of_upload(cx, given, upload)
    found = await _find(cx, given)
    start, stop = 0, found.version.size
    if given.copy_source_range is not None:
        start, stop = ranges.parse_copy(given.copy_source_range, found.version.size)
    if stop - start > MAX_PUT:
        raise InvalidRequest(
            "The specified copy source is larger than the maximum allowable size for a copy "
            f"source: {MAX_PUT}"
        )
    part = await cx.ocean.multipart.upload_part(
        cx.bucket,
        upload,
        given.part_number,
        found.source.body(start, stop),
        Expected(algorithm=upload.algorithm),
        cipher,
    )
    made = Version(modified_ms=part.modified_ms)
    return UploadPartCopyOutput(
        copy_source_version_id=stated_version(found.bucket, found.version),
        copy_part_result=CopyPartResult(
            etag=f'"{part.etag.hex()}"',
            last_modified=modified(made),
            **checksum_fields(part.checksum),
        ),
        **sse.answer(upload.draft.encryption, given),
    )


async def _find(cx: Context, given: SourceInput) -> Found:
    """The source, authorized as the caller and as the conditions want it."""
    named = copysource.parse(given.copy_source)
    bucket = await cx.ocean.meta.buckets.find(named.bucket)
    if bucket is None:
        raise NoSuchBucket(BucketName=named.bucket)
    expected_owner = given.expected_source_bucket_owner
    if expected_owner is not None and expected_owner != bucket.owner:
        raise AccessDenied
    try:
        version = await cx.find("s3:GetObject", bucket, named.key, named.version_id)
        if isinstance(version, S3Error):
            raise version
    except MethodNotAllowed:
        raise InvalidRequest(
            "The source of a copy request may not specifically refer to a delete marker by "
            "version id."
        ) from None
    cipher = await sse.opened(cx, bucket, named.key, version, source_key(cx, given))
    wanted = conditions.read_conditions(
        given.copy_source_if_match,
        given.copy_source_if_none_match,
        given.copy_source_if_modified_since,
        given.copy_source_if_unmodified_since,
    )
    seconds = version.modified_ms // 1000
    preconditions.check_source(wanted, etag=version.etag_text, modified=seconds)
    return Found(bucket, named.key, Source(cx.ocean.get, bucket, named.key, version, cipher))
