"""HeadBucket (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html)."""

from tests.s3.expect import refused, status
from tests.s3.store import Client, Store


def test_there(s3: Client, bucket: str) -> None:
    answer = s3.head_bucket(Bucket=bucket)
    assert (status(answer), answer["BucketRegion"]) == (200, "us-east-1")


def test_not_there(store: Store, s3: Client, name: str) -> None:
    with refused("404", 404):
        s3.head_bucket(Bucket=name)
    answer = store.send("HEAD", f"/{name}")
    assert (answer.status, answer.body) == (404, b"")


def test_of_another_account(other: Client, bucket: str) -> None:
    with refused("403", 403):
        other.head_bucket(Bucket=bucket)
