"""ListObjectVersions: every page against a listing made in memory.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
"""

from typing import Any, NamedTuple

import pytest

from tests.s3.expect import prefixes, refused
from tests.s3.store import Client


class Listed(NamedTuple):
    """A version as it should be listed; markers have no ETag."""

    key: str
    version_id: str
    latest: bool
    etag: str


@pytest.fixture(scope="module")
def filled(s3: Client, shared: str) -> tuple[str, list[Listed]]:
    """A bucket with null versions, versions and markers; all of them in order."""
    made: dict[str, list[tuple[str, str]]] = {}
    bodies = {"a": 1, "a/b": 3, "a/c": 1, "b": 4, "b/": 1, "b/x/y": 2, "ü": 2}
    for key in ("a/b", "b"):
        etag = s3.put_object(Bucket=shared, Key=key, Body=b"null")["ETag"]
        made.setdefault(key, []).append(("null", etag))
    s3.put_bucket_versioning(Bucket=shared, VersioningConfiguration={"Status": "Enabled"})
    for key, count in bodies.items():
        for number in range(count):
            answer = s3.put_object(Bucket=shared, Key=key, Body=f"{key} {number}".encode())
            made.setdefault(key, []).append((answer["VersionId"], answer["ETag"]))
    for key in ("a/c", "b", "none"):
        gone = s3.delete_object(Bucket=shared, Key=key)
        made.setdefault(key, []).append((gone["VersionId"], ""))
    listed = [
        Listed(key, version_id, number == 0, etag)
        for key in sorted(made, key=str.encode)
        for number, (version_id, etag) in enumerate(reversed(made[key]))
    ]
    return shared, listed


def shown(page: Any) -> list[Listed]:
    """The versions of a page; boto3 gives markers apart, so they are merged by model order."""
    rows = page.get("Versions", []) + page.get("DeleteMarkers", [])
    return [
        Listed(one["Key"], one["VersionId"], one["IsLatest"], one.get("ETag", "")) for one in rows
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("prefix", ["", "a", "a/", "b", "none", "missing"])
def test_pages(s3: Client, filled: tuple[str, list[Listed]], prefix: str, size: int) -> None:
    bucket, every = filled
    wanted = [one for one in every if one.key.startswith(prefix)]
    marker: dict[str, str] = {}
    for start in range(0, max(len(wanted), 1), size):
        page = s3.list_object_versions(Bucket=bucket, Prefix=prefix, MaxKeys=size, **marker)
        assert set(shown(page)) == set(wanted[start : start + size])
        assert len(shown(page)) == len(wanted[start : start + size])
        assert page["IsTruncated"] == (start + size < len(wanted))
        if page["IsTruncated"]:
            last = wanted[start + size - 1]
            assert page["NextKeyMarker"] == last.key
            assert page["NextVersionIdMarker"] == last.version_id
            marker = {"KeyMarker": last.key, "VersionIdMarker": last.version_id}


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_delimiters(s3: Client, filled: tuple[str, list[Listed]], size: int) -> None:
    bucket, every = filled
    wanted: list[str] = []
    for one in every:
        at = one.key.find("/")
        name = one.version_id if at < 0 else one.key[: at + 1]
        if name not in wanted or name == "null":
            wanted.append(name)
    seen: list[str] = []
    marker: dict[str, str] = {}
    for _ in wanted:
        page = s3.list_object_versions(Bucket=bucket, Delimiter="/", MaxKeys=size, **marker)
        found = [one.version_id for one in shown(page)] + prefixes(page)
        assert len(found) <= size
        seen += found
        if not page["IsTruncated"]:
            break
        marker = {"KeyMarker": page["NextKeyMarker"]}
        if "NextVersionIdMarker" in page:
            marker["VersionIdMarker"] = page["NextVersionIdMarker"]
    assert sorted(seen) == sorted(wanted)


def test_after_a_key(s3: Client, filled: tuple[str, list[Listed]]) -> None:
    bucket, every = filled
    page = s3.list_object_versions(Bucket=bucket, KeyMarker="b")
    assert set(shown(page)) == {one for one in every if one.key.encode() > b"b"}
    page = s3.list_object_versions(Bucket=bucket, KeyMarker="a/b", VersionIdMarker="null")
    assert set(shown(page)) == {one for one in every if one.key.encode() > b"a/b"}


def test_a_version_marker_needs_a_key_marker(s3: Client, filled: tuple[str, list[Listed]]) -> None:
    with refused("InvalidArgument", 400):
        s3.list_object_versions(Bucket=filled[0], VersionIdMarker=filled[1][0].version_id)


def test_what_a_row_says(s3: Client, versioned: str) -> None:
    s3.put_object(Bucket=versioned, Key="key", Body=b"abc")
    s3.delete_object(Bucket=versioned, Key="key")
    page = s3.list_object_versions(Bucket=versioned)
    row, marker = page["Versions"][0], page["DeleteMarkers"][0]
    assert (row["Size"], row["StorageClass"], row["IsLatest"]) == (3, "STANDARD", False)
    assert row["Owner"] == marker["Owner"] == s3.list_buckets()["Owner"]
    assert (marker["IsLatest"], "Size" in marker) == (True, False)
    assert marker["LastModified"] >= row["LastModified"]


def test_of_a_bucket_without_versions(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"abc")
    page = s3.list_object_versions(Bucket=bucket)
    assert [(one["Key"], one["VersionId"]) for one in page["Versions"]] == [("key", "null")]
    assert page["Versions"][0]["IsLatest"]


def test_encoding_type(s3: Client, versioned: str) -> None:
    s3.put_object(Bucket=versioned, Key="a\x01/b", Body=b"x")
    s3.delete_object(Bucket=versioned, Key="a\x01 c")
    page = s3.list_object_versions(Bucket=versioned, EncodingType="url", Prefix="a\x01")
    assert (page["Prefix"], page["EncodingType"]) == ("a%01", "url")
    assert page["Versions"][0]["Key"] == "a%01/b"
    assert page["DeleteMarkers"][0]["Key"] == "a%01%20c"


def test_no_rows_asked_for(s3: Client, versioned: str) -> None:
    s3.put_object(Bucket=versioned, Key="key", Body=b"x")
    page = s3.list_object_versions(Bucket=versioned, MaxKeys=0)
    assert (shown(page), page["IsTruncated"]) == ([], False)
