"""CORS rules: matching, answers and validation."""

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metastore.records import CorsRule as Rule
from ocean.errors import AccessForbidden, BadRequest, InvalidRequest, MalformedXML, S3Error
from ocean.rules.cors import VARY, actual, check, matches, preflight

texts = st.text("ab*.:/", max_size=8)


@given(st.text("ab", max_size=4), st.text("ab", max_size=4), st.text("ab", max_size=10))
def test_a_star_is_any_text(start: str, end: str, text: str) -> None:
    wanted = re.fullmatch(f"{start}.*{end}", text) is not None
    assert matches(f"{start}*{end}", text) == wanted
    assert matches(start, text) == (start == text)


RULES = (
    Rule(
        id="site",
        allowed_origins=("https://*.example.com", "http://localhost"),
        allowed_methods=("GET", "PUT"),
        allowed_headers=("X-Amz-*", "content-type"),
        expose_headers=("ETag", "x-amz-version-id"),
        max_age_seconds=0,
    ),
    Rule(allowed_origins=("*",), allowed_methods=("GET",)),
)


def test_actual_request_of_a_named_origin() -> None:
    assert actual(RULES, origin="https://a.example.com", method="PUT") == {
        "access-control-allow-origin": "https://a.example.com",
        "access-control-allow-methods": "GET, PUT",
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "ETag, x-amz-version-id",
        "access-control-max-age": "0",
        "vary": VARY,
    }


def test_actual_request_of_any_origin() -> None:
    assert actual(RULES, origin="http://other", method="GET") == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET",
        "vary": VARY,
    }
    assert actual(RULES, origin="http://other", method="PUT") == {}


def test_preflight_answers_the_headers_asked_for() -> None:
    answer = preflight(
        RULES, origin="http://localhost", method="PUT", headers="X-Amz-Date, Content-Type"
    )
    assert answer["access-control-allow-headers"] == "x-amz-date, content-type"
    assert answer["access-control-allow-origin"] == "http://localhost"
    plain = preflight(RULES, origin="http://other", method="GET", headers=None)
    assert "access-control-allow-headers" not in plain


@pytest.mark.parametrize(
    ("origin", "method", "headers"),
    [
        ("http://other", "PUT", None),
        ("http://localhost", "DELETE", None),
        ("http://localhost", "PUT", "x-other"),
        ("http://other", "GET", "x-amz-date"),
        ("https://example.com", "PUT", None),
    ],
)
def test_preflight_refused(origin: str, method: str, headers: str | None) -> None:
    with pytest.raises(AccessForbidden):
        preflight(RULES, origin=origin, method=method, headers=headers)


@pytest.mark.parametrize(
    ("origin", "method"), [(None, "GET"), ("", "GET"), ("http://a", None), ("http://a", "PATCH")]
)
def test_preflight_without_what_it_needs(origin: str | None, method: str | None) -> None:
    with pytest.raises(BadRequest):
        preflight(RULES, origin=origin, method=method, headers=None)


GET = Rule(allowed_origins=("*",), allowed_methods=("GET",))


@pytest.mark.parametrize(
    ("rules", "error"),
    [
        ((), MalformedXML),
        ((GET,) * 101, MalformedXML),
        ((Rule(allowed_origins=(), allowed_methods=("GET",)),), MalformedXML),
        ((Rule(allowed_origins=("*",), allowed_methods=()),), MalformedXML),
        ((Rule(allowed_origins=("*",), allowed_methods=("PATCH",)),), InvalidRequest),
        ((Rule(allowed_origins=("*",), allowed_methods=("get",)),), InvalidRequest),
        ((Rule(allowed_origins=("*.*",), allowed_methods=("GET",)),), InvalidRequest),
        (
            (Rule(allowed_origins=("*",), allowed_methods=("GET",), allowed_headers=("**",)),),
            InvalidRequest,
        ),
        (
            (Rule(allowed_origins=("*",), allowed_methods=("GET",), expose_headers=("*",)),),
            InvalidRequest,
        ),
        (
            (Rule(allowed_origins=("*",), allowed_methods=("GET",), max_age_seconds=-1),),
            MalformedXML,
        ),
        ((Rule(id="i" * 256, allowed_origins=("*",), allowed_methods=("GET",)),), MalformedXML),
    ],
)
def test_configurations_that_are_refused(rules: tuple[Rule, ...], error: type[S3Error]) -> None:
    with pytest.raises(error):
        check(rules)


def test_configurations_that_are_taken() -> None:
    check(RULES)
    check((GET,) * 100)


@given(
    st.lists(texts, max_size=3).map(tuple),
    st.lists(st.sampled_from(["GET", "PUT", "x"]), max_size=3).map(tuple),
    texts,
    texts,
)
def test_anything_is_answered_or_refused(
    origins: tuple[str, ...], methods: tuple[str, ...], origin: str, headers: str
) -> None:
    rule = Rule(allowed_origins=origins, allowed_methods=methods, allowed_headers=origins)
    with suppress(S3Error):
        check((rule,))
    with suppress(S3Error):
        preflight((rule,), origin=origin, method="GET", headers=headers)
