"""Which condition keys new bucket policies may name for which actions."""

import json
from typing import Any

import pytest

from ocean.errors import MalformedPolicy
from ocean.rules.policy import keys
from ocean.rules.policy.actions import ACTIONS
from ocean.rules.policy.applicability import TAKEN_BY, check
from ocean.rules.policy.compiled import Decision, Policy, Request
from ocean.rules.policy.document import Document, Kind, parse


def stating(key: str, operator: str = "StringEquals", **elements: Any) -> Document:
    """A policy with a statement of these elements, and a condition on the key."""
    value = "true" if operator == "Null" else "1"
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
        "Condition": {operator: {key: value}},
    }
    return parse(json.dumps({"Statement": statement | elements}), Kind.BUCKET, bucket="b")


def applies(document: Document) -> bool:
    try:
        check(document)
    except MalformedPolicy:
        return False
    return True


def test_the_table_names_keys_and_actions_that_there_are() -> None:
    for key, actions in TAKEN_BY.items():
        named = f"{key}name" if key.endswith("/") else key
        assert keys.is_known(named)
        assert keys.asked(named) == key
        assert actions
        assert actions <= ACTIONS.keys()


@pytest.mark.parametrize(
    ("key", "taking", "others"),
    [
        ("s3:prefix", "ListBucket ListBucketVersions", "GetObject PutObject"),
        ("s3:delimiter", "ListBucket ListBucketVersions", "GetObject GetBucketLocation"),
        ("s3:max-keys", "ListBucket ListBucketVersions", "ListBucketMultipartUploads"),
        (
            "s3:x-amz-acl",
            "PutObject PutObjectAcl PutBucketAcl CreateBucket",
            "GetObject GetObjectAcl",
        ),
        ("s3:x-amz-grant-read", "PutObject PutObjectVersionAcl", "GetObject DeleteObject"),
        ("s3:VersionId", "GetObjectVersion DeleteObjectVersionTagging", "GetObject PutObject"),
        (
            "s3:ExistingObjectTag/team",
            "GetObject GetObjectVersion GetObjectAcl GetObjectAttributes GetObjectVersionTagging",
            "PutObject DeleteObject ListBucket GetBucketTagging",
        ),
        (
            "s3:ExistingObjectTag/team",
            "PutObjectTagging PutObjectVersionAcl DeleteObjectTagging DeleteObjectVersionTagging",
            "DeleteObjectVersion GetObjectRetention",
        ),
        (
            "s3:ExistingObjectTag/team",
            "GetObjectAnnotation ListObjectVersionAnnotations UpdateObjectEncryption",
            "GetObjectVersionAnnotationForReplication",
        ),
        ("s3:annotation-prefix", "ListObjectAnnotations", "GetObjectAnnotation ListBucket"),
        ("s3:RequestObjectTag/team", "PutObject PutObjectTagging", "GetObject DeleteObjectTagging"),
        ("s3:RequestObjectTagKeys", "PutObject PutObjectVersionTagging", "GetObjectTagging"),
        ("s3:object-lock-mode", "PutObject PutObjectRetention", "GetObject PutObjectLegalHold"),
        (
            "s3:object-lock-remaining-retention-days",
            "PutObject PutObjectRetention",
            "PutBucketObjectLockConfiguration",
        ),
        ("s3:object-lock-legal-hold", "PutObject PutObjectLegalHold", "PutObjectRetention"),
        ("s3:x-amz-server-side-encryption", "PutObject", "GetObject PutEncryptionConfiguration"),
        ("s3:x-amz-server-side-encryption-aws-kms-key-id", "PutObject", "GetObject"),
        ("s3:x-amz-server-side-encryption-customer-algorithm", "PutObject", "GetObject"),
        ("s3:x-amz-copy-source", "PutObject", "GetObject"),
        ("s3:x-amz-metadata-directive", "PutObject", "GetObject"),
        ("s3:x-amz-storage-class", "PutObject", "GetObject"),
        ("s3:if-match", "PutObject DeleteObject", "GetObject"),
        ("s3:if-none-match", "PutObject", "GetObject DeleteObject"),
        ("s3:ObjectCreationOperation", "PutObject", "GetObject"),
        ("s3:x-amz-object-ownership", "CreateBucket", "PutBucketOwnershipControls PutObject"),
    ],
)
def test_keys_of_some_actions(key: str, taking: str, others: str) -> None:
    for action in taking.split():
        assert applies(stating(key, Action=f"s3:{action}")), action
        assert applies(stating(key.upper().replace("/TEAM", "/team"), Action=f"s3:{action}"))
        assert applies(stating(key, Action=[f"s3:{action}", "s3:GetBucketCORS"]))
    refused = [f"s3:{action}" for action in others.split()]
    for action in refused:
        for effect in ("Allow", "Deny"):
            assert not applies(stating(key, Action=action, Effect=effect)), action
        assert not applies(stating(key, "Null", Action=action))
    assert not applies(stating(key, Action=refused))


@pytest.mark.parametrize(
    "key",
    [
        "aws:SourceIp",
        "aws:PrincipalTag/team",
        "aws:ResourceTag/team",
        "s3:authType",
        "s3:BucketTag/team",
        "s3:DataAccessPointAccount",
        "s3:ResourceAccount",
        "s3:signatureAge",
        "s3:signatureversion",
        "s3:TlsVersion",
        "s3:x-amz-content-sha256",
        "s3:JobSuspendedCause",  # of what Ocean has not
    ],
)
def test_other_keys_are_never_refused(key: str) -> None:
    operator = "Null" if key == "aws:SourceIp" else "StringEquals"
    for action in ("s3:GetObject", "s3:ListBucket", "s3:PutBucketPolicy"):
        assert applies(stating(key, operator, Action=action))


@pytest.mark.parametrize(
    ("stated", "wanted"),
    [
        ({"Action": "s3:*"}, True),
        ({"Action": "*"}, True),
        ({"Action": "s3:List*"}, True),
        ({"Action": "s3:Get*"}, False),
        ({"Action": ["s3:Get*", "s3:*BucketV*"]}, True),
        ({"NotAction": "s3:GetObject"}, True),
        ({"NotAction": "s3:ListBucket"}, True),
        ({"NotAction": "s3:ListBucket*"}, False),
    ],
)
def test_wildcards_and_all_but_some(stated: dict[str, str], wanted: bool) -> None:
    assert applies(stating("s3:prefix", **stated)) == wanted


def test_each_statement_and_each_key_counts() -> None:
    good, bad = {"s3:prefix": "a"}, {"s3:x-amz-acl": "private"}
    for conditions in ([good, bad], [bad, good], [good | bad], [bad]):
        statements = [
            {
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:ListBucket",
                "Resource": "arn:aws:s3:::b",
                "Condition": {"StringEquals": one},
            }
            for one in conditions
        ]
        text = json.dumps({"Statement": statements})
        assert not applies(parse(text, Kind.BUCKET, bucket="b"))


def test_a_variable_is_no_condition_on_its_key() -> None:
    condition = {"StringEquals": {"aws:PrincipalTag/a": "${s3:prefix}"}}
    assert applies(stating("", Action="s3:GetObject", Condition=condition))


def test_one_that_was_stored_before_is_evaluated_as_it_was() -> None:
    document = stating("s3:prefix", "StringNotEquals", Action="s3:GetObject")
    assert not applies(document)
    request = Request(None, "s3:GetObject", "arn:aws:s3:::b/k", lambda _key: None)
    assert Policy(document, {}).evaluate(request).decision is Decision.ALLOW
