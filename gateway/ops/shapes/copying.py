"""Inputs, outputs and documents of CopyObject and UploadPartCopy."""

from datetime import datetime
from typing import Annotated, Literal

from gateway.ops.shapes.common import (
    PART_NUMBER,
    BucketKeyEnabled,
    Checksums,
    CustomerKeyInput,
    EncryptionContext,
    EncryptionOutput,
    KmsKeyId,
    ServerSideEncryption,
)
from gateway.wire.bind import Body, Header, Headers, Query
from gateway.wire.documents import Element


class CopyObjectResult(Checksums):
    etag: Annotated[str | None, Element("ETag")] = None
    last_modified: datetime | None = None
    checksum_type: Literal["COMPOSITE", "FULL_OBJECT"] | None = None


class CopyPartResult(Checksums):
    etag: Annotated[str | None, Element("ETag")] = None
    last_modified: datetime | None = None


class SourceInput(CustomerKeyInput):
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
    copy_source_sse_customer_algorithm: Annotated[
        str | None, Header("x-amz-copy-source-server-side-encryption-customer-algorithm")
    ] = None
    copy_source_sse_customer_key: Annotated[
        str | None, Header("x-amz-copy-source-server-side-encryption-customer-key")
    ] = None
    copy_source_sse_customer_key_md5: Annotated[
        str | None, Header("x-amz-copy-source-server-side-encryption-customer-key-MD5")
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
    object_lock_mode: Annotated[str | None, Header("x-amz-object-lock-mode")] = None
    object_lock_retain_until_date: Annotated[
        str | None, Header("x-amz-object-lock-retain-until-date")
    ] = None
    object_lock_legal_hold: Annotated[str | None, Header("x-amz-object-lock-legal-hold")] = None
    tagging_directive: Annotated[
        Literal["COPY", "REPLACE"] | None, Header("x-amz-tagging-directive")
    ] = None
    server_side_encryption: ServerSideEncryption = None
    sse_kms_key_id: KmsKeyId = None
    sse_kms_encryption_context: EncryptionContext = None
    bucket_key_enabled: BucketKeyEnabled = None
    storage_class: Annotated[str | None, Header("x-amz-storage-class")] = None
    tagging: Annotated[str | None, Header("x-amz-tagging")] = None


class CopyObjectOutput(EncryptionOutput):
    copy_object_result: Annotated[CopyObjectResult, Body()]
    expiration: Annotated[str | None, Header("x-amz-expiration")] = None
    sse_kms_encryption_context: EncryptionContext = None
    copy_source_version_id: Annotated[str | None, Header("x-amz-copy-source-version-id")] = None
    version_id: Annotated[str | None, Header("x-amz-version-id")] = None


class UploadPartCopyInput(SourceInput):
    part_number: Annotated[int, PART_NUMBER]
    upload_id: Annotated[str, Query("uploadId")]
    copy_source_range: Annotated[str | None, Header("x-amz-copy-source-range")] = None


class UploadPartCopyOutput(EncryptionOutput):
    copy_part_result: Annotated[CopyPartResult, Body()]
    copy_source_version_id: Annotated[str | None, Header("x-amz-copy-source-version-id")] = None
    version_id: Annotated[str | None, Header("x-amz-version-id")] = None
