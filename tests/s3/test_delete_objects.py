"""DeleteObjects (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.s3.expect import keys, md5_header, read, refused
from tests.s3.store import Client, Store


def named(*names: str) -> dict[str, Any]:
    return {"Objects": [{"Key": name} for name in names]}


def test_some(s3: Client, bucket: str) -> None:
    for key in ("a", "b", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    found = s3.delete_objects(Bucket=bucket, Delete=named("a", "none", "c"))
    assert [one["Key"] for one in found["Deleted"]] == ["a", "none", "c"]
    assert "Errors" not in found
    assert keys(s3.list_objects_v2(Bucket=bucket)) == ["b"]


def test_quiet(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    found = s3.delete_objects(Bucket=bucket, Delete={**named("a", "none"), "Quiet": True})
    assert "Deleted" not in found
    assert keys(s3.list_objects_v2(Bucket=bucket)) == []


def test_a_thousand(s3: Client, bucket: str) -> None:
    names = [f"{number:04}" for number in range(1001)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: s3.put_object(Bucket=bucket, Key=key, Body=b"x"), names))
    with refused("MalformedXML", 400):
        s3.delete_objects(Bucket=bucket, Delete=named(*names))
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1000
    found = s3.delete_objects(Bucket=bucket, Delete=named(*names[:1000]))
    assert [one["Key"] for one in found["Deleted"]] == names[:1000]
    assert keys(s3.list_objects_v2(Bucket=bucket)) == names[1000:]


def test_versions(s3: Client, versioned: str) -> None:
    one = s3.put_object(Bucket=versioned, Key="a", Body=b"1")["VersionId"]
    two = s3.put_object(Bucket=versioned, Key="a", Body=b"2")["VersionId"]
    s3.put_object(Bucket=versioned, Key="b", Body=b"b")
    objects = [{"Key": "a", "VersionId": two}, {"Key": "b"}, {"Key": "a", "VersionId": one[::-1]}]
    found = s3.delete_objects(Bucket=versioned, Delete={"Objects": objects})["Deleted"]
    assert found[0] == {"Key": "a", "VersionId": two}
    assert (found[1]["Key"], found[1]["DeleteMarker"]) == ("b", True)
    marker = found[1]["DeleteMarkerVersionId"]
    assert read(s3, versioned, "a") == b"1"
    with refused("NoSuchKey", 404):
        read(s3, versioned, "b")
    found = s3.delete_objects(
        Bucket=versioned, Delete={"Objects": [{"Key": "b", "VersionId": marker}]}
    )["Deleted"]
    assert found == [
        {
            "Key": "b",
            "VersionId": marker,
            "DeleteMarker": True,
            "DeleteMarkerVersionId": marker,
        }
    ]
    assert read(s3, versioned, "b") == b"b"


def test_each_on_its_own(s3: Client, bucket: str) -> None:
    """One that is refused stops no other."""
    etag = s3.put_object(Bucket=bucket, Key="a", Body=b"x")["ETag"]
    s3.put_object(Bucket=bucket, Key="b", Body=b"x")
    objects = [
        {"Key": "b", "ETag": '"other"'},
        {"Key": "k" * 1025},
        {"Key": ""},
        {"Key": "a", "ETag": etag},
    ]
    found = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    assert {one["Key"]: one["Code"] for one in found["Errors"]} == {
        "b": "PreconditionFailed",
        "k" * 1025: "KeyTooLongError",
        "": "UserKeyMustBeSpecified",
    }
    assert keys(s3.list_objects_v2(Bucket=bucket)) == ["b"]


def test_odd_keys(s3: Client, bucket: str) -> None:
    odd = ["a&b<c>", "ü/é", " ", "a+b%20", "//", '"quoted"']
    for key in odd:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    found = s3.delete_objects(Bucket=bucket, Delete=named(*odd))["Deleted"]
    assert [one["Key"] for one in found] == odd
    assert keys(s3.list_objects_v2(Bucket=bucket)) == []


@pytest.mark.parametrize(
    "body",
    [
        b"<Delete/>",
        b"<Delete><Object/></Delete>",
        b"<Delete><Object><Key>a</Key></Object>",
        b"<Remove><Object><Key>a</Key></Object></Remove>",
        b'<!DOCTYPE d [<!ENTITY k "a">]><Delete><Object><Key>&k;</Key></Object></Delete>',
        b"not xml",
    ],
)
def test_bad_documents(store: Store, s3: Client, bucket: str, body: bytes) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    answer = store.send(
        "POST",
        f"/{bucket}",
        query={"delete": ""},
        body=body,
        headers={"Content-MD5": md5_header(body)},
    )
    assert (answer.status, answer.error()) == (400, "MalformedXML")
    assert read(s3, bucket, "a") == b"x"


def test_a_document_that_was_damaged(store: Store, s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    body = b"<Delete><Object><Key>a</Key></Object></Delete>"
    answer = store.send(
        "POST",
        f"/{bucket}",
        query={"delete": ""},
        body=body,
        headers={"Content-MD5": md5_header(b"other")},
    )
    assert (answer.status, answer.error()) == (400, "BadDigest")
    assert read(s3, bucket, "a") == b"x"
