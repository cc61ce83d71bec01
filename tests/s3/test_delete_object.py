"""DeleteObject (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html)."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.s3.expect import data, headers, keys, read, refused, status
from tests.s3.store import Client, Store


def test_without_versions(s3: Client, bucket: str) -> None:
    for size in (0, 10, 300_000):
        s3.put_object(Bucket=bucket, Key="key", Body=data(size))
        answer = s3.delete_object(Bucket=bucket, Key="key")
        assert status(answer) == 204
        assert "VersionId" not in answer
        assert "DeleteMarker" not in answer
        with refused("NoSuchKey", 404):
            read(s3, bucket, "key")
    assert keys(s3.list_objects_v2(Bucket=bucket)) == []


def test_what_is_not_there(s3: Client, bucket: str, name: str) -> None:
    assert status(s3.delete_object(Bucket=bucket, Key="none")) == 204
    assert status(s3.delete_object(Bucket=bucket, Key="none", VersionId="null")) == 204
    with refused("NoSuchBucket", 404):
        s3.delete_object(Bucket=f"{name[:-3]}non", Key="key")


def test_only_that_key(s3: Client, bucket: str) -> None:
    for key in ("a", "a/", "a/b", "a//b"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.delete_object(Bucket=bucket, Key="a/")
    assert keys(s3.list_objects_v2(Bucket=bucket)) == ["a", "a//b", "a/b"]


def test_the_null_version_by_its_id(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    answer = s3.delete_object(Bucket=bucket, Key="key", VersionId="null")
    assert answer["VersionId"] == "null"
    with refused("NoSuchKey", 404):
        read(s3, bucket, "key")


def test_markers(s3: Client, versioned: str) -> None:
    one = s3.put_object(Bucket=versioned, Key="key", Body=b"x")["VersionId"]
    marker = s3.delete_object(Bucket=versioned, Key="key")
    assert (status(marker), marker["DeleteMarker"]) == (204, True)
    again = s3.delete_object(Bucket=versioned, Key="key")
    assert again["VersionId"] != marker["VersionId"]
    of_nothing = s3.delete_object(Bucket=versioned, Key="none")
    assert of_nothing["DeleteMarker"]
    erased = s3.delete_object(Bucket=versioned, Key="key", VersionId=marker["VersionId"])
    assert (erased["DeleteMarker"], erased["VersionId"]) == (True, marker["VersionId"])
    with refused("NoSuchKey", 404):
        read(s3, versioned, "key")
    s3.delete_object(Bucket=versioned, Key="key", VersionId=again["VersionId"])
    assert read(s3, versioned, "key") == b"x"
    plain = s3.delete_object(Bucket=versioned, Key="key", VersionId=one)
    assert plain["VersionId"] == one
    assert "DeleteMarker" not in plain
    found = s3.list_object_versions(Bucket=versioned)
    assert [each["Key"] for each in found["DeleteMarkers"]] == ["none"]
    assert "Versions" not in found


def test_a_version_that_is_not_there(s3: Client, versioned: str) -> None:
    version = s3.put_object(Bucket=versioned, Key="key", Body=b"x")["VersionId"]
    s3.delete_object(Bucket=versioned, Key="key", VersionId=version[::-1])
    s3.delete_object(Bucket=versioned, Key="other", VersionId=version)
    assert read(s3, versioned, "key", VersionId=version) == b"x"


def test_an_empty_version_id(store: Store, s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    answer = store.send("DELETE", f"/{bucket}/key", query={"versionId": ""})
    assert (answer.status, answer.error()) == (400, "InvalidArgument")
    assert read(s3, bucket, "key") == b"x"


@pytest.mark.parametrize("version", ["\0", "a\r\nx-evil: 1", "\n", "é", "\x7f"])
def test_a_version_id_that_no_answer_can_repeat(store: Store, bucket: str, version: str) -> None:
    for method, query in (("DELETE", {}), ("GET", {}), ("GET", {"tagging": ""})):
        answer = store.send(method, f"/{bucket}/key", query={**query, "versionId": version})
        assert (answer.status, answer.error()) == (400, "InvalidArgument")


def test_conditions(s3: Client, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="key", Body=b"x")["ETag"]
    with refused("PreconditionFailed", 412):
        s3.delete_object(Bucket=bucket, Key="key", IfMatch='"other"')
    assert read(s3, bucket, "key") == b"x"
    assert status(s3.delete_object(Bucket=bucket, Key="key", IfMatch=etag)) == 204
    with refused("NoSuchKey", 404):
        read(s3, bucket, "key")
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    assert status(s3.delete_object(Bucket=bucket, Key="key", IfMatch="*")) == 204


def test_one_of_many_conditional_ones_wins(s3: Client, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="key", Body=b"x")["ETag"]

    def delete(_: int) -> int:
        try:
            return status(s3.delete_object(Bucket=bucket, Key="key", IfMatch=etag))
        except s3.exceptions.ClientError as error:
            return status(error.response)

    with ThreadPoolExecutor(20) as pool:
        found = sorted(pool.map(delete, range(20)))
    assert found == [204] + [404] * 19


def test_markers_have_no_body(store: Store, s3: Client, versioned: str) -> None:
    answer = store.send("DELETE", f"/{versioned}/key")
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["x-amz-delete-marker"] == "true"
    assert "content-type" not in answer.headers
    assert headers(s3.head_bucket(Bucket=versioned))["x-amz-request-id"]
