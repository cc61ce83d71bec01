"""Operations on tags of buckets and objects."""

from msgspec.structs import replace

from gateway.context import Context
from gateway.operations import s3
from gateway.ops.drafts import stated_version
from gateway.ops.shapes.tagging import (
    DeleteBucketTaggingInput,
    DeleteObjectTaggingInput,
    DeleteObjectTaggingOutput,
    GetBucketTaggingInput,
    GetBucketTaggingOutput,
    GetObjectTaggingInput,
    GetObjectTaggingOutput,
    PutBucketTaggingInput,
    PutObjectTaggingInput,
    PutObjectTaggingOutput,
    Tag,
    Tagging,
)
from metastore.errors import NoVersion
from metastore.records import Kind, Version
from ocean.errors import NoSuchKey, NoSuchTagSet, NoSuchVersion
from ocean.objects.get import marker_headers, marker_named
from ocean.rules import tags
from ocean.rules.naming import check_version_id

Pairs = tuple[tuple[str, str], ...]


@s3.operation("GET", "/{Bucket}?tagging", action="s3:GetBucketTagging")
async def get_bucket_tagging(cx: Context, _given: GetBucketTaggingInput) -> GetBucketTaggingOutput:
    """The bucket's tags; NoSuchTagSet without any."""
    if not cx.bucket.tags:
        raise NoSuchTagSet(BucketName=cx.bucket.name)
    return GetBucketTaggingOutput(document=_document(cx.bucket.tags))


@s3.operation("PUT", "/{Bucket}?tagging", action="s3:PutBucketTagging", status=204)
async def put_bucket_tagging(cx: Context, given: PutBucketTaggingInput) -> None:
    """Replace the bucket's tags."""
    pairs = pairs_of(given.tagging, limit=50)
    await cx.ocean.meta.buckets.change(cx.bucket, lambda bucket: replace(bucket, tags=pairs))


@s3.operation("DELETE", "/{Bucket}?tagging", action="s3:PutBucketTagging", status=204)
async def delete_bucket_tagging(cx: Context, _given: DeleteBucketTaggingInput) -> None:
    """Remove the bucket's tags."""
    await cx.ocean.meta.buckets.change(cx.bucket, lambda bucket: replace(bucket, tags=()))


@s3.operation("GET", "/{Bucket}/{Key+}?tagging", action="s3:GetObjectTagging")
async def get_object_tagging(cx: Context, given: GetObjectTaggingInput) -> GetObjectTaggingOutput:
    """The tags of a version, possibly none."""
    version = await cx.ocean.get.version(cx.bucket, cx.key, given.version_id)
    return GetObjectTaggingOutput(
        document=_document(version.tags), version_id=stated_version(cx.bucket, version)
    )


@s3.operation("PUT", "/{Bucket}/{Key+}?tagging", action="s3:PutObjectTagging")
async def put_object_tagging(cx: Context, given: PutObjectTaggingInput) -> PutObjectTaggingOutput:
    """Replace the tags of a version."""
    pairs = pairs_of(given.tagging, limit=tags.MAX_OBJECT_TAGS)
    version = await _retag(cx, given.version_id, pairs)
    return PutObjectTaggingOutput(version_id=stated_version(cx.bucket, version))


@s3.operation("DELETE", "/{Bucket}/{Key+}?tagging", action="s3:DeleteObjectTagging", status=204)
async def delete_object_tagging(
    cx: Context, given: DeleteObjectTaggingInput
) -> DeleteObjectTaggingOutput:
    """Remove the tags of a version."""
    version = await _retag(cx, given.version_id, ())
    return DeleteObjectTaggingOutput(version_id=stated_version(cx.bucket, version))


async def _retag(cx: Context, version_id: str | None, pairs: Pairs) -> Version:
    check_version_id(version_id)

    def change(version: Version) -> Version:
        if version.kind is not Kind.OBJECT:
            if version_id is None:
                raise NoSuchKey(headers=marker_headers(version), Key=cx.key)
            raise marker_named(version)
        return replace(version, tags=pairs)

    try:
        return await cx.ocean.meta.objects.amend(cx.bucket, cx.key, version_id, change)
    except NoVersion:
        if version_id is None:
            raise NoSuchKey(Key=cx.key) from None
        raise NoSuchVersion(Key=cx.key, VersionId=version_id) from None


def pairs_of(tagging: Tagging, *, limit: int) -> Pairs:
    """The tags of a document; InvalidTag."""
    pairs = [(tag.key, tag.value) for tag in tagging.tag_set]
    return tuple(tags.checked(pairs, limit=limit).items())


def _document(pairs: Pairs) -> Tagging:
    return Tagging(tag_set=tuple(Tag(key=key, value=value) for key, value in pairs))
