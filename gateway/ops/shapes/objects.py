"""Inputs, outputs and documents of PutObject, GetObject, HeadObject and GetObjectAttributes."""

from datetime import datetime
from typing import Annotated, Any, Literal

from gateway.ops.shapes.common import (
    PART_NUMBER,
    ChecksumOutput,
    Checksums,
    CustomerKeyInput,
    EncryptionContext,
    UploadInput,
)
from gateway.wire.bind import Body, Header, Headers, Length, Output, Payload, Query, Status
from gateway.wire.documents import Document, Element

AttributeName = Literal["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]


class Checksum(Checksums):
    checksum_type: Literal["COMPOSITE", "FULL_OBJECT"] | None = None


class ObjectPart(Checksums):
    part_number: int | None = None
    size: int | None = None


class GetObjectAttributesParts(Document):
    total_parts_count: Annotated[int | None, Element("PartsCount")] = None
    part_number_marker: int | None = None
    next_part_number_marker: int | None = None
    max_parts: int | None = None
    is_truncated: bool | None = None
    parts: Annotated[tuple[ObjectPart, ...], Element("Part")] = ()


class GetObjectAttributesResponse(Document):
    etag: Annotated[str | None, Element("ETag")] = None
    checksum: Checksum | None = None
    object_parts: GetObjectAttributesParts | None = None
    storage_class: str | None = None
    object_size: int | None = None


class PutObjectInput(UploadInput):
    acl: Annotated[str | None, Header("x-amz-acl")] = None
    checksum_algorithm: Annotated[str | None, Header("x-amz-sdk-checksum-algorithm")] = None
    if_match: Annotated[str | None, Header("If-Match")] = None
    if_none_match: Annotated[str | None, Header("If-None-Match")] = None
    tagging: Annotated[str | None, Header("x-amz-tagging")] = None


class PutObjectOutput(ChecksumOutput):
    expiration: Annotated[str | None, Header("x-amz-expiration")] = None
    etag: Annotated[str | None, Header("ETag")] = None
    sse_kms_encryption_context: EncryptionContext = None
    checksum_type: Annotated[str | None, Header("x-amz-checksum-type")] = None
    version_id: Annotated[str | None, Header("x-amz-version-id")] = None


class GetObjectInput(CustomerKeyInput):
    if_match: Annotated[str | None, Header("If-Match")] = None
    if_modified_since: Annotated[datetime | None, Header("If-Modified-Since")] = None
    if_none_match: Annotated[str | None, Header("If-None-Match")] = None
    if_unmodified_since: Annotated[datetime | None, Header("If-Unmodified-Since")] = None
    range: Annotated[str | None, Header("Range")] = None
    response_cache_control: Annotated[str | None, Query("response-cache-control")] = None
    response_content_disposition: Annotated[str | None, Query("response-content-disposition")] = (
        None
    )
    response_content_encoding: Annotated[str | None, Query("response-content-encoding")] = None
    response_content_language: Annotated[str | None, Query("response-content-language")] = None
    response_content_type: Annotated[str | None, Query("response-content-type")] = None
    response_expires: Annotated[str | None, Query("response-expires")] = None
    version_id: Annotated[str | None, Query("versionId")] = None
    part_number: Annotated[int | None, PART_NUMBER] = None
    checksum_mode: Annotated[Literal["ENABLED"] | None, Header("x-amz-checksum-mode")] = None


class ObjectOutput(ChecksumOutput):
    """An object, or a range or a part of it."""

    delete_marker: Annotated[bool | None, Header("x-amz-delete-marker")] = None
    accept_ranges: Annotated[str | None, Header("accept-ranges")] = None
    expiration: Annotated[str | None, Header("x-amz-expiration")] = None
    last_modified: Annotated[datetime | None, Header("Last-Modified")] = None
    etag: Annotated[str | None, Header("ETag")] = None
    checksum_type: Annotated[str | None, Header("x-amz-checksum-type")] = None
    version_id: Annotated[str | None, Header("x-amz-version-id")] = None
    cache_control: Annotated[str | None, Header("Cache-Control")] = None
    content_disposition: Annotated[str | None, Header("Content-Disposition")] = None
    content_encoding: Annotated[str | None, Header("Content-Encoding")] = None
    content_language: Annotated[str | None, Header("Content-Language")] = None
    content_range: Annotated[str | None, Header("Content-Range")] = None
    content_type: Annotated[str | None, Header("Content-Type")] = None
    expires: Annotated[str | None, Header("Expires")] = None
    metadata: Annotated[dict[str, str] | None, Headers("x-amz-meta-")] = None
    storage_class: Annotated[str | None, Header("x-amz-storage-class")] = None
    parts_count: Annotated[int | None, Header("x-amz-mp-parts-count")] = None
    tag_count: Annotated[int | None, Header("x-amz-tagging-count")] = None
    object_lock_mode: Annotated[str | None, Header("x-amz-object-lock-mode")] = None
    object_lock_retain_until_date: Annotated[
        str | None, Header("x-amz-object-lock-retain-until-date")
    ] = None
    object_lock_legal_hold: Annotated[str | None, Header("x-amz-object-lock-legal-hold")] = None
    length: Annotated[int | None, Length()] = None
    status: Annotated[int | None, Status()] = None


class GetObjectOutput(ObjectOutput):
    body: Annotated[Any, Payload()] = None


class HeadObjectInput(GetObjectInput):
    """As GetObject's."""


class HeadObjectOutput(ObjectOutput):
    archive_status: Annotated[
        Literal["ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS"] | None, Header("x-amz-archive-status")
    ] = None


class GetObjectAttributesInput(CustomerKeyInput):
    object_attributes: Annotated[tuple[AttributeName, ...], Header("x-amz-object-attributes")]
    version_id: Annotated[str | None, Query("versionId")] = None
    max_parts: Annotated[int | None, Header("x-amz-max-parts")] = None
    part_number_marker: Annotated[int | None, Header("x-amz-part-number-marker")] = None


class GetObjectAttributesOutput(Output):
    document: Annotated[GetObjectAttributesResponse, Body()]
    delete_marker: Annotated[bool | None, Header("x-amz-delete-marker")] = None
    last_modified: Annotated[datetime | None, Header("Last-Modified")] = None
    version_id: Annotated[str | None, Header("x-amz-version-id")] = None
