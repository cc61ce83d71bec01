"""PutObject (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html)."""

from contextlib import closing
from http.client import HTTPConnection

import pytest

from tests.s3.expect import SIZES, data, headers, keys, md5, md5_header, read, refused, status
from tests.s3.store import Client, Store


@pytest.mark.parametrize("size", SIZES)
def test_every_size_comes_back(s3: Client, bucket: str, size: int) -> None:
    body = data(size)
    answer = s3.put_object(Bucket=bucket, Key="key", Body=body)
    assert status(answer) == 200
    assert answer["ETag"] == md5(body)
    assert "VersionId" not in answer
    found = s3.get_object(Bucket=bucket, Key="key")
    assert found["ContentLength"] == size
    assert found["ETag"] == md5(body)
    assert found["Body"].read() == body


def test_every_header_is_stored(s3: Client, bucket: str) -> None:
    stated = {
        "CacheControl": "max-age=60, private",
        "ContentDisposition": 'attachment; filename="a b.txt"',
        "ContentEncoding": "gzip",
        "ContentLanguage": "de, en",
        "ContentType": "text/plain; charset=utf-8",
        "Metadata": {"one": "1", "two-words": "a b", "empty": ""},
    }
    s3.put_object(
        Bucket=bucket,
        Key="key",
        Body=b"x",
        Expires="Thu, 01 Dec 2044 16:00:00 GMT",
        Tagging="color=blue&empty=",
        **stated,
    )
    for found in (
        s3.head_object(Bucket=bucket, Key="key"),
        s3.get_object(Bucket=bucket, Key="key"),
    ):
        assert {name: found[name] for name in stated} == stated
        assert found["ExpiresString"] == "Thu, 01 Dec 2044 16:00:00 GMT"
        assert headers(found)["x-amz-tagging-count"] == "2"
    tags = s3.get_object_tagging(Bucket=bucket, Key="key")["TagSet"]
    assert tags == [{"Key": "color", "Value": "blue"}, {"Key": "empty", "Value": ""}]


def test_default_type(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    found = s3.head_object(Bucket=bucket, Key="key")
    assert found["ContentType"] == "binary/octet-stream"
    assert found["Metadata"] == {}


def test_an_empty_type_is_none(store: Store, s3: Client, bucket: str) -> None:
    store.send("PUT", f"/{bucket}/key", headers={"Content-Type": ""}, body=b"x")
    assert s3.head_object(Bucket=bucket, Key="key")["ContentType"] == "binary/octet-stream"


def test_an_overwrite_replaces_all(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"one", Metadata={"a": "1"}, Tagging="t=1")
    s3.put_object(Bucket=bucket, Key="key", Body=b"two!", ContentType="text/css")
    found = s3.get_object(Bucket=bucket, Key="key")
    assert (found["Body"].read(), found["Metadata"]) == (b"two!", {})
    assert found["ContentType"] == "text/css"
    assert "x-amz-tagging-count" not in headers(found)


def test_aws_chunked_is_no_encoding_of_the_object(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="one", Body=b"x", ContentEncoding="aws-chunked")
    s3.put_object(Bucket=bucket, Key="two", Body=b"x", ContentEncoding="aws-chunked,gzip")
    assert "ContentEncoding" not in s3.head_object(Bucket=bucket, Key="one")
    assert s3.head_object(Bucket=bucket, Key="two")["ContentEncoding"] == "gzip"


def test_content_md5(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"right", ContentMD5=md5_header(b"right"))
    for size in (10, 300_000):  # what is refused leaves what was there
        with refused("BadDigest", 400):
            s3.put_object(
                Bucket=bucket, Key="key", Body=data(size), ContentMD5=md5_header(b"other")
            )
    for value in ("AAAA", "not base64 at all!", ""):
        with refused("InvalidDigest", 400):
            s3.put_object(Bucket=bucket, Key="key", Body=b"x", ContentMD5=value)
    assert read(s3, bucket, "key") == b"right"


def test_metadata_limit(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"", Metadata={"k": "v" * 2047})
    assert s3.head_object(Bucket=bucket, Key="key")["Metadata"] == {"k": "v" * 2047}
    with refused("MetadataTooLarge", 400):
        s3.put_object(Bucket=bucket, Key="big", Body=b"", Metadata={"k": "v" * 2048})
    with refused("404", 404):
        s3.head_object(Bucket=bucket, Key="big")


def test_metadata_names_are_in_lower_case(store: Store, bucket: str) -> None:
    store.send("PUT", f"/{bucket}/key", headers={"X-Amz-Meta-CamelCase": "As It Is"}, body=b"x")
    assert store.send("HEAD", f"/{bucket}/key").headers["x-amz-meta-camelcase"] == "As It Is"


@pytest.mark.parametrize("odd", ["a\r\nx-evil: 1", "a b", "a:b", "é", "a\0", "(", "a/b"])
def test_metadata_names_that_no_header_has(s3: Client, store: Store, bucket: str, odd: str) -> None:
    """A query can name them; an answer could not be written with them."""
    query = {f"x-amz-meta-{odd}": "1"}
    answer = store.send("PUT", f"/{bucket}/key", query=query, body=b"x")
    assert (answer.status, answer.error()) == (400, "InvalidArgument")
    answer = store.send("POST", f"/{bucket}/key", query={"uploads": "", **query})
    assert (answer.status, answer.error()) == (400, "InvalidArgument")
    assert keys(s3.list_objects_v2(Bucket=bucket)) == []


def test_metadata_beyond_ascii(store: Store, bucket: str) -> None:
    headers = {"x-amz-meta-a": "Grüße"}
    assert store.send("PUT", f"/{bucket}/key", headers=headers, body=b"x").status == 200
    assert store.send("HEAD", f"/{bucket}/key").headers["x-amz-meta-a"] == "Grüße"


@pytest.mark.parametrize(
    ("tagging", "code"),
    [
        ("&".join(f"k{n}=v" for n in range(11)), "InvalidTag"),
        ("a=1&a=2", "InvalidArgument"),
        ("k=" + "v" * 257, "InvalidTag"),
        ("k" * 129 + "=v", "InvalidTag"),
        ("aws:x=v", "InvalidTag"),
        ("k=%3Cv%3E", "InvalidTag"),
    ],
)
def test_bad_tags(s3: Client, bucket: str, tagging: str, code: str) -> None:
    with refused(code, 400):
        s3.put_object(Bucket=bucket, Key="key", Body=b"x", Tagging=tagging)
    with refused("NoSuchKey", 404):
        s3.get_object(Bucket=bucket, Key="key")


def test_no_bucket(s3: Client, name: str) -> None:
    with refused("NoSuchBucket", 404) as caught:
        s3.put_object(Bucket=name, Key="key", Body=b"x")
    assert caught.response["Error"]["BucketName"] == name


def test_without_a_length(store: Store, bucket: str) -> None:
    """Bytes that somebody forgot to send are no empty object."""
    url = store.client().generate_presigned_url("put_object", {"Bucket": bucket, "Key": "key"})
    path = url.removeprefix(store.endpoint)
    with closing(HTTPConnection(store.host, timeout=30)) as connection:
        connection.putrequest("PUT", path)
        connection.endheaders()
        answer = connection.getresponse()
        assert (answer.status, b"MissingContentLength" in answer.read()) == (411, True)
    assert store.send("HEAD", f"/{bucket}/key").status == 404
    assert store.plain("PUT", path, headers={"Content-Length": "0"}).headers["etag"] == md5(b"")


def test_versions(s3: Client, versioned: str) -> None:
    one = s3.put_object(Bucket=versioned, Key="key", Body=b"one")["VersionId"]
    two = s3.put_object(Bucket=versioned, Key="key", Body=b"two")["VersionId"]
    assert one != two
    assert "null" not in (one, two)
    assert read(s3, versioned, "key") == b"two"
    assert read(s3, versioned, "key", VersionId=one) == b"one"


def test_null_versions(s3: Client, versioned: str) -> None:
    """A suspended bucket overwrites the null version, and only that one."""
    kept = s3.put_object(Bucket=versioned, Key="key", Body=b"kept")["VersionId"]
    s3.put_bucket_versioning(Bucket=versioned, VersioningConfiguration={"Status": "Suspended"})
    for body in (b"one", b"two"):
        assert "VersionId" not in s3.put_object(Bucket=versioned, Key="key", Body=body)
    found = s3.list_object_versions(Bucket=versioned)["Versions"]
    assert [(one["VersionId"], one["IsLatest"]) for one in found] == [
        ("null", True),
        (kept, False),
    ]
    assert read(s3, versioned, "key", VersionId="null") == b"two"
