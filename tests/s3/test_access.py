"""Nobody but a bucket's owner may do anything in it: every operation, by who and by what is said.

Each request is one that would succeed if its owner sent it.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.s3.expect import keys, md5_header, read, refused
from tests.s3.store import Answer, Client, Pair, Store

DELETE = b"<Delete><Object><Key>key</Key></Object></Delete>"
TAGS = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
CORS = (
    b"<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin>"
    b"<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"
)
VERSIONING = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"


class Request(NamedTuple):
    """A request to a bucket with an object `key` and an upload of it."""

    method: str
    key: str = ""
    query: str = ""
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def send(self, store: Store, bucket: str, upload_id: str, **options: Any) -> Answer:
        query = dict(pair.partition("=")[::2] for pair in self.query.split("&") if pair)
        if "uploadId" in query:
            query["uploadId"] = upload_id
        headers = {name: value.replace("BUCKET", bucket) for name, value in self.headers}
        if self.body.startswith(b"<"):
            headers["Content-MD5"] = md5_header(self.body)
        headers |= options.pop("headers", {})
        path = f"/{bucket}/{self.key}" if self.key else f"/{bucket}"
        return store.send(
            self.method, path, query=query, body=self.body, headers=headers, **options
        )


COPY = (("x-amz-copy-source", "BUCKET/key"),)
REQUESTS = {
    "HeadBucket": Request("HEAD"),
    "GetBucketLocation": Request("GET", query="location"),
    "GetBucketVersioning": Request("GET", query="versioning"),
    "PutBucketVersioning": Request("PUT", query="versioning", body=VERSIONING),
    "GetBucketRequestPayment": Request("GET", query="requestPayment"),
    "GetBucketAccelerateConfiguration": Request("GET", query="accelerate"),
    "GetBucketCors": Request("GET", query="cors"),
    "PutBucketCors": Request("PUT", query="cors", body=CORS),
    "DeleteBucketCors": Request("DELETE", query="cors"),
    "GetBucketTagging": Request("GET", query="tagging"),
    "PutBucketTagging": Request("PUT", query="tagging", body=TAGS),
    "DeleteBucketTagging": Request("DELETE", query="tagging"),
    "ListObjects": Request("GET"),
    "ListObjectsV2": Request("GET", query="list-type=2"),
    "ListObjectVersions": Request("GET", query="versions"),
    "ListMultipartUploads": Request("GET", query="uploads"),
    "DeleteObjects": Request("POST", query="delete", body=DELETE),
    "PutObject": Request("PUT", "key", body=b"theirs"),
    "GetObject": Request("GET", "key"),
    "GetObjectVersion": Request("GET", "key", "versionId=null"),
    "HeadObject": Request("HEAD", "key"),
    "GetObjectAttributes": Request(
        "GET", "key", "attributes", headers=(("x-amz-object-attributes", "ETag"),)
    ),
    "GetObjectTagging": Request("GET", "key", "tagging"),
    "PutObjectTagging": Request("PUT", "key", "tagging", TAGS),
    "DeleteObjectTagging": Request("DELETE", "key", "tagging"),
    "CopyObject": Request("PUT", "copy", headers=COPY),
    "CreateMultipartUpload": Request("POST", "new", "uploads"),
    "UploadPart": Request("PUT", "key", "uploadId=&partNumber=1", b"theirs"),
    "UploadPartCopy": Request("PUT", "key", "uploadId=&partNumber=1", headers=COPY),
    "ListParts": Request("GET", "key", "uploadId="),
    "CompleteMultipartUpload": Request("POST", "key", "uploadId=", b"<CompleteMultipartUpload/>"),
    "AbortMultipartUpload": Request("DELETE", "key", "uploadId="),
    "DeleteObject": Request("DELETE", "key"),
    "DeleteObjectVersion": Request("DELETE", "key", "versionId=null"),
    "DeleteBucket": Request("DELETE"),
}
NAMES = sorted(REQUESTS)


class Held(NamedTuple):
    """A bucket with an object `key`, and an upload of the same key."""

    bucket: str
    upload_id: str

    @classmethod
    def made(cls, s3: Client, bucket: str) -> "Held":
        s3.put_object(Bucket=bucket, Key="key", Body=b"mine")
        return cls(bucket, s3.create_multipart_upload(Bucket=bucket, Key="key")["UploadId"])


@pytest.fixture(scope="module")
def held(s3: Client, shared: str) -> Iterator[Held]:
    """What all refused requests want to get at; it is untouched after them."""
    made = Held.made(s3, shared)
    yield made
    check_untouched(s3, made)


def check_untouched(s3: Client, held: Held) -> None:
    bucket = held.bucket
    assert keys(s3.list_objects_v2(Bucket=bucket)) == ["key"]
    assert read(s3, bucket, "key") == b"mine"
    assert s3.get_object_tagging(Bucket=bucket, Key="key")["TagSet"] == []
    uploads = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [one["UploadId"] for one in uploads] == [held.upload_id]
    assert "Parts" not in s3.list_parts(Bucket=bucket, Key="key", UploadId=held.upload_id)
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    for call, code in (
        (s3.get_bucket_tagging, "NoSuchTagSet"),
        (s3.get_bucket_cors, "NoSuchCORSConfiguration"),
    ):
        with refused(code, 404):
            call(Bucket=bucket)


def check_denied(answer: Answer, method: str) -> None:
    assert answer.status == 403, answer
    if method != "HEAD":
        assert answer.error() == "AccessDenied"
        assert b"mine" not in answer.body


@pytest.mark.parametrize("operation", NAMES)
def test_another_account(store: Store, other_pair: Pair, held: Held, operation: str) -> None:
    request = REQUESTS[operation]
    check_denied(request.send(store, *held, pair=other_pair), request.method)


@pytest.mark.parametrize("operation", NAMES)
def test_nobody(store: Store, held: Held, operation: str) -> None:
    """Unsigned requests, to a bucket that is there and to one that is not, are told the same."""
    request = REQUESTS[operation]
    unsigned = store.unsigned()
    check_denied(request.send(unsigned, *held), request.method)
    check_denied(request.send(unsigned, f"{held.bucket[:-3]}non", held.upload_id), request.method)


@pytest.mark.parametrize("operation", NAMES)
def test_another_expected_owner(store: Store, held: Held, operation: str) -> None:
    request = REQUESTS[operation]
    headers = {"x-amz-expected-bucket-owner": "1" * 64}
    check_denied(request.send(store, *held, headers=headers), request.method)


@pytest.mark.parametrize("operation", NAMES)
def test_the_owner(store: Store, s3: Client, bucket: str, operation: str) -> None:
    """The same requests are not denied to the owner, who may state so."""
    owner = s3.list_buckets()["Owner"]["ID"]
    headers = {"x-amz-expected-bucket-owner": owner}
    answer = REQUESTS[operation].send(store, *Held.made(s3, bucket), headers=headers)
    assert answer.status not in (401, 403, 405, 500, 501), answer


def test_listing_buckets_unsigned(store: Store) -> None:
    check_denied(store.plain("GET", "/"), "GET")


def test_creating_buckets_unsigned(store: Store, s3: Client, name: str) -> None:
    check_denied(store.plain("PUT", f"/{name}", headers={"Content-Length": "0"}), "PUT")
    with refused("404", 404):
        s3.head_bucket(Bucket=name)
