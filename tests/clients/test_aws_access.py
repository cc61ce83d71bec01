"""The AWS CLI of PyPI: ACLs, bucket policies, public access blocks and ownership controls."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.clients.accounts import ROOT, new_account
from tests.clients.programs import aws_of
from tests.clients.test_aws import answer
from tests.support.files import write
from tests.support.programs import Program
from tests.support.server import Server

pytestmark = pytest.mark.slow

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
QUIET = "--no-progress"
UNSIGNED = "--no-sign-request"


@pytest.fixture
def aws(server: Server, tmp_path: Path) -> Program:
    return aws_of(server, tmp_path, ROOT)


class Other(NamedTuple):
    """What another account calls, and its canonical id."""

    aws: Program
    id: str


@pytest.fixture
def other(server: Server, tmp_path: Path) -> Other:
    account = new_account(server)
    return Other(aws_of(server, tmp_path, account), account.id)


def granted(acl: Any) -> set[tuple[str, str]]:
    """Grantee and permission of each grant."""
    found = [(one["Grantee"], one["Permission"]) for one in acl["Grants"]]
    return {(grantee.get("ID") or grantee["URI"], permission) for grantee, permission in found}


def denied(aws: Program, *arguments: str | Path) -> None:
    assert "AccessDenied" in aws.refused("s3api", *arguments)


def test_bucket_acls(aws: Program, other: Other, tmp_path: Path) -> None:
    bucket = ("--bucket", "listed")
    answer(aws, "create-bucket", *bucket, "--acl", "public-read")
    first = answer(aws, "get-bucket-acl", *bucket)
    mine = (first["Owner"]["ID"], "FULL_CONTROL")
    assert granted(first) == {mine, (ALL_USERS, "READ")}
    answer(aws, "list-objects-v2", *bucket, UNSIGNED)
    answer(aws, "put-bucket-acl", *bucket, "--acl", "private")
    denied(aws, "list-objects-v2", *bucket, UNSIGNED)
    answer(aws, "put-bucket-acl", *bucket, "--grant-read", f"id={other.id}")
    assert granted(answer(aws, "get-bucket-acl", *bucket)) == {(other.id, "READ")}
    answer(other.aws, "list-objects-v2", *bucket)
    file = write(tmp_path / "acl.json", json.dumps(first).encode())  # as it was shown
    answer(aws, "put-bucket-acl", *bucket, "--access-control-policy", f"file://{file}")
    assert answer(aws, "get-bucket-acl", *bucket) == first
    told = aws.refused("s3api", "put-bucket-acl", *bucket, "--grant-read", f"id={'0' * 64}")
    assert "Invalid id" in told


def test_object_acls(aws: Program, other: Other, tmp_path: Path) -> None:
    small, back = write(tmp_path / "small", b"small"), tmp_path / "back"
    bucket = ("--bucket", "granted")
    at = (*bucket, "--key", "key")
    answer(aws, "create-bucket", *bucket)
    answer(aws, "put-bucket-versioning", *bucket, "--versioning-configuration", "Status=Enabled")
    old = answer(aws, "put-object", *at, "--body", small, "--acl", "public-read")["VersionId"]
    answer(aws, "put-object", *at, "--body", small)
    answer(aws, "get-object", *at, "--version-id", old, UNSIGNED, back)
    denied(aws, "get-object", *at, UNSIGNED, back)
    acl = answer(aws, "get-object-acl", *at)
    assert granted(acl) == {(acl["Owner"]["ID"], "FULL_CONTROL")}
    answer(aws, "put-object-acl", *at, "--version-id", old, "--acl", "private")
    denied(aws, "get-object", *at, "--version-id", old, UNSIGNED, back)
    answer(aws, "put-object-acl", *at, "--grant-full-control", f"id={other.id}")
    assert granted(answer(other.aws, "get-object-acl", *at)) == {(other.id, "FULL_CONTROL")}
    answer(other.aws, "get-object", *at, back)
    grants = ("--grants", f"read=uri={ALL_USERS}", f"full=id={acl['Owner']['ID']}")
    aws("s3", "cp", QUIET, small, "s3://granted/copied", *grants)
    assert (ALL_USERS, "READ") in granted(answer(aws, "get-object-acl", *bucket, "--key", "copied"))


def test_policies(aws: Program, other: Other, tmp_path: Path) -> None:
    small, back = write(tmp_path / "small", b"small"), tmp_path / "back"
    bucket = ("--bucket", "ruled")
    at = (*bucket, "--key", "key")
    answer(aws, "create-bucket", *bucket)
    answer(aws, "put-object", *at, "--body", small)
    assert "NoSuchBucketPolicy" in aws.refused("s3api", "get-bucket-policy", *bucket)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{other.id}:root"},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::ruled/*",
    }

    def put(**changes: Any) -> tuple[str, ...]:
        text = json.dumps({"Version": "2012-10-17", "Statement": [statement | changes]})
        file = write(tmp_path / "policy.json", text.encode())
        return ("put-bucket-policy", *bucket, "--policy", f"file://{file}")

    denied(other.aws, "get-object", *at, back)
    answer(aws, *put())
    answer(other.aws, "get-object", *at, back)
    denied(aws, "get-object", *at, UNSIGNED, back)
    shown = json.loads(answer(aws, "get-bucket-policy", *bucket)["Policy"])
    assert shown["Statement"] == [statement]
    status = ("get-bucket-policy-status", *bucket)
    assert answer(aws, *status) == {"PolicyStatus": {"IsPublic": False}}
    answer(aws, *put(Principal="*"))
    assert answer(aws, *status) == {"PolicyStatus": {"IsPublic": True}}
    answer(aws, "get-object", *at, UNSIGNED, back)
    told = aws.refused("s3api", *put(Action="s3:GetNothing"))
    assert "(MalformedPolicy)" in told
    assert "Policy has invalid action" in told
    answer(aws, *put(Effect="Deny", Principal="*"), "--confirm-remove-self-bucket-access")
    denied(aws, "get-object", *at, back)
    answer(aws, "delete-bucket-policy", *bucket)
    answer(aws, "get-object", *at, back)


def test_public_access_blocks(aws: Program) -> None:
    bucket = ("--bucket", "blocked")
    answer(aws, "create-bucket", *bucket, "--acl", "public-read")
    told = aws.refused("s3api", "get-public-access-block", *bucket)
    assert "NoSuchPublicAccessBlockConfiguration" in told
    chosen = "BlockPublicAcls=true,IgnorePublicAcls=true"
    answer(aws, "put-public-access-block", *bucket, "--public-access-block-configuration", chosen)
    found = answer(aws, "get-public-access-block", *bucket)["PublicAccessBlockConfiguration"]
    assert found == {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": False,
    }
    denied(aws, "list-objects-v2", *bucket, UNSIGNED)
    denied(aws, "put-bucket-acl", *bucket, "--acl", "public-read")
    answer(aws, "delete-public-access-block", *bucket)
    answer(aws, "list-objects-v2", *bucket, UNSIGNED)


def test_ownership_controls(aws: Program, other: Other, tmp_path: Path) -> None:
    small = write(tmp_path / "small", b"small")
    bucket = ("--bucket", "controlled")
    at = (*bucket, "--key", "key")
    answer(aws, "create-bucket", *bucket, "--object-ownership", "BucketOwnerPreferred")
    rules = answer(aws, "get-bucket-ownership-controls", *bucket)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerPreferred"}]
    answer(aws, "put-bucket-acl", *bucket, "--grant-write", f"id={other.id}")
    answer(other.aws, "put-object", *at, "--body", small)
    assert answer(other.aws, "get-object-acl", *at)["Owner"]["ID"] == other.id
    given = ("--acl", "bucket-owner-full-control")
    answer(other.aws, "put-object", *at, "--body", small, *given)
    assert answer(aws, "get-object-acl", *at)["Owner"]["ID"] != other.id
    answer(aws, "put-bucket-acl", *bucket, "--acl", "private")
    enforced = ("--ownership-controls", "Rules=[{ObjectOwnership=BucketOwnerEnforced}]")
    answer(aws, "put-bucket-ownership-controls", *bucket, *enforced)
    told = aws.refused("s3api", "put-object-acl", *at, "--acl", "public-read")
    assert "AccessControlListNotSupported" in told
    answer(aws, "delete-bucket-ownership-controls", *bucket)
    told = aws.refused("s3api", "get-bucket-ownership-controls", *bucket)
    assert "OwnershipControlsNotFoundError" in told
