"""Operations on tags of buckets and objects."""

from msgspec.structs import replace

from gateway.conditionkeys import of_tags
from gateway.context import Context
from gateway.operations import s3
from gateway.ops.changes import changed, configured
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
from metastore.records import Version
from ocean.errors import NoSuchTagSet
from ocean.rules import tags

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
    await configured(cx, lambda bucket: replace(bucket, tags=pairs))


@s3.operation("DELETE", "/{Bucket}?tagging", action="s3:PutBucketTagging", status=204)
async def delete_bucket_tagging(cx: Context, _given: DeleteBucketTaggingInput) -> None:
    """Remove the bucket's tags."""
    await configured(cx, lambda bucket: replace(bucket, tags=()))


@s3.operation("GET", "/{Bucket}/{Key+}?tagging", action="s3:GetObjectTagging")
async def get_object_tagging(cx: Context, _given: GetObjectTaggingInput) -> GetObjectTaggingOutput:
    """The tags of a version, possibly none."""
    version = await cx.version()
    return GetObjectTaggingOutput(
        document=_document(version.tags), version_id=stated_version(cx.bucket, version)
    )


@s3.operation("PUT", "/{Bucket}/{Key+}?tagging", action="s3:PutObjectTagging")
async def put_object_tagging(cx: Context, given: PutObjectTaggingInput) -> PutObjectTaggingOutput:
    """Replace the tags of a version."""
    pairs = pairs_of(given.tagging, limit=tags.MAX_OBJECT_TAGS)
    cx.requested = of_tags(pairs)
    await cx.version()  # a policy may ask which tags these are
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
    return await changed(cx, version_id, lambda version: replace(version, tags=pairs))


def pairs_of(tagging: Tagging, *, limit: int) -> Pairs:
    """The tags of a document; InvalidTag."""
    pairs = [(tag.key, tag.value) for tag in tagging.tag_set]
    return tuple(tags.checked(pairs, limit=limit).items())


def _document(pairs: Pairs) -> Tagging:
    return Tagging(tag_set=tuple(Tag(key=key, value=value) for key, value in pairs))
