"""What lifecycle rules do, and when, by S3's documentation."""

import re
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from metastore.lifecycle_records import LifecycleFilter as Filter
from metastore.lifecycle_records import LifecycleRule as Rule
from metastore.records import Kind, Versioning
from ocean.rules.expiration import (
    LATEST_MS,
    Action,
    Due,
    Expiry,
    StackVersion,
    due,
    expiry,
    header,
    looks_below,
    next_due,
    prefixes,
    upload_due,
)
from ocean.rules.lifecycle import DAY_MS, MAX_DAYS

SHORT = 10_000  # a day of tests that cannot wait
ENABLED, SUSPENDED, OFF = Versioning.ENABLED, Versioning.SUSPENDED, Versioning.OFF


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def days(count: int, prefix: str = "", name: str = "days") -> Rule:
    return Rule(id=name, enabled=True, filter=Filter(prefix=prefix), expiration_days=count)


def versions(count: int, newer: int | None = None) -> Rule:
    return Rule(
        id="versions",
        enabled=True,
        filter=Filter(),
        noncurrent_days=count,
        newer_noncurrent_versions=newer,
    )


MARKERS = Rule(id="markers", enabled=True, filter=Filter(), expired_object_delete_marker=True)


def objects(*modified: int) -> list[StackVersion]:
    return [StackVersion(Kind.OBJECT, one) for one in modified]


def marker(modified: int) -> StackVersion:
    return StackVersion(Kind.MARKER, modified)


# --- when -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("created", "count", "expires"),
    [
        ("2014-01-15T10:30:00", 3, "2014-01-19"),  # the example of S3's documentation
        ("2014-01-15T00:00:00", 3, "2014-01-18"),
        ("2014-01-15T00:00:01", 3, "2014-01-19"),
        ("2014-01-15T23:59:59", 1, "2014-01-17"),
        ("2016-02-28T12:00:00", 1, "2016-03-01"),
    ],
)
def test_days_are_counted_to_the_midnight_that_follows(
    created: str, count: int, expires: str
) -> None:
    assert expiry([days(count)], "key", (), 0, at(created)) == Expiry(at(expires), "days")


def test_a_version_is_noncurrent_since_its_successor() -> None:
    stack = objects(at("2014-01-15T10:30:00"), at("2014-01-01T10:30:00"))
    assert next_due([versions(3)], "key", stack, ENABLED) == [
        Due(Action.DELETE, 1, at("2014-01-19"), "versions")
    ]


def test_a_shortened_day_is_not_rounded() -> None:
    assert expiry([days(2)], "key", (), 0, 1234, day_ms=SHORT) == Expiry(21_234, "days")


def test_a_date_is_itself_even_in_the_past() -> None:
    rule = replace(days(1), expiration_days=None, expiration_date_ms=at("2015-01-01"))
    assert expiry([rule], "key", (), 0, at("2020-06-01")) == Expiry(at("2015-01-01"), "days")


def test_what_is_too_far_is_at_the_end_of_the_calendar() -> None:
    found = expiry([days(MAX_DAYS)], "key", (), 0, at("2026-01-01T01:00:00"))
    assert found == Expiry(LATEST_MS, "days")
    assert found is not None
    assert header(found) == 'expiry-date="Fri, 31 Dec 9999 00:00:00 GMT", rule-id="days"'


# --- which rules ----------------------------------------------------------------------------------


def test_the_earliest_rule_wins_and_of_equals_the_first() -> None:
    rules = [days(5, name="a"), days(2, name="b"), days(2, name="c")]
    assert expiry(rules, "key", (), 0, 0) == Expiry(2 * DAY_MS, "b")


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (Filter(), True),
        (Filter(prefix="logs/"), True),
        (Filter(prefix="logs/x"), False),
        (Filter(tags=(("a", "1"),)), True),
        (Filter(tags=(("b", "2"), ("a", "1"))), True),
        (Filter(tags=(("a", "2"),)), False),
        (Filter(tags=(("a", "1"), ("c", "3"))), False),
        (Filter(object_size_greater_than=9), True),
        (Filter(object_size_greater_than=10), False),
        (Filter(object_size_less_than=11), True),
        (Filter(object_size_less_than=10), False),
        (Filter(prefix="logs/", tags=(("a", "2"),), object_size_less_than=11), False),
    ],
)
def test_every_condition_of_a_filter_holds(wanted: Filter, fits: bool) -> None:
    found = expiry([replace(days(1), filter=wanted)], "logs/1", (("a", "1"), ("b", "2")), 10, 0)
    assert (found is not None) == fits


def test_a_prefix_of_the_older_form_counts() -> None:
    rule = replace(days(1), filter=None, prefix="logs/")
    assert expiry([rule], "logs/1", (), 0, 0)
    assert expiry([rule], "log", (), 0, 0) is None


def test_a_disabled_rule_does_nothing() -> None:
    rule = replace(days(1), enabled=False, days_after_initiation=1, noncurrent_days=1)
    assert expiry([rule], "key", (), 0, 0) is None
    assert upload_due([rule], "key", 0) is None
    assert next_due([rule], "key", objects(1, 0), ENABLED) == []


def test_other_actions_are_no_expiration() -> None:
    assert expiry([MARKERS, versions(1)], "key", (), 0, 0) is None


# --- the stack of a key ---------------------------------------------------------------------------


@pytest.mark.parametrize("versioning", [OFF, ENABLED, SUSPENDED])
def test_an_old_object_expires_when_its_time_has_come(versioning: Versioning) -> None:
    stack, rules = objects(0), [days(1)]
    assert due(rules, "key", stack, versioning, DAY_MS - 1) == []
    assert due(rules, "key", stack, versioning, DAY_MS) == [Due(Action.EXPIRE, 0, DAY_MS, "days")]


def test_expiration_looks_at_the_current_version_only() -> None:
    assert next_due([days(1)], "key", objects(100 * DAY_MS, 0, 0), ENABLED) == [
        Due(Action.EXPIRE, 0, 101 * DAY_MS, "days")
    ]


def test_nothing_happens_to_a_delete_marker_above_versions() -> None:
    assert next_due([days(1), MARKERS], "key", [marker(1), *objects(0)], ENABLED) == []


def test_a_delete_marker_that_is_alone_goes_at_once_or_as_an_object_would() -> None:
    alone = [marker(5)]
    assert next_due([MARKERS], "key", alone, ENABLED) == [
        Due(Action.DELETE_MARKER, 0, 5, "markers")
    ]
    assert next_due([days(2)], "key", alone, ENABLED) == [
        Due(Action.DELETE_MARKER, 0, 3 * DAY_MS, "days")
    ]
    assert next_due([days(2), MARKERS], "key", alone, ENABLED)[0].rule_id == "markers"
    kept = replace(MARKERS, expired_object_delete_marker=False)
    assert next_due([kept, versions(1)], "key", alone, ENABLED) == []


def test_a_delete_marker_has_no_tags_and_no_bytes() -> None:
    tagged = replace(days(1), filter=Filter(tags=(("a", "1"),)))
    empty = replace(versions(1), filter=Filter(object_size_less_than=1))
    assert next_due([tagged], "key", [marker(0)], ENABLED) == []
    stack = [*objects(2), marker(1), StackVersion(Kind.OBJECT, 0, size=1)]
    assert [one.position for one in next_due([empty], "key", stack, ENABLED)] == [1]


def test_the_newer_noncurrent_versions_are_kept() -> None:
    stack = objects(*range(10, 0, -1))
    found = next_due([versions(1, newer=5)], "key", stack, ENABLED)
    assert [one.position for one in found] == [9, 8, 7, 6]


def test_noncurrent_delete_markers_are_not_among_those_kept() -> None:
    stack = [*objects(6), marker(5), *objects(4), marker(3), *objects(2, 1)]
    found = next_due([versions(1, newer=2)], "key", stack, ENABLED)
    assert [one.position for one in found] == [5]


def test_the_oldest_version_goes_first_and_the_current_one_last() -> None:
    found = next_due([versions(1), days(1)], "key", objects(2, 1, 0), ENABLED)
    assert [one.position for one in found] == [2, 1, 0]


def test_what_is_protected_is_reported() -> None:
    held = StackVersion(Kind.OBJECT, 0, protected=True)
    found = next_due([versions(1)], "key", [*objects(0), held], ENABLED)
    assert found == [Due(Action.DELETE, 1, DAY_MS, "versions", protected=True)]


@pytest.mark.parametrize(
    ("versioning", "null", "protected"),
    [
        (ENABLED, True, False),  # a delete marker removes nothing
        (ENABLED, False, False),
        (SUSPENDED, False, False),
        (SUSPENDED, True, True),  # the null marker takes its place
        (OFF, True, True),
    ],
)
def test_expiring_a_protected_version_is_barred_where_it_removes_it(
    versioning: Versioning, null: bool, protected: bool
) -> None:
    held = StackVersion(Kind.OBJECT, 0, null=null, protected=True)
    (found,) = next_due([days(1)], "key", [held], versioning)
    assert found.protected == protected
    (below,) = next_due([days(1)], "key", [*objects(1), held], versioning)
    assert below.protected == protected


def test_a_key_without_versions_or_rules_has_nothing_due() -> None:
    assert next_due([days(1)], "key", [], ENABLED) == []
    assert next_due([], "key", objects(1), ENABLED) == []


# --- uploads --------------------------------------------------------------------------------------


def test_an_upload_is_aborted_by_the_prefix_of_its_key() -> None:
    rule = Rule(id="up", enabled=True, prefix="test1/", days_after_initiation=2)
    assert upload_due([rule], "test1/a", 1) == Expiry(3 * DAY_MS, "up")
    assert upload_due([rule], "test1/a", 1, day_ms=SHORT) == Expiry(2 * SHORT + 1, "up")
    assert upload_due([rule], "test2/", 1) is None
    assert upload_due([days(1), versions(1), MARKERS], "test1/a", 1) is None


# --- the header -----------------------------------------------------------------------------------


def test_the_header_has_date_and_rule() -> None:
    found = Expiry(at("2012-12-23"), "picture-deletion-rule")
    assert header(found) == (
        'expiry-date="Sun, 23 Dec 2012 00:00:00 GMT", rule-id="picture-deletion-rule"'
    )


def test_an_id_is_as_given_where_a_header_can_carry_it() -> None:
    assert header(Expiry(0, "Delete after 14 days (logs/*)")).endswith(
        'rule-id="Delete after 14 days (logs/*)"'
    )
    assert header(Expiry(0, 'ü"%\r\n')).endswith('rule-id="%C3%BC%22%25%0D%0A"')


@given(st.integers(at("0001-01-01"), LATEST_MS), st.text(min_size=1, max_size=255))
def test_any_id_makes_a_header_that_says_it(at_ms: int, rule_id: str) -> None:
    text = header(Expiry(at_ms, rule_id))
    match = re.fullmatch(r'expiry-date="([^"]+) GMT", rule-id="([^"]+)"', text)
    assert match is not None
    assert text.isascii()
    assert text.isprintable()
    assert unquote(match[2]) == rule_id


def test_prefixes_are_of_rules_that_act_on_objects_or_on_uploads() -> None:
    rules = [
        days(1, "b/"),
        Rule(id="old", enabled=True, prefix="a", noncurrent_days=1),
        Rule(id="uploads", enabled=True, filter=Filter(prefix="c"), days_after_initiation=1),
        Rule(id="both", enabled=True, filter=Filter(), noncurrent_days=1, days_after_initiation=1),
        replace(days(1, "off"), enabled=False),
        Rule(
            id="none", enabled=True, filter=Filter(prefix="d"), expired_object_delete_marker=False
        ),
        replace(MARKERS, filter=Filter(prefix="m")),
    ]
    assert prefixes(rules) == ["", "a", "b/", "m"]
    assert prefixes(rules, uploads=True) == ["", "c"]


def test_noncurrent_versions_are_looked_at_where_a_rule_is_about_them() -> None:
    rules = [
        days(1),
        replace(versions(1), filter=Filter(prefix="a")),
        replace(versions(1), filter=Filter(prefix="b"), enabled=False),
    ]
    assert [looks_below(rules, key) for key in ("a", "ab", "b", "")] == [True, True, False, False]
