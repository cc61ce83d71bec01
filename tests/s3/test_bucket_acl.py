"""PutBucketAcl and GetBucketAcl, and what the ACL of a bucket lets others do.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
"""

from typing import Any

import pytest

from tests.s3.access import (
    ACP,
    ALL_USERS,
    AUTHENTICATED,
    LOG_DELIVERY,
    allowed,
    bucket_rights,
    canonical_id,
    document,
    grant,
    grants,
    one_grant,
    stated_by,
)
from tests.s3.conftest import remove
from tests.s3.expect import keys, refused, status, upload
from tests.s3.store import Client, Store

pytest_plugins = ["tests.s3.accounts"]

ALL = {"READ", "WRITE", *ACP}
PERMISSIONS = ["READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"]
HEADERS = ["GrantRead", "GrantWrite", "GrantReadACP", "GrantWriteACP", "GrantFullControl"]

# To whom a canned ACL grants what, and what another account and nobody then may.
CANNED: dict[str, tuple[set[tuple[str, str]], set[str], set[str]]] = {
    "private": (set(), set(), set()),
    "public-read": ({(ALL_USERS, "READ")}, {"READ"}, {"READ"}),
    "public-read-write": (
        {(ALL_USERS, "READ"), (ALL_USERS, "WRITE")},
        {"READ", "WRITE"},
        {"READ", "WRITE"},
    ),
    "authenticated-read": ({(AUTHENTICATED, "READ")}, {"READ"}, set()),
    "log-delivery-write": ({(LOG_DELIVERY, "WRITE"), (LOG_DELIVERY, "READ_ACP")}, set(), set()),
}


def meant(permission: str) -> set[str]:
    return ALL if permission == "FULL_CONTROL" else {permission}


def given(client: Client, bucket: str) -> set[tuple[str, str]]:
    """What is granted to others than the client, who has full control."""
    found = grants(client.get_bucket_acl(Bucket=bucket))
    mine = (canonical_id(client), "FULL_CONTROL")
    assert mine in found
    return found - {mine}


def test_a_new_bucket_is_its_owner_s_alone(
    owner: Client, other: Client, anonymous: Client, owned: str
) -> None:
    found = owner.get_bucket_acl(Bucket=owned)
    assert found["Owner"] == owner.list_buckets()["Owner"]
    (only,) = found["Grants"]
    assert only["Permission"] == "FULL_CONTROL"
    assert only["Grantee"] == {**found["Owner"], "Type": "CanonicalUser"}
    assert bucket_rights(owner, owner, owned) == ALL
    for who in (other, anonymous):
        assert bucket_rights(owner, who, owned) == set()


@pytest.mark.parametrize("canned", CANNED)
def test_canned(owner: Client, other: Client, anonymous: Client, owned: str, canned: str) -> None:
    granted, others, nobodys = CANNED[canned]
    owner.put_bucket_acl(Bucket=owned, ACL="public-read-write")  # which must be gone afterwards
    assert status(owner.put_bucket_acl(Bucket=owned, ACL=canned)) == 200
    assert given(owner, owned) == granted
    assert bucket_rights(owner, other, owned) == others
    assert bucket_rights(owner, anonymous, owned) == nobodys
    assert bucket_rights(owner, owner, owned) == ALL


@pytest.mark.parametrize("canned", CANNED)
def test_canned_at_creation(
    s3: Client, owner: Client, other: Client, anonymous: Client, name: str, canned: str
) -> None:
    granted, others, nobodys = CANNED[canned]
    owner.create_bucket(Bucket=name, ACL=canned)
    try:
        assert given(owner, name) == granted
        assert bucket_rights(owner, other, name) == others
        assert bucket_rights(owner, anonymous, name) == nobodys
    finally:
        remove(s3, name)


@pytest.mark.parametrize("canned", ["bucket-owner-read", "bucket-owner-full-control"])
def test_canned_acls_of_objects_say_nothing_at_creation(s3: Client, name: str, canned: str) -> None:
    s3.create_bucket(Bucket=name, ACL=canned)
    assert given(s3, name) == set()
    s3.delete_bucket(Bucket=name)


def test_the_same_bucket_again(s3: Client, bucket: str) -> None:
    """Creating it again with what it has succeeds, with another ACL it does not."""
    for canned in ("private", "public-read"):
        s3.put_bucket_acl(Bucket=bucket, ACL=canned)
        s3.create_bucket(Bucket=bucket, ACL=canned)
        for another in {"private", "public-read", "authenticated-read"} - {canned}:
            with refused("BucketAlreadyExists", 409):
                s3.create_bucket(Bucket=bucket, ACL=another)


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_a_grant_to_one_account(
    owner: Client, other: Client, third: Client, anonymous: Client, owned: str, permission: str
) -> None:
    acl = document(owner.get_bucket_acl(Bucket=owned))
    acl["Grants"].append(grant(permission, ID=canonical_id(other)))
    owner.put_bucket_acl(Bucket=owned, AccessControlPolicy=acl)
    assert given(owner, owned) == {(canonical_id(other), permission)}
    assert bucket_rights(owner, other, owned) == meant(permission)
    assert bucket_rights(owner, third, owned) == set()
    assert bucket_rights(owner, anonymous, owned) == set()


@pytest.mark.parametrize("permission", PERMISSIONS)
@pytest.mark.parametrize("group", [ALL_USERS, AUTHENTICATED, LOG_DELIVERY])
def test_a_grant_to_a_group(
    owner: Client, other: Client, anonymous: Client, owned: str, group: str, permission: str
) -> None:
    acl = one_grant(permission, URI=group)
    owner.put_bucket_acl(Bucket=owned, **stated_by(owner, acl))
    assert grants(owner.get_bucket_acl(Bucket=owned)) == {(group, permission)}
    others = set() if group == LOG_DELIVERY else meant(permission)
    assert bucket_rights(owner, other, owned) == others
    assert bucket_rights(owner, anonymous, owned) == (others if group == ALL_USERS else set())


@pytest.mark.parametrize("header", HEADERS)
def test_grants_in_headers(
    s3: Client, owner: Client, other: Client, third: Client, name: str, header: str
) -> None:
    """At creation and later; several grantees in one header, with and without quotation marks."""
    permission = dict(zip(HEADERS, PERMISSIONS, strict=True))[header]
    ids = canonical_id(other), canonical_id(third)
    owner.create_bucket(Bucket=name, **{header: f'id="{ids[0]}"'})
    try:
        assert grants(owner.get_bucket_acl(Bucket=name)) == {(ids[0], permission)}
        assert bucket_rights(owner, other, name) == meant(permission)
        several = {"GrantReadACP": f"id={ids[1]}", header: f'id={ids[1]}, uri="{LOG_DELIVERY}"'}
        owner.put_bucket_acl(Bucket=name, **several)
        wanted = {(ids[1], permission), (LOG_DELIVERY, permission), (ids[1], "READ_ACP")}
        assert grants(owner.get_bucket_acl(Bucket=name)) == wanted
        assert bucket_rights(owner, other, name) == set()
        assert bucket_rights(owner, third, name) == meant(permission) | {"READ_ACP"}
    finally:
        remove(s3, name)


def test_what_get_gives_can_be_put(store: Store, s3: Client, other: Client, bucket: str) -> None:
    """Byte for byte, by another client than the one that made it."""
    acl = {
        "Owner": s3.get_bucket_acl(Bucket=bucket)["Owner"],
        "Grants": [
            grant("WRITE", ID=canonical_id(other)),
            grant("READ", URI=ALL_USERS),
            grant("READ_ACP", URI=AUTHENTICATED),
            grant("FULL_CONTROL", ID=canonical_id(s3)),
        ],
    }
    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy=acl)
    shown = store.send("GET", f"/{bucket}", query={"acl": ""})
    assert (shown.status, shown.headers["content-type"]) == (200, "application/xml")
    s3.put_bucket_acl(Bucket=bucket, ACL="private")
    assert store.send("PUT", f"/{bucket}", query={"acl": ""}, body=shown.body).status == 200
    again = s3.get_bucket_acl(Bucket=bucket)
    assert [one["Permission"] for one in again["Grants"]] == [
        one["Permission"] for one in acl["Grants"]
    ]
    assert grants(again) == grants(acl)
    assert store.send("GET", f"/{bucket}", query={"acl": ""}).body == shown.body


def test_an_owner_who_grants_itself_nothing(owner: Client, other: Client, owned: str) -> None:
    """It still has the bucket, as the owner of every bucket has."""
    acl = {"Owner": {"ID": canonical_id(owner)}, "Grants": []}
    owner.put_bucket_acl(Bucket=owned, AccessControlPolicy=acl)
    assert owner.get_bucket_acl(Bucket=owned)["Grants"] == []
    assert bucket_rights(owner, other, owned) == set()
    assert bucket_rights(owner, owner, owned) == ALL
    owner.put_bucket_acl(Bucket=owned, ACL="private")
    assert given(owner, owned) == set()


def test_who_may_write_the_acl_does_not_own_the_bucket(
    owner: Client, other: Client, owned: str
) -> None:
    owner.put_bucket_acl(Bucket=owned, GrantWriteACP=f"id={canonical_id(other)}")
    theirs = {"Owner": {"ID": canonical_id(other)}, "Grants": []}
    with refused("AccessDenied", 403):
        other.put_bucket_acl(Bucket=owned, AccessControlPolicy=theirs)
    other.put_bucket_acl(Bucket=owned, ACL="public-read")
    found = owner.get_bucket_acl(Bucket=owned)
    assert found["Owner"]["ID"] == canonical_id(owner)
    assert grants(found) == {(canonical_id(owner), "FULL_CONTROL"), (ALL_USERS, "READ")}
    assert not allowed(other.put_bucket_acl, Bucket=owned, ACL="private")


def test_what_reading_a_bucket_means(owner: Client, anonymous: Client, owned: str) -> None:
    owner.put_object(Bucket=owned, Key="key", Body=b"mine")
    owner.create_multipart_upload(Bucket=owned, Key="key")
    with refused("AccessDenied", 403):
        anonymous.get_object(Bucket=owned, Key="none")
    owner.put_bucket_acl(Bucket=owned, ACL="public-read")
    anonymous.head_bucket(Bucket=owned)
    for listing in (anonymous.list_objects, anonymous.list_objects_v2):
        assert keys(listing(Bucket=owned)) == ["key"]
    assert len(anonymous.list_object_versions(Bucket=owned)["Versions"]) == 1
    assert len(anonymous.list_multipart_uploads(Bucket=owned)["Uploads"]) == 1
    with refused("AccessDenied", 403):  # its objects have ACLs of their own
        anonymous.get_object(Bucket=owned, Key="key")
    with refused("NoSuchKey", 404):  # who may list may know
        anonymous.get_object(Bucket=owned, Key="none")
    for call in (
        anonymous.get_bucket_location,
        anonymous.get_bucket_versioning,
        anonymous.get_bucket_tagging,
        anonymous.get_bucket_policy,
        anonymous.get_bucket_policy_status,
        anonymous.get_public_access_block,
        anonymous.get_bucket_ownership_controls,
        anonymous.delete_bucket,
    ):
        assert not allowed(call, Bucket=owned), call


def test_what_writing_into_a_bucket_means(
    owner: Client, other: Client, anonymous: Client, owned: str
) -> None:
    owner.put_bucket_acl(Bucket=owned, GrantWrite=f"id={canonical_id(other)}")
    other.put_object(Bucket=owned, Key="theirs", Body=b"x")
    upload(other, owned, "parts", b"x")
    named = {"Bucket": owned, "Key": "begun"}
    named["UploadId"] = other.create_multipart_upload(**named)["UploadId"]
    other.list_parts(**named)
    other.abort_multipart_upload(**named)
    assert other.get_object(Bucket=owned, Key="theirs")["Body"].read() == b"x"
    assert not allowed(other.list_objects_v2, Bucket=owned)
    assert keys(owner.list_objects_v2(Bucket=owned)) == ["parts", "theirs"]
    other.delete_object(Bucket=owned, Key="theirs")
    gone = other.delete_objects(Bucket=owned, Delete={"Objects": [{"Key": "parts"}]})
    assert "Errors" not in gone
    assert keys(owner.list_objects_v2(Bucket=owned)) == []
    assert not allowed(anonymous.put_object, Bucket=owned, Key="k", Body=b"x")


def test_who_does_not_sign_cannot_begin_uploads(
    owner: Client, anonymous: Client, owned: str
) -> None:
    """A public bucket takes objects of everybody, but a part needs somebody whose it is."""
    owner.put_bucket_acl(Bucket=owned, ACL="public-read-write")
    anonymous.put_object(Bucket=owned, Key="key", Body=b"x")
    with refused("AccessDenied", 403):
        anonymous.create_multipart_upload(Bucket=owned, Key="key")
    assert "Uploads" not in owner.list_multipart_uploads(Bucket=owned)


def test_a_change_counts_at_once(store: Store, s3: Client, bucket: str) -> None:
    """On each of the server's processes."""
    for canned, answered in (("public-read", 200), ("private", 403)) * 2:
        s3.put_bucket_acl(Bucket=bucket, ACL=canned)
        assert {store.plain("GET", f"/{bucket}").status for _ in range(12)} == {answered}


@pytest.mark.parametrize(
    ("options", "code", "answered"),
    [
        ({}, "MissingSecurityHeader", 400),
        ({"ACL": "public"}, "InvalidArgument", 400),
        ({"ACL": ""}, "InvalidArgument", 400),
        ({"GrantRead": f"id={'0' * 64}"}, "InvalidArgument", 400),
        ({"GrantRead": "id=someone"}, "InvalidArgument", 400),
        ({"GrantRead": 'uri="http://acs.amazonaws.com/groups/global/Us"'}, "InvalidArgument", 400),
        ({"GrantRead": "emailAddress=a@example.org"}, "UnresolvableGrantByEmailAddress", 400),
        ({"GrantRead": ALL_USERS}, "InvalidArgument", 400),
        ({"GrantRead": "name=someone"}, "InvalidArgument", 400),
        ({"GrantRead": "id="}, "InvalidArgument", 400),
        ({"ACL": "private", "GrantRead": f"uri={ALL_USERS}"}, "InvalidRequest", 400),
        ({"ACL": "private", **one_grant("READ", URI=ALL_USERS)}, "UnexpectedContent", 400),
        (
            {"GrantRead": f"uri={ALL_USERS}", **one_grant("READ", URI=ALL_USERS)},
            "UnexpectedContent",
            400,
        ),
        (one_grant("READ", ID="0" * 64), "InvalidArgument", 400),
        (one_grant("READ", URI="http://example.org/everybody"), "InvalidArgument", 400),
        (one_grant("READ", EmailAddress="a@example.org"), "UnresolvableGrantByEmailAddress", 400),
        (one_grant("EVERYTHING", URI=ALL_USERS), "MalformedACLError", 400),
        (
            {"AccessControlPolicy": {"Grants": [], "Owner": {"ID": "0" * 64}}},
            "AccessDenied",
            403,
        ),
    ],
)
def test_bad_acls(
    s3: Client, bucket: str, options: dict[str, Any], code: str, answered: int
) -> None:
    s3.put_bucket_acl(Bucket=bucket, ACL="authenticated-read")
    before = grants(s3.get_bucket_acl(Bucket=bucket))
    with refused(code, answered):
        s3.put_bucket_acl(Bucket=bucket, **stated_by(s3, options))
    assert grants(s3.get_bucket_acl(Bucket=bucket)) == before


def test_how_many_grants_there_may_be(s3: Client, bucket: str) -> None:
    acl = {"Owner": {"ID": canonical_id(s3)}, "Grants": [grant("READ", URI=ALL_USERS)] * 100}
    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy=acl)
    assert grants(s3.get_bucket_acl(Bucket=bucket)) == {(ALL_USERS, "READ")}
    acl["Grants"] = [*acl["Grants"], grant("WRITE", URI=ALL_USERS)]
    with refused("MalformedACLError", 400):
        s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy=acl)
    assert grants(s3.get_bucket_acl(Bucket=bucket)) == {(ALL_USERS, "READ")}


DOCUMENT = b"<AccessControlPolicy>%s</AccessControlPolicy>"
OWNER = b"<Owner><ID>OWNER</ID></Owner>"
GRANT = (
    b"<AccessControlList><Grant>"
    b'<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group">'
    b"<URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee>"
    b"<Permission>READ</Permission></Grant></AccessControlList>"
)


def test_a_document_without_a_namespace(store: Store, s3: Client, bucket: str) -> None:
    body = (DOCUMENT % (OWNER + GRANT)).replace(b"OWNER", canonical_id(s3).encode())
    assert store.send("PUT", f"/{bucket}", query={"acl": ""}, body=body).status == 200
    assert grants(s3.get_bucket_acl(Bucket=bucket)) == {(ALL_USERS, "READ")}


@pytest.mark.parametrize(
    "body",
    [
        DOCUMENT % b"",
        DOCUMENT % GRANT,
        DOCUMENT % OWNER,
        DOCUMENT % (OWNER + GRANT.replace(b"READ", b"read")),
        DOCUMENT % (OWNER + GRANT.replace(b'xsi:type="Group"', b"")),
        DOCUMENT % (OWNER + GRANT.replace(b'"Group"', b'"Herd"')),
        DOCUMENT % (OWNER + GRANT.replace(b'"Group"', b'"CanonicalUser"')),
        DOCUMENT % (OWNER + GRANT.replace(b"<Permission>READ</Permission>", b"")),
        (DOCUMENT % (OWNER + GRANT))[:-1],
        b"<Policy/>",
        b"private",
        b"{}",
        b"\0",
        b"\xff",
        b"<!DOCTYPE a [<!ENTITY b 'READ'>]>" + DOCUMENT % (OWNER + GRANT),
    ],
)
def test_bad_documents(store: Store, s3: Client, bucket: str, body: bytes) -> None:
    sent = body.replace(b"OWNER", canonical_id(s3).encode())
    answer = store.send("PUT", f"/{bucket}", query={"acl": ""}, body=sent)
    assert (answer.status, answer.error()) == (400, "MalformedACLError")
    assert given(s3, bucket) == set()


def test_no_bucket(s3: Client, name: str) -> None:
    with refused("NoSuchBucket", 404):
        s3.get_bucket_acl(Bucket=name)
    with refused("NoSuchBucket", 404):
        s3.put_bucket_acl(Bucket=name, ACL="private")
