"""Lifecycle configurations between documents and records: what was put is what is answered."""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from gateway.ops.shapes.lifecycle import (
    AbortIncompleteMultipartUpload,
    LifecycleConfiguration,
    LifecycleExpiration,
    LifecycleRuleAndOperator,
    LifecycleRuleFilter,
    NoncurrentVersionExpiration,
)
from gateway.ops.shapes.lifecycle import LifecycleRule as RuleDocument
from gateway.ops.shapes.tagging import Tag
from metastore.lifecycle_records import LifecycleFilter, LifecycleRule
from ocean import errors
from ocean.errors import MalformedXML
from ocean.rules import lifecycle

NO_EXPIRATION = LifecycleExpiration()
_EPOCH = datetime.fromtimestamp(0, UTC)
_MILLISECOND = timedelta(milliseconds=1)


def rules_of(document: LifecycleConfiguration) -> tuple[LifecycleRule, ...]:
    """The rules of a document, checked; one without an id gets one.

    Raises the errors of `lifecycle.check`, and NotImplemented for transitions.
    """
    rules = tuple(map(_rule, document.rules))
    lifecycle.check(rules)
    return rules


def _rule(given: RuleDocument) -> LifecycleRule:
    _refuse_transitions(given)
    if (given.prefix is None) == (given.filter is None):
        raise MalformedXML
    expiration = NO_EXPIRATION
    if given.expiration is not None:
        expiration = given.expiration
        choice = (expiration.date, expiration.days, expiration.expired_object_delete_marker)
        if choice.count(None) != 2:
            raise MalformedXML
    noncurrent = given.noncurrent_version_expiration
    upload = given.abort_incomplete_multipart_upload
    return LifecycleRule(
        id=given.id or secrets.token_urlsafe(24),
        enabled=given.status == "Enabled",
        prefix=given.prefix,
        filter=None if given.filter is None else _filter(given.filter),
        expiration_days=expiration.days,
        expiration_date_ms=None if expiration.date is None else _milliseconds(expiration.date),
        expired_object_delete_marker=expiration.expired_object_delete_marker,
        noncurrent_days=noncurrent.noncurrent_days if noncurrent else None,
        newer_noncurrent_versions=noncurrent.newer_noncurrent_versions if noncurrent else None,
        days_after_initiation=upload.days_after_initiation if upload else None,
    )


def _refuse_transitions(given: RuleDocument) -> None:
    """NotImplemented for what would be right but for that; InvalidArgument for a wrong date."""
    for transition in given.transitions:
        if transition.date is not None:
            lifecycle.check_date(_milliseconds(transition.date))
    for name, found in (
        ("Transition", given.transitions),
        ("NoncurrentVersionTransition", given.noncurrent_version_transitions),
    ):
        if found:
            raise errors.NotImplemented(f"{name} is not implemented.", Header=name)


def _filter(given: LifecycleRuleFilter) -> LifecycleFilter:
    """A filter has one condition or none, or And, which has several."""
    found = _conditions(given, (given.tag,) if given.tag else ())
    if given.conjunction is None:
        if _count(found) > 1:
            raise MalformedXML
        return found
    several = _conditions(given.conjunction, given.conjunction.tags)
    if _count(found) > 0 or _count(several) < 2:
        raise MalformedXML
    return several


def _conditions(
    given: LifecycleRuleFilter | LifecycleRuleAndOperator, tags: tuple[Tag, ...]
) -> LifecycleFilter:
    return LifecycleFilter(
        prefix=given.prefix,
        tags=tuple((tag.key, tag.value) for tag in tags),
        object_size_greater_than=given.object_size_greater_than,
        object_size_less_than=given.object_size_less_than,
    )


def _count(found: LifecycleFilter) -> int:
    """How many conditions a filter has."""
    single = (found.prefix, found.object_size_greater_than, found.object_size_less_than)
    return len(found.tags) + len(single) - single.count(None)


def document_of(rules: Iterable[LifecycleRule]) -> LifecycleConfiguration:
    """The document that says these rules."""
    return LifecycleConfiguration(rules=tuple(map(_rule_document, rules)))


def _rule_document(rule: LifecycleRule) -> RuleDocument:
    expiration = LifecycleExpiration(
        days=rule.expiration_days,
        date=None if rule.expiration_date_ms is None else _moment(rule.expiration_date_ms),
        expired_object_delete_marker=rule.expired_object_delete_marker,
    )
    noncurrent = upload = None
    if rule.noncurrent_days is not None:
        noncurrent = NoncurrentVersionExpiration(
            noncurrent_days=rule.noncurrent_days,
            newer_noncurrent_versions=rule.newer_noncurrent_versions,
        )
    if rule.days_after_initiation is not None:
        upload = AbortIncompleteMultipartUpload(days_after_initiation=rule.days_after_initiation)
    return RuleDocument(
        id=rule.id,
        prefix=rule.prefix,
        filter=None if rule.filter is None else _filter_document(rule.filter),
        status="Enabled" if rule.enabled else "Disabled",
        expiration=None if expiration == NO_EXPIRATION else expiration,
        noncurrent_version_expiration=noncurrent,
        abort_incomplete_multipart_upload=upload,
    )


def _filter_document(found: LifecycleFilter) -> LifecycleRuleFilter:
    tags = tuple(Tag(key=key, value=value) for key, value in found.tags)
    above, below = found.object_size_greater_than, found.object_size_less_than
    if _count(found) < 2:
        return LifecycleRuleFilter(
            prefix=found.prefix,
            tag=tags[0] if tags else None,
            object_size_greater_than=above,
            object_size_less_than=below,
        )
    return LifecycleRuleFilter(
        conjunction=LifecycleRuleAndOperator(
            prefix=found.prefix,
            tags=tags,
            object_size_greater_than=above,
            object_size_less_than=below,
        )
    )


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def _moment(at_ms: int) -> datetime:
    return _EPOCH + at_ms * _MILLISECOND
