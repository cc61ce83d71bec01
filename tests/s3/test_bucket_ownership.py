"""Bucket ownership controls: whose an object is that another account writes, and what ACLs mean.

`owner` has the bucket, `other` writes into it.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.s3.access import (
    ALL_USERS,
    allow,
    allowed,
    canonical_id,
    document,
    grants,
    object_rights,
    put_policy,
)
from tests.s3.conftest import remove
from tests.s3.expect import read, refused, status, upload
from tests.s3.store import Client, Store
from tests.s3.test_post_object import form

pytest_plugins = ["tests.s3.accounts"]

MODES = ["ObjectWriter", "BucketOwnerPreferred", "BucketOwnerEnforced"]
ENFORCED = "BucketOwnerEnforced"
FULL = "bucket-owner-full-control"
ALL = {"READ", "READ_ACP", "WRITE_ACP"}


def set_mode(s3: Client, bucket: str, mode: str) -> Any:
    rules = {"Rules": [{"ObjectOwnership": mode}]}
    return s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=rules)


def mode_of(s3: Client, bucket: str) -> str:
    found = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    (rule,) = found
    return str(rule["ObjectOwnership"])


@pytest.fixture
def writable(owner: Client, other: Client, owned: str) -> str:
    """A bucket of `owner` into which `other` may write, and see its uploads."""
    actions = ("s3:PutObject", "s3:PutObjectAcl", "s3:ListMultipartUploadParts", "s3:GetObject")
    put_policy(owner, owned, allow(owned, *actions, Principal={"AWS": canonical_id(other)}))
    return owned


def put(client: Client, bucket: str, **acl: str) -> None:
    client.put_object(Bucket=bucket, Key="key", Body=b"theirs", **acl)


def copy(client: Client, bucket: str, **acl: str) -> None:
    client.put_object(Bucket=bucket, Key="source", Body=b"theirs")
    source = {"Bucket": bucket, "Key": "source"}
    client.copy_object(Bucket=bucket, Key="key", CopySource=source, **acl)


def multipart(client: Client, bucket: str, **acl: str) -> None:
    upload(client, bucket, "key", b"theirs", **acl)


WAYS = [put, copy, multipart]


# -- the configuration ------------------------------------------------------------------------


def test_life(s3: Client, bucket: str) -> None:
    with refused("OwnershipControlsNotFoundError", 404) as caught:
        s3.get_bucket_ownership_controls(Bucket=bucket)
    assert caught.response["Error"]["BucketName"] == bucket
    for mode in (*MODES, *MODES):
        assert status(set_mode(s3, bucket, mode)) == 200
        assert mode_of(s3, bucket) == mode
    for _ in range(2):
        assert status(s3.delete_bucket_ownership_controls(Bucket=bucket)) == 204
        with refused("OwnershipControlsNotFoundError", 404):
            s3.get_bucket_ownership_controls(Bucket=bucket)


@pytest.mark.parametrize("mode", MODES)
def test_at_creation(s3: Client, name: str, mode: str) -> None:
    s3.create_bucket(Bucket=name, ObjectOwnership=mode)
    assert mode_of(s3, name) == mode
    s3.create_bucket(Bucket=name)
    assert mode_of(s3, name) == mode, "creating it again changes nothing"
    s3.delete_bucket(Bucket=name)


def test_no_such_mode(s3: Client, name: str) -> None:
    with refused("InvalidArgument", 400):
        s3.create_bucket(Bucket=name, ObjectOwnership="Nobody")
    with refused("404", 404):
        s3.head_bucket(Bucket=name)


RULE = b"<Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule>"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MissingRequestBodyError"),
        (b"<OwnershipControls/>", "MalformedXML"),
        (b"<OwnershipControls><Rule/></OwnershipControls>", "MalformedXML"),
        (b"<OwnershipControls>%s%s</OwnershipControls>" % (RULE, RULE), "MalformedXML"),
        (b"<OwnershipControls>%s" % RULE, "MalformedXML"),
        (
            b"<OwnershipControls>%s</OwnershipControls>" % RULE.replace(b"Writer", b"Reader"),
            "MalformedXML",
        ),
        (RULE, "MalformedXML"),
    ],
)
def test_bad_documents(store: Store, s3: Client, bucket: str, body: bytes, code: str) -> None:
    set_mode(s3, bucket, "BucketOwnerPreferred")
    answer = store.send("PUT", f"/{bucket}", query={"ownershipControls": ""}, body=body)
    assert (answer.status, answer.error()) == (400, code)
    assert mode_of(s3, bucket) == "BucketOwnerPreferred"


# -- who owns what another account writes -----------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("mode", "acl", "of_bucket"),
    [
        (None, {}, False),
        (None, {"ACL": FULL}, False),
        ("ObjectWriter", {}, False),
        ("ObjectWriter", {"ACL": FULL}, False),
        ("BucketOwnerPreferred", {}, False),
        ("BucketOwnerPreferred", {"ACL": "bucket-owner-read"}, False),
        ("BucketOwnerPreferred", {"ACL": FULL}, True),
        (ENFORCED, {}, True),
        (ENFORCED, {"ACL": FULL}, True),
    ],
)
def test_another_writer(
    owner: Client,
    other: Client,
    writable: str,
    mode: str | None,
    acl: dict[str, str],
    of_bucket: bool,
    way: Callable[..., None],
) -> None:
    """The owner, in all that tells of one, and who may read it."""
    if mode is not None:
        set_mode(owner, writable, mode)
    way(other, writable, **acl)
    at = {"Bucket": writable, "Key": "key"}
    mine, theirs = owner.list_buckets()["Owner"], other.list_buckets()["Owner"]
    expected = mine if of_bucket else theirs
    (listed,) = owner.list_objects(Bucket=writable, Prefix="key")["Contents"]
    (fetched,) = owner.list_objects_v2(Bucket=writable, Prefix="key", FetchOwner=True)["Contents"]
    (version,) = owner.list_object_versions(Bucket=writable, Prefix="key")["Versions"]
    assert listed["Owner"] == fetched["Owner"] == version["Owner"] == expected
    shown = (owner if of_bucket else other).get_object_acl(**at)
    assert shown["Owner"] == expected
    assert (expected["ID"], "FULL_CONTROL") in grants(shown)
    readable = of_bucket or acl.get("ACL") in {FULL, "bucket-owner-read"}
    assert allowed(owner.get_object, **at) == readable
    assert allowed(other.get_object, **at), "by the policy, or as its owner"
    owner.delete_object(**at)


@pytest.mark.parametrize(
    ("mode", "acl", "of_bucket"),
    [
        ("ObjectWriter", {"ACL": FULL}, False),
        ("BucketOwnerPreferred", {}, False),
        ("BucketOwnerPreferred", {"ACL": FULL}, True),
        (ENFORCED, {}, True),
    ],
)
def test_another_s_upload(
    owner: Client, other: Client, writable: str, mode: str, acl: dict[str, str], of_bucket: bool
) -> None:
    """Its owner is the object's to be, its initiator is who began it."""
    set_mode(owner, writable, mode)
    named = {"Bucket": writable, "Key": "key"}
    named["UploadId"] = other.create_multipart_upload(**named, **acl)["UploadId"]
    mine, theirs = owner.list_buckets()["Owner"], other.list_buckets()["Owner"]
    (listed,) = owner.list_multipart_uploads(Bucket=writable)["Uploads"]
    parts = owner.list_parts(**named)
    for found in (listed, parts, other.list_parts(**named)):
        assert found["Owner"] == (mine if of_bucket else theirs)
        assert found["Initiator"] == theirs


def test_a_form_of_another(store: Store, owner: Client, other: Client, writable: str) -> None:
    at = {"Bucket": writable, "Key": "key"}
    presigned = other.generate_presigned_post(writable, "key")
    assert form(store, presigned, b"theirs").status == 204
    assert other.get_object_acl(**at)["Owner"]["ID"] == canonical_id(other)
    set_mode(owner, writable, ENFORCED)
    assert form(store, presigned, b"theirs").status == 204
    assert owner.get_object_acl(**at)["Owner"]["ID"] == canonical_id(owner)


@pytest.mark.parametrize("mode", [None, *MODES])
def test_who_does_not_sign(
    s3: Client, owner: Client, anonymous: Client, name: str, mode: str | None
) -> None:
    """What nobody signed is the bucket owner's: nobody else could ever own it."""
    owner.create_bucket(Bucket=name)
    try:
        if mode is not None:
            set_mode(owner, name, mode)
        put_policy(owner, name, allow(name, "s3:PutObject"))
        anonymous.put_object(Bucket=name, Key="key", Body=b"x")
        assert owner.get_object_acl(Bucket=name, Key="key")["Owner"]["ID"] == canonical_id(owner)
        assert read(owner, name, "key") == b"x"
        assert not allowed(anonymous.get_object, Bucket=name, Key="key")
    finally:
        s3.delete_bucket_policy(Bucket=name)
        remove(s3, name)


# -- without ACLs -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "acl", [{"ACL": "private"}, {"ACL": "public-read"}, {"GrantRead": "OTHER"}]
)
def test_acls_are_not_supported(owner: Client, other: Client, writable: str, acl: Any) -> None:
    """Neither to be put nor with anything that is written, but they can be read."""
    acl = {name: value.replace("OTHER", f"id={canonical_id(other)}") for name, value in acl.items()}
    at = {"Bucket": writable, "Key": "key"}
    owner.put_object(**at, Body=b"mine")
    set_mode(owner, writable, ENFORCED)
    new = {"Bucket": writable, "Key": "new"}
    for call, options in (
        (owner.put_bucket_acl, {"Bucket": writable}),
        (owner.put_object_acl, at),
        (owner.put_object, {**new, "Body": b"x"}),
        (other.put_object, {**new, "Body": b"x"}),
        (owner.copy_object, {**new, "CopySource": at}),
        (owner.create_multipart_upload, new),
    ):
        with refused("AccessControlListNotSupported", 400):
            call(**options, **acl)
    mine = {(canonical_id(owner), "FULL_CONTROL")}
    assert grants(owner.get_bucket_acl(Bucket=writable)) == mine
    assert grants(owner.get_object_acl(**at)) == mine
    with refused("NoSuchKey", 404):
        owner.get_object(**new)


def test_full_control_of_the_bucket_s_owner_is_taken(
    owner: Client, other: Client, writable: str
) -> None:
    """As a canned ACL and as a grant: it is so anyway. A grant to others beside it is not."""
    set_mode(owner, writable, ENFORCED)
    mine = f"id={canonical_id(owner)}"
    for acl in ({"ACL": FULL}, {"GrantFullControl": mine}):
        put(other, writable, **acl)
    with refused("AccessControlListNotSupported", 400):
        put(other, writable, GrantFullControl=mine, GrantRead=f"id={canonical_id(other)}")


def test_acls_of_before_do_not_count_and_come_back(
    owner: Client, other: Client, third: Client, anonymous: Client, writable: str
) -> None:
    at = {"Bucket": writable, "Key": "key"}
    put(other, writable, ACL="public-read")
    before = grants(other.get_object_acl(**at))
    assert not allowed(owner.get_object_acl, **at)
    set_mode(owner, writable, ENFORCED)
    for who in (third, anonymous):
        assert not allowed(who.get_object, **at)
    assert allowed(owner.get_object, **at), "it is the bucket owner's now"
    assert not allowed(other.get_object_acl, **at), "and not its writer's"
    assert allowed(other.get_object, **at), "but the policy speaks of it"
    shown = owner.get_object_acl(**at)
    assert shown["Owner"]["ID"] == canonical_id(owner)
    assert grants(shown) == {(canonical_id(owner), "FULL_CONTROL")}
    (listed,) = owner.list_objects(Bucket=writable)["Contents"]
    assert listed["Owner"]["ID"] == canonical_id(owner)
    owner.delete_bucket_ownership_controls(Bucket=writable)
    assert grants(other.get_object_acl(**at)) == before
    assert object_rights(other, other, **at) == ALL
    assert object_rights(other, third, **at) == {"READ"}
    assert object_rights(other, anonymous, **at) == {"READ"}
    assert not allowed(owner.get_object_acl, **at)


@pytest.mark.parametrize(
    "acl", [{"ACL": "public-read"}, {"ACL": "log-delivery-write"}, {"GrantRead": "OTHER"}]
)
def test_a_bucket_that_grants_something(owner: Client, other: Client, owned: str, acl: Any) -> None:
    """Its ACL has to be put back first."""
    grantee = f"id={canonical_id(other)}"
    owner.put_bucket_acl(
        Bucket=owned, **{name: value.replace("OTHER", grantee) for name, value in acl.items()}
    )
    with refused("InvalidBucketAclWithObjectOwnership", 400):
        set_mode(owner, owned, ENFORCED)
    with refused("OwnershipControlsNotFoundError", 404):
        owner.get_bucket_ownership_controls(Bucket=owned)
    for mode in ("ObjectWriter", "BucketOwnerPreferred"):
        set_mode(owner, owned, mode)
    owner.put_bucket_acl(Bucket=owned, ACL="private")
    set_mode(owner, owned, ENFORCED)
    assert mode_of(owner, owned) == ENFORCED


@pytest.mark.parametrize("acl", [{"ACL": "public-read"}, {"GrantRead": f"uri={ALL_USERS}"}])
def test_a_new_bucket_that_would_grant_something(s3: Client, name: str, acl: Any) -> None:
    with refused("InvalidBucketAclWithObjectOwnership", 400):
        s3.create_bucket(Bucket=name, ObjectOwnership=ENFORCED, **acl)
    with refused("404", 404):
        s3.head_bucket(Bucket=name)
    s3.create_bucket(Bucket=name, ObjectOwnership=ENFORCED, ACL="private")
    s3.delete_bucket(Bucket=name)


def test_an_acl_that_was_read_cannot_be_put(s3: Client, bucket: str) -> None:
    set_mode(s3, bucket, ENFORCED)
    acl = document(s3.get_bucket_acl(Bucket=bucket))
    with refused("AccessControlListNotSupported", 400):
        s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy=acl)
