"""Inputs, outputs and documents of buckets and their versioning."""

from datetime import datetime
from typing import Annotated, Literal

from gateway.ops.shapes.common import BucketInput, ObjectInput, Owner
from gateway.ops.shapes.tagging import Tag
from gateway.wire.bind import Body, Header, Input, Output, Query
from gateway.wire.documents import Document, Elements


class Bucket(Document):
    name: str | None = None
    creation_date: datetime | None = None
    bucket_region: str | None = None


class ListAllMyBucketsResult(Document):
    buckets: Annotated[tuple[Bucket, ...], Elements("Buckets", "Bucket")] = ()
    owner: Owner | None = None
    continuation_token: str | None = None
    prefix: str | None = None


class LocationInfo(Document):
    type: Literal["AvailabilityZone", "LocalZone"] | None = None
    name: str | None = None


class BucketInfo(Document):
    data_redundancy: Literal["SingleAvailabilityZone", "SingleLocalZone"] | None = None
    type: Literal["Directory"] | None = None


class CreateBucketConfiguration(Document):
    location_constraint: str | None = None
    location: LocationInfo | None = None
    bucket: BucketInfo | None = None
    tags: Annotated[tuple[Tag, ...], Elements("Tags", "Tag")] = ()


class VersioningConfiguration(Document):
    status: Literal["Enabled", "Suspended"] | None = None
    mfa_delete: Literal["Enabled", "Disabled"] | None = None


class RequestPaymentConfiguration(Document):
    payer: Literal["Requester", "BucketOwner"] | None = None


class AccelerateConfiguration(Document):
    status: Literal["Enabled", "Suspended"] | None = None


class ListBucketsInput(Input):
    max_buckets: Annotated[int | None, Query("max-buckets", between=(1, 10_000))] = None
    continuation_token: Annotated[str | None, Query("continuation-token")] = None
    prefix: Annotated[str | None, Query("prefix")] = None
    bucket_region: Annotated[str | None, Query("bucket-region")] = None


class ListBucketsOutput(Output):
    document: Annotated[ListAllMyBucketsResult, Body()]


class CreateBucketInput(Input):
    acl: Annotated[str | None, Header("x-amz-acl")] = None
    object_lock_enabled_for_bucket: Annotated[
        bool | None, Header("x-amz-bucket-object-lock-enabled")
    ] = None
    object_ownership: Annotated[
        Literal["BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced"] | None,
        Header("x-amz-object-ownership"),
    ] = None
    create_bucket_configuration: Annotated[CreateBucketConfiguration | None, Body()] = None


class CreateBucketOutput(Output):
    location: Annotated[str | None, Header("Location")] = None


class HeadBucketInput(BucketInput):
    pass


class HeadBucketOutput(Output):
    bucket_region: Annotated[str | None, Header("x-amz-bucket-region")] = None


class DeleteBucketInput(BucketInput):
    pass


class GetBucketLocationInput(BucketInput):
    pass


class GetBucketLocationOutput(Output):
    document: Annotated[bytes, Body()]


class GetBucketVersioningInput(BucketInput):
    pass


class GetBucketVersioningOutput(Output):
    document: Annotated[VersioningConfiguration, Body()]


class PutBucketVersioningInput(BucketInput):
    versioning_configuration: Annotated[VersioningConfiguration, Body()]
    content_md5: Annotated[str | None, Header("Content-MD5")] = None
    checksum_algorithm: Annotated[str | None, Header("x-amz-sdk-checksum-algorithm")] = None


class GetBucketRequestPaymentInput(BucketInput):
    pass


class GetBucketRequestPaymentOutput(Output):
    document: Annotated[RequestPaymentConfiguration, Body()]


class GetBucketAccelerateConfigurationInput(ObjectInput):
    pass


class GetBucketAccelerateConfigurationOutput(Output):
    document: Annotated[AccelerateConfiguration, Body()]
