"""CopyObject (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.s3.conftest import remove
from tests.s3.expect import (
    MIB,
    PART,
    SIZES,
    checksum,
    data,
    headers,
    md5,
    read,
    refused,
    upload,
)
from tests.s3.store import Client, Store


@pytest.fixture
def second(s3: Client, name: str) -> Iterator[str]:
    """Another bucket."""
    made = f"{name[:-2]}-2"
    s3.create_bucket(Bucket=made)
    yield made
    remove(s3, made)


@pytest.mark.parametrize("size", SIZES)
def test_every_size(s3: Client, bucket: str, second: str, size: int) -> None:
    body = data(size)
    s3.put_object(Bucket=bucket, Key="from", Body=body)
    answer = s3.copy_object(Bucket=second, Key="to", CopySource=f"{bucket}/from")
    assert answer["CopyObjectResult"]["ETag"] == md5(body)
    assert read(s3, second, "to") == body
    s3.delete_object(Bucket=bucket, Key="from")
    assert read(s3, second, "to") == body


def test_metadata_is_copied(s3: Client, bucket: str) -> None:
    s3.put_object(
        Bucket=bucket,
        Key="from",
        Body=b"abc",
        ContentType="x/y",
        CacheControl="private",
        Metadata={"a": "1"},
        Tagging="t=1",
    )
    answer = s3.copy_object(
        Bucket=bucket, Key="to", CopySource=f"{bucket}/from", ContentType="is/ignored"
    )
    found = s3.head_object(Bucket=bucket, Key="to")
    assert (found["ContentType"], found["CacheControl"]) == ("x/y", "private")
    assert found["Metadata"] == {"a": "1"}
    assert s3.get_object_tagging(Bucket=bucket, Key="to")["TagSet"] == [{"Key": "t", "Value": "1"}]
    assert found["LastModified"] == answer["CopyObjectResult"]["LastModified"].replace(
        microsecond=0
    )


def test_metadata_is_replaced(s3: Client, bucket: str) -> None:
    s3.put_object(
        Bucket=bucket, Key="from", Body=b"abc", CacheControl="x", Metadata={"a": "1"}, Tagging="t=1"
    )
    s3.copy_object(
        Bucket=bucket,
        Key="to",
        CopySource=f"{bucket}/from",
        MetadataDirective="REPLACE",
        TaggingDirective="REPLACE",
        ContentType="x/z",
        Metadata={"b": "2"},
        Tagging="u=2",
    )
    found = s3.head_object(Bucket=bucket, Key="to")
    assert (found["ContentType"], found["Metadata"]) == ("x/z", {"b": "2"})
    assert "CacheControl" not in found
    tags = s3.get_object_tagging(Bucket=bucket, Key="to")["TagSet"]
    assert tags == [{"Key": "u", "Value": "2"}]
    with refused("InvalidArgument", 400):
        s3.copy_object(
            Bucket=bucket, Key="to", CopySource=f"{bucket}/from", MetadataDirective="MERGE"
        )


def test_onto_itself(s3: Client, bucket: str) -> None:
    body = data(200_000)
    s3.put_object(Bucket=bucket, Key="key", Body=body, Metadata={"a": "1"})
    with refused("InvalidRequest", 400):
        s3.copy_object(Bucket=bucket, Key="key", CopySource=f"{bucket}/key")
    s3.copy_object(
        Bucket=bucket, Key="key", CopySource=f"{bucket}/key", MetadataDirective="REPLACE"
    )
    found = s3.get_object(Bucket=bucket, Key="key")
    assert (found["Metadata"], found["Body"].read()) == ({}, body)
    s3.copy_object(Bucket=bucket, Key="key", CopySource=f"{bucket}/key", StorageClass="STANDARD")
    assert read(s3, bucket, "key") == body


def test_of_a_multipart_object(s3: Client, bucket: str) -> None:
    """The copy is one piece, so its ETag is the MD5 of all bytes."""
    body = data(PART + 7)
    upload(s3, bucket, "from", body[:PART], body[PART:])
    answer = s3.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/from")
    assert answer["CopyObjectResult"]["ETag"] == md5(body)
    assert read(s3, bucket, "to") == body
    assert read(s3, bucket, "to", Range=f"bytes={MIB}-{MIB}") == body[MIB : MIB + 1]


@pytest.mark.parametrize(
    "key", ["a b", "a+b", "a%20b", "ü/é", "a?versionId=x", "a//b/../c/", "#frag", "a&b=c"]
)
def test_odd_keys(store: Store, s3: Client, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for source in (quote(f"{bucket}/{key}"), quote(f"/{bucket}/{key}", safe="")):
        sent = {"x-amz-copy-source": source}
        assert store.send("PUT", f"/{bucket}/to", headers=sent).status == 200
        assert read(s3, bucket, "to") == key.encode()
        s3.delete_object(Bucket=bucket, Key="to")


def test_versions(s3: Client, versioned: str) -> None:
    old = s3.put_object(Bucket=versioned, Key="from", Body=b"old")["VersionId"]
    new = s3.put_object(Bucket=versioned, Key="from", Body=b"new")["VersionId"]
    answer = s3.copy_object(Bucket=versioned, Key="to", CopySource=f"{versioned}/from")
    assert answer["CopySourceVersionId"] == new
    assert answer["VersionId"] == s3.head_object(Bucket=versioned, Key="to")["VersionId"]
    answer = s3.copy_object(
        Bucket=versioned, Key="to", CopySource=f"{versioned}/from?versionId={old}"
    )
    assert answer["CopySourceVersionId"] == old
    assert read(s3, versioned, "to") == b"old"
    restored = s3.copy_object(
        Bucket=versioned, Key="from", CopySource=f"{versioned}/from?versionId={old}"
    )
    assert restored["VersionId"] not in (old, new)
    assert read(s3, versioned, "from") == b"old"


def test_markers(s3: Client, versioned: str) -> None:
    s3.put_object(Bucket=versioned, Key="from", Body=b"x")
    marker = s3.delete_object(Bucket=versioned, Key="from")["VersionId"]
    with refused("NoSuchKey", 404):
        s3.copy_object(Bucket=versioned, Key="to", CopySource=f"{versioned}/from")
    with refused("InvalidRequest", 400):
        s3.copy_object(
            Bucket=versioned, Key="to", CopySource=f"{versioned}/from?versionId={marker}"
        )


def test_conditions_on_the_source(s3: Client, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="from", Body=b"x")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="from")["LastModified"]
    hour = timedelta(hours=1)
    holds: list[dict[str, Any]] = [
        {"CopySourceIfMatch": etag},
        {"CopySourceIfNoneMatch": '"other"'},
        {"CopySourceIfModifiedSince": modified - hour},
        {"CopySourceIfUnmodifiedSince": modified + hour},
        {"CopySourceIfMatch": etag, "CopySourceIfUnmodifiedSince": modified - hour},
    ]
    for conditions in holds:
        s3.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/from", **conditions)
    s3.put_object(Bucket=bucket, Key="to", Body=b"stays")
    fails: list[dict[str, Any]] = [
        {"CopySourceIfMatch": '"other"'},
        {"CopySourceIfNoneMatch": etag},
        {"CopySourceIfModifiedSince": modified},
        {"CopySourceIfUnmodifiedSince": modified - hour},
        {"CopySourceIfNoneMatch": etag, "CopySourceIfModifiedSince": modified - hour},
    ]
    for conditions in fails:
        with refused("PreconditionFailed", 412):
            s3.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/from", **conditions)
    assert read(s3, bucket, "to") == b"stays"


def test_conditions_on_the_target(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="from", Body=b"x")
    copy = {"Bucket": bucket, "Key": "to", "CopySource": f"{bucket}/from"}
    etag = s3.copy_object(**copy, IfNoneMatch="*")["CopyObjectResult"]["ETag"]
    with refused("PreconditionFailed", 412):
        s3.copy_object(**copy, IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        s3.copy_object(**copy, IfMatch='"other"')
    s3.copy_object(**copy, IfMatch=etag)


def test_checksums(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="from", Body=b"abc", ChecksumAlgorithm="SHA1")
    kept = s3.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/from")
    assert kept["CopyObjectResult"]["ChecksumSHA1"] == checksum("SHA1", b"abc")
    made = s3.copy_object(
        Bucket=bucket, Key="to", CopySource=f"{bucket}/from", ChecksumAlgorithm="SHA256"
    )
    assert made["CopyObjectResult"]["ChecksumSHA256"] == checksum("SHA256", b"abc")
    found = s3.head_object(Bucket=bucket, Key="to", ChecksumMode="ENABLED")
    assert found["ChecksumSHA256"] == checksum("SHA256", b"abc")


@pytest.mark.parametrize(
    ("source", "code", "expected"),
    [
        ("BUCKET/none", "NoSuchKey", 404),
        ("no-such-bucket-at-all/key", "NoSuchBucket", 404),
        ("BUCKET", "InvalidArgument", 400),
        ("BUCKET/", "InvalidArgument", 400),
        ("/", "InvalidArgument", 400),
        ("BUCKET/key%FF", "InvalidArgument", 400),
        ("BUCKET/key?versionId=", "InvalidArgument", 400),
        ("BUCKET/key?versionId=" + "0" * 32, "NoSuchVersion", 404),
        ("BUCKET/key?versionId=odd", "InvalidArgument", 400),
    ],
)
def test_bad_sources(
    s3: Client, store: Store, bucket: str, source: str, code: str, expected: int
) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    sent = {"x-amz-copy-source": source.replace("BUCKET", bucket)}
    answer = store.send("PUT", f"/{bucket}/to", headers=sent)
    assert (answer.status, answer.error()) == (expected, code)
    assert store.send("HEAD", f"/{bucket}/to").status == 404


def test_from_another_account(s3: Client, other: Client, bucket: str, second: str) -> None:
    """Who may write the target but not read the source copies nothing."""
    s3.put_object(Bucket=bucket, Key="secret", Body=b"x")
    mine = f"{second}-o"
    other.create_bucket(Bucket=mine)
    with refused("AccessDenied", 403):
        other.copy_object(Bucket=mine, Key="to", CopySource=f"{bucket}/secret")
    with refused("AccessDenied", 403):
        other.copy_object(Bucket=bucket, Key="to", CopySource=f"{mine}/any")
    assert other.list_objects_v2(Bucket=mine)["KeyCount"] == 0
    other.delete_bucket(Bucket=mine)


def test_expected_owners(s3: Client, bucket: str) -> None:
    owner = s3.list_buckets()["Owner"]["ID"]
    s3.put_object(Bucket=bucket, Key="from", Body=b"x")
    copy = {"Bucket": bucket, "Key": "to", "CopySource": f"{bucket}/from"}
    answer = s3.copy_object(**copy, ExpectedBucketOwner=owner, ExpectedSourceBucketOwner=owner)
    assert headers(answer)["content-type"] == "application/xml"
    with refused("AccessDenied", 403):
        s3.copy_object(**copy, ExpectedSourceBucketOwner="0" * 64)
