"""Every operation asks for its right: who is granted nothing, the owner, and by names of actions.

Each request is one that would succeed if its owner sent it.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.s3.access import allow, deny, policy, put_policy
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
    """A request to a bucket with an object `key` and an upload of it; what it needs to be allowed.

    BUCKET in headers and body stands for the name of the bucket.
    """

    actions: str
    method: str
    key: str = ""
    query: str = ""
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def needed(self) -> list[str]:
        """The names of the actions."""
        return [f"s3:{name}" for name in self.actions.split()]

    def send(self, store: Store, bucket: str, upload_id: str, **options: Any) -> Answer:
        query = dict(pair.partition("=")[::2] for pair in self.query.split("&") if pair)
        if "uploadId" in query:
            query["uploadId"] = upload_id
        headers = {name: value.replace("BUCKET", bucket) for name, value in self.headers}
        body = self.body.replace(b"BUCKET", bucket.encode())
        if body.startswith(b"<"):
            headers["Content-MD5"] = md5_header(body)
        headers |= options.pop("headers", {})
        path = f"/{bucket}/{self.key}" if self.key else f"/{bucket}"
        return store.send(self.method, path, query=query, body=body, headers=headers, **options)


BLOCK = (
    b"<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>"
    b"</PublicAccessBlockConfiguration>"
)
OWNERSHIP = (
    b"<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule>"
    b"</OwnershipControls>"
)
POLICY = policy(allow("BUCKET", "s3:DeleteBucketWebsite")).encode()
COPY = (("x-amz-copy-source", "BUCKET/key"),)
PRIVATE = (("x-amz-acl", "private"),)
TAGGED = (("x-amz-tagging", "a=b"),)
REQUESTS = {
    "HeadBucket": Request("ListBucket", "HEAD"),
    "GetBucketLocation": Request("GetBucketLocation", "GET", query="location"),
    "GetBucketVersioning": Request("GetBucketVersioning", "GET", query="versioning"),
    "PutBucketVersioning": Request(
        "PutBucketVersioning", "PUT", query="versioning", body=VERSIONING
    ),
    "GetBucketRequestPayment": Request("GetBucketRequestPayment", "GET", query="requestPayment"),
    "GetBucketAccelerateConfiguration": Request(
        "GetAccelerateConfiguration", "GET", query="accelerate"
    ),
    "GetBucketCors": Request("GetBucketCORS", "GET", query="cors"),
    "PutBucketCors": Request("PutBucketCORS", "PUT", query="cors", body=CORS),
    "DeleteBucketCors": Request("PutBucketCORS", "DELETE", query="cors"),
    "GetBucketTagging": Request("GetBucketTagging", "GET", query="tagging"),
    "PutBucketTagging": Request("PutBucketTagging", "PUT", query="tagging", body=TAGS),
    "DeleteBucketTagging": Request("PutBucketTagging", "DELETE", query="tagging"),
    "GetBucketAcl": Request("GetBucketAcl", "GET", query="acl"),
    "PutBucketAcl": Request("PutBucketAcl", "PUT", query="acl", headers=PRIVATE),
    "GetBucketPolicyStatus": Request("GetBucketPolicyStatus", "GET", query="policyStatus"),
    "GetPublicAccessBlock": Request("GetBucketPublicAccessBlock", "GET", query="publicAccessBlock"),
    "PutPublicAccessBlock": Request(
        "PutBucketPublicAccessBlock", "PUT", query="publicAccessBlock", body=BLOCK
    ),
    "DeletePublicAccessBlock": Request(
        "PutBucketPublicAccessBlock", "DELETE", query="publicAccessBlock"
    ),
    "GetBucketOwnershipControls": Request(
        "GetBucketOwnershipControls", "GET", query="ownershipControls"
    ),
    "PutBucketOwnershipControls": Request(
        "PutBucketOwnershipControls", "PUT", query="ownershipControls", body=OWNERSHIP
    ),
    "DeleteBucketOwnershipControls": Request(
        "PutBucketOwnershipControls", "DELETE", query="ownershipControls"
    ),
    "ListObjects": Request("ListBucket", "GET"),
    "ListObjectsV2": Request("ListBucket", "GET", query="list-type=2"),
    "ListObjectVersions": Request("ListBucketVersions", "GET", query="versions"),
    "ListMultipartUploads": Request("ListBucketMultipartUploads", "GET", query="uploads"),
    "DeleteObjects": Request("DeleteObject", "POST", query="delete", body=DELETE),
    "PutObject": Request("PutObject", "PUT", "key", body=b"theirs"),
    "PutObject, tagged": Request(
        "PutObject PutObjectTagging", "PUT", "key", body=b"theirs", headers=TAGGED
    ),
    "GetObject": Request("GetObject", "GET", "key"),
    "GetObjectVersion": Request("GetObjectVersion", "GET", "key", "versionId=null"),
    "HeadObject": Request("GetObject", "HEAD", "key"),
    "HeadObjectVersion": Request("GetObjectVersion", "HEAD", "key", "versionId=null"),
    "GetObjectAttributes": Request(
        "GetObject GetObjectAttributes",
        "GET",
        "key",
        "attributes",
        headers=(("x-amz-object-attributes", "ETag"),),
    ),
    "GetObjectVersionAttributes": Request(
        "GetObjectVersion GetObjectVersionAttributes",
        "GET",
        "key",
        "attributes&versionId=null",
        headers=(("x-amz-object-attributes", "ETag"),),
    ),
    "GetObjectTagging": Request("GetObjectTagging", "GET", "key", "tagging"),
    "GetObjectVersionTagging": Request(
        "GetObjectVersionTagging", "GET", "key", "tagging&versionId=null"
    ),
    "PutObjectTagging": Request("PutObjectTagging", "PUT", "key", "tagging", TAGS),
    "PutObjectVersionTagging": Request(
        "PutObjectVersionTagging", "PUT", "key", "tagging&versionId=null", TAGS
    ),
    "DeleteObjectTagging": Request("DeleteObjectTagging", "DELETE", "key", "tagging"),
    "DeleteObjectVersionTagging": Request(
        "DeleteObjectVersionTagging", "DELETE", "key", "tagging&versionId=null"
    ),
    "GetObjectAcl": Request("GetObjectAcl", "GET", "key", "acl"),
    "GetObjectVersionAcl": Request("GetObjectVersionAcl", "GET", "key", "acl&versionId=null"),
    "PutObjectAcl": Request("PutObjectAcl", "PUT", "key", "acl", headers=PRIVATE),
    "PutObjectVersionAcl": Request(
        "PutObjectVersionAcl", "PUT", "key", "acl&versionId=null", headers=PRIVATE
    ),
    "CopyObject": Request("GetObject PutObject", "PUT", "copy", headers=COPY),
    "CreateMultipartUpload": Request("PutObject", "POST", "new", "uploads"),
    "CreateMultipartUpload, tagged": Request(
        "PutObject PutObjectTagging", "POST", "new", "uploads", headers=TAGGED
    ),
    "UploadPart": Request("PutObject", "PUT", "key", "uploadId=&partNumber=1", b"theirs"),
    "UploadPartCopy": Request(
        "GetObject PutObject", "PUT", "key", "uploadId=&partNumber=1", headers=COPY
    ),
    "ListParts": Request("ListMultipartUploadParts", "GET", "key", "uploadId="),
    "CompleteMultipartUpload": Request(
        "PutObject", "POST", "key", "uploadId=", b"<CompleteMultipartUpload/>"
    ),
    "AbortMultipartUpload": Request("AbortMultipartUpload", "DELETE", "key", "uploadId="),
    "DeleteObject": Request("DeleteObject", "DELETE", "key"),
    "DeleteObjectVersion": Request("DeleteObjectVersion", "DELETE", "key", "versionId=null"),
    "DeleteBucket": Request("DeleteBucket", "DELETE"),
    "GetBucketPolicy": Request("GetBucketPolicy", "GET", query="policy"),
    "PutBucketPolicy": Request("PutBucketPolicy", "PUT", query="policy", body=POLICY),
    "DeleteBucketPolicy": Request("DeleteBucketPolicy", "DELETE", query="policy"),
}
NAMES = sorted(REQUESTS)
ON_POLICIES = [name for name in NAMES if name.endswith("BucketPolicy")]
OTHERS = [name for name in NAMES if name not in ON_POLICIES]


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
        (s3.get_bucket_policy, "NoSuchBucketPolicy"),
        (s3.get_public_access_block, "NoSuchPublicAccessBlockConfiguration"),
        (s3.get_bucket_ownership_controls, "OwnershipControlsNotFoundError"),
    ):
        with refused(code, 404):
            call(Bucket=bucket)


def check_denied(answer: Answer, method: str, *, within: int = 403) -> None:
    """`within` is the status that may tell of the denial in its body, as DeleteObjects does."""
    assert answer.status in {403, within}, answer
    if method != "HEAD":
        assert b"<Code>AccessDenied</Code>" in answer.body, answer
        assert b"mine" not in answer.body


def check_not_denied(answer: Answer) -> None:
    assert answer.status not in (401, 403, 405, 500, 501), answer
    assert b"AccessDenied" not in answer.body


@pytest.mark.parametrize("operation", NAMES)
def test_another_account(store: Store, other_pair: Pair, held: Held, operation: str) -> None:
    request = REQUESTS[operation]
    check_denied(request.send(store, *held, pair=other_pair), request.method)


@pytest.mark.parametrize("operation", NAMES)
def test_nobody(store: Store, held: Held, operation: str) -> None:
    request = REQUESTS[operation]
    check_denied(request.send(store.unsigned(), *held), request.method)


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
    check_not_denied(answer)


@pytest.mark.parametrize("operation", OTHERS)
def test_just_what_is_allowed(
    store: Store, s3: Client, other_pair: Pair, bucket: str, operation: str
) -> None:
    """With all actions but one that it needs it is denied, with just those it needs it is not."""
    request, held = REQUESTS[operation], Held.made(s3, bucket)
    for action in request.needed:
        put_policy(s3, bucket, allow(bucket, Action=None, NotAction=action))
        check_denied(request.send(store, *held, pair=other_pair), request.method, within=200)
    put_policy(s3, bucket, allow(bucket, *request.needed))
    check_not_denied(request.send(store, *held, pair=other_pair))


@pytest.mark.parametrize("operation", OTHERS)
def test_a_denial_outweighs(store: Store, s3: Client, bucket: str, operation: str) -> None:
    """Of any action that it needs; even of the main account."""
    request, held = REQUESTS[operation], Held.made(s3, bucket)
    for action in request.needed:
        put_policy(s3, bucket, allow(bucket, "s3:*"), deny(bucket, action))
        check_denied(request.send(store, *held), request.method, within=200)
    s3.delete_bucket_policy(Bucket=bucket)


@pytest.mark.parametrize("operation", ON_POLICIES)
def test_a_policy_is_its_owner_s(
    store: Store, s3: Client, other_pair: Pair, bucket: str, operation: str
) -> None:
    """Whatever it allows others, and whatever it denies its owner."""
    request, held = REQUESTS[operation], Held.made(s3, bucket)
    put_policy(s3, bucket, allow(bucket, "s3:*"))
    before = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    answer = request.send(store, *held, pair=other_pair)
    assert (answer.status, answer.error()) == (405, "MethodNotAllowed")
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == before
    put_policy(s3, bucket, deny(bucket, *request.needed))
    assert request.send(store, *held).status in {200, 204}


def test_a_bucket_that_is_not_there(store: Store, other_pair: Pair, name: str) -> None:
    """Names of buckets are everybody's to know, as on AWS."""
    for answer in (
        store.plain("GET", f"/{name}/key"),
        store.send("GET", f"/{name}/key", pair=other_pair),
    ):
        assert (answer.status, answer.error()) == (404, "NoSuchBucket")


def test_listing_buckets_unsigned(store: Store) -> None:
    check_denied(store.plain("GET", "/"), "GET")


def test_creating_buckets_unsigned(store: Store, s3: Client, name: str) -> None:
    check_denied(store.plain("PUT", f"/{name}", headers={"Content-Length": "0"}), "PUT")
    with refused("404", 404):
        s3.head_bucket(Bucket=name)
