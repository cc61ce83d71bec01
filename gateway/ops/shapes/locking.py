"""Inputs, outputs and documents of object lock, and what the documents say in records."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from gateway.ops.shapes.common import BucketInput, ObjectInput
from gateway.wire.bind import Body, Header, Output, Query
from gateway.wire.documents import Document
from metastore.retention_records import BucketLock, LockDefault, Retention, RetentionMode
from ocean import errors
from ocean.errors import MalformedXML
from ocean.rules import retention as rules

Mode = Literal["GOVERNANCE", "COMPLIANCE"]
OnOff = Literal["ON", "OFF"]


class EventHoldDuration(Document):
    days: int | None = None
    years: int | None = None


class DefaultRetention(Document):
    mode: Mode | None = None
    days: int | None = None
    years: int | None = None
    default_event_hold: EventHoldDuration | None = None


class ObjectLockRule(Document):
    default_retention: DefaultRetention | None = None


class ObjectLockConfiguration(Document):
    object_lock_enabled: Literal["Enabled"] | None = None
    rule: ObjectLockRule | None = None


class ObjectLockRetention(Document):
    xml_name: ClassVar[str] = "Retention"

    mode: Mode | None = None
    retain_until_date: datetime | None = None
    event_hold: OnOff | None = None
    event_hold_duration: EventHoldDuration | None = None


class ObjectLockLegalHold(Document):
    xml_name: ClassVar[str] = "LegalHold"

    status: OnOff


class GetObjectLockConfigurationInput(BucketInput):
    pass


class GetObjectLockConfigurationOutput(Output):
    document: Annotated[ObjectLockConfiguration, Body()]


class PutObjectLockConfigurationInput(ObjectInput):
    object_lock_configuration: Annotated[ObjectLockConfiguration, Body(missing=MalformedXML)]
    token: Annotated[str | None, Header("x-amz-bucket-object-lock-token")] = None
    content_md5: Annotated[str | None, Header("Content-MD5")] = None
    checksum_algorithm: Annotated[str | None, Header("x-amz-sdk-checksum-algorithm")] = None


class GetObjectRetentionInput(ObjectInput):
    version_id: Annotated[str | None, Query("versionId")] = None


class GetObjectRetentionOutput(Output):
    document: Annotated[ObjectLockRetention, Body()]


class PutObjectRetentionInput(ObjectInput):
    retention: Annotated[ObjectLockRetention, Body(missing=MalformedXML)]
    version_id: Annotated[str | None, Query("versionId")] = None
    bypass_governance_retention: Annotated[
        bool | None, Header("x-amz-bypass-governance-retention")
    ] = None
    content_md5: Annotated[str | None, Header("Content-MD5")] = None
    checksum_algorithm: Annotated[str | None, Header("x-amz-sdk-checksum-algorithm")] = None


class GetObjectLegalHoldInput(ObjectInput):
    version_id: Annotated[str | None, Query("versionId")] = None


class GetObjectLegalHoldOutput(Output):
    document: Annotated[ObjectLockLegalHold, Body()]


class PutObjectLegalHoldInput(ObjectInput):
    legal_hold: Annotated[ObjectLockLegalHold, Body(missing=MalformedXML)]
    version_id: Annotated[str | None, Query("versionId")] = None
    content_md5: Annotated[str | None, Header("Content-MD5")] = None
    checksum_algorithm: Annotated[str | None, Header("x-amz-sdk-checksum-algorithm")] = None


def lock_of(given: ObjectLockConfiguration) -> BucketLock:
    """The lock that a document gives to a bucket, checked.

    Raises MalformedXML, the errors of `retention.check_default`, and NotImplemented for event
    holds.
    """
    if given.object_lock_enabled is None:
        raise MalformedXML
    if given.rule is None:
        return BucketLock()
    default = given.rule.default_retention
    if default is None:
        raise MalformedXML
    _refuse("DefaultEventHold", default.default_event_hold)
    if default.mode is None:
        raise MalformedXML
    found = LockDefault(RetentionMode[default.mode], default.days, default.years)
    rules.check_default(found)
    return BucketLock(found)


def configuration_of(lock: BucketLock) -> ObjectLockConfiguration:
    """The document that says this lock."""
    default = lock.default
    if default is None:
        return ObjectLockConfiguration(object_lock_enabled="Enabled")
    retention = DefaultRetention(
        mode=default.mode.name,  # type: ignore[arg-type]
        days=default.days,
        years=default.years,
    )
    return ObjectLockConfiguration(
        object_lock_enabled="Enabled", rule=ObjectLockRule(default_retention=retention)
    )


def retention_of(given: ObjectLockRetention, *, now_ms: int) -> Retention | None:
    """The retention that a document gives to a version; None for an empty one, which takes it away.

    Raises MalformedXML, InvalidArgument for a date that is not in the future, and NotImplemented
    for event holds.
    """
    _refuse("EventHold", given.event_hold)
    _refuse("EventHoldDuration", given.event_hold_duration)
    if given.mode is None and given.retain_until_date is None:
        return None
    if given.mode is None or given.retain_until_date is None:
        raise MalformedXML
    return rules.new_retention(RetentionMode[given.mode], given.retain_until_date, now_ms=now_ms)


def retention_document(found: Retention) -> ObjectLockRetention:
    """The document that says this retention."""
    return ObjectLockRetention(
        mode=found.mode.name,  # type: ignore[arg-type]
        retain_until_date=rules.date(found.until_ms),
    )


def _refuse(name: str, given: object) -> None:
    if given is not None:
        raise errors.NotImplemented(f"{name} is not implemented.", Header=name)
