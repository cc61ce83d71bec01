"""Which policies of buckets are public."""

import json
from typing import Any

import pytest

from ocean.rules.policy.document import Kind, parse
from ocean.rules.policy.public import is_public

ALICE = "a" * 64


def public(*statements: dict[str, Any]) -> bool:
    default = {"Effect": "Allow", "Principal": "*", "Action": "s3:PutObject"}
    default |= {"Resource": "arn:aws:s3:::b/*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [default | one for one in statements]})
    return is_public(parse(text, Kind.BUCKET, bucket="b"))


def test_everyone_is_the_public() -> None:
    assert public({})
    assert public({"Principal": {"AWS": "*"}})
    assert public({"Principal": {"AWS": [ALICE, "*"]}})
    assert public({"Principal": {"Federated": "graph.facebook.com"}})


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": "arn:aws:iam::s3tenant1:root"},
        {"AWS": [ALICE, "123456789012"]},
        {"CanonicalUser": ALICE},
        {"Service": "logging.s3.amazonaws.com"},
    ],
)
def test_somebody_named_is_not(principal: Any) -> None:
    assert not public({"Principal": principal})


def test_denials_do_not_matter() -> None:
    assert not public({"Effect": "Deny"})
    assert public({}, {"Effect": "Deny"})


def test_one_statement_is_enough() -> None:
    assert public({"Principal": {"AWS": ALICE}}, {})
    assert not public({"Principal": {"AWS": ALICE}}, {"Principal": {"CanonicalUser": ALICE}})


@pytest.mark.parametrize(
    ("operator", "key", "stated", "wanted"),
    [
        ("StringEquals", "aws:SourceVpc", "vpc-91237329", False),
        ("StringEquals", "AWS:sourcevpc", ["vpc-1", "vpc-2"], False),
        ("StringLike", "aws:SourceVpc", "vpc-91237329", False),
        ("StringLike", "aws:SourceVpc", "vpc-*", True),
        ("StringLike", "aws:SourceVpc", "vpc-?", True),
        ("StringLike", "aws:SourceVpc", ["vpc-1", "vpc-*"], True),
        ("StringEquals", "aws:SourceVpc", "${aws:PrincipalTag/vpc}", True),
        ("StringNotEquals", "aws:SourceVpc", "vpc-1", True),
        ("StringEqualsIfExists", "aws:SourceVpc", "vpc-1", True),
        ("ForAllValues:StringEquals", "aws:SourceVpc", "vpc-1", True),
        ("ForAnyValue:StringEquals", "aws:SourceVpc", "vpc-1", False),
        ("StringEqualsIgnoreCase", "aws:SourceVpce", "VPCE-1", False),
        ("Null", "aws:SourceVpc", "false", True),
        ("ArnLike", "aws:SourceArn", "arn:aws:s3:::source", False),
        ("ArnEquals", "aws:SourceArn", "arn:aws:s3:::*", True),
        ("ArnNotLike", "aws:SourceArn", "arn:aws:s3:::source", True),
        ("StringEquals", "aws:SourceAccount", "123456789012", False),
        ("StringEquals", "aws:SourceOwner", "123456789012", False),
        ("StringEquals", "aws:SourceOrgID", "o-1", False),
        ("StringEquals", "aws:PrincipalOrgID", "o-1", False),
        ("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::1:user/alice", False),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::1:user/*", True),
        ("StringEquals", "aws:userid", "AIDAEXAMPLE", False),
        ("StringLike", "aws:userid", "AROAEXAMPLE:*", True),
        ("StringEquals", "aws:userid", "AROAEXAMPLE:session", True),
        ("StringEquals", "s3:x-amz-server-side-encryption-aws-kms-key-id", "key", False),
        ("StringEquals", "s3:DataAccessPointAccount", "123456789012", False),
        ("StringLike", "s3:DataAccessPointArn", "arn:aws:s3:r:1:accesspoint/*", False),
        ("ArnLike", "s3:DataAccessPointArn", "arn:aws:s3:r:1:accesspoint/*", False),
        ("ArnLike", "s3:DataAccessPointArn", "arn:aws:s3:r:*:accesspoint/a", True),
        ("StringLike", "s3:DataAccessPointArn", "*", True),
        ("StringLike", "aws:Referer", "http://www.example.com/", True),
        ("StringEquals", "aws:UserAgent", "secret", True),
        ("StringEquals", "s3:ExistingObjectTag/public", "yes", True),
        ("Bool", "aws:SecureTransport", "true", True),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/32", False),
        ("IpAddress", "aws:SourceIp", "203.0.113.7", False),
        ("IpAddress", "aws:SourceIp", ["11.0.0.0/8", "2001::/32"], False),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/7", True),
        ("IpAddress", "aws:SourceIp", ["11.0.0.0/8", "0.0.0.0/1"], True),
        ("IpAddress", "aws:SourceIp", "0.0.0.0/0", True),
        ("IpAddress", "aws:SourceIp", "::/0", True),
        ("IpAddress", "aws:SourceIp", "2001::/31", True),
        ("IpAddress", "aws:SourceIp", "::ffff:0:0/96", True),
        ("IpAddress", "aws:SourceIp", "::ffff:10.0.0.0/104", False),
        ("NotIpAddress", "aws:SourceIp", "10.0.0.0/32", True),
        ("IpAddressIfExists", "aws:SourceIp", "10.0.0.0/32", True),
        ("StringEquals", "aws:SourceIp", "10.0.0.1", True),
        ("IpAddress", "aws:VpcSourceIp", "10.0.0.0/32", True),
    ],
)
def test_conditions(operator: str, key: str, stated: Any, wanted: bool) -> None:
    assert public({"Condition": {operator: {key: stated}}}) == wanted


def test_one_condition_that_fixes_is_enough() -> None:
    fixing = {"StringEquals": {"aws:SourceVpc": "vpc-1", "aws:UserAgent": "x"}}
    assert not public({"Condition": fixing | {"Bool": {"aws:SecureTransport": "true"}}})
