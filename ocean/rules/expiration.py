"""What lifecycle rules do to objects, versions, delete markers and uploads, and when. Pure.

Only what is given counts: no clock, no store. Invariants: a rule that is disabled or whose filter
does not fit does nothing; what is protected is reported as such; of several rules the earliest
acts, of equals the first.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-expire-general-considerations.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-conflicts.html

Times are Unix time in milliseconds. `day_ms` is the length of a day: with DAY_MS a period of days
ends at the midnight (UTC) that follows, with any other, for tests, when it is over.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import Enum
from functools import partial
from typing import NamedTuple
from urllib.parse import quote

from metastore.lifecycle_records import LifecycleFilter, LifecycleRule
from metastore.records import Kind, Versioning
from ocean.rules.lifecycle import DAY_MS

Tags = tuple[tuple[str, str], ...]

LATEST_MS = 253_402_214_400_000  # 9999-12-31T00:00:00Z: the last midnight that a date can say
_EPOCH = datetime.fromtimestamp(0, UTC)
_EVERY = LifecycleFilter()
# What a quoted string in a header holds as it is, but for the sign that stands for the rest.
_PLAIN = "".join(char for char in map(chr, range(32, 127)) if char not in '"%\\')


class Expiry(NamedTuple):
    """That something is to go at a time, and by which rule."""

    at_ms: int
    rule_id: str


class Action(Enum):
    """What is done to a version.

    EXPIRE is a deletion without a version id: its effect depends on the bucket's versioning.
    DELETE removes a noncurrent version for good, DELETE_MARKER a delete marker that is alone.
    """

    EXPIRE = "Expire"
    DELETE = "Delete"
    DELETE_MARKER = "DeleteMarker"


class StackVersion(NamedTuple):
    """A version or delete marker in the stack of a key, as far as rules look at it.

    `protected` says that a retention or a legal hold forbids to remove it for good.
    """

    kind: Kind
    modified_ms: int
    size: int = 0
    tags: Tags = ()
    null: bool = False
    protected: bool = False


class Due(NamedTuple):
    """An action on the version at `position` in a stack; not to be done if it is `protected`."""

    action: Action
    position: int
    at_ms: int
    rule_id: str
    protected: bool = False


def expiry(
    rules: Iterable[LifecycleRule],
    key: str,
    tags: Tags,
    size: int,
    modified_ms: int,
    *,
    day_ms: int = DAY_MS,
) -> Expiry | None:
    """When the current version of an object expires; None if no rule says so."""
    expires_ms = partial(_expires_ms, modified_ms, day_ms)
    return _earliest(_of_key(rules, key), tags, size, expires_ms)


def header(found: Expiry) -> str:
    """The value of x-amz-expiration."""
    date = format_datetime(_EPOCH + timedelta(milliseconds=found.at_ms), usegmt=True)
    return f'expiry-date="{date}", rule-id="{header_text(found.rule_id)}"'


def header_text(rule_id: str) -> str:
    """A rule's id as headers have it.

    It is as given, as S3 answers it, but for what a header could not carry: that is percent-encoded
    UTF-8.
    """
    return quote(rule_id, safe=_PLAIN)


def prefixes(rules: Iterable[LifecycleRule], *, uploads: bool = False) -> list[str]:
    """The prefixes of all that rules may ever act on, objects or uploads, in order of keys."""
    acts = _acts_on_uploads if uploads else _acts_on_objects
    return sorted({_prefix(rule) for rule in rules if rule.enabled and acts(rule)})


def looks_below(rules: Iterable[LifecycleRule], key: str) -> bool:
    """Whether rules may act on noncurrent versions of a key."""
    return any(rule.noncurrent_days is not None for rule in _of_key(rules, key))


def upload_due(
    rules: Iterable[LifecycleRule], key: str, initiated_ms: int, *, day_ms: int = DAY_MS
) -> Expiry | None:
    """When an incomplete multipart upload is to be aborted; None if no rule says so."""
    aborts_ms = partial(_aborts_ms, initiated_ms, day_ms)
    return _earliest(_of_key(rules, key), (), 0, aborts_ms)


def due(
    rules: Iterable[LifecycleRule],
    key: str,
    stack: Sequence[StackVersion],
    versioning: Versioning,
    now_ms: int,
    *,
    day_ms: int = DAY_MS,
) -> list[Due]:
    """What of `next_due` is to be done by now."""
    return [
        one for one in next_due(rules, key, stack, versioning, day_ms=day_ms) if one.at_ms <= now_ms
    ]


def next_due(
    rules: Iterable[LifecycleRule],
    key: str,
    stack: Sequence[StackVersion],
    versioning: Versioning,
    *,
    day_ms: int = DAY_MS,
) -> list[Due]:
    """What is going to happen to a key as it is now, at most one thing to each version.

    `stack` has all versions, newest first; the first is the current one. The result is in the order
    in which it is to be done, oldest version first: the null marker of a suspended bucket would
    take the place of an older null version that is still to be deleted.
    """
    found = _of_key(rules, key)
    if not found or not stack:
        return []
    last = (
        _marker(found, stack, day_ms)
        if stack[0].kind is Kind.MARKER
        else _current(found, stack, versioning, day_ms)
    )
    noncurrent = list(_noncurrent(found, stack, day_ms))
    return [*reversed(noncurrent), *([last] if last else [])]


def _current(
    rules: Sequence[LifecycleRule],
    stack: Sequence[StackVersion],
    versioning: Versioning,
    day_ms: int,
) -> Due | None:
    """The end of the current version, an object."""
    current = stack[0]
    expires_ms = partial(_expires_ms, current.modified_ms, day_ms)
    when = _earliest(rules, current.tags, current.size, expires_ms)
    if when is None:
        return None
    # A new delete marker removes nothing, but without versioning, or where it is suspended, what
    # is the null version goes for good.
    protected = versioning is not Versioning.ENABLED and any(
        version.null and version.protected for version in stack
    )
    return Due(Action.EXPIRE, 0, *when, protected)


def _marker(
    rules: Sequence[LifecycleRule], stack: Sequence[StackVersion], day_ms: int
) -> Due | None:
    """The end of a delete marker that is the current version: it goes when it is alone."""
    if len(stack) > 1:
        return None
    marker = stack[0]
    goes_ms = partial(_marker_goes_ms, marker.modified_ms, day_ms)
    when = _earliest(rules, marker.tags, marker.size, goes_ms)
    return when and Due(Action.DELETE_MARKER, 0, *when)


def _noncurrent(
    rules: Sequence[LifecycleRule], stack: Sequence[StackVersion], day_ms: int
) -> Iterator[Due]:
    """The ends of noncurrent versions, newest first.

    Each became noncurrent when the one above it came. Delete markers are deleted as objects are,
    but are not among the newer ones that a rule wants kept.
    """
    rules = [rule for rule in rules if rule.noncurrent_days is not None]
    newer = 0
    for position in range(1, len(stack)) if rules else ():
        version = stack[position]
        goes_ms = partial(_noncurrent_goes_ms, stack[position - 1].modified_ms, newer, day_ms)
        when = _earliest(rules, version.tags, version.size, goes_ms)
        if when is not None:
            yield Due(Action.DELETE, position, *when, version.protected)
        newer += version.kind is Kind.OBJECT


def _expires_ms(modified_ms: int, day_ms: int, rule: LifecycleRule) -> int | None:
    """When a rule ends a current version."""
    if rule.expiration_date_ms is not None:
        return rule.expiration_date_ms
    return _after(modified_ms, rule.expiration_days, day_ms)


def _marker_goes_ms(modified_ms: int, day_ms: int, rule: LifecycleRule) -> int | None:
    """When a rule removes a delete marker that is alone: at once, or when an object would go."""
    if rule.expired_object_delete_marker:
        return modified_ms
    return _expires_ms(modified_ms, day_ms, rule)


def _noncurrent_goes_ms(since_ms: int, newer: int, day_ms: int, rule: LifecycleRule) -> int | None:
    """When a rule deletes what is noncurrent since a time, with so many newer ones above it."""
    if newer < (rule.newer_noncurrent_versions or 0):
        return None
    return _after(since_ms, rule.noncurrent_days, day_ms)


def _aborts_ms(initiated_ms: int, day_ms: int, rule: LifecycleRule) -> int | None:
    """When a rule aborts an upload."""
    return _after(initiated_ms, rule.days_after_initiation, day_ms)


def _after(since_ms: int, days: int | None, day_ms: int) -> int | None:
    """The time `days` after another one."""
    if days is None:
        return None
    at_ms = since_ms + days * day_ms
    if day_ms == DAY_MS:
        at_ms += -at_ms % DAY_MS
    return min(at_ms, LATEST_MS)


def _earliest(
    rules: Iterable[LifecycleRule],
    tags: Tags,
    size: int,
    at: Callable[[LifecycleRule], int | None],
) -> Expiry | None:
    """The first time of those that the fitting rules give, if any does."""
    found: Expiry | None = None
    for rule in rules:
        at_ms = at(rule)
        if at_ms is not None and (found is None or at_ms < found.at_ms) and _fits(rule, tags, size):
            found = Expiry(at_ms, rule.id)
    return found


def _of_key(rules: Iterable[LifecycleRule], key: str) -> list[LifecycleRule]:
    """The enabled rules whose prefix fits."""
    return [rule for rule in rules if rule.enabled and key.startswith(_prefix(rule))]


def _acts_on_uploads(rule: LifecycleRule) -> bool:
    return rule.days_after_initiation is not None


def _acts_on_objects(rule: LifecycleRule) -> bool:
    return bool(
        rule.expiration_days is not None
        or rule.expiration_date_ms is not None
        or rule.expired_object_delete_marker
        or rule.noncurrent_days is not None
    )


def _prefix(rule: LifecycleRule) -> str:
    return (rule.prefix if rule.filter is None else rule.filter.prefix) or ""


def _fits(rule: LifecycleRule, tags: Tags, size: int) -> bool:
    """Whether tags and size are those of the filter."""
    wanted = rule.filter or _EVERY
    above, below = wanted.object_size_greater_than, wanted.object_size_less_than
    return (
        (above is None or size > above)
        and (below is None or size < below)
        and set(wanted.tags).issubset(tags)
    )
