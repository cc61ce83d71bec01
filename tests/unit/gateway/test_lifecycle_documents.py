"""Lifecycle configurations: documents to rules and back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.ops.lifecycle_rules import document_of, rules_of
from gateway.ops.shapes.lifecycle import LifecycleConfiguration
from gateway.wire.xml import decode, encode
from metastore.lifecycle_records import LifecycleFilter, LifecycleRule
from ocean import errors
from ocean.errors import InvalidArgument, InvalidRequest, MalformedXML, S3Error

ENABLED = "<Status>Enabled</Status>"
DAYS = "<Expiration><Days>1</Days></Expiration>"
REST = f"{ENABLED}{DAYS}"
KEPT = "<ExpiredObjectDeleteMarker>false</ExpiredObjectDeleteMarker>"
NEWER = "<NewerNoncurrentVersions>1</NewerNoncurrentVersions>"
TAG = "<Tag><Key>k</Key><Value>v</Value></Tag>"
OTHER = "<Tag><Key>l</Key><Value></Value></Tag>"


def parsed(*rules: str) -> tuple[LifecycleRule, ...]:
    inside = "".join(f"<Rule>{rule}</Rule>" for rule in rules)
    text = f"<LifecycleConfiguration>{inside}</LifecycleConfiguration>"
    return rules_of(decode(LifecycleConfiguration, text.encode(), limit=1 << 20))


def filtered(inside: str) -> LifecycleFilter | None:
    (rule,) = parsed(f"<Filter>{inside}</Filter>{REST}")
    return rule.filter


def test_all_that_a_rule_says() -> None:
    rules = parsed(
        "<ID>one</ID><Filter><And><Prefix>logs/</Prefix>"
        f"{TAG}{OTHER}<ObjectSizeGreaterThan>5</ObjectSizeGreaterThan>"
        "<ObjectSizeLessThan>50</ObjectSizeLessThan></And></Filter>"
        f"{REST}<NoncurrentVersionExpiration><NoncurrentDays>2</NoncurrentDays>"
        "<NewerNoncurrentVersions>3</NewerNoncurrentVersions></NoncurrentVersionExpiration>",
        "<ID>two</ID><Status>Disabled</Status><Filter/>"
        "<Expiration><Date>2017-09-27</Date></Expiration><AbortIncompleteMultipartUpload>"
        "<DaysAfterInitiation>4</DaysAfterInitiation></AbortIncompleteMultipartUpload>",
    )
    assert rules == (
        LifecycleRule(
            id="one",
            enabled=True,
            filter=LifecycleFilter(
                prefix="logs/",
                tags=(("k", "v"), ("l", "")),
                object_size_greater_than=5,
                object_size_less_than=50,
            ),
            expiration_days=1,
            noncurrent_days=2,
            newer_noncurrent_versions=3,
        ),
        LifecycleRule(
            id="two",
            enabled=False,
            filter=LifecycleFilter(),
            expiration_date_ms=1_506_470_400_000,
            days_after_initiation=4,
        ),
    )


@pytest.mark.parametrize(
    ("inside", "wanted"),
    [
        ("", LifecycleFilter()),
        ("<Prefix/>", LifecycleFilter(prefix="")),
        ("<Prefix>a</Prefix>", LifecycleFilter(prefix="a")),
        (TAG, LifecycleFilter(tags=(("k", "v"),))),
        (
            "<ObjectSizeGreaterThan>0</ObjectSizeGreaterThan>",
            LifecycleFilter(object_size_greater_than=0),
        ),
        (f"<And><Prefix/>{TAG}</And>", LifecycleFilter(prefix="", tags=(("k", "v"),))),
        (f"<And>{TAG}{OTHER}</And>", LifecycleFilter(tags=(("k", "v"), ("l", "")))),
    ],
)
def test_filters_that_are_taken(inside: str, wanted: LifecycleFilter) -> None:
    assert filtered(inside) == wanted


@pytest.mark.parametrize(
    "inside",
    [
        f"<Prefix>a</Prefix>{TAG}",
        "<Prefix/><ObjectSizeGreaterThan>1</ObjectSizeGreaterThan>",
        f"<Prefix>a</Prefix><And>{TAG}{OTHER}</And>",
        "<And/>",
        "<And><Prefix>a</Prefix></And>",
        f"<And>{TAG}</And>",
        f"{TAG}{OTHER}",
        "<Tag><Key>k</Key></Tag>",
        "<Other/>",
        "<ObjectSizeLessThan>many</ObjectSizeLessThan>",
    ],
)
def test_filters_that_are_malformed(inside: str) -> None:
    with pytest.raises(MalformedXML):
        filtered(inside)


@pytest.mark.parametrize(
    "rule",
    [
        REST,  # neither Filter nor Prefix
        f"<Prefix/><Filter/>{REST}",
        f"<Prefix/>{DAYS}",  # without a status
        f"<Prefix/><Status>enabled</Status>{DAYS}",
        f"<Prefix/>{ENABLED}<Expiration/>",
        f"<Prefix/>{ENABLED}<Expiration><Days>1</Days><Date>2017-09-27</Date></Expiration>",
        f"<Prefix/>{ENABLED}<Expiration><Days>1</Days>{KEPT}</Expiration>",
        f"<Prefix/>{ENABLED}<Expiration><Days>1.5</Days></Expiration>",
        f"<Prefix/>{ENABLED}<Expiration><Date>soon</Date></Expiration>",
        f"<Prefix/>{ENABLED}<NoncurrentVersionExpiration/>",
        f"<Filter/>{ENABLED}<NoncurrentVersionExpiration>{NEWER}</NoncurrentVersionExpiration>",
        f"<Prefix/>{ENABLED}<AbortIncompleteMultipartUpload/>",
        f"<Prefix/>{REST}<Unknown/>",
    ],
)
def test_rules_that_are_malformed(rule: str) -> None:
    with pytest.raises(MalformedXML):
        parsed(rule)


def test_no_rules_are_malformed() -> None:
    with pytest.raises(MalformedXML):
        parsed()


TRANSITION = "<Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition>"
NONCURRENT = TRANSITION.replace("Transition", "NoncurrentVersionTransition").replace(
    "Days>", "NoncurrentDays>"
)
WRONG_DATE = (
    "<Transition><Date>1970-08-22T19:08:21Z</Date><StorageClass>GLACIER</StorageClass></Transition>"
)


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        (f"<Prefix/>{ENABLED}<Expiration><Days>0</Days></Expiration>", InvalidArgument),
        (
            f"<Prefix/>{ENABLED}<Expiration><Date>1970-08-22T19:08:21Z</Date></Expiration>",
            InvalidArgument,
        ),
        (f"<Prefix/>{REST}{WRONG_DATE}", InvalidArgument),
        (f"<Prefix/>{ENABLED}", InvalidRequest),
    ],
)
def test_rules_that_are_refused(rule: str, error: type[S3Error]) -> None:
    with pytest.raises(error):
        parsed(rule)


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("Transition", TRANSITION),
        ("Transition", TRANSITION.replace("<Days>30</Days>", "<Date>2030-01-01</Date>")),
        ("NoncurrentVersionTransition", NONCURRENT),
    ],
)
def test_a_transition_is_refused_by_its_name(name: str, inside: str) -> None:
    with pytest.raises(errors.NotImplemented) as caught:
        parsed(f"<Prefix/>{REST}{inside}")
    assert caught.value.message.startswith(f"{name} ")


def test_a_rule_without_an_id_gets_one_that_no_other_has() -> None:
    rules = parsed(*[f"<Prefix>{n}</Prefix>{REST}" for n in range(50)], f"<ID/><Prefix/>{REST}")
    assert len({rule.id for rule in rules}) == 51
    assert all(0 < len(rule.id) <= 255 for rule in rules)


# --- back -----------------------------------------------------------------------------------------

positive = st.integers(1, 100)
texts = st.text("a/ü<&\u2028", max_size=4)
tags = st.dictionaries(st.text("ab", min_size=1, max_size=2), st.text("cd", max_size=2), max_size=3)
filters = st.builds(
    lambda prefix, pairs, above, below: LifecycleFilter(
        prefix=prefix,
        tags=tuple(pairs.items()),
        object_size_greater_than=above,
        object_size_less_than=None if below is None else (above or 0) + below,
    ),
    st.none() | texts,
    tags,
    st.none() | st.integers(0, 1 << 40),
    st.none() | positive,
)
BARE = LifecycleRule(id="", enabled=True)


def given_by(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[LifecycleRule]:
    return st.builds(replace, st.just(BARE), enabled=st.booleans(), **fields)


midnights = st.integers(-700_000, 2_900_000).map(lambda day: day * 86_400_000)
for_objects = (
    given_by(filter=filters, expiration_days=positive)
    | given_by(filter=filters, expiration_date_ms=midnights)
    | given_by(
        filter=filters,
        noncurrent_days=positive,
        newer_noncurrent_versions=st.none() | positive,
    )
)
for_prefixes = given_by(
    filter=st.builds(LifecycleFilter, prefix=st.none() | texts),
    expired_object_delete_marker=st.booleans(),
    days_after_initiation=positive,
)
older = given_by(prefix=texts, expiration_days=positive, days_after_initiation=st.none() | positive)


@given(st.lists(for_objects | for_prefixes, min_size=1, max_size=3) | st.lists(older, min_size=1))
def test_what_was_put_is_what_is_answered(found: list[LifecycleRule]) -> None:
    rules = tuple(replace(rule, id=f"rule {n}") for n, rule in enumerate(found))
    data = encode(document_of(rules))
    assert rules_of(decode(LifecycleConfiguration, data, limit=1 << 20)) == rules
