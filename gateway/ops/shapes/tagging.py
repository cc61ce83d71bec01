"""Inputs, outputs and documents of tag sets of buckets and objects."""

from typing import Annotated

from gateway.ops.shapes.common import BucketInput, ObjectInput
from gateway.wire.bind import Body, Header, Output, Query
from gateway.wire.documents import Document, Elements


class Tag(Document):
    key: str
    value: str


class Tagging(Document):
    tag_set: Annotated[tuple[Tag, ...], Elements("TagSet", "Tag")]


class GetBucketTaggingInput(BucketInput):
    pass


class GetBucketTaggingOutput(Output):
    document: Annotated[Tagging, Body()]


class PutBucketTaggingInput(BucketInput):
    tagging: Annotated[Tagging, Body()]
    content_md5: Annotated[str | None, Header("Content-MD5")] = None
    checksum_algorithm: Annotated[str | None, Header("x-amz-sdk-checksum-algorithm")] = None


class DeleteBucketTaggingInput(BucketInput):
    pass


class GetObjectTaggingInput(ObjectInput):
    version_id: Annotated[str | None, Query("versionId")] = None


class GetObjectTaggingOutput(Output):
    document: Annotated[Tagging, Body()]
    version_id: Annotated[str | None, Header("x-amz-version-id")] = None


class PutObjectTaggingInput(ObjectInput):
    tagging: Annotated[Tagging, Body()]
    version_id: Annotated[str | None, Query("versionId")] = None
    content_md5: Annotated[str | None, Header("Content-MD5")] = None
    checksum_algorithm: Annotated[str | None, Header("x-amz-sdk-checksum-algorithm")] = None


class PutObjectTaggingOutput(Output):
    version_id: Annotated[str | None, Header("x-amz-version-id")] = None


class DeleteObjectTaggingInput(BucketInput):
    version_id: Annotated[str | None, Query("versionId")] = None


class DeleteObjectTaggingOutput(Output):
    version_id: Annotated[str | None, Header("x-amz-version-id")] = None
