"""`aws s3api`: ACLs, bucket policies, public access blocks and ownership controls."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.clients.accounts import new_account
from tests.clients.preloaded import Preloaded
from tests.clients.programs import aws_of, s3api_of
from tests.clients.s3api import S3Api
from tests.support.files import write
from tests.support.server import Server

pytestmark = pytest.mark.slow

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
QUIET = "--no-progress"
UNSIGNED = "--no-sign-request"


class Other(NamedTuple):
    """What another account calls, and its canonical id."""

    s3api: S3Api
    id: str


@pytest.fixture
def other(preloaded: Preloaded, store: Server, tmp_path: Path) -> Other:
    account = new_account(store)
    return Other(s3api_of(preloaded, store, tmp_path, account), account.id)


def granted(acl: Any) -> set[tuple[str, str]]:
    """Grantee and permission of each grant."""
    found = [(one["Grantee"], one["Permission"]) for one in acl["Grants"]]
    return {(grantee.get("ID") or grantee["URI"], permission) for grantee, permission in found}


def test_bucket_acls(s3api: S3Api, other: Other, tmp_path: Path) -> None:
    bucket = ("--bucket", "listed")
    s3api("create-bucket", *bucket, "--acl", "public-read")
    first = s3api("get-bucket-acl", *bucket)
    mine = (first["Owner"]["ID"], "FULL_CONTROL")
    assert granted(first) == {mine, (ALL_USERS, "READ")}
    s3api("list-objects-v2", *bucket, UNSIGNED)
    s3api("put-bucket-acl", *bucket, "--acl", "private")
    s3api.refused("AccessDenied", "list-objects-v2", *bucket, UNSIGNED)
    s3api("put-bucket-acl", *bucket, "--grant-read", f"id={other.id}")
    assert granted(s3api("get-bucket-acl", *bucket)) == {(other.id, "READ")}
    other.s3api("list-objects-v2", *bucket)
    file = write(tmp_path / "acl.json", json.dumps(first).encode())  # as it was shown
    s3api("put-bucket-acl", *bucket, "--access-control-policy", f"file://{file}")
    assert s3api("get-bucket-acl", *bucket) == first
    unknown = ("--grant-read", f"id={'0' * 64}")
    assert s3api.refused("InvalidArgument", "put-bucket-acl", *bucket, *unknown) == "Invalid id"


def test_object_acls(s3api: S3Api, other: Other, store: Server, tmp_path: Path) -> None:
    small, back = write(tmp_path / "small", b"small"), tmp_path / "back"
    bucket = ("--bucket", "granted")
    at = (*bucket, "--key", "key")
    s3api("create-bucket", *bucket)
    s3api("put-bucket-versioning", *bucket, "--versioning-configuration", "Status=Enabled")
    old = s3api("put-object", *at, "--body", small, "--acl", "public-read")["VersionId"]
    s3api("put-object", *at, "--body", small)
    s3api("get-object", *at, "--version-id", old, UNSIGNED, back)
    s3api.refused("AccessDenied", "get-object", *at, UNSIGNED, back)
    acl = s3api("get-object-acl", *at)
    assert granted(acl) == {(acl["Owner"]["ID"], "FULL_CONTROL")}
    s3api("put-object-acl", *at, "--version-id", old, "--acl", "private")
    s3api.refused("AccessDenied", "get-object", *at, "--version-id", old, UNSIGNED, back)
    s3api("put-object-acl", *at, "--grant-full-control", f"id={other.id}")
    assert granted(other.s3api("get-object-acl", *at)) == {(other.id, "FULL_CONTROL")}
    other.s3api("get-object", *at, back)
    grants = ("--grants", f"read=uri={ALL_USERS}", f"full=id={acl['Owner']['ID']}")
    aws = aws_of(store, tmp_path)
    aws("s3", "cp", QUIET, small, "s3://granted/copied", *grants)
    assert (ALL_USERS, "READ") in granted(s3api("get-object-acl", *bucket, "--key", "copied"))


def test_policies(s3api: S3Api, other: Other, tmp_path: Path) -> None:
    small, back = write(tmp_path / "small", b"small"), tmp_path / "back"
    bucket = ("--bucket", "ruled")
    at = (*bucket, "--key", "key")
    s3api("create-bucket", *bucket)
    s3api("put-object", *at, "--body", small)
    s3api.refused("NoSuchBucketPolicy", "get-bucket-policy", *bucket)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{other.id}:root"},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::ruled/*",
    }

    def ruled(**changes: Any) -> tuple[str, ...]:
        text = json.dumps({"Version": "2012-10-17", "Statement": [statement | changes]})
        file = write(tmp_path / "policy.json", text.encode())
        return (*bucket, "--policy", f"file://{file}")

    other.s3api.refused("AccessDenied", "get-object", *at, back)
    s3api("put-bucket-policy", *ruled())
    other.s3api("get-object", *at, back)
    s3api.refused("AccessDenied", "get-object", *at, UNSIGNED, back)
    shown = json.loads(s3api("get-bucket-policy", *bucket)["Policy"])
    assert shown["Statement"] == [statement]
    told = s3api("get-bucket-policy-status", *bucket)
    assert told == {"PolicyStatus": {"IsPublic": False}}
    s3api("put-bucket-policy", *ruled(Principal="*"))
    assert s3api("get-bucket-policy-status", *bucket) == {"PolicyStatus": {"IsPublic": True}}
    s3api("get-object", *at, UNSIGNED, back)
    bad = ruled(Action="s3:GetNothing")
    told = s3api.refused("MalformedPolicy", "put-bucket-policy", *bad)
    assert told == "Policy has invalid action"
    closed = (*ruled(Effect="Deny", Principal="*"), "--confirm-remove-self-bucket-access")
    s3api("put-bucket-policy", *closed)
    s3api.refused("AccessDenied", "get-object", *at, back)
    s3api("delete-bucket-policy", *bucket)
    s3api("get-object", *at, back)


def test_public_access_blocks(s3api: S3Api) -> None:
    bucket = ("--bucket", "blocked")
    s3api("create-bucket", *bucket, "--acl", "public-read")
    none = "NoSuchPublicAccessBlockConfiguration"
    s3api.refused(none, "get-public-access-block", *bucket)
    chosen = "BlockPublicAcls=true,IgnorePublicAcls=true"
    s3api("put-public-access-block", *bucket, "--public-access-block-configuration", chosen)
    found = s3api("get-public-access-block", *bucket)["PublicAccessBlockConfiguration"]
    assert found == {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": False,
    }
    s3api.refused("AccessDenied", "list-objects-v2", *bucket, UNSIGNED)
    s3api.refused("AccessDenied", "put-bucket-acl", *bucket, "--acl", "public-read")
    s3api("delete-public-access-block", *bucket)
    s3api("list-objects-v2", *bucket, UNSIGNED)


def test_ownership_controls(s3api: S3Api, other: Other, tmp_path: Path) -> None:
    small = write(tmp_path / "small", b"small")
    bucket = ("--bucket", "controlled")
    at = (*bucket, "--key", "key")
    s3api("create-bucket", *bucket, "--object-ownership", "BucketOwnerPreferred")
    rules = s3api("get-bucket-ownership-controls", *bucket)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerPreferred"}]
    s3api("put-bucket-acl", *bucket, "--grant-write", f"id={other.id}")
    other.s3api("put-object", *at, "--body", small)
    assert other.s3api("get-object-acl", *at)["Owner"]["ID"] == other.id
    given = ("--acl", "bucket-owner-full-control")
    other.s3api("put-object", *at, "--body", small, *given)
    assert s3api("get-object-acl", *at)["Owner"]["ID"] != other.id
    s3api("put-bucket-acl", *bucket, "--acl", "private")
    enforced = ("--ownership-controls", "Rules=[{ObjectOwnership=BucketOwnerEnforced}]")
    s3api("put-bucket-ownership-controls", *bucket, *enforced)
    public = ("put-object-acl", *at, "--acl", "public-read")
    s3api.refused("AccessControlListNotSupported", *public)
    s3api("delete-bucket-ownership-controls", *bucket)
    none = "OwnershipControlsNotFoundError"
    s3api.refused(none, "get-bucket-ownership-controls", *bucket)
