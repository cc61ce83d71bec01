"""AbortMultipartUpload, with the parts it takes along.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html
"""

from tests.s3.expect import data, read, refused, send_part, status
from tests.s3.store import Client


def test_parts_are_gone(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"there")
    started = {"Bucket": bucket, "Key": "key"}
    started["UploadId"] = s3.create_multipart_upload(**started)["UploadId"]
    part = send_part(s3, **_arguments(started), number=1, body=data(200_000))
    assert status(s3.abort_multipart_upload(**started)) == 204
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    for call in (s3.abort_multipart_upload, s3.list_parts):
        with refused("NoSuchUpload", 404):
            call(**started)
    with refused("NoSuchUpload", 404):
        s3.complete_multipart_upload(**started, MultipartUpload={"Parts": [part]})
    assert read(s3, bucket, "key") == b"there"


def _arguments(started: dict[str, str]) -> dict[str, str]:
    return {
        "bucket": started["Bucket"],
        "key": started["Key"],
        "upload_id": started["UploadId"],
    }


def test_only_that_upload(s3: Client, bucket: str) -> None:
    one, two = (s3.create_multipart_upload(Bucket=bucket, Key="key")["UploadId"] for _ in range(2))
    with refused("NoSuchUpload", 404):
        s3.abort_multipart_upload(Bucket=bucket, Key="other", UploadId=one)
    s3.abort_multipart_upload(Bucket=bucket, Key="key", UploadId=one)
    listed = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [each["UploadId"] for each in listed] == [two]


def test_no_upload(s3: Client, bucket: str) -> None:
    for upload_id in ("0" * 40, "none", "ü", " "):
        with refused("NoSuchUpload", 404):
            s3.abort_multipart_upload(Bucket=bucket, Key="key", UploadId=upload_id)
