"""ListParts (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html)."""

import pytest

from tests.s3.expect import md5, refused, send_part
from tests.s3.store import Client

NUMBERS = (1, 2, 7, 300, 10_000)


@pytest.fixture(scope="module")
def started(s3: Client, shared: str) -> dict[str, str]:
    """The arguments that name an upload with some parts."""
    upload_id = s3.create_multipart_upload(Bucket=shared, Key="a/ü b")["UploadId"]
    for number in NUMBERS[::-1]:
        send_part(s3, shared, "a/ü b", upload_id, number, b"%d" % number)
    return {"Bucket": shared, "Key": "a/ü b", "UploadId": upload_id}


def test_all(s3: Client, started: dict[str, str]) -> None:
    found = s3.list_parts(**started)
    assert {name: found[name] for name in started} == started
    assert [(one["PartNumber"], one["ETag"], one["Size"]) for one in found["Parts"]] == [
        (number, md5(b"%d" % number), len(str(number))) for number in NUMBERS
    ]
    assert (found["MaxParts"], found["IsTruncated"]) == (1000, False)
    owner = s3.list_buckets()["Owner"]
    assert found["Owner"] == found["Initiator"] == owner
    assert found["StorageClass"] == "STANDARD"


@pytest.mark.parametrize("size", [1, 2, 4, 5, 1001])
def test_pages(s3: Client, started: dict[str, str], size: int) -> None:
    marker = 0
    for start in range(0, len(NUMBERS), size):
        page = s3.list_parts(**started, MaxParts=size, PartNumberMarker=marker)
        wanted = NUMBERS[start : start + size]
        assert [one["PartNumber"] for one in page["Parts"]] == list(wanted)
        assert page["IsTruncated"] == (start + size < len(NUMBERS))
        assert (page["PartNumberMarker"], page["NextPartNumberMarker"]) == (marker, wanted[-1])
        assert page["MaxParts"] == min(size, 1000)
        marker = wanted[-1]


def test_edges(s3: Client, started: dict[str, str]) -> None:
    none = s3.list_parts(**started, MaxParts=0)
    assert "Parts" not in none
    assert not none["IsTruncated"]  # or a client would ask for ever
    assert "Parts" not in s3.list_parts(**started, PartNumberMarker=10_000)
    for marker in (65_535, 65_536, 2**31 - 1):
        page = s3.list_parts(**started, PartNumberMarker=marker)
        assert ("Parts" in page, page["IsTruncated"]) == (False, False)
    page = s3.list_parts(**started, PartNumberMarker=8)
    assert [one["PartNumber"] for one in page["Parts"]] == [300, 10_000]
    for bad in ({"MaxParts": -1}, {"PartNumberMarker": -1}):
        with refused("InvalidArgument", 400):
            s3.list_parts(**started, **bad)
    with refused("NoSuchUpload", 404):
        s3.list_parts(**{**started, "Key": "other"})
