"""Explanations say what the gateway would do, and why."""

import json
from hashlib import sha256

import pytest

from metastore.engine import Table
from tests.support.inprocess import OTHER, OWNER, ROOT, Answer, InProcess, Pair
from tests.support.signing import Choices, by_header

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Reading",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam:::user/other"},
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::bucket/*",
            "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
        },
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:DeleteObject",
            "Resource": "arn:aws:s3:::bucket/kept/*",
        },
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam:::user/other"},
            "Action": "s3:GetBucketPolicy",
            "Resource": "arn:aws:s3:::bucket",
        },
    ],
}


async def do(gateway: InProcess, method: str, target: str, body: bytes = b"", acl: str = "") -> int:
    sent = {"x-amz-acl": acl} if acl else {}
    signed = by_header(method, target, sent, Choices(pair=OWNER))
    return (await gateway.ask(method, *signed, body)).status


@pytest.fixture
async def gateway() -> InProcess:
    gateway = await InProcess.begin()
    assert await do(gateway, "PUT", "/bucket") == 200
    assert await do(gateway, "PUT", "/bucket/key", b"hello", acl="public-read") == 200
    assert await do(gateway, "PUT", "/bucket/private", b"hello") == 200
    assert await do(gateway, "PUT", "/bucket?policy", json.dumps(POLICY).encode()) == 204
    gateway.touched.clear()
    return gateway


async def posted(gateway: InProcess, body: bytes, pair: Pair) -> Answer:
    choices = Choices(pair=pair, payload=sha256(body).hexdigest())
    signed = by_header("POST", "/v1/explain", {}, choices)
    return await gateway.ask("POST", *signed, body, handler=gateway.admin.handle)


async def explain(gateway: InProcess, action: str, **asked: object) -> dict[str, object]:
    answer = await posted(gateway, json.dumps({"action": action, **asked}).encode(), ROOT)
    assert answer.status == 200, answer.body
    found: dict[str, object] = json.loads(answer.body)
    return found


HERE = {"aws:SourceIp": "192.0.2.7"}


@pytest.mark.parametrize(
    ("action", "asked", "allowed", "reason"),
    [
        ("s3:GetObject", {"key": "private", "user": "owner"}, True, "the object's owner"),
        ("s3:GetObject", {"key": "private", "user": "root"}, True, "root"),
        ("s3:GetObject", {"key": "key"}, True, "ACL of the object, READ"),
        ("s3:GetObject", {"key": "private"}, False, "nothing allows it"),
        ("s3:GetObject", {"key": "private", "user": "other"}, False, "nothing allows it"),
        (
            "s3:GetObject",
            {"key": "private", "user": "other", "context": HERE},
            True,
            "bucket policy, statement 1 (Reading)",
        ),
        (
            "s3:DeleteObject",
            {"key": "kept/1", "user": "owner"},
            False,
            "bucket policy, statement 2",
        ),
        ("s3:DeleteObject", {"key": "other", "user": "owner"}, True, "the bucket's owner"),
        ("s3:PutBucketPolicy", {"user": "owner"}, True, "the bucket's owner"),
        ("s3:GetBucketPolicy", {"user": "other"}, False, "not the bucket owner's account"),
        ("s3:DeleteBucketPolicy", {"user": "other"}, False, "nothing allows it"),
        ("s3:ListBucket", {"user": "other"}, False, "nothing allows it"),
    ],
)
async def test_what_decides(
    gateway: InProcess, action: str, asked: dict[str, object], allowed: bool, reason: str
) -> None:
    found = await explain(gateway, action, bucket="bucket", **asked)
    assert (found["allowed"], found["reason"]) == (allowed, reason)
    assert (gateway.touched.written, gateway.touched.blobs) == ([], [])
    assert set(gateway.touched.read) <= {Table.IDENTITIES, Table.BUCKETS, Table.OBJECTS}


async def test_actions_without_a_bucket(gateway: InProcess) -> None:
    assert (await explain(gateway, "s3:CreateBucket", bucket="new", user="other"))["allowed"]
    assert not (await explain(gateway, "s3:CreateBucket", bucket="new"))["allowed"]
    assert (await explain(gateway, "s3:ListAllMyBuckets", user="other"))["allowed"]


async def test_only_operators_may_ask(gateway: InProcess) -> None:
    body = json.dumps({"action": "s3:GetObject", "bucket": "bucket", "key": "key"}).encode()
    for pair in (OTHER, OWNER):
        assert (await posted(gateway, body, pair)).status == 403
    answer = await gateway.ask("POST", "/v1/explain", {}, body, handler=gateway.admin.handle)
    assert answer.status == 403
