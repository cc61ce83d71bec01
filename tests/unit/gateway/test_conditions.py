"""Conditional headers, and the whole truth table of conditions."""

from contextlib import suppress
from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.conditions import (
    parse_tags,
    range_holds,
    read_conditions,
    write_conditions,
)
from ocean import errors
from ocean.errors import NoSuchKey, NotModified, PreconditionFailed, S3Error
from ocean.rules.preconditions import NONE, Conditions, check_read, check_source, check_write

NOW = 1_700_000_000
BEFORE, SAME, AFTER = (datetime.fromtimestamp(NOW + step, UTC) for step in (-1, 0, 1))


@pytest.mark.parametrize(
    ("header", "strong", "weak"),
    [
        ('"a"', ("a",), ("a",)),
        ("a", ("a",), ("a",)),
        ('"a", "b"', ("a", "b"), ("a", "b")),
        ('a,"b" ,c', ("a", "b", "c"), ("a", "b", "c")),
        ('W/"a", "b"', ("b",), ("a", "b")),
        ("*", ("*",), ("*",)),
        ('"*"', (), ()),
        ('"a,b"', ("a,b",), ("a,b",)),
        ("", None, None),
        (",", (), ()),
    ],
)
def test_tags(header: str, strong: tuple[str, ...] | None, weak: tuple[str, ...] | None) -> None:
    assert parse_tags(header, weak=False) == strong
    assert parse_tags(header, weak=True) == weak


@given(st.text(max_size=30))
def test_any_text_is_a_list_of_tags(text: str) -> None:
    for weak in (True, False):
        tags = parse_tags(text, weak=weak)
        assert tags is None or all('"' not in tag for tag in tags)


def reference(conditions: Conditions) -> int:
    """RFC 9110 13.2.2 step by step, for an object with etag `a` modified NOW."""

    def matches(tags: tuple[str, ...]) -> bool:
        return "a" in tags or "*" in tags

    match, none_match, modified, unmodified = conditions
    if match is not None and not matches(match):
        return 412
    if match is None and unmodified is not None and unmodified < SAME:
        return 412
    if none_match is not None and matches(none_match):
        return 304
    if none_match is None and modified is not None and modified >= SAME:
        return 304
    return 200


TAGS = (None, ("a",), ("b",), ("b", "a"), ("*",), ())
DATES = (None, BEFORE, SAME, AFTER)


@pytest.mark.parametrize("values", list(product(TAGS, TAGS, DATES, DATES)))
def test_reads_follow_the_rfc(
    values: tuple[tuple[str, ...] | None, tuple[str, ...] | None, datetime | None, datetime | None],
) -> None:
    conditions = Conditions(*values)
    status = 200
    try:
        check_read(conditions, etag="a", modified=NOW)
    except (NotModified, PreconditionFailed) as error:
        status = error.status
    assert status == reference(conditions)
    if status == 200:
        check_source(conditions, etag="a", modified=NOW)
    else:
        with pytest.raises(PreconditionFailed, match="pre-conditions"):
            check_source(conditions, etag="a", modified=NOW)


def test_an_answer_that_nothing_changed_names_the_etag() -> None:
    with pytest.raises(NotModified) as caught:
        check_read(Conditions(if_none_match=("a",)), etag="a", modified=NOW)
    assert caught.value.headers == {"etag": '"a"'}


@pytest.mark.parametrize(
    ("if_match", "if_none_match", "etag", "wanted"),
    [
        (None, None, None, None),
        (None, None, "a", None),
        ("a", None, "a", None),
        ('"a"', None, "a", None),
        ("b", None, "a", PreconditionFailed),
        ("a", None, None, NoSuchKey),
        ("*", None, "a", None),
        ("*", None, None, NoSuchKey),
        (None, "*", None, None),
        (None, "*", "a", PreconditionFailed),
        ("a", "*", "a", PreconditionFailed),
    ],
)
def test_writes(
    if_match: str | None, if_none_match: str | None, etag: str | None, wanted: type[S3Error] | None
) -> None:
    conditions = write_conditions(if_match, if_none_match)
    if wanted is None:
        check_write(conditions, etag=etag, key="k")
        return
    with pytest.raises(wanted) as caught:
        check_write(conditions, etag=etag, key="k")
    assert set(caught.value.details) == ({"Key"} if wanted is NoSuchKey else {"Condition"})


@pytest.mark.parametrize("header", ['"a"', "a", '"*"', '*, "a"', "W/*"])
def test_if_none_match_of_a_write_is_a_star(header: str) -> None:
    with pytest.raises(errors.NotImplemented) as caught:
        write_conditions(None, header)
    assert caught.value.details == {"Header": "If-None-Match"}


def test_without_headers_there_is_nothing_to_check() -> None:
    assert write_conditions(None) is NONE
    assert read_conditions(None, None, None, None) is NONE
    assert read_conditions("a", None, None, None) == Conditions(if_match=("a",))
    assert read_conditions(None, None, BEFORE, AFTER) == Conditions(None, None, BEFORE, AFTER)


@given(st.text(max_size=10), st.text(max_size=10))
def test_any_headers_of_a_write_are_conditions_or_s3_errors(first: str, second: str) -> None:
    with suppress(S3Error):
        check_write(write_conditions(first, second), etag="a", key="k")


@pytest.mark.parametrize(
    ("if_range", "holds"),
    [
        (None, True),
        ('"a"', True),
        (' "a" ', True),
        ("a", False),
        ('"b"', False),
        ('W/"a"', False),
        ("*", False),
        ("", False),
        ("Tue, 14 Nov 2023 22:13:20 GMT", True),
        ("Tue, 14 Nov 2023 22:13:21 GMT", False),
        ("Tue, 14 Nov 2023 22:13:19 GMT", False),
    ],
)
def test_if_range(if_range: str | None, holds: bool) -> None:
    assert range_holds(if_range, etag="a", modified=NOW) is holds


@given(st.text())
def test_if_range_of_any_text(text: str) -> None:
    assert range_holds(text, etag="a", modified=NOW) in (True, False)
