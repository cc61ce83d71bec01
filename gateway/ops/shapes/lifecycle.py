"""Inputs, outputs and documents of lifecycle configurations."""

from datetime import datetime
from typing import Annotated, Literal

from gateway.ops.shapes.common import BucketInput
from gateway.ops.shapes.tagging import Tag
from gateway.wire.bind import Body, Header, Output
from gateway.wire.documents import Document, Element

DefaultMinimumSize = Literal["varies_by_storage_class", "all_storage_classes_128K"]
MINIMUM_SIZE = Header("x-amz-transition-default-minimum-object-size")


class LifecycleExpiration(Document):
    date: datetime | None = None
    days: int | None = None
    expired_object_delete_marker: bool | None = None


class LifecycleRuleAndOperator(Document):
    prefix: str | None = None
    tags: Annotated[tuple[Tag, ...], Element("Tag")] = ()
    object_size_greater_than: int | None = None
    object_size_less_than: int | None = None


class LifecycleRuleFilter(Document):
    prefix: str | None = None
    tag: Tag | None = None
    object_size_greater_than: int | None = None
    object_size_less_than: int | None = None
    conjunction: Annotated[LifecycleRuleAndOperator | None, Element("And")] = None


class Transition(Document):
    """Read, so that it can be refused by its name."""

    date: datetime | None = None
    days: int | None = None
    storage_class: str | None = None


class NoncurrentVersionTransition(Document):
    """Read, so that it can be refused by its name."""

    noncurrent_days: int | None = None
    storage_class: str | None = None
    newer_noncurrent_versions: int | None = None


class NoncurrentVersionExpiration(Document):
    noncurrent_days: int
    newer_noncurrent_versions: int | None = None


class AbortIncompleteMultipartUpload(Document):
    days_after_initiation: int


class LifecycleRule(Document):
    id: Annotated[str | None, Element("ID")] = None
    prefix: str | None = None
    filter: LifecycleRuleFilter | None = None
    status: Literal["Enabled", "Disabled"]
    transitions: Annotated[tuple[Transition, ...], Element("Transition")] = ()
    expiration: LifecycleExpiration | None = None
    noncurrent_version_transitions: Annotated[
        tuple[NoncurrentVersionTransition, ...], Element("NoncurrentVersionTransition")
    ] = ()
    noncurrent_version_expiration: NoncurrentVersionExpiration | None = None
    abort_incomplete_multipart_upload: AbortIncompleteMultipartUpload | None = None


class LifecycleConfiguration(Document):
    rules: Annotated[tuple[LifecycleRule, ...], Element("Rule")]


class GetBucketLifecycleConfigurationInput(BucketInput):
    pass


class GetBucketLifecycleConfigurationOutput(Output):
    document: Annotated[LifecycleConfiguration, Body()]
    transition_default_minimum_object_size: Annotated[DefaultMinimumSize | None, MINIMUM_SIZE] = (
        "all_storage_classes_128K"
    )


class PutBucketLifecycleConfigurationInput(BucketInput):
    """The limit of the document is that of 1,000 rules of 1 KiB each."""

    lifecycle_configuration: Annotated[LifecycleConfiguration, Body(limit=1 << 20)]
    checksum_algorithm: Annotated[str | None, Header("x-amz-sdk-checksum-algorithm")] = None
    transition_default_minimum_object_size: Annotated[DefaultMinimumSize | None, MINIMUM_SIZE] = (
        None
    )


class PutBucketLifecycleConfigurationOutput(Output):
    transition_default_minimum_object_size: Annotated[DefaultMinimumSize | None, MINIMUM_SIZE] = (
        "all_storage_classes_128K"
    )


class DeleteBucketLifecycleInput(BucketInput):
    pass
