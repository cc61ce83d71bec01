"""Inputs, outputs and documents of CopyObject and UploadPartCopy."""

from datetime import datetime
from typing import Annotated, Literal

from gateway.ops.shapes.common import PART_NUMBER, Checksums, ObjectInput
from gateway.wire.bind import Body, Header, Headers, Output, Query
from gateway.wire.documents import Element


class CopyObjectResult(Checksums):
    etag: Annotated[str | None, Element("ETag")] = None
    last_modified: datetime | None = None
    checksum_type: Literal["COMPOSITE", "FULL_OBJECT"] | None = None


class CopyPartResult(Checksums):
    etag: Annotated[str | None, Element("ETag")] = None
    last_modified: datetime | None = None


class SourceInput(ObjectInput):
    copy_source: Annotated[str, Header("x-amz-copy-source")]
    copy_source_if_match: Annotated[str | None, Header("x-amz-copy-source-if-match")] = None
    copy_source_if_modified_since: Annotated[
        datetime | None, Header("x-amz-copy-source-if-modified-since")
    ] = None
    copy_source_if_none_match: Annotated[str | None, Header("x-amz-copy-source-if-none-match")] = (
        None
    )
    copy_source_if_unmodified_since: Annotated[
        datetime | None, Header("x-amz-copy-source-if-unmodified-since")
    ] = None
    expected_source_bucket_owner: Annotated[
        str | None, Header("x-amz-source-expected-bucket-owner")
    ] = None


class CopyObjectInput(SourceInput):
    acl: Annotated[str | None, Header("x-amz-acl")] = None
    cache_control: Annotated[str | None, Header("Cache-Control")] = None
    checksum_algorithm: Annotated[str | None, Header("x-amz-checksum-algorithm")] = None
    content_disposition: Annotated[str | None, Header("Content-Disposition")] = None
    content_encoding: Annotated[str | None, Header("Content-Encoding")] = None
    content_language: Annotated[str | None, Header("Content-Language")] = None
    content_type: Annotated[str | None, Header("Content-Type")] = None
    expires: Annotated[str | None, Header("Expires")] = None
    if_match: Annotated[str | None, Header("If-Match")] = None
    if_none_match: Annotated[str | None, Header("If-None-Match")] = None
    metadata: Annotated[dict[str, str] | None, Headers("x-amz-meta-")] = None
    metadata_directive: Annotated[
        Literal["COPY", "REPLACE"] | None, Header("x-amz-metadata-directive")
    ] = None
    tagging_directive: Annotated[
        Literal["COPY", "REPLACE"] | None, Header("x-amz-tagging-directive")
    ] = None
    storage_class: Annotated[str | None, Header("x-amz-storage-class")] = None
    tagging: Annotated[str | None, Header("x-amz-tagging")] = None


class CopyObjectOutput(Output):
    copy_object_result: Annotated[CopyObjectResult, Body()]
    copy_source_version_id: Annotated[str | None, Header("x-amz-copy-source-version-id")] = None
    version_id: Annotated[str | None, Header("x-amz-version-id")] = None


class UploadPartCopyInput(SourceInput):
    part_number: Annotated[int, PART_NUMBER]
    upload_id: Annotated[str, Query("uploadId")]
    copy_source_range: Annotated[str | None, Header("x-amz-copy-source-range")] = None


class UploadPartCopyOutput(Output):
    copy_part_result: Annotated[CopyPartResult, Body()]
    copy_source_version_id: Annotated[str | None, Header("x-amz-copy-source-version-id")] = None
    version_id: Annotated[str | None, Header("x-amz-version-id")] = None
