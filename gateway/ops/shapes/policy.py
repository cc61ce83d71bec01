"""Inputs, outputs and documents of bucket policies, public access blocks and ownership controls."""

from typing import Annotated, Any, Literal

from gateway.ops.shapes.common import BucketInput
from gateway.wire.bind import Body, Header, Output, Payload
from gateway.wire.documents import Document, Element
from ocean.errors import MalformedPolicy

POLICY_LIMIT = 128 << 10  # bytes


class GetBucketPolicyInput(BucketInput):
    pass


class GetBucketPolicyOutput(Output):
    policy: Annotated[Any, Payload("application/json")]


class PutBucketPolicyInput(BucketInput):
    policy: Annotated[
        str, Body(limit=POLICY_LIMIT, missing=MalformedPolicy, malformed=MalformedPolicy)
    ]
    content_md5: Annotated[str | None, Header("Content-MD5")] = None
    checksum_algorithm: Annotated[str | None, Header("x-amz-sdk-checksum-algorithm")] = None
    confirm_remove_self_bucket_access: Annotated[
        bool | None, Header("x-amz-confirm-remove-self-bucket-access")
    ] = None


class DeleteBucketPolicyInput(BucketInput):
    pass


class PolicyStatus(Document):
    is_public: bool | None = None


class GetBucketPolicyStatusInput(BucketInput):
    pass


class GetBucketPolicyStatusOutput(Output):
    document: Annotated[PolicyStatus, Body()]


class PublicAccessBlockConfiguration(Document):
    block_public_acls: bool | None = None
    ignore_public_acls: bool | None = None
    block_public_policy: bool | None = None
    restrict_public_buckets: bool | None = None


class GetPublicAccessBlockInput(BucketInput):
    pass


class GetPublicAccessBlockOutput(Output):
    document: Annotated[PublicAccessBlockConfiguration, Body()]


class PutPublicAccessBlockInput(BucketInput):
    public_access_block_configuration: Annotated[PublicAccessBlockConfiguration, Body()]
    content_md5: Annotated[str | None, Header("Content-MD5")] = None
    checksum_algorithm: Annotated[str | None, Header("x-amz-sdk-checksum-algorithm")] = None


class DeletePublicAccessBlockInput(BucketInput):
    pass


OwnershipName = Literal["BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced"]


class OwnershipControlsRule(Document):
    object_ownership: OwnershipName


class OwnershipControls(Document):
    rules: Annotated[tuple[OwnershipControlsRule, ...], Element("Rule")]


class GetBucketOwnershipControlsInput(BucketInput):
    pass


class GetBucketOwnershipControlsOutput(Output):
    document: Annotated[OwnershipControls, Body()]


class PutBucketOwnershipControlsInput(BucketInput):
    ownership_controls: Annotated[OwnershipControls, Body()]
    content_md5: Annotated[str | None, Header("Content-MD5")] = None
    checksum_algorithm: Annotated[str | None, Header("x-amz-sdk-checksum-algorithm")] = None


class DeleteBucketOwnershipControlsInput(BucketInput):
    pass
