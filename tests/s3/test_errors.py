"""Errors: code, status and what the document says (REST error responses of S3).

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

import xml.etree.ElementTree as ET

import pytest

from tests.s3.expect import data
from tests.s3.store import Client, Store


def elements(body: bytes) -> dict[str, str]:
    root = ET.fromstring(body)  # the elements of an error have no namespace
    assert root.tag == "Error"
    return {child.tag: child.text or "" for child in root}


def test_document(store: Store, bucket: str) -> None:
    answer = store.send("GET", f"/{bucket}/a b/ü")
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/xml"
    found = elements(answer.body)
    assert found["Code"] == "NoSuchKey"
    assert found["Key"] == "a b/ü"
    assert found["Message"]
    assert found["Resource"] == f"/{bucket}/a%20b/%C3%BC"
    assert found["RequestId"] == answer.headers["x-amz-request-id"]


def test_request_ids_differ(store: Store, bucket: str) -> None:
    ids = [store.send("HEAD", f"/{bucket}").headers["x-amz-request-id"] for _ in range(12)]
    assert len(set(ids)) == 12


def test_text_is_escaped(store: Store, bucket: str) -> None:
    answer = store.send("GET", f"/{bucket}/<&>\"'")
    assert elements(answer.body)["Key"] == "<&>\"'"


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("POST", "/", {}),
        ("DELETE", "/", {}),
        ("PUT", "/", {}),
        ("PATCH", "/BUCKET", {}),
        ("PATCH", "/BUCKET/key", {}),
        ("TRACE", "/BUCKET/key", {}),
        ("POST", "/BUCKET/key", {}),
        ("PUT", "/BUCKET/key", {"uploads": ""}),
        ("PUT", "/BUCKET", {"uploads": ""}),
        ("DELETE", "/BUCKET", {"versioning": ""}),
        ("DELETE", "/BUCKET", {"location": ""}),
    ],
)
def test_methods(store: Store, bucket: str, method: str, path: str, query: dict[str, str]) -> None:
    """What no operation answers is refused, and does nothing of a similar one."""
    path = path.replace("BUCKET", bucket)
    answer = store.send(method, path, query=query, body=b"x")
    assert answer.status in (400, 405, 501), answer
    if answer.status == 405:
        assert answer.headers["allow"]
    assert store.send("HEAD", f"/{bucket}/key").status == 404
    assert store.send("HEAD", f"/{bucket}").status == 200


@pytest.mark.parametrize("size", [10, 300_000])
def test_a_refused_put_leaves_the_connection_good(s3: Client, bucket: str, size: int) -> None:
    for _ in range(3):
        for key, bad in (("x" * 1025, {}), ("key", {"ContentMD5": "AAAA"})):
            with pytest.raises(s3.exceptions.ClientError):
                s3.put_object(Bucket=bucket, Key=key, Body=data(size), **bad)
        s3.put_object(Bucket=bucket, Key="key", Body=data(size))
        assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == data(size)


def test_an_unknown_access_key(store: Store, bucket: str) -> None:
    pair = store.pair._replace(access_key="NOBODY")
    answer = store.send("GET", f"/{bucket}", pair=pair)
    assert (answer.status, answer.error()) == (403, "InvalidAccessKeyId")
    assert elements(answer.body)["AWSAccessKeyId"] == "NOBODY"


def test_a_wrong_secret(store: Store, bucket: str) -> None:
    pair = store.pair._replace(secret_key="wrong")
    for method, path in (
        ("GET", f"/{bucket}"),
        ("PUT", f"/{bucket}/key"),
        ("DELETE", f"/{bucket}"),
    ):
        answer = store.send(method, path, pair=pair, body=b"x" if method == "PUT" else b"")
        assert (answer.status, answer.error()) == (403, "SignatureDoesNotMatch")
    assert store.send("HEAD", f"/{bucket}/key").status == 404
