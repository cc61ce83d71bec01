"""Inputs, outputs and documents of the default encryption of buckets."""

from typing import Annotated, Literal

from gateway.ops.shapes.common import BucketInput
from gateway.wire.bind import Body, Header, Output
from gateway.wire.documents import Document, Element


class ServerSideEncryptionByDefault(Document):
    sse_algorithm: Annotated[
        Literal["AES256", "aws:fsx", "aws:backup", "aws:kms", "aws:kms:dsse"],
        Element("SSEAlgorithm"),
    ]
    kms_master_key_id: Annotated[str | None, Element("KMSMasterKeyID")] = None


class BlockedEncryptionTypes(Document):
    encryption_types: Annotated[
        tuple[Literal["NONE", "SSE-C"], ...], Element("EncryptionType")
    ] = ()


class ServerSideEncryptionRule(Document):
    apply_server_side_encryption_by_default: ServerSideEncryptionByDefault | None = None
    bucket_key_enabled: bool | None = None
    blocked_encryption_types: BlockedEncryptionTypes | None = None


class ServerSideEncryptionConfiguration(Document):
    rules: Annotated[tuple[ServerSideEncryptionRule, ...], Element("Rule")]


class GetBucketEncryptionInput(BucketInput):
    pass


class GetBucketEncryptionOutput(Output):
    document: Annotated[ServerSideEncryptionConfiguration, Body()]


class PutBucketEncryptionInput(BucketInput):
    server_side_encryption_configuration: Annotated[ServerSideEncryptionConfiguration, Body()]
    content_md5: Annotated[str | None, Header("Content-MD5")] = None
    checksum_algorithm: Annotated[str | None, Header("x-amz-sdk-checksum-algorithm")] = None


class DeleteBucketEncryptionInput(BucketInput):
    pass
