"""PutPublicAccessBlock, GetPublicAccessBlock, DeletePublicAccessBlock, and each of the switches.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.s3.access import ALL_USERS, allow, allowed, canonical_id, deny, grants, put_policy
from tests.s3.expect import read, refused, status, upload
from tests.s3.store import Client, Store

pytest_plugins = ["tests.s3.accounts"]

SWITCHES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
PUBLIC: list[dict[str, str]] = [
    {"ACL": "public-read"},
    {"ACL": "public-read-write"},
    {"ACL": "authenticated-read"},
    {"GrantRead": f"uri={ALL_USERS}"},
    {"GrantFullControl": f'uri="{ALL_USERS}"'},
]


def set_block(client: Client, bucket: str, *on: str) -> None:
    """These switches on, the others off."""
    switches = {name: name in on for name in SWITCHES}
    client.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=switches)


@contextmanager
def all_but(client: Client, bucket: str, switch: str) -> Iterator[None]:
    """With the three other switches on."""
    set_block(client, bucket, *(name for name in SWITCHES if name != switch))
    yield
    client.delete_public_access_block(Bucket=bucket)


# -- the configuration ------------------------------------------------------------------------


def test_life(s3: Client, bucket: str) -> None:
    named = {"Bucket": bucket}
    with refused("NoSuchPublicAccessBlockConfiguration", 404) as caught:
        s3.get_public_access_block(**named)
    assert caught.response["Error"]["BucketName"] == bucket
    for on in (SWITCHES, (), *((one,) for one in SWITCHES)):
        switches = {name: name in on for name in SWITCHES}
        answer = s3.put_public_access_block(**named, PublicAccessBlockConfiguration=switches)
        assert status(answer) == 200
        found = s3.get_public_access_block(**named)["PublicAccessBlockConfiguration"]
        assert found == switches
    for _ in range(2):
        assert status(s3.delete_public_access_block(**named)) == 204
        with refused("NoSuchPublicAccessBlockConfiguration", 404):
            s3.get_public_access_block(**named)


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_that_is_not_named_is_off(s3: Client, bucket: str, switch: str) -> None:
    set_block(s3, bucket, *SWITCHES)
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={switch: True})
    found = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert found == {name: name == switch for name in SWITCHES}


BLOCK = b"<PublicAccessBlockConfiguration>%s</PublicAccessBlockConfiguration>"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MissingRequestBodyError"),
        (b"<PublicAccessBlockConfiguration>", "MalformedXML"),
        (b"<BlockPublicAcls>true</BlockPublicAcls>", "MalformedXML"),
        (BLOCK % b"<BlockPublicAcls>yes</BlockPublicAcls>", "MalformedXML"),
        (BLOCK % b"<BlockAll>true</BlockAll>", "MalformedXML"),
        (b"{}", "MalformedXML"),
    ],
)
def test_bad_documents(store: Store, s3: Client, bucket: str, body: bytes, code: str) -> None:
    set_block(s3, bucket, "IgnorePublicAcls")
    answer = store.send("PUT", f"/{bucket}", query={"publicAccessBlock": ""}, body=body)
    assert (answer.status, answer.error()) == (400, code)
    found = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert found["IgnorePublicAcls"]


# -- BlockPublicAcls --------------------------------------------------------------------------


@pytest.mark.parametrize("acl", PUBLIC)
def test_public_acls_are_refused(owner: Client, owned: str, acl: dict[str, str]) -> None:
    """Wherever a request has one; nothing is made by it."""
    at = {"Bucket": owned, "Key": "key"}
    owner.put_object(**at, Body=b"mine")

    def given() -> list[bool]:
        new = {"Bucket": owned, "Key": "new"}
        return [
            allowed(owner.put_bucket_acl, Bucket=owned, **acl),
            allowed(owner.put_object_acl, **at, **acl),
            allowed(owner.put_object, **new, Body=b"x", **acl),
            allowed(owner.copy_object, **new, CopySource=at, **acl),
            allowed(owner.create_multipart_upload, **new, **acl),
        ]

    set_block(owner, owned, "BlockPublicAcls")
    assert given() == [False] * 5
    mine = {(canonical_id(owner), "FULL_CONTROL")}
    assert grants(owner.get_bucket_acl(Bucket=owned)) == mine
    assert grants(owner.get_object_acl(**at)) == mine
    assert "Uploads" not in owner.list_multipart_uploads(Bucket=owned)
    with refused("NoSuchKey", 404):
        owner.get_object(Bucket=owned, Key="new")
    with all_but(owner, owned, "BlockPublicAcls"):
        assert given() == [True] * 5


def test_acls_that_are_not_public(owner: Client, other: Client, owned: str) -> None:
    set_block(owner, owned, *SWITCHES)
    grantee = f"id={canonical_id(other)}"
    at = {"Bucket": owned, "Key": "key"}
    owner.put_bucket_acl(Bucket=owned, GrantRead=grantee)
    for acl in ({}, {"ACL": "private"}, {"ACL": "bucket-owner-read"}, {"GrantRead": grantee}):
        owner.put_object(**at, Body=b"mine", **acl)
    assert read(other, owned, "key") == b"mine"
    assert allowed(other.list_objects_v2, Bucket=owned)


def test_public_acls_of_before_still_count(owner: Client, anonymous: Client, owned: str) -> None:
    owner.put_bucket_acl(Bucket=owned, ACL="public-read")
    owner.put_object(Bucket=owned, Key="key", Body=b"mine", ACL="public-read")
    upload_id = owner.create_multipart_upload(Bucket=owned, Key="begun", ACL="public-read")[
        "UploadId"
    ]
    named = {"Bucket": owned, "Key": "begun", "UploadId": upload_id}
    with all_but(owner, owned, "IgnorePublicAcls"):
        etag = owner.upload_part(**named, PartNumber=1, Body=b"begun")["ETag"]
        parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
        owner.complete_multipart_upload(**named, MultipartUpload=parts)
        assert read(anonymous, owned, "key") == b"mine"
        assert read(anonymous, owned, "begun") == b"begun"
        assert allowed(anonymous.list_objects_v2, Bucket=owned)


# -- IgnorePublicAcls -------------------------------------------------------------------------


def test_public_acls_are_ignored(
    owner: Client, other: Client, anonymous: Client, owned: str
) -> None:
    """They can be put, and are shown, and come back with the switch."""
    at = {"Bucket": owned, "Key": "key"}

    def seen(who: Client) -> list[bool]:
        return [
            allowed(who.list_objects_v2, Bucket=owned),
            allowed(who.get_object, **at),
            allowed(who.put_object, Bucket=owned, Key="new", Body=b"x"),
        ]

    set_block(owner, owned, "IgnorePublicAcls")
    owner.put_bucket_acl(Bucket=owned, ACL="public-read-write")
    upload(owner, owned, "key", b"mine", ACL="public-read")
    assert seen(other) == seen(anonymous) == [False, False, False]
    assert seen(owner) == [True, True, True]
    assert (ALL_USERS, "READ") in grants(owner.get_object_acl(**at))
    assert (ALL_USERS, "WRITE") in grants(owner.get_bucket_acl(Bucket=owned))
    owner.put_object_acl(**at, GrantRead=f'uri="{ALL_USERS}",id={canonical_id(other)}')
    assert seen(other) == [False, True, False], "what is granted to one account still counts"
    assert seen(anonymous) == [False, False, False]
    with all_but(owner, owned, "IgnorePublicAcls"):
        assert seen(other) == seen(anonymous) == [True, True, True]


# -- BlockPublicPolicy ------------------------------------------------------------------------


def test_public_policies_are_refused(owner: Client, other: Client, owned: str) -> None:
    public = allow(owned, "s3:GetObject")
    some = [
        allow(owned, "s3:GetObject", Principal={"AWS": canonical_id(other)}),
        deny(owned, "s3:DeleteObject"),
        allow(owned, "s3:ListBucket", Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}),
    ]
    set_block(owner, owned, "BlockPublicPolicy")
    with refused("AccessDenied", 403):
        put_policy(owner, owned, public)
    put_policy(owner, owned, *some)
    with refused("AccessDenied", 403):
        put_policy(owner, owned, *some, public)
    assert public["Action"][0] in owner.get_bucket_policy(Bucket=owned)["Policy"]
    assert not owner.get_bucket_policy_status(Bucket=owned)["PolicyStatus"]["IsPublic"]
    with all_but(owner, owned, "BlockPublicPolicy"):
        put_policy(owner, owned, *some, public)
        assert owner.get_bucket_policy_status(Bucket=owned)["PolicyStatus"]["IsPublic"]


def test_a_public_policy_of_before_still_counts(
    owner: Client, anonymous: Client, owned: str
) -> None:
    owner.put_object(Bucket=owned, Key="key", Body=b"mine")
    put_policy(owner, owned, allow(owned, "s3:GetObject"))
    with all_but(owner, owned, "RestrictPublicBuckets"):
        assert read(anonymous, owned, "key") == b"mine"


# -- RestrictPublicBuckets --------------------------------------------------------------------


def test_a_public_policy_is_restricted(
    owner: Client, other: Client, anonymous: Client, owned: str
) -> None:
    """To the owner: others have nothing by it, even those whom it names."""
    at = {"Bucket": owned, "Key": "key"}
    owner.put_object(**at, Body=b"mine")
    naming = allow(owned, "s3:GetObject", Principal={"AWS": canonical_id(other)})
    put_policy(owner, owned, naming, allow(owned, "s3:GetObject"))
    with all_but(owner, owned, "RestrictPublicBuckets"):
        assert allowed(other.get_object, **at)
        assert allowed(anonymous.get_object, **at)
    set_block(owner, owned, "RestrictPublicBuckets")
    assert not allowed(other.get_object, **at)
    assert not allowed(anonymous.get_object, **at)
    assert allowed(owner.get_object, **at)
    put_policy(owner, owned, naming)
    assert allowed(other.get_object, **at), "it is not public any more"
    assert not allowed(anonymous.get_object, **at)


def test_denials_of_a_restricted_policy_hold(owner: Client, other: Client, owned: str) -> None:
    at = {"Bucket": owned, "Key": "key"}
    owner.put_object(**at, Body=b"mine", GrantRead=f"id={canonical_id(other)}")
    set_block(owner, owned, "RestrictPublicBuckets")
    put_policy(owner, owned, allow(owned, "s3:GetObject"), deny(owned, "s3:PutObject"))
    assert not allowed(owner.put_object, **at, Body=b"x")


# -- all of them ------------------------------------------------------------------------------


@pytest.mark.parametrize("public", ["acl", "policy", "nothing"])
def test_status(s3: Client, bucket: str, public: str) -> None:
    """A bucket is public by its ACL, too."""
    if public == "acl":
        s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    elif public == "policy":
        put_policy(s3, bucket, allow(bucket, "s3:GetObject"))
    found = s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]
    assert found == {"IsPublic": public != "nothing"}


def test_a_change_counts_at_once(store: Store, s3: Client, bucket: str) -> None:
    """On each of the server's processes."""
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    for on, answered in (((), 200), (("IgnorePublicAcls",), 403)) * 2:
        set_block(s3, bucket, *on)
        assert {store.plain("GET", f"/{bucket}").status for _ in range(12)} == {answered}
