"""DeleteBucket (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.s3.expect import read, refused, status
from tests.s3.store import Client


def test_empty(s3: Client, bucket: str) -> None:
    assert status(s3.delete_bucket(Bucket=bucket)) == 204
    with refused("404", 404):
        s3.head_bucket(Bucket=bucket)
    with refused("NoSuchBucket", 404):
        s3.delete_bucket(Bucket=bucket)
    assert bucket not in [one["Name"] for one in s3.list_buckets()["Buckets"]]


def test_with_an_object(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=bucket)
    assert read(s3, bucket, "key") == b"x"


def test_with_a_delete_marker(s3: Client, versioned: str) -> None:
    marker = s3.delete_object(Bucket=versioned, Key="key")["VersionId"]
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=versioned)
    s3.delete_object(Bucket=versioned, Key="key", VersionId=marker)
    s3.delete_bucket(Bucket=versioned)


def test_with_an_old_version(s3: Client, versioned: str) -> None:
    s3.put_object(Bucket=versioned, Key="key", Body=b"x")
    s3.delete_object(Bucket=versioned, Key="key")
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=versioned)


def test_with_an_upload_that_has_parts(s3: Client, bucket: str) -> None:
    """S3 deletes a bucket with unfinished uploads: they are no objects."""
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="key")["UploadId"]
    part = {"Bucket": bucket, "Key": "key", "UploadId": upload_id, "PartNumber": 1}
    s3.upload_part(**part, Body=b"x")
    assert status(s3.delete_bucket(Bucket=bucket)) == 204
    with refused("NoSuchBucket", 404):
        s3.upload_part(**part, Body=b"x")
    s3.create_bucket(Bucket=bucket)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    with refused("NoSuchUpload", 404):
        s3.upload_part(**part, Body=b"x")


def test_while_objects_are_put(s3: Client, bucket: str) -> None:
    """An object that was acknowledged is never lost with its bucket."""

    def put(number: int) -> str:
        return outcome(s3, "put_object", Bucket=bucket, Key=f"{number}", Body=b"x")

    def delete(_: int) -> str:
        return outcome(s3, "delete_bucket", Bucket=bucket)

    with ThreadPoolExecutor(12) as pool:
        puts = [pool.submit(put, number) for number in range(8)]
        deletes = [pool.submit(delete, number) for number in range(3)]
        stored = [job.result() for job in puts]
        deleted = [job.result() for job in deletes]
    assert set(stored) <= {"done", "NoSuchBucket"}
    assert set(deleted) <= {"done", "BucketNotEmpty", "NoSuchBucket"}
    assert not ("done" in deleted and "done" in stored)
    for number, result in enumerate(stored):
        if result == "done":
            assert read(s3, bucket, f"{number}") == b"x"


def outcome(s3: Client, operation: str, **options: Any) -> str:
    """`done`, or the code of the error."""
    try:
        getattr(s3, operation)(**options)
    except s3.exceptions.ClientError as error:
        return str(error.response["Error"]["Code"])
    return "done"
