"""Presigned URLs of both signature versions.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
"""

import time
from typing import Any

import pytest

from tests.s3.expect import checksum, data, md5, read
from tests.s3.store import Answer, Client, Store

VERSIONS = ["s3", "s3v4"]


@pytest.fixture(params=VERSIONS)
def signer(store: Store, request: pytest.FixtureRequest) -> Client:
    """A client that signs URLs with one of the versions."""
    return store.client(signature_version=request.param)


def fetch(store: Store, method: str, url: str, body: bytes = b"", **headers: str) -> Answer:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if method == "PUT":
        sent.setdefault("Content-Length", str(len(body)))
    return store.plain(method, url, headers=sent, body=body)


@pytest.mark.parametrize("key", ["key", "a b/ü+%~", "//x", "a?b=c"])
def test_life(store: Store, signer: Client, bucket: str, key: str) -> None:
    named = {"Bucket": bucket, "Key": key}
    url = signer.generate_presigned_url("put_object", named)
    body = data(200_000)
    assert fetch(store, "PUT", url, body).headers["etag"] == md5(body)
    url = signer.generate_presigned_url("get_object", named)
    assert fetch(store, "GET", url).body == body
    ranged = fetch(store, "GET", url, Range="bytes=5-9")
    assert (ranged.status, ranged.body) == (206, body[5:10])
    url = signer.generate_presigned_url("head_object", named)
    assert fetch(store, "HEAD", url).headers["content-length"] == str(len(body))
    url = signer.generate_presigned_url("delete_object", named)
    assert fetch(store, "DELETE", url).status == 204


def test_overrides(store: Store, s3: Client, signer: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"abc")
    url = signer.generate_presigned_url(
        "get_object",
        {
            "Bucket": bucket,
            "Key": "key",
            "ResponseContentType": "text/css",
            "ResponseContentDisposition": 'attachment; filename="ü.css"',
        },
    )
    answer = fetch(store, "GET", url)
    assert answer.headers["content-type"] == "text/css"
    assert answer.headers["content-disposition"] == 'attachment; filename="ü.css"'


def test_versions(store: Store, s3: Client, signer: Client, versioned: str) -> None:
    old = s3.put_object(Bucket=versioned, Key="key", Body=b"old")["VersionId"]
    s3.put_object(Bucket=versioned, Key="key", Body=b"new")
    named = {"Bucket": versioned, "Key": "key", "VersionId": old}
    assert fetch(store, "GET", signer.generate_presigned_url("get_object", named)).body == b"old"


def test_listing(store: Store, s3: Client, signer: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a b", Body=b"x")
    asked = {"Bucket": bucket, "Prefix": "a ", "Delimiter": "/"}
    url = signer.generate_presigned_url("list_objects", asked)
    assert b"<Key>a%20b</Key>" in fetch(store, "GET", url).body.replace(b" b<", b"%20b<")


def test_parts(store: Store, s3: Client, signer: Client, bucket: str) -> None:
    named: dict[str, Any] = {"Bucket": bucket, "Key": "key"}
    named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]
    url = signer.generate_presigned_url("upload_part", {**named, "PartNumber": 1})
    etag = fetch(store, "PUT", url, b"abc").headers["etag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    s3.complete_multipart_upload(**named, MultipartUpload=parts)
    assert read(s3, bucket, "key") == b"abc"


def test_expired(store: Store, s3: Client, signer: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"abc")
    named = {"Bucket": bucket, "Key": "key"}
    for _ in range(3):  # a second may pass before it is asked for, but hardly each time
        url = signer.generate_presigned_url("get_object", named, ExpiresIn=1)
        body = fetch(store, "GET", url).body
        if body == b"abc":
            break
    assert body == b"abc"
    time.sleep(2.1)
    answer = fetch(store, "GET", url)
    assert (answer.status, answer.error()) == (403, "AccessDenied")


def test_changed(store: Store, s3: Client, signer: Client, bucket: str) -> None:
    """A URL is good for one method and one key."""
    for key in ("key", "key2"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"abc")
    url = signer.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "key"})
    for method, changed in (
        ("GET", url.replace("/key?", "/key2?")),
        ("DELETE", url),
        ("PUT", url),
        ("GET", f"{url}&versionId=null"),
        ("GET", url.replace("Signature=", "Signature=0")),
    ):
        answer = fetch(store, method, changed)
        assert (answer.status, answer.error()) == (403, "SignatureDoesNotMatch")
    assert fetch(store, "GET", url).body == b"abc"


def test_nothing_is_added(store: Store, s3: Client, signer: Client, bucket: str) -> None:
    """A URL for one upload copies nothing else and says nothing else of what it stores."""
    s3.put_object(Bucket=bucket, Key="secret", Body=b"secret")
    url = signer.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "key"})
    assert fetch(store, "PUT", url, b"mine").status == 200
    path, _, query = url.partition("?")
    for name in ("copy-source", "tagging", "meta-a", "storage-class"):
        for prefix in ("x-amz-", "X-Amz-"):
            added = f"{prefix}{name}={bucket}%2Fsecret"
            for changed in (f"{url}&{added}", f"{path}?{added}&{query}"):
                answer = fetch(store, "PUT", changed, b"mine")
                assert (answer.status, answer.error()) == (403, "SignatureDoesNotMatch")
    found = s3.get_object(Bucket=bucket, Key="key")
    assert (found["Body"].read(), found["Metadata"]) == (b"mine", {})
    assert "TagCount" not in found


def test_signed_headers(store: Store, bucket: str) -> None:
    signer = store.client(signature_version="s3v4")
    named = {"Bucket": bucket, "Key": "key", "ContentType": "text/css", "Metadata": {"a": "1"}}
    url = signer.generate_presigned_url("put_object", named)
    sent = {"Content_Type": "text/css", "x_amz_meta_a": "1"}
    assert fetch(store, "PUT", url, b"x", **{**sent, "x_amz_meta_a": "2"}).status == 403
    assert fetch(store, "PUT", url, b"x", **sent).status == 200
    extra = {**sent, "x_amz_meta_b": "2"}
    refused = fetch(store, "PUT", url, b"x", **extra)
    assert (refused.status, refused.error()) == (403, "AccessDenied")


def test_a_checksum(store: Store, s3: Client, bucket: str) -> None:
    signer = store.client(signature_version="s3v4")
    named = {"Bucket": bucket, "Key": "key", "ChecksumSHA256": checksum("SHA256", b"abc")}
    url = signer.generate_presigned_url("put_object", named)
    value = checksum("SHA256", b"abc")
    assert fetch(store, "PUT", url, b"other", x_amz_checksum_sha256=value).status == 400
    assert fetch(store, "PUT", url, b"abc", x_amz_checksum_sha256=value).status == 200
    assert read(s3, bucket, "key") == b"abc"


def test_a_checksum_in_the_query_is_not_of_the_body(store: Store, s3: Client, bucket: str) -> None:
    """The SDK for JavaScript signs the one of no bytes into URLs to put to, and S3 ignores it."""
    signer = store.client(signature_version="s3v4")

    def add(request: Any, **_: Any) -> None:
        request.params |= {
            "x-amz-checksum-crc32": "AAAAAA==",
            "x-amz-sdk-checksum-algorithm": "CRC32",
        }

    signer.meta.events.register("before-sign.s3.PutObject", add)
    url = signer.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "key"})
    assert "x-amz-checksum-crc32=AAAAAA" in url
    assert fetch(store, "PUT", url, b"abc").status == 200
    assert read(s3, bucket, "key") == b"abc"
    wrong = {"x_amz_checksum_crc32": checksum("CRC32", b"other")}
    assert fetch(store, "PUT", url, b"abc", **wrong).status == 403, "a header must be signed"
