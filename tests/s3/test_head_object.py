"""HeadObject (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html)."""

from datetime import UTC, datetime

from tests.s3.expect import data, headers, md5, refused, status
from tests.s3.store import Client, Store


def test_says_what_get_says(s3: Client, bucket: str) -> None:
    body = data(150_000)
    s3.put_object(Bucket=bucket, Key="key", Body=body, Metadata={"a": "b"}, ContentType="x/y")
    head = s3.head_object(Bucket=bucket, Key="key", ChecksumMode="ENABLED")
    get = s3.get_object(Bucket=bucket, Key="key")
    assert status(head) == 200
    assert (head["ContentLength"], head["ETag"]) == (len(body), md5(body))
    assert abs((datetime.now(UTC) - head["LastModified"]).total_seconds()) < 60
    of_get, of_head = headers(get), headers(head)
    for name in ("date", "x-amz-request-id"):
        del of_get[name], of_head[name]
    assert of_head == of_get


def test_errors_have_no_body(store: Store, s3: Client, bucket: str) -> None:
    answer = store.send("HEAD", f"/{bucket}/missing")
    assert (answer.status, answer.body) == (404, b"")
    assert answer.headers["x-amz-request-id"]
    with refused("404", 404):
        s3.head_object(Bucket=bucket, Key="missing")


def test_markers(s3: Client, versioned: str) -> None:
    version = s3.put_object(Bucket=versioned, Key="key", Body=b"abc")["VersionId"]
    marker = s3.delete_object(Bucket=versioned, Key="key")["VersionId"]
    with refused("404", 404) as caught:
        s3.head_object(Bucket=versioned, Key="key")
    assert headers(caught.response)["x-amz-delete-marker"] == "true"
    with refused("405", 405):
        s3.head_object(Bucket=versioned, Key="key", VersionId=marker)
    assert s3.head_object(Bucket=versioned, Key="key", VersionId=version)["ContentLength"] == 3


def test_empty(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"")
    head = s3.head_object(Bucket=bucket, Key="key")
    assert (head["ContentLength"], head["ETag"]) == (0, md5(b""))


def test_a_connection_goes_on_after_head(s3: Client, bucket: str) -> None:
    """No byte of a body that HEAD did not ask for may reach the next answer."""
    s3.put_object(Bucket=bucket, Key="key", Body=b"abc" * 1000)
    one = s3.head_object(Bucket=bucket, Key="key")
    for _ in range(5):
        assert s3.head_object(Bucket=bucket, Key="key")["ETag"] == one["ETag"]
        assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"abc" * 1000
