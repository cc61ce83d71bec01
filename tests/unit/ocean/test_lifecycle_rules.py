"""Lifecycle rules: which configurations are taken."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from metastore import codec
from metastore.lifecycle_records import LifecycleFilter as Filter
from metastore.lifecycle_records import LifecycleRule as Rule
from ocean.errors import InvalidArgument, InvalidRequest, InvalidTag, MalformedXML, S3Error
from ocean.rules.lifecycle import DAY_MS, MAX_SIZE, check

DAYS = Rule(id="days", enabled=True, filter=Filter(), expiration_days=1)
PREFIX = Rule(id="prefix", enabled=True, prefix="a/", expiration_days=1)
VERSIONS = Rule(id="versions", enabled=True, filter=Filter(), noncurrent_days=1)
UPLOADS = Rule(id="uploads", enabled=True, filter=Filter(), days_after_initiation=1)
MARKERS = Rule(id="markers", enabled=True, filter=Filter(), expired_object_delete_marker=True)
TAGGED = Filter(tags=(("k", "v"),))
LARGE = Filter(object_size_greater_than=1)


def numbered(rule: Rule, count: int) -> tuple[Rule, ...]:
    return tuple(replace(rule, id=str(n)) for n in range(count))


@pytest.mark.parametrize(
    "rules",
    [
        (DAYS, VERSIONS, UPLOADS, MARKERS),
        (PREFIX,),
        numbered(DAYS, 1000),
        (replace(DAYS, id="ü" * 255),),
        (replace(DAYS, expiration_days=2**31 - 1),),
        (replace(DAYS, expiration_days=None, expiration_date_ms=0),),
        (replace(DAYS, expiration_days=None, expiration_date_ms=-DAY_MS),),
        (replace(VERSIONS, newer_noncurrent_versions=1),),
        (replace(VERSIONS, newer_noncurrent_versions=100),),
        (replace(DAYS, filter=TAGGED),),
        (replace(VERSIONS, filter=LARGE),),
        (replace(DAYS, filter=Filter(prefix="ü" * 512)),),
        (replace(DAYS, filter=Filter(object_size_greater_than=0, object_size_less_than=1)),),
        (replace(DAYS, filter=Filter(object_size_less_than=MAX_SIZE)),),
        (replace(MARKERS, expired_object_delete_marker=False),),
    ],
)
def test_configurations_that_are_taken(rules: tuple[Rule, ...]) -> None:
    check(rules)


@pytest.mark.parametrize(
    ("rules", "error", "part"),
    [
        ((), MalformedXML, "schema"),
        (numbered(DAYS, 1001), MalformedXML, "schema"),
        ((DAYS, PREFIX), InvalidRequest, "Base level prefix"),
        ((DAYS, DAYS), InvalidArgument, "unique"),
        ((replace(DAYS, id="i" * 256),), InvalidArgument, "255"),
        ((Rule(id="none", enabled=True, prefix=""),), InvalidRequest, "At least one action"),
        ((replace(DAYS, expiration_days=0),), InvalidArgument, "'Days'"),
        ((replace(DAYS, expiration_days=-1),), InvalidArgument, "'Days'"),
        ((replace(DAYS, expiration_days=2**31),), InvalidArgument, "'Days'"),
        (
            (replace(DAYS, expiration_days=None, expiration_date_ms=1),),
            InvalidArgument,
            "midnight",
        ),
        ((replace(VERSIONS, noncurrent_days=0),), InvalidArgument, "'NoncurrentDays'"),
        (
            (replace(VERSIONS, newer_noncurrent_versions=0),),
            InvalidArgument,
            "'NewerNoncurrentVersions'",
        ),
        (
            (replace(VERSIONS, newer_noncurrent_versions=101),),
            InvalidArgument,
            "'NewerNoncurrentVersions'",
        ),
        (
            (replace(PREFIX, noncurrent_days=1, newer_noncurrent_versions=1),),
            InvalidRequest,
            "Lifecycle V2",
        ),
        ((replace(UPLOADS, days_after_initiation=0),), InvalidArgument, "'DaysAfterInitiation'"),
        ((replace(PREFIX, prefix="ü" * 513),), InvalidRequest, "prefix is 1024"),
        ((replace(DAYS, filter=Filter(prefix="p" * 1025)),), InvalidRequest, "prefix is 1024"),
        (
            (replace(DAYS, filter=Filter(tags=(("k", "1"), ("k", "2")))),),
            InvalidRequest,
            "Duplicate Tag Keys",
        ),
        ((replace(DAYS, filter=Filter(tags=(("", "v"),))),), InvalidTag, "TagKey"),
        ((replace(DAYS, filter=Filter(tags=(("k", "v" * 257),))),), InvalidTag, "TagValue"),
        (
            (replace(DAYS, filter=Filter(object_size_greater_than=-1)),),
            InvalidRequest,
            "'ObjectSizeGreaterThan'",
        ),
        (
            (replace(DAYS, filter=Filter(object_size_less_than=0)),),
            InvalidRequest,
            "'ObjectSizeLessThan'",
        ),
        (
            (replace(DAYS, filter=Filter(object_size_less_than=MAX_SIZE + 1)),),
            InvalidRequest,
            "'ObjectSizeLessThan'",
        ),
        (
            (replace(DAYS, filter=Filter(object_size_greater_than=5, object_size_less_than=5)),),
            InvalidRequest,
            "greater than 'ObjectSizeGreaterThan'",
        ),
        ((replace(MARKERS, filter=TAGGED),), InvalidRequest, "with Tags"),
        ((replace(MARKERS, filter=LARGE),), InvalidRequest, "with Object Size"),
        ((replace(UPLOADS, filter=TAGGED),), InvalidRequest, "with Tags"),
        ((replace(UPLOADS, filter=LARGE),), InvalidRequest, "with Object Size"),
    ],
)
def test_configurations_that_are_refused(
    rules: tuple[Rule, ...], error: type[S3Error], part: str
) -> None:
    with pytest.raises(error) as caught:
        check(rules)
    assert part in caught.value.message


numbers = st.none() | st.integers(-(2**70), 2**70)
pairs = st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=3).map(tuple)
filters = st.builds(
    Filter,
    prefix=st.none() | st.text(),
    tags=pairs,
    object_size_greater_than=numbers,
    object_size_less_than=numbers,
)
anything = st.builds(
    Rule,
    id=st.text(),
    enabled=st.booleans(),
    prefix=st.none() | st.text(),
    filter=st.none() | filters,
    expiration_days=numbers,
    expiration_date_ms=numbers,
    expired_object_delete_marker=st.none() | st.booleans(),
    noncurrent_days=numbers,
    newer_noncurrent_versions=numbers,
    days_after_initiation=numbers,
)


@given(st.lists(anything, max_size=3))
def test_anything_is_taken_or_refused(rules: list[Rule]) -> None:
    with suppress(S3Error):
        check(rules)


@given(
    st.builds(
        replace,
        st.sampled_from([DAYS, PREFIX, VERSIONS, UPLOADS, MARKERS]),
        enabled=st.booleans(),
        id=st.text(max_size=9),
    )
)
def test_what_is_taken_is_persisted_as_it_is(rule: Rule) -> None:
    check([rule])
    assert codec.decode(Rule, codec.encode(rule)) == rule
