"""PutObjectAcl and GetObjectAcl, and what the ACL of an object lets others do.

`owner` has the bucket, `other` writes into it: without controls an object is its writer's.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.s3.access import (
    ACP,
    ALL_USERS,
    AUTHENTICATED,
    Grants,
    allowed,
    canonical_id,
    document,
    grant,
    grants,
    object_rights,
    one_grant,
    stated_by,
)
from tests.s3.expect import read, refused, upload
from tests.s3.store import Client, Store
from tests.s3.test_post_object import form

pytest_plugins = ["tests.s3.accounts"]

ALL = {"READ", *ACP}
OWNER = "the bucket's owner"

# To whom a canned ACL grants what beside the object's owner; what the bucket's owner, one more
# account and nobody then may.
CANNED: dict[str, tuple[Grants, set[str], set[str], set[str]]] = {
    "private": (set(), set(), set(), set()),
    "public-read": ({(ALL_USERS, "READ")}, {"READ"}, {"READ"}, {"READ"}),
    "public-read-write": (
        {(ALL_USERS, "READ"), (ALL_USERS, "WRITE")},
        {"READ"},
        {"READ"},
        {"READ"},
    ),
    "authenticated-read": ({(AUTHENTICATED, "READ")}, {"READ"}, {"READ"}, set()),
    "bucket-owner-read": ({(OWNER, "READ")}, {"READ"}, set(), set()),
    "bucket-owner-full-control": ({(OWNER, "FULL_CONTROL")}, ALL, set(), set()),
}


@pytest.fixture
def open_to_other(owner: Client, other: Client, owned: str) -> str:
    """A bucket of `owner` into which `other` may write."""
    owner.put_bucket_acl(Bucket=owned, GrantWrite=f"id={canonical_id(other)}")
    return owned


def put(client: Client, bucket: str, key: str, **acl: str) -> None:
    client.put_object(Bucket=bucket, Key=key, Body=b"mine", **acl)


def put_acl(client: Client, bucket: str, key: str, **acl: str) -> None:
    """What was granted before is gone."""
    put(client, bucket, key, ACL="public-read-write")
    client.put_object_acl(Bucket=bucket, Key=key, **acl)


def copy(client: Client, bucket: str, key: str, **acl: str) -> None:
    """The source's ACL does not come with it."""
    put(client, bucket, "source", ACL="public-read-write")
    source = {"Bucket": bucket, "Key": "source"}
    client.copy_object(Bucket=bucket, Key=key, CopySource=source, **acl)


def multipart(client: Client, bucket: str, key: str, **acl: str) -> None:
    upload(client, bucket, key, b"mine", **acl)


WAYS = [put, put_acl, copy, multipart]


def given(client: Client, **at: str) -> Grants:
    """What is granted to others than the client, who owns the object and has full control."""
    found = client.get_object_acl(**at)
    mine = (canonical_id(client), "FULL_CONTROL")
    assert found["Owner"]["ID"] == mine[0]
    assert mine in grants(found)
    return grants(found) - {mine}


@pytest.mark.parametrize("way", [put, copy, multipart])
def test_a_new_object_is_its_writer_s_alone(
    owner: Client,
    other: Client,
    anonymous: Client,
    open_to_other: str,
    way: Callable[..., None],
) -> None:
    way(other, open_to_other, "key")
    at = {"Bucket": open_to_other, "Key": "key"}
    assert given(other, **at) == set()
    assert other.get_object_acl(**at)["Owner"] == other.list_buckets()["Owner"]
    assert object_rights(other, other, **at) == ALL
    assert object_rights(other, owner, **at) == set()
    assert object_rights(other, anonymous, **at) == set()
    owner.delete_object(**at)  # which whoever pays for the bucket always may


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("canned", CANNED)
def test_canned(
    owner: Client,
    other: Client,
    third: Client,
    anonymous: Client,
    open_to_other: str,
    canned: str,
    way: Callable[..., None],
) -> None:
    granted, owners, thirds, nobodys = CANNED[canned]
    way(other, open_to_other, "key", ACL=canned)
    at = {"Bucket": open_to_other, "Key": "key"}
    ids = {OWNER: canonical_id(owner)}
    assert given(other, **at) == {(ids.get(who, who), may) for who, may in granted}
    assert object_rights(other, owner, **at) == owners
    assert object_rights(other, third, **at) == thirds
    assert object_rights(other, anonymous, **at) == nobodys
    assert object_rights(other, other, **at) == ALL


@pytest.mark.parametrize("canned", CANNED)
def test_canned_in_a_form(
    store: Store, s3: Client, anonymous: Client, bucket: str, canned: str
) -> None:
    presigned = s3.generate_presigned_post(
        bucket, "key", Fields={"acl": canned}, Conditions=[{"acl": canned}]
    )
    assert form(store, presigned, b"mine").status == 204
    at = {"Bucket": bucket, "Key": "key"}
    assert object_rights(s3, anonymous, **at) == CANNED[canned][3]


def test_an_acl_in_a_presigned_url(
    store: Store, s3: Client, anonymous: Client, bucket: str
) -> None:
    at = {"Bucket": bucket, "Key": "key"}
    signer = store.client(signature_version="s3v4")
    url = signer.generate_presigned_url("put_object", {**at, "ACL": "public-read"})
    sent = {"x-amz-acl": "public-read", "Content-Length": "4"}
    assert store.plain("PUT", url, headers=sent, body=b"mine").status == 200
    assert read(anonymous, bucket, "key") == b"mine"
    sent["x-amz-acl"] = "private"
    assert store.plain("PUT", url, headers=sent, body=b"else").status == 403


@pytest.mark.parametrize("way", WAYS)
def test_grants_in_headers(
    owner: Client,
    other: Client,
    third: Client,
    anonymous: Client,
    open_to_other: str,
    way: Callable[..., None],
) -> None:
    ids = canonical_id(owner), canonical_id(third)
    way(
        other,
        open_to_other,
        "key",
        GrantRead=f'id="{ids[0]}", uri="{AUTHENTICATED}"',
        GrantReadACP=f'uri="{ALL_USERS}"',
        GrantWriteACP=f"id={ids[1]}",
        GrantFullControl=f"id={ids[1]}",
    )
    at = {"Bucket": open_to_other, "Key": "key"}
    assert grants(owner.get_object_acl(**at)) == {
        (ids[0], "READ"),
        (AUTHENTICATED, "READ"),
        (ALL_USERS, "READ_ACP"),
        (ids[1], "WRITE_ACP"),
        (ids[1], "FULL_CONTROL"),
    }
    assert object_rights(third, owner, **at) == {"READ", "READ_ACP"}
    assert object_rights(third, third, **at) == ALL
    assert object_rights(third, anonymous, **at) == {"READ_ACP"}
    assert object_rights(third, other, **at) == ALL, "who wrote it still owns it"


@pytest.mark.parametrize("permission", ["READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"])
def test_a_grant_to_one_account(
    owner: Client, other: Client, third: Client, anonymous: Client, owned: str, permission: str
) -> None:
    at = {"Bucket": owned, "Key": "key"}
    put(owner, owned, "key")
    acl = document(owner.get_object_acl(**at))
    acl["Grants"].append(grant(permission, ID=canonical_id(other)))
    owner.put_object_acl(**at, AccessControlPolicy=acl)
    assert given(owner, **at) == {(canonical_id(other), permission)}
    meant = {"FULL_CONTROL": ALL, "WRITE": set()}.get(permission, {permission})
    assert object_rights(owner, other, **at) == meant
    assert not allowed(other.put_object, **at, Body=b"theirs"), "writing is the bucket's to allow"
    assert not allowed(other.delete_object, **at)
    assert object_rights(owner, third, **at) == set()
    assert object_rights(owner, anonymous, **at) == set()


def test_what_get_gives_can_be_put(store: Store, s3: Client, other: Client, bucket: str) -> None:
    """Byte for byte, by another client than the one that made it."""
    s3.put_object(
        Bucket=bucket,
        Key="key",
        Body=b"x",
        GrantRead=f"id={canonical_id(other)},uri={ALL_USERS}",
        GrantFullControl=f"id={canonical_id(s3)}",
    )
    path, query = f"/{bucket}/key", {"acl": ""}
    shown = store.send("GET", path, query=query)
    assert (shown.status, shown.headers["content-type"]) == (200, "application/xml")
    s3.put_object_acl(Bucket=bucket, Key="key", ACL="private")
    assert store.send("PUT", path, query=query, body=shown.body).status == 200
    assert given(s3, Bucket=bucket, Key="key") == {
        (canonical_id(other), "READ"),
        (ALL_USERS, "READ"),
    }
    assert store.send("GET", path, query=query).body == shown.body


def test_who_may_write_the_acl_does_not_own_the_object(
    owner: Client, other: Client, owned: str
) -> None:
    at = {"Bucket": owned, "Key": "key"}
    put(owner, owned, "key", GrantFullControl=f"id={canonical_id(other)}")
    theirs = {"Owner": {"ID": canonical_id(other)}, "Grants": []}
    with refused("AccessDenied", 403):
        other.put_object_acl(**at, AccessControlPolicy=theirs)
    other.put_object_acl(**at, ACL="public-read")
    assert given(owner, **at) == {(ALL_USERS, "READ")}
    assert not allowed(other.put_object_acl, **at, ACL="private")


def test_what_reading_an_object_means(
    owner: Client, other: Client, anonymous: Client, owned: str
) -> None:
    """In a bucket that nobody else may list: nothing is learned of what is not there."""
    owner.put_object(Bucket=owned, Key="key", Body=b"mine", ACL="public-read", Tagging="a=1")
    at = {"Bucket": owned, "Key": "key"}
    for who in (other, anonymous):
        assert read(who, owned, "key") == b"mine"
        assert who.head_object(**at)["ContentLength"] == 4
        for call in (who.get_object_tagging, who.delete_object_tagging, who.delete_object):
            assert not allowed(call, **at), call
        assert not allowed(who.get_object, Bucket=owned, Key="none")
        assert not allowed(who.list_objects_v2, Bucket=owned)
    target = {"Bucket": owned, "Key": "copy"}
    assert not allowed(other.copy_object, **target, CopySource=at)
    with refused("InvalidRequest", 400):  # as unsigned requests for other headers always are
        anonymous.get_object(**at, ResponseContentType="text/html")


def test_a_copy_needs_to_read_its_source(owner: Client, other: Client, open_to_other: str) -> None:
    put(owner, open_to_other, "source")
    source = {"Bucket": open_to_other, "Key": "source"}
    target = {"Bucket": open_to_other, "Key": "copy"}
    named = {**target, "UploadId": other.create_multipart_upload(**target)["UploadId"]}
    part = {**named, "PartNumber": 1, "CopySource": source}
    assert not allowed(other.copy_object, **target, CopySource=source)
    assert not allowed(other.upload_part_copy, **part)
    owner.put_object_acl(**source, GrantRead=f"id={canonical_id(other)}")
    other.copy_object(**target, CopySource=source)
    other.upload_part_copy(**part)
    assert read(other, open_to_other, "copy") == b"mine"
    assert not allowed(owner.get_object, **target), "the copy is whose it was to make it"


def test_overwriting_takes_back_what_was_granted(
    owner: Client, other: Client, anonymous: Client, open_to_other: str
) -> None:
    at = {"Bucket": open_to_other, "Key": "key"}
    put(owner, open_to_other, "key", ACL="public-read")
    assert read(anonymous, open_to_other, "key") == b"mine"
    put(other, open_to_other, "key")
    assert given(other, **at) == set()
    for who in (owner, anonymous):
        assert object_rights(other, who, **at) == set()


def test_versions(s3: Client, anonymous: Client, versioned: str) -> None:
    at = {"Bucket": versioned, "Key": "key"}
    old = {**at, "VersionId": s3.put_object(**at, Body=b"old", ACL="public-read")["VersionId"]}
    new = {**at, "VersionId": s3.put_object(**at, Body=b"new")["VersionId"]}
    assert given(s3, **old) == {(ALL_USERS, "READ")}
    assert given(s3, **new) == given(s3, **at) == set()
    assert read(anonymous, versioned, "key", VersionId=old["VersionId"]) == b"old"
    assert object_rights(s3, anonymous, **new) == object_rights(s3, anonymous, **at) == set()
    s3.put_object_acl(**old, ACL="authenticated-read")
    s3.put_object_acl(**at, ACL="public-read")
    assert given(s3, **old) == {(AUTHENTICATED, "READ")}
    assert given(s3, **new) == given(s3, **at) == {(ALL_USERS, "READ")}
    assert object_rights(s3, anonymous, **old) == set()
    marker = s3.delete_object(**at)["VersionId"]
    assert not allowed(anonymous.get_object, **at), "who may not list learns of no deletion"
    assert read(anonymous, versioned, "key", VersionId=new["VersionId"]) == b"new"
    for call, more in ((s3.get_object_acl, {}), (s3.put_object_acl, {"ACL": "private"})):
        with refused("NoSuchKey", 404):
            call(**at, **more)
        with refused("MethodNotAllowed", 405):
            call(**at, VersionId=marker, **more)
        with refused("NoSuchVersion", 404):
            call(**at, VersionId=marker[::-1], **more)


def test_an_acl_changes_nothing_else(s3: Client, bucket: str) -> None:
    at = {"Bucket": bucket, "Key": "key"}
    s3.put_object(**at, Body=b"mine", Metadata={"m": "1"}, Tagging="a=1", CacheControl="no-store")
    before = s3.head_object(**at)
    s3.put_object_acl(**at, ACL="public-read")
    after = s3.head_object(**at)
    for answer in (before, after):
        del answer["ResponseMetadata"]
    assert after == before
    assert s3.get_object_tagging(**at)["TagSet"] == [{"Key": "a", "Value": "1"}]
    s3.put_object_tagging(**at, Tagging={"TagSet": [{"Key": "b", "Value": "2"}]})
    assert given(s3, **at) == {(ALL_USERS, "READ")}, "nor do tags change the ACL"


BAD: list[tuple[dict[str, Any], str]] = [
    ({"ACL": "public"}, "InvalidArgument"),
    ({"ACL": "log-delivery-write"}, "InvalidArgument"),
    ({"GrantRead": f"id={'0' * 64}"}, "InvalidArgument"),
    ({"GrantRead": 'uri="http://example.org/everybody"'}, "InvalidArgument"),
    ({"GrantRead": "emailAddress=a@example.org"}, "UnresolvableGrantByEmailAddress"),
    ({"GrantRead": "everybody"}, "InvalidArgument"),
    ({"ACL": "private", "GrantRead": f"uri={ALL_USERS}"}, "InvalidRequest"),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("options", "code"), BAD)
def test_bad_acls(
    s3: Client, bucket: str, way: Callable[..., None], options: dict[str, str], code: str
) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"before", ACL="authenticated-read")
    with refused(code, 400):
        way(s3, bucket, "other", **options)
    with refused(code, 400):
        way(s3, bucket, "key", **options)
    if way is not put_acl:  # which puts the object first
        assert read(s3, bucket, "key") == b"before"
        assert given(s3, Bucket=bucket, Key="key") == {(AUTHENTICATED, "READ")}
        with refused("NoSuchKey", 404):
            s3.get_object(Bucket=bucket, Key="other")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


@pytest.mark.parametrize(
    ("options", "code", "answered"),
    [
        ({}, "MissingSecurityHeader", 400),
        ({"ACL": "private", **one_grant("READ", URI=ALL_USERS)}, "UnexpectedContent", 400),
        (one_grant("READ", ID="0" * 64), "InvalidArgument", 400),
        (one_grant("READ", URI="http://example.org/everybody"), "InvalidArgument", 400),
        (one_grant("READ", EmailAddress="a@example.org"), "UnresolvableGrantByEmailAddress", 400),
        (one_grant("EVERYTHING", URI=ALL_USERS), "MalformedACLError", 400),
        ({"AccessControlPolicy": {"Grants": [], "Owner": {"ID": "0" * 64}}}, "AccessDenied", 403),
        (
            {"AccessControlPolicy": {"Grants": [grant("READ", URI=ALL_USERS)] * 101}},
            "MalformedACLError",
            400,
        ),
    ],
)
def test_bad_documents(
    s3: Client, bucket: str, options: dict[str, Any], code: str, answered: int
) -> None:
    at = {"Bucket": bucket, "Key": "key"}
    s3.put_object(**at, Body=b"x", ACL="authenticated-read")
    with refused(code, answered):
        s3.put_object_acl(**at, **stated_by(s3, options))
    assert given(s3, **at) == {(AUTHENTICATED, "READ")}
