"""UploadPart (https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html)."""

import pytest

from tests.s3.expect import SIZES, data, keys, md5, md5_header, read, refused
from tests.s3.store import Client


@pytest.fixture
def upload_id(s3: Client, bucket: str) -> str:
    """An upload of `key`."""
    started: str = s3.create_multipart_upload(Bucket=bucket, Key="key")["UploadId"]
    return started


@pytest.mark.parametrize("size", SIZES)
def test_every_size(s3: Client, bucket: str, upload_id: str, size: int) -> None:
    """The only part may have any size, even none."""
    body = data(size)
    named = {"Bucket": bucket, "Key": "key", "UploadId": upload_id}
    etag = s3.upload_part(**named, PartNumber=1, Body=body)["ETag"]
    assert etag == md5(body)
    parts = [{"PartNumber": 1, "ETag": etag}]
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    assert read(s3, bucket, "key") == body


@pytest.mark.parametrize("number", [1, 10_000])
def test_numbers(s3: Client, bucket: str, upload_id: str, number: int) -> None:
    named = {"Bucket": bucket, "Key": "key", "UploadId": upload_id}
    etag = s3.upload_part(**named, PartNumber=number, Body=b"x")["ETag"]
    parts = [{"PartNumber": number, "ETag": etag}]
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    assert read(s3, bucket, "key", PartNumber=number) == b"x"


@pytest.mark.parametrize("number", [0, -1, 10_001, 99_999_999_999])
def test_bad_numbers(s3: Client, bucket: str, upload_id: str, number: int) -> None:
    with refused("InvalidArgument", 400):
        s3.upload_part(Bucket=bucket, Key="key", UploadId=upload_id, PartNumber=number, Body=b"x")


def test_again(s3: Client, bucket: str, upload_id: str) -> None:
    """A later part of the same number replaces the earlier one; only its ETag is good then."""
    named = {"Bucket": bucket, "Key": "key", "UploadId": upload_id}
    old = s3.upload_part(**named, PartNumber=1, Body=data(200_000))["ETag"]
    new = s3.upload_part(**named, PartNumber=1, Body=b"new")["ETag"]
    listed = s3.list_parts(**named)["Parts"]
    assert [(one["ETag"], one["Size"]) for one in listed] == [(new, 3)]
    with refused("InvalidPart", 400):
        s3.complete_multipart_upload(
            **named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": old}]}
        )
    s3.complete_multipart_upload(
        **named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": new}]}
    )
    assert read(s3, bucket, "key") == b"new"


def test_damaged(s3: Client, bucket: str, upload_id: str) -> None:
    named = {"Bucket": bucket, "Key": "key", "UploadId": upload_id}
    kept = s3.upload_part(**named, PartNumber=1, Body=b"kept")["ETag"]
    for size in (10, 300_000):
        with refused("BadDigest", 400):
            s3.upload_part(**named, PartNumber=1, Body=data(size), ContentMD5=md5_header(b"other"))
    assert [one["ETag"] for one in s3.list_parts(**named)["Parts"]] == [kept]


def test_no_upload(s3: Client, bucket: str, upload_id: str) -> None:
    part = {"PartNumber": 1, "Body": b"x"}
    for key, named in (
        ("key", "0" * len(upload_id)),
        ("key", "none"),
        ("key", "é"),
        ("other", upload_id),
    ):
        with refused("NoSuchUpload", 404):
            s3.upload_part(Bucket=bucket, Key=key, UploadId=named, **part)
    s3.abort_multipart_upload(Bucket=bucket, Key="key", UploadId=upload_id)
    with refused("NoSuchUpload", 404):
        s3.upload_part(Bucket=bucket, Key="key", UploadId=upload_id, **part)
    assert keys(s3.list_objects_v2(Bucket=bucket)) == []
