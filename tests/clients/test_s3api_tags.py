"""`aws s3api`: tags of buckets and objects."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.s3api import S3Api
from tests.support.files import write

pytestmark = pytest.mark.slow

TAGS = [{"Key": "a b", "Value": "ü"}, {"Key": "k", "Value": ""}]
GIVEN = json.dumps({"TagSet": TAGS})


def test_tags_of_buckets(s3api: S3Api, client: Any, bucket: str) -> None:
    named = ("--bucket", bucket)
    s3api.refused("NoSuchTagSet", "get-bucket-tagging", *named)
    assert s3api("put-bucket-tagging", *named, "--tagging", GIVEN) is None
    assert s3api("get-bucket-tagging", *named) == {"TagSet": TAGS}
    assert client.get_bucket_tagging(Bucket=bucket)["TagSet"] == TAGS
    twice = "TagSet=[{Key=a,Value=1},{Key=a,Value=2}]"
    s3api.refused("InvalidTag", "put-bucket-tagging", *named, "--tagging", twice)
    assert s3api("delete-bucket-tagging", *named) is None
    s3api.refused("NoSuchTagSet", "get-bucket-tagging", *named)


def test_tags_of_objects(s3api: S3Api, client: Any, bucket: str, tmp_path: Path) -> None:
    enabled = {"Status": "Enabled"}
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=enabled)
    at = ("--bucket", bucket, "--key", "key")
    body = ("--body", write(tmp_path / "body", b"x"))
    old = s3api("put-object", *at, *body, "--tagging", "first=1")["VersionId"]
    s3api("put-object", *at, *body)
    assert s3api("get-object-tagging", *at)["TagSet"] == []
    assert s3api("put-object-tagging", *at, "--tagging", GIVEN)["VersionId"] != old
    assert s3api("get-object-tagging", *at)["TagSet"] == TAGS
    assert client.head_object(Bucket=bucket, Key="key")["TagCount"] == 2
    told = s3api("get-object-tagging", *at, "--version-id", old)
    assert told == {"TagSet": [{"Key": "first", "Value": "1"}], "VersionId": old}
    many = "TagSet=[" + ",".join(f"{{Key={n},Value={n}}}" for n in range(11)) + "]"
    s3api.refused("InvalidTag", "put-object-tagging", *at, "--tagging", many)
    assert s3api("delete-object-tagging", *at, "--version-id", old) == {"VersionId": old}
    assert s3api("get-object-tagging", *at, "--version-id", old)["TagSet"] == []
    assert client.get_object_tagging(Bucket=bucket, Key="key")["TagSet"] == TAGS
    none = ("--bucket", bucket, "--key", "none")
    for command in ("get", "delete"):
        s3api.refused("NoSuchKey", f"{command}-object-tagging", *none)
