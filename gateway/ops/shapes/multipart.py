"""Inputs, outputs and documents of multipart uploads."""

from datetime import datetime
from typing import Annotated, Any, Literal

from gateway.ops.shapes.common import (
    PART_NUMBER,
    BucketKeyEnabled,
    ChecksumInput,
    ChecksumOutput,
    Checksums,
    CustomerKeyInput,
    EncryptionContext,
    EncryptionOutput,
    KmsKeyId,
    ObjectInput,
    Owner,
    ServerSideEncryption,
)
from gateway.wire.bind import Body, Header, Headers, Output, Payload, Query
from gateway.wire.documents import Document, Element
from ocean.errors import MalformedXML


class InitiateMultipartUploadResult(Document):
    bucket: str | None = None
    key: str | None = None
    upload_id: str | None = None


class CompletedPart(Checksums):
    part_number: int
    etag: Annotated[str, Element("ETag")]


class CompleteMultipartUpload(Document):
    parts: Annotated[tuple[CompletedPart, ...], Element("Part")]


class CompleteMultipartUploadResult(Checksums):
    location: str | None = None
    bucket: str | None = None
    key: str | None = None
    etag: Annotated[str | None, Element("ETag")] = None
    checksum_type: Literal["COMPOSITE", "FULL_OBJECT"] | None = None


class Part(Checksums):
    part_number: int | None = None
    last_modified: datetime | None = None
    etag: Annotated[str | None, Element("ETag")] = None
    size: int | None = None


class Initiator(Document):
    id: Annotated[str | None, Element("ID")] = None
    display_name: str | None = None


class ListPartsResult(Document):
    bucket: str | None = None
    key: str | None = None
    upload_id: str | None = None
    part_number_marker: int | None = None
    next_part_number_marker: int | None = None
    max_parts: int | None = None
    is_truncated: bool | None = None
    parts: Annotated[tuple[Part, ...], Element("Part")] = ()
    initiator: Initiator | None = None
    owner: Owner | None = None
    storage_class: str | None = None
    checksum_algorithm: str | None = None
    checksum_type: Literal["COMPOSITE", "FULL_OBJECT"] | None = None


class MultipartUpload(Document):
    upload_id: str | None = None
    key: str | None = None
    initiated: datetime | None = None
    storage_class: str | None = None
    owner: Owner | None = None
    initiator: Initiator | None = None
    checksum_algorithm: str | None = None
    checksum_type: Literal["COMPOSITE", "FULL_OBJECT"] | None = None
    version_id: str | None = None


class CommonPrefix(Document):
    prefix: str | None = None


class ListMultipartUploadsResult(Document):
    bucket: str | None = None
    key_marker: str | None = None
    upload_id_marker: str | None = None
    next_key_marker: str | None = None
    prefix: str | None = None
    delimiter: str | None = None
    next_upload_id_marker: str | None = None
    max_uploads: int | None = None
    is_truncated: bool | None = None
    uploads: Annotated[tuple[MultipartUpload, ...], Element("Upload")] = ()
    common_prefixes: tuple[CommonPrefix, ...] = ()
    encoding_type: Literal["url"] | None = None


class CreateMultipartUploadInput(CustomerKeyInput):
    acl: Annotated[str | None, Header("x-amz-acl")] = None
    cache_control: Annotated[str | None, Header("Cache-Control")] = None
    content_disposition: Annotated[str | None, Header("Content-Disposition")] = None
    content_encoding: Annotated[str | None, Header("Content-Encoding")] = None
    content_language: Annotated[str | None, Header("Content-Language")] = None
    content_type: Annotated[str | None, Header("Content-Type")] = None
    expires: Annotated[str | None, Header("Expires")] = None
    metadata: Annotated[dict[str, str] | None, Headers("x-amz-meta-")] = None
    object_lock_mode: Annotated[str | None, Header("x-amz-object-lock-mode")] = None
    object_lock_retain_until_date: Annotated[
        str | None, Header("x-amz-object-lock-retain-until-date")
    ] = None
    object_lock_legal_hold: Annotated[str | None, Header("x-amz-object-lock-legal-hold")] = None
    server_side_encryption: ServerSideEncryption = None
    sse_kms_key_id: KmsKeyId = None
    sse_kms_encryption_context: EncryptionContext = None
    bucket_key_enabled: BucketKeyEnabled = None
    storage_class: Annotated[str | None, Header("x-amz-storage-class")] = None
    tagging: Annotated[str | None, Header("x-amz-tagging")] = None
    checksum_algorithm: Annotated[str | None, Header("x-amz-checksum-algorithm")] = None
    checksum_type: Annotated[str | None, Header("x-amz-checksum-type")] = None


class CreateMultipartUploadOutput(EncryptionOutput):
    document: Annotated[InitiateMultipartUploadResult, Body()]
    abort_date: Annotated[datetime | None, Header("x-amz-abort-date")] = None
    abort_rule_id: Annotated[str | None, Header("x-amz-abort-rule-id")] = None
    sse_kms_encryption_context: EncryptionContext = None
    checksum_algorithm: Annotated[str | None, Header("x-amz-checksum-algorithm")] = None
    checksum_type: Annotated[str | None, Header("x-amz-checksum-type")] = None
    version_id: Annotated[str | None, Header("x-amz-version-id")] = None


class UploadPartInput(ChecksumInput):
    part_number: Annotated[int, PART_NUMBER]
    upload_id: Annotated[str, Query("uploadId")]
    content_md5: Annotated[str | None, Header("Content-MD5")] = None
    checksum_algorithm: Annotated[str | None, Header("x-amz-sdk-checksum-algorithm")] = None


class UploadPartOutput(ChecksumOutput):
    etag: Annotated[str | None, Header("ETag")] = None
    version_id: Annotated[str | None, Header("x-amz-version-id")] = None


class CompleteMultipartUploadInput(ChecksumInput):
    multipart_upload: Annotated[CompleteMultipartUpload, Body(limit=4 << 20, missing=MalformedXML)]
    upload_id: Annotated[str, Query("uploadId")]
    checksum_type: Annotated[str | None, Header("x-amz-checksum-type")] = None
    mpu_object_size: Annotated[int | None, Header("x-amz-mp-object-size")] = None
    if_match: Annotated[str | None, Header("If-Match")] = None
    if_none_match: Annotated[str | None, Header("If-None-Match")] = None


class CompleteMultipartUploadOutput(EncryptionOutput):
    document: Annotated[CompleteMultipartUploadResult | None, Body()] = None
    expiration: Annotated[str | None, Header("x-amz-expiration")] = None
    version_id: Annotated[str | None, Header("x-amz-version-id")] = None
    stream: Annotated[Any, Payload()] = None


class AbortMultipartUploadInput(ObjectInput):
    upload_id: Annotated[str, Query("uploadId")]


class AbortMultipartUploadOutput(Output):
    version_id: Annotated[str | None, Header("x-amz-version-id")] = None


class ListPartsInput(CustomerKeyInput):
    upload_id: Annotated[str, Query("uploadId")]
    max_parts: Annotated[int | None, Query("max-parts")] = None
    part_number_marker: Annotated[int | None, Query("part-number-marker")] = None


class ListPartsOutput(Output):
    document: Annotated[ListPartsResult, Body()]
    abort_date: Annotated[datetime | None, Header("x-amz-abort-date")] = None
    abort_rule_id: Annotated[str | None, Header("x-amz-abort-rule-id")] = None
    version_id: Annotated[str | None, Header("x-amz-version-id")] = None


class ListMultipartUploadsInput(ObjectInput):
    delimiter: Annotated[str | None, Query("delimiter")] = None
    encoding_type: Annotated[Literal["url"] | None, Query("encoding-type")] = None
    key_marker: Annotated[str | None, Query("key-marker")] = None
    max_uploads: Annotated[int | None, Query("max-uploads")] = None
    prefix: Annotated[str | None, Query("prefix")] = None
    upload_id_marker: Annotated[str | None, Query("upload-id-marker")] = None


class ListMultipartUploadsOutput(Output):
    document: Annotated[ListMultipartUploadsResult, Body()]
