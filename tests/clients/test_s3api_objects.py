"""`aws s3api`: objects are written, read, described, copied and deleted."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.s3api import S3Api
from tests.support.files import write

pytestmark = pytest.mark.slow

BODY = b"0123456789" * 100
ETAG = f'"{hashlib.md5(BODY).hexdigest()}"'


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write(tmp_path / "small", BODY)


@pytest.fixture
def versioned(client: Any, bucket: str) -> str:
    """A bucket that keeps versions."""
    enabled = {"Status": "Enabled"}
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=enabled)
    return bucket


def read(client: Any, bucket: str, key: str) -> bytes:
    return bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())


def test_an_object_with_all_its_headers(
    s3api: S3Api, client: Any, bucket: str, small: Path, tmp_path: Path
) -> None:
    at = ("--bucket", bucket, "--key", "ü/a b+c%2F")
    headers = {
        "CacheControl": "no-cache",
        "ContentDisposition": "attachment",
        "ContentEncoding": "identity",
        "ContentLanguage": "de",
        "ContentType": "text/plain",
        "Metadata": {"camera": "7", "place": "roof"},
    }
    text = json.dumps(headers)
    put = s3api("put-object", *at, "--body", small, "--cli-input-json", text)
    assert put["ETag"] == ETAG
    head = s3api("head-object", *at)
    assert {name: head[name] for name in headers} == headers
    assert (head["ContentLength"], head["ETag"]) == (1000, ETAG)
    got = s3api("get-object", *at, tmp_path / "back")
    assert {name: got[name] for name in headers} == headers
    assert (tmp_path / "back").read_bytes() == BODY
    assert read(client, bucket, "ü/a b+c%2F") == BODY


def test_objects_are_read_in_part_and_on_conditions(
    s3api: S3Api, client: Any, bucket: str, tmp_path: Path
) -> None:
    client.put_object(Bucket=bucket, Key="key", Body=BODY)
    at, back = ("--bucket", bucket, "--key", "key"), tmp_path / "back"
    part = s3api("get-object", *at, "--range", "bytes=5-14", "--if-match", ETAG, back)
    assert (part["ContentRange"], back.read_bytes()) == ("bytes 5-14/1000", b"5678901234")
    s3api("get-object", *at, "--range", "bytes=-7", back)
    assert back.read_bytes() == BODY[-7:]
    said = ("--response-content-type", "text/css")
    assert s3api("get-object", *at, *said, back)["ContentType"] == "text/css"
    s3api.refused("InvalidRange", "get-object", *at, "--range", "bytes=1000-", back)
    s3api.refused("PreconditionFailed", "get-object", *at, "--if-match", '"other"', back)
    s3api.refused("304", "get-object", *at, "--if-none-match", ETAG, back)
    s3api.refused("412", "head-object", *at, "--if-match", '"other"')
    s3api.refused("404", "head-object", "--bucket", bucket, "--key", "none")
    s3api.refused("NoSuchKey", "get-object", "--bucket", bucket, "--key", "none", back)


def test_objects_are_written_on_conditions_and_checked(
    s3api: S3Api, client: Any, bucket: str, small: Path
) -> None:
    put = ("put-object", "--bucket", bucket, "--key", "key", "--body", small)
    s3api.refused("NoSuchKey", *put, "--if-match", ETAG)
    s3api(*put, "--if-none-match", "*")
    s3api.refused("PreconditionFailed", *put, "--if-none-match", "*")
    s3api.refused("PreconditionFailed", *put, "--if-match", '"other"')
    s3api(*put, "--if-match", ETAG)
    s3api.refused("BadDigest", *put, "--checksum-crc32", "AAAAAA==")
    told = s3api.refused("BadDigest", *put, "--checksum-crc32", "nonsense")
    assert "is invalid" in told
    s3api.refused("InvalidDigest", *put, "--content-md5", "nonsense")
    s3api.refused("InvalidStorageClass", *put, "--storage-class", "COLD")
    assert read(client, bucket, "key") == BODY


def test_attributes(s3api: S3Api, bucket: str, small: Path) -> None:
    at = ("--bucket", bucket, "--key", "key")
    put = s3api("put-object", *at, "--body", small, "--checksum-algorithm", "SHA256")
    asked = ("--object-attributes", "ETag", "Checksum", "ObjectSize", "StorageClass")
    told = s3api("get-object-attributes", *at, *asked)
    assert (told["ETag"], told["ObjectSize"]) == (ETAG.strip('"'), 1000)
    assert told["Checksum"]["ChecksumSHA256"] == put["ChecksumSHA256"]
    assert told["StorageClass"] == "STANDARD"
    got = s3api("head-object", *at, "--checksum-mode", "ENABLED")
    assert got["ChecksumSHA256"] == put["ChecksumSHA256"]
    s3api.refused("InvalidArgument", "get-object-attributes", *at, "--object-attributes", "Color")
    none = ("--bucket", bucket, "--key", "none")
    s3api.refused("NoSuchKey", "get-object-attributes", *none, *asked)


def test_copies(s3api: S3Api, client: Any, bucket: str) -> None:
    client.put_object(Bucket=bucket, Key="a b+ü", Body=BODY, Metadata={"n": "1"})
    at = ("--bucket", bucket, "--key", "copy")
    source = ("--copy-source", f"{bucket}/a b+ü")
    copied = s3api("copy-object", *at, *source)["CopyObjectResult"]
    head = client.head_object(Bucket=bucket, Key="copy")
    assert (copied["ETag"], head["Metadata"]) == (ETAG, {"n": "1"})
    replaced = ("--metadata-directive", "REPLACE", "--metadata", "m=2")
    s3api("copy-object", *at, *source, *replaced)
    assert client.head_object(Bucket=bucket, Key="copy")["Metadata"] == {"m": "2"}
    assert read(client, bucket, "copy") == BODY
    s3api.refused("InvalidRequest", "copy-object", *at, "--copy-source", f"{bucket}/copy")
    s3api.refused("NoSuchKey", "copy-object", *at, "--copy-source", f"{bucket}/none")
    other = ("--copy-source-if-match", '"other"')
    s3api.refused("PreconditionFailed", "copy-object", *at, *source, *other)


def test_objects_are_deleted(s3api: S3Api, client: Any, bucket: str) -> None:
    for key in ("one", "two", "three"):
        client.put_object(Bucket=bucket, Key=key, Body=BODY)
    named = ("--bucket", bucket)
    assert s3api("delete-object", *named, "--key", "one") is None
    assert s3api("delete-object", *named, "--key", "one") is None, "what is gone stays gone"
    several = ("--delete", "Objects=[{Key=two},{Key=none}]")
    gone = s3api("delete-objects", *named, *several)
    assert gone == {"Deleted": [{"Key": "two"}, {"Key": "none"}]}
    assert s3api("delete-objects", *named, "--delete", "Objects=[{Key=none}],Quiet=true") is None
    s3api.refused("MalformedXML", "delete-objects", *named, "--delete", "Objects=[]")
    s3api.refused("NoSuchBucket", "delete-object", "--bucket", f"{bucket}-none", "--key", "k")
    listed = client.list_objects_v2(Bucket=bucket)["Contents"]
    assert [one["Key"] for one in listed] == ["three"]


def test_versions(s3api: S3Api, client: Any, versioned: str, tmp_path: Path) -> None:
    at, back = ("--bucket", versioned, "--key", "key"), tmp_path / "back"
    ids = [
        s3api("put-object", *at, "--body", write(tmp_path / "body", body))["VersionId"]
        for body in (b"one", b"two")
    ]
    marker = s3api("delete-object", *at)
    assert marker["DeleteMarker"] is True
    s3api.refused("NoSuchKey", "get-object", *at, back)
    old = ("--version-id", ids[0])
    assert s3api("get-object", *at, *old, back)["VersionId"] == ids[0]
    assert back.read_bytes() == b"one"
    assert s3api("head-object", *at, *old)["ContentLength"] == 3
    s3api.refused("MethodNotAllowed", "get-object", *at, "--version-id", marker["VersionId"], back)
    source = ("--copy-source", f"{versioned}/key?versionId={ids[0]}")
    copied = s3api("copy-object", "--bucket", versioned, "--key", "copy", *source)
    assert copied["CopySourceVersionId"] == ids[0]
    assert read(client, versioned, "copy") == b"one"
    gone = s3api("delete-object", *at, "--version-id", marker["VersionId"])
    assert gone == {"DeleteMarker": True, "VersionId": marker["VersionId"]}
    both = json.dumps({"Objects": [{"Key": "key", "VersionId": one} for one in ids]})
    deleted = s3api("delete-objects", "--bucket", versioned, "--delete", both)["Deleted"]
    assert [one["VersionId"] for one in deleted] == ids
    s3api.refused("NoSuchVersion", "get-object", *at, *old, back)
    left = client.list_object_versions(Bucket=versioned)
    assert [one["Key"] for one in left["Versions"]] == ["copy"]
    assert "DeleteMarkers" not in left
