"""Request targets: what they name, in both styles, and what is refused."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.target import Domains, parse, parse_query
from ocean.errors import InvalidBucketName, InvalidURI, KeyTooLongError, S3Error

NONE = Domains()
HOSTED = Domains(("example.com", "s3.example.com:9000", "*.localhost"))


@pytest.mark.parametrize(
    ("target", "bucket", "key"),
    [
        ("/", None, None),
        ("/b", "b", None),
        ("/b/", "b", None),
        ("/b/k", "b", "k"),
        ("/b//", "b", "/"),
        ("/b/a//b/../c/", "b", "a//b/../c/"),
        ("/b/a+b", "b", "a+b"),
        ("/b/a%2Bb%20c", "b", "a+b c"),
        ("/b/%E2%82%AC", "b", "€"),
        ("/b/€", "b", "€"),
        ("/b%2Fk", "b", "k"),
        ("/b/%00", "b", "\0"),
        ("/b/k?x", "b", "k"),
        ("/b/http://x", "b", "http://x"),
        ("http://HOST/b/k", "b", "k"),
        ("http://host", None, None),
        ("http://host?x=1", None, None),
    ],
)
def test_path_style(target: str, bucket: str | None, key: str | None) -> None:
    found = parse(target, "host", NONE)
    assert (found.bucket, found.key) == (bucket, key)


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("b.example.com", "b"),
        ("B.Example.COM:80", "b"),
        ("a.b.example.com", "a.b"),
        ("b.s3.example.com:9000", "b"),
        ("b.localhost:9000", "b"),
        ("b.example.com.", "b"),
    ],
)
def test_virtual_host(host: str, bucket: str) -> None:
    found = parse("/k/", host, HOSTED)
    assert (found.bucket, found.key) == (bucket, "k/")
    assert found.bucket_path == "/" + bucket
    assert parse("/", host, HOSTED).key is None
    assert parse("//", host, HOSTED).key == "/"


@pytest.mark.parametrize(
    "host", ["example.com", "s3.example.com:1", "localhost", "other.org", "", "[::1]:9000"]
)
def test_other_hosts_are_path_style(host: str) -> None:
    found = parse("/b/k", host, HOSTED)
    assert (found.bucket, found.key, found.bucket_path) == ("b", "k", "")


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("/b/%ff", InvalidURI),
        ("/b/%zz", InvalidURI),
        ("/b/%", InvalidURI),
        ("/b/%c0%af", InvalidURI),
        ("/b/%ed%a0%80", InvalidURI),
        ("/b/\udcff", InvalidURI),
        ("/b?x=%ff", InvalidURI),
        ("", InvalidURI),
        ("*", InvalidURI),
        ("ftp://host/b", InvalidURI),
        ("http://other/b", InvalidURI),
        ("//k", InvalidBucketName),
        ("/b/" + "k" * 1025, KeyTooLongError),
        ("/b/" + "%E2%82%AC" * 342, KeyTooLongError),
    ],
)
def test_refused(target: str, error: type[S3Error]) -> None:
    with pytest.raises(error):
        parse(target, "host", NONE)


def test_empty_virtual_host_is_refused() -> None:
    with pytest.raises(InvalidBucketName):
        parse("/k", ".example.com", HOSTED)


def test_longest_key() -> None:
    assert parse("/b/" + "%E2%82%AC" * 341 + "k", "", NONE).key == "€" * 341 + "k"


def test_query() -> None:
    found = parse("/b?a=1&b&c=&a=2&d=x+y%2B&&e=f=g", "", NONE)
    assert found.pairs == [
        *[("a", "1"), ("b", ""), ("c", ""), ("a", "2"), ("d", "x y+"), ("e", "f=g")]
    ]
    assert found.query == {"a": "1", "b": "", "c": "", "d": "x y+", "e": "f=g"}


@given(st.text(max_size=256).filter(lambda key: len(key.encode()) <= 1024))
def test_any_key_survives(key: str) -> None:
    """A key percent-encoded by a client comes back as it was."""
    assert (parse(f"/b/{quote(key, safe='/')}", "", NONE).key or "") == key


@given(st.lists(st.tuples(st.text(min_size=1), st.text())))
def test_any_query_survives(pairs: list[tuple[str, str]]) -> None:
    """Names and values percent-encoded by a client come back as they were, in order."""
    raw = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
    assert parse_query(raw) == pairs


@given(st.text(), st.text())
def test_garbage(target: str, host: str) -> None:
    """Nothing but an S3 error comes of any target."""
    for text in (target, "/" + target):
        try:
            parse(text, host, HOSTED)
        except S3Error as error:
            str(error.details).encode()
