"""Policies of POST uploads: AWS's example, every condition, and what is refused."""

import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import HmacV1PostAuth, S3SigV4PostAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire import postpolicy
from gateway.wire.sigv4 import Identity, SigningKeys
from ocean.errors import (
    AccessDenied,
    AuthorizationQueryParametersError,
    EntityTooLarge,
    EntityTooSmall,
    InvalidArgument,
    InvalidPolicyDocument,
    S3Error,
    SignatureDoesNotMatch,
)

ALICE = Identity("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
EXPIRATION = "2015-12-30T12:00:00.000Z"
END = 1451476800
EXAMPLE = """{ "expiration": "2015-12-30T12:00:00.000Z",
  "conditions": [
    {"bucket": "sigv4examplebucket"},
    ["starts-with", "$key", "user/user1/"],
    {"acl": "public-read"},
    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},
    ["starts-with", "$Content-Type", "image/"],
    {"x-amz-meta-uuid": "14365123651274"},
    {"x-amz-server-side-encryption": "AES256"},
    ["starts-with", "$x-amz-meta-tag", ""],

    {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},
    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
    {"x-amz-date": "20151229T000000Z" }
  ]
}""".replace("\n", "\r\n")
FIELDS = {
    "key": "user/user1/a.jpg",
    "acl": "public-read",
    "success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html",
    "content-type": "image/jpeg, image/png",
    "x-amz-meta-uuid": "14365123651274",
    "x-amz-server-side-encryption": "AES256",
    "x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request",
    "x-amz-algorithm": "AWS4-HMAC-SHA256",
    "x-amz-date": "20151229T000000Z",
    "x-amz-signature": "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e",
    "policy": b64encode(EXAMPLE.encode()).decode(),
    "x-ignore-this": "x",
}


def verify(fields: dict[str, str], secret: str = ALICE.secret) -> None:
    claim = postpolicy.claim(fields)
    assert claim is not None
    assert claim.access_key == ALICE.access_key
    postpolicy.verify(claim, secret=secret, keys=SigningKeys(), region="us-east-1")


def encode(document: Any) -> str:
    return b64encode(json.dumps(document).encode()).decode()


def policy(*conditions: Any) -> postpolicy.Policy:
    bucket = {"bucket": "b"}
    return postpolicy.parse(encode({"expiration": EXPIRATION, "conditions": [bucket, *conditions]}))


def test_example() -> None:
    """AWS's documentation prints this form and its signature."""
    verify(FIELDS)
    parsed = postpolicy.parse(FIELDS["policy"])
    parsed.check(FIELDS, "sigv4examplebucket", END - 1)
    parsed.check_size(10**15)
    for changes in (
        {"key": "user/user2/a.jpg"},
        {"acl": "private"},
        {"content-type": "image/jpeg,text/html"},
        {"x-amz-meta-other": "x"},
        {"x-amz-security-token": "x"},
        {"submit": "Upload"},
    ):
        with pytest.raises(AccessDenied, match="Invalid according to Policy: "):
            parsed.check({**FIELDS, **changes}, "sigv4examplebucket", END - 1)
    with pytest.raises(AccessDenied, match=r'\["eq", "\$bucket", "sigv4examplebucket"\]'):
        parsed.check(FIELDS, "other", END - 1)
    with pytest.raises(AccessDenied, match=r"Policy expired\."):
        parsed.check(FIELDS, "sigv4examplebucket", END)


def test_the_bucket_must_be_named_and_is_not_a_field() -> None:
    nameless = postpolicy.parse(encode({"expiration": EXPIRATION, "conditions": [{"key": "k"}]}))
    with pytest.raises(AccessDenied, match="Extra input fields: bucket"):
        nameless.check({"key": "k"}, "b", 0)
    with pytest.raises(AccessDenied):
        policy().check({"bucket": "b"}, "other", 0)


@pytest.mark.parametrize(
    ("condition", "value", "holds"),
    [
        (["eq", "$key", "a"], "a", True),
        (["eq", "$key", "a"], "A", False),
        (["EQ", "$KEY", "a"], "a", True),
        (["eq", "$key", "a"], None, False),
        (["eq", "$key", ""], None, True),
        ({"key": "a"}, "a", True),
        ({"Key": "a"}, "ab", False),
        ({"key": 200}, "200", True),
        (["StArTs-WiTh", "$KeY", "a/"], "a/b", True),
        (["starts-with", "$key", "a/"], "b", False),
        (["starts-with", "$key", "a/"], None, False),
        (["starts-with", "$key", ""], "anything", True),
        (["starts-with", "$key", ""], None, True),
        (["starts-with", "$key", "\\$"], "\\$a", True),
    ],
)
def test_conditions(condition: Any, value: str | None, holds: bool) -> None:
    fields = {} if value is None else {"key": value}
    if holds:
        policy(condition).check(fields, "b", 0)
    else:
        with pytest.raises(AccessDenied, match="Policy Condition failed"):
            policy(condition).check(fields, "b", 0)


def test_length_range() -> None:
    limited = policy(["content-length-range", 2, 4], ["Content-Length-Range", "1", "3"])
    for size in (2, 3):
        limited.check_size(size)
    with pytest.raises(EntityTooSmall) as small:
        limited.check_size(1)
    assert small.value.details == {"ProposedSize": "1", "MinSizeAllowed": "2"}
    for check in (limited.check_size, limited.check_growth):
        with pytest.raises(EntityTooLarge) as large:
            check(4)
        assert large.value.details == {"ProposedSize": "4", "MaxSizeAllowed": "3"}
    limited.check_growth(0)


CONDITIONS: list[Any] = [
    *([], {}, None, [{}], [{"a": "b", "c": "d"}], [{"a": None}], [{"a": []}], [[]]),
    *([["eq"]], [["eq", "$a"]], [["eq", "$a", "b", "c"]], [["eq", "a", "b"]]),
    *([["ends-with", "$a", "b"]], [["eq", 1, "b"]], [[1, "$a", "b"]]),
    [["content-length-range", 0]],
    [["content-length-range", -1, 0]],
    [["content-length-range", 0, 1, 2]],
    [["content-length-range", 0, "x"]],
    [["content-length-range", 0, 10**30]],
]


@pytest.mark.parametrize(
    "document",
    [
        *({}, [], None, "x", 1, {"conditions": [{"a": "b"}]}, {"expiration": EXPIRATION}),
        {"EXPIRATION": EXPIRATION, "conditions": [{"a": "b"}]},
        {"expiration": EXPIRATION, "CONDITIONS": [{"a": "b"}]},
        *({"expiration": EXPIRATION, "conditions": conditions} for conditions in CONDITIONS),
        *(
            {"expiration": expiration, "conditions": [{"a": "b"}]}
            for expiration in ("", "tomorrow", "2015-12-30 12:00:00+00:00", 1451476800)
        ),
    ],
)
def test_invalid_documents(document: Any) -> None:
    with pytest.raises(InvalidPolicyDocument):
        postpolicy.parse(encode(document))


@pytest.mark.parametrize(
    "text",
    [
        *("", "!", "é", "e30", b64encode(b"{").decode(), b64encode(b"\xff").decode()),
        b64encode(b"[" * 15_000).decode(),
        b64encode(b'{"a":' * 3_000).decode(),
        b64encode(b'{"expiration":"x","conditions":[["eq","$a",' + b"1" * 9000 + b"]]}").decode(),
    ],
)
def test_invalid_texts(text: str) -> None:
    with pytest.raises(InvalidPolicyDocument):
        postpolicy.parse(text)


@given(st.binary(max_size=200))
def test_garbage(text: bytes) -> None:
    """Nothing but an S3 error comes of any policy."""
    for policy_text in (b64encode(text).decode(), text.decode("utf-8", "replace")):
        with pytest.raises(S3Error):
            postpolicy.parse(policy_text)


def test_wrong_signatures() -> None:
    with pytest.raises(SignatureDoesNotMatch):
        verify(FIELDS, "other")
    for name in ("policy", "x-amz-signature"):
        with pytest.raises(SignatureDoesNotMatch):
            verify({**FIELDS, name: "0" + FIELDS[name][1:]})
    for old, new in (("us-east-1", "us-west-1"), ("20151229", "20151230"), ("/s3/", "/ec2/")):
        changed = FIELDS["x-amz-credential"].replace(old, new)
        with pytest.raises(AuthorizationQueryParametersError):
            verify({**FIELDS, "x-amz-credential": changed})
    with pytest.raises(AuthorizationQueryParametersError):
        verify({**FIELDS, "x-amz-date": "today"})


@pytest.mark.parametrize("name", sorted(set(FIELDS) & {"policy", *postpolicy._V4_FIELDS}))
def test_missing_fields(name: str) -> None:
    fields = dict(FIELDS)
    del fields[name]
    with pytest.raises(InvalidArgument, match=name):
        postpolicy.claim(fields)


def test_who_signed() -> None:
    assert postpolicy.claim({"key": "k"}) is None
    for fields in ({"policy": "x"}, {"awsaccesskeyid": "a", "policy": "x"}):
        with pytest.raises(InvalidArgument):
            postpolicy.claim(fields)
    with pytest.raises(InvalidArgument, match="Only one"):
        postpolicy.claim({**FIELDS, "signature": "x"})
    with pytest.raises(S3Error) as caught:
        postpolicy.claim({**FIELDS, "x-amz-algorithm": "AWS4-ECDSA-P256-SHA256"})
    assert caught.value.code == "NotImplemented"


@pytest.mark.parametrize("version", [2, 4])
def test_forms_of_botocore(version: int) -> None:
    """What botocore presigns is accepted with the fields that it returns."""
    credentials = Credentials(ALICE.access_key, ALICE.secret, "token")
    request = AWSRequest("POST", "http://localhost/b")
    conditions: list[Any] = [{"bucket": "b"}, ["starts-with", "$key", "u/"]]
    request.context["s3-presign-post-fields"] = {"key": "u/k"}
    request.context["s3-presign-post-policy"] = {
        "expiration": EXPIRATION,
        "conditions": conditions,
    }
    if version == 4:
        S3SigV4PostAuth(credentials, "s3", "us-east-1").add_auth(request)
    else:
        HmacV1PostAuth(credentials).add_auth(request)
    made = request.context["s3-presign-post-fields"]
    fields = {name.lower(): value for name, value in made.items()}
    verify(fields)
    claim = postpolicy.claim(fields)
    assert claim is not None
    assert claim.token == "token"
    now = datetime(2015, 12, 29, tzinfo=UTC).timestamp()
    postpolicy.parse(fields["policy"]).check(fields, "b", now)
    with pytest.raises(SignatureDoesNotMatch):
        verify(fields, "other")
