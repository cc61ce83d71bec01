"""Keys are any text: nothing in them is normalized, and none is in the way of another."""

import pytest

from tests.s3.expect import keys, prefixes, read, refused
from tests.s3.store import Client, Store

ODD = [
    "a",
    "a/",
    "a/b",
    "a/b/",
    "a/b/c",
    "a//b",
    "//",
    "/",
    "/a",
    ".",
    "..",
    "../a",
    "a/../b",
    "a/./b",
    "a/..",
    " ",
    "a b",
    " a ",
    "a+b",
    "a%2Bb",
    "a%",
    "%2e%2e",
    "a?b",
    "a?versionId=1",
    "a#b",
    "a&b=c",
    "a\\b",
    "a:b",
    "a;b",
    "a'b\"c",
    "<a>",
    "*",
    "~",
    "$a",
    "é",
    "e\u0301",
    "日本/語",
    "😀",
    "\ufeff",
    "\u202e",
    "x" * 1024,
    "é" * 512,
    "a/" * 512,
    "con",
    ".ocean",
    "null",
    "%s%n",
]
CONTROLS = ["\x01", "a\x00b", "a\tb", "a\r\nb", "\x7f", "\x1b[1m"]


@pytest.mark.parametrize("key", ODD + CONTROLS)
def test_life(s3: Client, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert read(s3, bucket, key) == key.encode()
    assert keys(s3.list_objects_v2(Bucket=bucket)) == [key]
    assert keys(s3.list_objects_v2(Bucket=bucket, Prefix=key)) == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert keys(s3.list_objects_v2(Bucket=bucket)) == []


def test_all_at_once(s3: Client, bucket: str) -> None:
    """Each has bytes of its own, and they are listed in the order of UTF-8."""
    every = ODD + CONTROLS
    for number, key in enumerate(every):
        s3.put_object(Bucket=bucket, Key=key, Body=b"%d" % number)
    assert keys(s3.list_objects_v2(Bucket=bucket)) == sorted(every, key=str.encode)
    assert [read(s3, bucket, key) for key in every] == [b"%d" % n for n in range(len(every))]


def test_folders_are_nothing(s3: Client, bucket: str) -> None:
    for key in ("a", "a/", "a/b", "a/b/c"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    page = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert (keys(page), prefixes(page)) == (["a"], ["a/"])
    page = s3.list_objects_v2(Bucket=bucket, Delimiter="/", Prefix="a/")
    assert (keys(page), prefixes(page)) == (["a/", "a/b"], ["a/b/"])
    s3.delete_object(Bucket=bucket, Key="a/b")
    assert keys(s3.list_objects_v2(Bucket=bucket)) == ["a", "a/", "a/b/c"]


@pytest.mark.parametrize("key", ["x" * 1025, "é" * 513, "x" * 4000])
def test_too_long(s3: Client, bucket: str, key: str) -> None:
    for call, more in (
        (s3.put_object, {"Body": b"x"}),
        (s3.get_object, {}),
        (s3.create_multipart_upload, {}),
    ):
        with refused("KeyTooLongError", 400):
            call(Bucket=bucket, Key=key, **more)


@pytest.mark.parametrize("path", ["%", "%zz", "a%2", "%ff", "%c3%28", "%ed%a0%80"])
def test_what_is_no_text(store: Store, bucket: str, path: str) -> None:
    """Broken escapes and octets that are no UTF-8 name nothing."""
    for method in ("GET", "PUT", "DELETE"):
        answer = store.plain(method, f"/{bucket}/{path}", headers={"Content-Length": "0"})
        assert (answer.status, answer.error()) == (400, "InvalidURI")
