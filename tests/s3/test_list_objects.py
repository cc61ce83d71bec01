"""ListObjects and ListObjectsV2: every page against a listing made in memory.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote

import pytest

from tests.s3.expect import data, keys, md5, prefixes, refused
from tests.s3.store import Client, Store

KEYS = [
    "!",
    "/",
    "//",
    "A/b",
    "a",
    "a b",
    "a+b",
    "a.txt",
    "a/",
    "a/b",
    "a/b/c",
    "a/b/d",
    "a//x",
    "aa",
    "abc|def|1",
    "abc|def|2",
    "abc|ghi",
    "b/1",
    "b/2",
    "z",
    "~",
    "ü",
    "ﬀ",
    "𝄞",  # beyond U+FFFF sorts last in UTF-8, not so in UTF-16
]
ORDERED = sorted(KEYS, key=str.encode)


@pytest.fixture(scope="module")
def filled(s3: Client, shared: str) -> str:
    """A bucket with all the keys."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: s3.put_object(Bucket=shared, Key=key, Body=key.encode()), KEYS))
    return shared


def model(prefix: str = "", delimiter: str = "", after: str = "") -> list[tuple[str, bool]]:
    """What a listing holds behind `after`: keys, and common prefixes marked so."""
    found: list[tuple[str, bool]] = []
    for key in ORDERED:
        if not key.startswith(prefix):
            continue
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        one = (key, False) if at < 0 else (key[: at + len(delimiter)], True)
        if one[0].encode() > after.encode() and one not in found:
            found.append(one)
    return found


def shown(page: Any) -> list[tuple[str, bool]]:
    """A page in the form of the model."""
    found = [(key, False) for key in keys(page)] + [(one, True) for one in prefixes(page)]
    return sorted(found, key=lambda one: one[0].encode())


SCOPES = [
    ("", ""),
    ("", "/"),
    ("a", ""),
    ("a/", "/"),
    ("a/b", "/"),
    ("a/b/", "/"),
    ("", "|"),
    ("abc|", "|"),
    ("", "/b"),
    ("", "ü"),
    ("", "𝄞"),
    ("none", "/"),
    ("/", "/"),
    ("a", "a"),
]


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
@pytest.mark.parametrize(("prefix", "delimiter"), SCOPES)
def test_v2_pages(s3: Client, filled: str, prefix: str, delimiter: str, size: int) -> None:
    asked: dict[str, Any] = {
        "Bucket": filled,
        "Prefix": prefix,
        "Delimiter": delimiter,
        "MaxKeys": size,
    }
    wanted = model(prefix, delimiter)
    token = None
    for start in range(0, max(len(wanted), 1), size):
        page = s3.list_objects_v2(**asked, **({"ContinuationToken": token} if token else {}))
        assert shown(page) == wanted[start : start + size]
        assert page["KeyCount"] == len(wanted[start : start + size])
        assert page["IsTruncated"] == (start + size < len(wanted))
        assert (page["MaxKeys"], page["Prefix"], page["Name"]) == (size, prefix, filled)
        assert page.get("Delimiter", "") == delimiter
        assert page.get("ContinuationToken") == token
        token = page.get("NextContinuationToken")
        assert (token is not None) == page["IsTruncated"]


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
@pytest.mark.parametrize(("prefix", "delimiter"), SCOPES)
def test_v1_pages(s3: Client, filled: str, prefix: str, delimiter: str, size: int) -> None:
    wanted = model(prefix, delimiter)
    marker = ""
    for start in range(0, max(len(wanted), 1), size):
        page = s3.list_objects(
            Bucket=filled, Prefix=prefix, Delimiter=delimiter, MaxKeys=size, Marker=marker
        )
        assert shown(page) == wanted[start : start + size]
        assert page["IsTruncated"] == (start + size < len(wanted))
        assert page["Marker"] == marker
        assert ("NextMarker" in page) == (page["IsTruncated"] and bool(delimiter))
        marker = page.get("NextMarker") or (keys(page)[-1] if keys(page) else "")


@pytest.mark.parametrize(
    "after", ["", "a", "a/", "a/b", "a/bb", "abc", "zzz", "\U0010ffff", "not there", "A/b"]
)
@pytest.mark.parametrize("delimiter", ["", "/"])
def test_after_any_text(s3: Client, filled: str, after: str, delimiter: str) -> None:
    """A marker need be no key, and a common prefix around it is listed if keys follow."""
    wanted = [
        one
        for one in model("", delimiter)
        if one[0].encode() > after.encode()
        or (one[1] and after != one[0] and after.startswith(one[0]) and _follows(one[0], after))
    ]
    page = s3.list_objects_v2(Bucket=filled, StartAfter=after, Delimiter=delimiter)
    assert shown(page) == wanted
    assert page.get("StartAfter", "") == after
    assert shown(s3.list_objects(Bucket=filled, Marker=after, Delimiter=delimiter)) == wanted


def _follows(prefix: str, after: str) -> bool:
    return any(key.startswith(prefix) and key.encode() > after.encode() for key in KEYS)


def test_a_token_wins_over_start_after(s3: Client, filled: str) -> None:
    first = s3.list_objects_v2(Bucket=filled, MaxKeys=2)
    token = first["NextContinuationToken"]
    page = s3.list_objects_v2(Bucket=filled, ContinuationToken=token, StartAfter="z")
    assert keys(page) == ORDERED[2:]


def test_what_a_row_says(s3: Client, bucket: str) -> None:
    body = data(3000)
    answer = s3.put_object(Bucket=bucket, Key="key", Body=body, ChecksumAlgorithm="SHA256")
    head = s3.head_object(Bucket=bucket, Key="key")
    owner = s3.list_buckets()["Owner"]
    for page, owned in (
        (s3.list_objects(Bucket=bucket), True),
        (s3.list_objects_v2(Bucket=bucket), False),
        (s3.list_objects_v2(Bucket=bucket, FetchOwner=True), True),
    ):
        row = page["Contents"][0]
        assert row["ETag"] == answer["ETag"] == md5(body)
        assert (row["Size"], row["StorageClass"]) == (3000, "STANDARD")
        assert row["LastModified"].replace(microsecond=0) == head["LastModified"]
        assert (row["ChecksumAlgorithm"], row["ChecksumType"]) == (["SHA256"], "FULL_OBJECT")
        assert row.get("Owner") == (owner if owned else None)


@pytest.mark.parametrize("call", ["list_objects", "list_objects_v2"])
def test_no_keys_asked_for(s3: Client, filled: str, call: str) -> None:
    page = getattr(s3, call)(Bucket=filled, MaxKeys=0)
    assert (shown(page), page["IsTruncated"], page["MaxKeys"]) == ([], False, 0)


@pytest.mark.parametrize("call", ["list_objects", "list_objects_v2", "list_object_versions"])
@pytest.mark.parametrize("size", ["-1", "x", "", "2147483648", "1.0"])
def test_bad_sizes(store: Store, filled: str, call: str, size: str) -> None:
    extra = {"list_objects": {}, "list_objects_v2": {"list-type": "2"}}.get(call, {"versions": ""})
    answer = store.send("GET", f"/{filled}", query={**extra, "max-keys": size})
    assert (answer.status, answer.error()) == (400, "InvalidArgument")


@pytest.mark.parametrize("token", ["x", "%%%", "ÿ", "QQ", "////", "YQ==%", "gICA", "_-_-"])
def test_bad_tokens(s3: Client, filled: str, token: str) -> None:
    with refused("InvalidArgument", 400):
        s3.list_objects_v2(Bucket=filled, ContinuationToken=token)


def test_bad_encoding_type(store: Store, filled: str) -> None:
    answer = store.send("GET", f"/{filled}", query={"encoding-type": "base64"})
    assert (answer.status, answer.error()) == (400, "InvalidArgument")


def test_encoding_type(store: Store, s3: Client, bucket: str) -> None:
    """Control characters are no XML: they are listed percent-encoded, as clients ask."""
    odd = ["a\x01b/\x02", "a\x01b/\x7f", "tab\t", "line\n/x", "a+b %"]
    for key in odd:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    page = s3.list_objects_v2(Bucket=bucket)  # boto3 asks for url and decodes
    assert keys(page) == sorted(odd, key=str.encode)
    page = s3.list_objects(Bucket=bucket, EncodingType="url", Delimiter="/", MaxKeys=1)
    assert (prefixes(page), page["NextMarker"]) == (["a%01b/"], "a%01b/")
    page = s3.list_objects_v2(
        Bucket=bucket, EncodingType="url", Prefix="a\x01", Delimiter="/", StartAfter="a\x01"
    )
    assert (page["Prefix"], page["StartAfter"]) == ("a%01", "a%01")
    assert [unquote(one) for one in prefixes(page)] == ["a\x01b/"]
    assert page["EncodingType"] == "url"


def test_without_encoding_what_xml_can_hold(store: Store, s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="<a>&\"'", Body=b"x")
    answer = store.send("GET", f"/{bucket}", query={"prefix": "<a>"})
    assert b"<Prefix>&lt;a&gt;</Prefix>" in answer.body
    assert b"<Key>&lt;a&gt;&amp;" in answer.body


def test_a_thousand_and_more(s3: Client, bucket: str) -> None:
    names = [f"{number:05}" for number in range(1001)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: s3.put_object(Bucket=bucket, Key=key, Body=b""), names))
    for size in (1000, 1001, 5000):
        page = s3.list_objects_v2(Bucket=bucket, MaxKeys=size)
        assert (page["KeyCount"], page["MaxKeys"], page["IsTruncated"]) == (1000, 1000, True)
        rest = s3.list_objects_v2(Bucket=bucket, ContinuationToken=page["NextContinuationToken"])
        assert keys(page) + keys(rest) == names
    page = s3.list_objects(Bucket=bucket)
    assert (keys(page), page["IsTruncated"]) == (names[:1000], True)
    s3.delete_object(Bucket=bucket, Key=names[-1])
    assert not s3.list_objects_v2(Bucket=bucket)["IsTruncated"]


def test_while_it_changes(s3: Client, bucket: str) -> None:
    """Pages are not frozen, but keys that were there throughout are each listed once."""
    stay = [f"k{number:03}" for number in range(0, 100, 2)]
    for key in stay:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    seen: list[str] = []
    token: dict[str, str] = {}
    for number in range(1, 100, 10):
        page = s3.list_objects_v2(Bucket=bucket, MaxKeys=6, **token)
        seen += keys(page)
        s3.put_object(Bucket=bucket, Key=f"k{number:03}", Body=b"")
        s3.delete_object(Bucket=bucket, Key=f"k{number:03}")
        if not page["IsTruncated"]:
            break
        token = {"ContinuationToken": page["NextContinuationToken"]}
    assert [key for key in seen if key in stay] == stay


def test_delete_markers_are_not_listed(s3: Client, versioned: str) -> None:
    for key in ("a/1", "a/2", "b/1", "c"):
        s3.put_object(Bucket=versioned, Key=key, Body=b"x")
    for key in ("a/1", "a/2", "c", "none"):
        s3.delete_object(Bucket=versioned, Key=key)
    page = s3.list_objects_v2(Bucket=versioned, Delimiter="/")
    assert (keys(page), prefixes(page)) == ([], ["b/"])
    assert page["KeyCount"] == 1
    page = s3.list_objects_v2(Bucket=versioned, MaxKeys=1)
    assert (keys(page), page["IsTruncated"]) == (["b/1"], False)


def test_no_bucket(s3: Client, name: str) -> None:
    for call in (s3.list_objects, s3.list_objects_v2, s3.list_object_versions):
        with refused("NoSuchBucket", 404):
            call(Bucket=name)
