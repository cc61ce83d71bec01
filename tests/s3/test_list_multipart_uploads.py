"""ListMultipartUploads: every page against a listing made in memory.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html
"""

from typing import Any

import pytest

from tests.s3.expect import prefixes, refused
from tests.s3.store import Client, Store

KEYS = ("a", "a", "a", "a/1", "a/2", "b/1", "b/1", "c", "ü")


@pytest.fixture(scope="module")
def filled(s3: Client, shared: str) -> tuple[str, list[tuple[str, str]]]:
    """A bucket with uploads, and their keys and ids in order."""
    made = [(key, s3.create_multipart_upload(Bucket=shared, Key=key)["UploadId"]) for key in KEYS]
    return shared, made


def shown(page: Any) -> list[tuple[str, str]]:
    return [(one["Key"], one["UploadId"]) for one in page.get("Uploads", [])]


@pytest.mark.parametrize("size", [1, 2, 4, 1000])
@pytest.mark.parametrize("prefix", ["", "a", "b/", "none"])
def test_pages(
    s3: Client, filled: tuple[str, list[tuple[str, str]]], prefix: str, size: int
) -> None:
    """By key, and by time within a key."""
    bucket, made = filled
    wanted = [one for one in made if one[0].startswith(prefix)]
    marker: dict[str, str] = {}
    for start in range(0, max(len(wanted), 1), size):
        page = s3.list_multipart_uploads(Bucket=bucket, Prefix=prefix, MaxUploads=size, **marker)
        assert shown(page) == wanted[start : start + size]
        assert page["IsTruncated"] == (start + size < len(wanted))
        assert (page["MaxUploads"], page["Bucket"]) == (size, bucket)
        if page["IsTruncated"]:
            marker = {
                "KeyMarker": page["NextKeyMarker"],
                "UploadIdMarker": page["NextUploadIdMarker"],
            }
            assert tuple(marker.values()) == wanted[start + size - 1]


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_delimiters(s3: Client, filled: tuple[str, list[tuple[str, str]]], size: int) -> None:
    bucket, made = filled
    wanted = {one[1] for one in made if "/" not in one[0]} | {"a/", "b/"}
    seen: list[str] = []
    marker: dict[str, str] = {}
    for _ in range(len(wanted)):
        page = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/", MaxUploads=size, **marker)
        found = [upload_id for _, upload_id in shown(page)] + prefixes(page)
        assert len(found) <= size
        seen += found
        if not page["IsTruncated"]:
            break
        marker = {"KeyMarker": page["NextKeyMarker"]}
        if page.get("NextUploadIdMarker"):
            marker["UploadIdMarker"] = page["NextUploadIdMarker"]
    assert sorted(seen) == sorted(wanted)


def test_after_a_key(s3: Client, filled: tuple[str, list[tuple[str, str]]]) -> None:
    bucket, made = filled
    page = s3.list_multipart_uploads(Bucket=bucket, KeyMarker="a")
    assert shown(page) == [one for one in made if one[0] > "a"]


def test_what_a_row_says(s3: Client, bucket: str) -> None:
    owner = s3.list_buckets()["Owner"]
    s3.create_multipart_upload(Bucket=bucket, Key="key", ChecksumAlgorithm="SHA256")
    row = s3.list_multipart_uploads(Bucket=bucket)["Uploads"][0]
    assert row["Owner"] == row["Initiator"] == owner
    assert (row["StorageClass"], row["ChecksumAlgorithm"]) == ("STANDARD", "SHA256")
    assert row["ChecksumType"] == "COMPOSITE"
    assert row["Initiated"]


def test_encoding_type(store: Store, s3: Client, bucket: str) -> None:
    created = store.send("POST", f"/{bucket}/a\x01/b c", query={"uploads": ""})
    assert created.status == 200
    page = s3.list_multipart_uploads(Bucket=bucket, EncodingType="url")
    assert page["Uploads"][0]["Key"] == "a%01/b%20c"
    page = s3.list_multipart_uploads(
        Bucket=bucket, EncodingType="url", Delimiter="/", Prefix="a\x01"
    )
    assert (prefixes(page), page["Prefix"]) == (["a%01/"], "a%01")


def test_edges(s3: Client, filled: tuple[str, list[tuple[str, str]]]) -> None:
    bucket, _ = filled
    page = s3.list_multipart_uploads(Bucket=bucket, MaxUploads=1001)
    assert page["MaxUploads"] == 1000
    for size in (-1, 2**31):
        with refused("InvalidArgument", 400):
            s3.list_multipart_uploads(Bucket=bucket, MaxUploads=size)
    with refused("InvalidArgument", 400):
        s3.list_multipart_uploads(Bucket=bucket, KeyMarker="a", UploadIdMarker="nothex")
    alone = s3.list_multipart_uploads(Bucket=bucket, UploadIdMarker="nothex")
    assert alone["Uploads"] == s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
