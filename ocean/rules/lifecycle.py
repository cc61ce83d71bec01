"""Lifecycle configurations: what S3 takes as rules. Pure; `expiration` says what rules do.

What the schema says of single rules (which elements exclude each other) is checked where documents
become rules.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html
"""

from collections.abc import Sequence

from metastore.lifecycle_records import LifecycleFilter, LifecycleRule
from ocean.errors import InvalidArgument, InvalidRequest, MalformedXML, S3Error
from ocean.rules import tags
from ocean.rules.naming import MAX_KEY_BYTES

MAX_RULES = 1000
MAX_ID = 255  # characters
MAX_DAYS = 2**31 - 1
MAX_NEWER_VERSIONS = 100
MAX_SIZE = 1000 << 40
DAY_MS = 86_400_000


def check(rules: Sequence[LifecycleRule]) -> None:
    """Raise MalformedXML, InvalidArgument, InvalidRequest or InvalidTag for what S3 refuses."""
    if not 1 <= len(rules) <= MAX_RULES:
        raise MalformedXML
    if len({rule.filter is None for rule in rules}) > 1:
        raise InvalidRequest(
            "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the "
            "Filter."
        )
    ids = set()
    for rule in rules:
        if rule.id in ids:
            raise _invalid(
                "ID", rule.id, "Rule ID must be unique. Found same ID for more than one rule"
            )
        ids.add(rule.id)
        _check_rule(rule)


def _check_rule(rule: LifecycleRule) -> None:
    if len(rule.id) > MAX_ID:
        raise _invalid("ID", rule.id, f"ID length should not exceed allowed limit of {MAX_ID}")
    _check_expiration(rule)
    _check_noncurrent(rule)
    _check_days("DaysAfterInitiation", "AbortIncompleteMultipartUpload", rule.days_after_initiation)
    _check_prefix(rule.prefix)
    if rule.filter is not None:
        _check_filter(rule.filter)
        _check_fit(rule, rule.filter)


def _check_expiration(rule: LifecycleRule) -> None:
    _check_days("Days", "Expiration", rule.expiration_days)
    if rule.expiration_date_ms is not None:
        check_date(rule.expiration_date_ms)
    elif (
        rule.expiration_days is None
        and rule.expired_object_delete_marker is None
        and rule.noncurrent_days is None
        and rule.days_after_initiation is None
    ):
        raise InvalidRequest("At least one action needs to be specified in a rule")


def check_date(date_ms: int) -> None:
    """Raise InvalidArgument for a date of a rule that is not at midnight UTC."""
    if date_ms % DAY_MS:
        raise InvalidArgument("'Date' must be at midnight GMT", ArgumentName="Date")


def _check_noncurrent(rule: LifecycleRule) -> None:
    _check_days("NoncurrentDays", "NoncurrentVersionExpiration", rule.noncurrent_days)
    newer = rule.newer_noncurrent_versions
    if newer is None:
        return
    if rule.filter is None:
        raise InvalidRequest("NewerNoncurrentVersions element can only be used in Lifecycle V2.")
    if not 1 <= newer <= MAX_NEWER_VERSIONS:
        raise _invalid(
            "NewerNoncurrentVersions",
            str(newer),
            "'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be between 1 "
            f"and {MAX_NEWER_VERSIONS}",
        )


def _check_days(name: str, action: str, days: int | None) -> None:
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise _invalid(name, str(days), f"'{name}' for {action} action must be a positive integer")


def _check_prefix(prefix: str | None) -> None:
    if prefix is not None and len(prefix.encode()) > MAX_KEY_BYTES:
        raise InvalidRequest(f"The maximum size of a prefix is {MAX_KEY_BYTES}")


def _check_filter(given: LifecycleFilter) -> None:
    _check_prefix(given.prefix)
    if len(dict(given.tags)) < len(given.tags):
        raise InvalidRequest("Duplicate Tag Keys are not allowed.")
    tags.checked(given.tags)
    above, below = given.object_size_greater_than, given.object_size_less_than
    _check_size("ObjectSizeGreaterThan", above, least=0)
    _check_size("ObjectSizeLessThan", below, least=1)
    if above is not None and below is not None and above >= below:
        raise InvalidRequest(
            "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'."
        )


def _check_size(name: str, size: int | None, *, least: int) -> None:
    if size is not None and not least <= size <= MAX_SIZE:
        raise InvalidRequest(f"'{name}' should be between {least} and {MAX_SIZE}.")


def _check_fit(rule: LifecycleRule, given: LifecycleFilter) -> None:
    """Delete markers and uploads have neither tags nor, for a rule, a size."""
    sized = given.object_size_greater_than is not None or given.object_size_less_than is not None
    for action, value in (
        ("ExpiredObjectDeleteMarker", rule.expired_object_delete_marker),
        ("AbortIncompleteMultipartUpload", rule.days_after_initiation),
    ):
        if value is not None and given.tags:
            raise InvalidRequest(f"{action} cannot be specified with Tags.")
        if value is not None and sized:
            raise InvalidRequest(f"{action} cannot be specified with Object Size.")


def _invalid(name: str, value: str, message: str) -> S3Error:
    return InvalidArgument(message, ArgumentName=name, ArgumentValue=value)
