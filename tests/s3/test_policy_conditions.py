"""What the conditions of a bucket's policy may ask of a request, key by key.

test_policy_conditions_on_objects.py is about what requests write, and about what is there.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html
"""

import json
import time
from typing import Any

import pytest

from tests.s3.access import (
    Condition,
    allow,
    allowed,
    answered,
    canonical_id,
    deny,
    on,
    put_policy,
    user_name,
)
from tests.s3.expect import keys, read, refused
from tests.s3.store import Answer, Client, Pair, Store
from tests.s3.test_post_object import form
from tests.support.inprocess import Pair as Signer
from tests.support.posting import Form, sign_v4
from tests.support.signing import Choices, by_query

pytest_plugins = ["tests.s3.accounts"]

# -- listings ---------------------------------------------------------------------------------

BOTH = on("StringEquals", "s3:prefix", "", "a/") | on("StringEqualsIfExists", "s3:delimiter", "/")


@pytest.mark.parametrize("listing", [{}, {"list-type": "2"}, {"versions": ""}])
@pytest.mark.parametrize(
    ("condition", "query", "may"),
    [
        (on("StringEquals", "s3:prefix", "a/"), {"prefix": "a/"}, True),
        (on("StringEquals", "s3:prefix", "a/"), {"prefix": "b/"}, False),
        (on("StringEquals", "s3:prefix", "a/"), {}, False),
        (on("StringEqualsIfExists", "s3:prefix", "a/"), {}, True),
        (on("StringNotEquals", "s3:prefix", "a/"), {"prefix": "a/"}, False),
        (on("StringNotEquals", "s3:prefix", "a/"), {}, True),
        (on("StringLike", "s3:prefix", "a/*", "c?"), {"prefix": "a/b/c"}, True),
        (on("StringLike", "s3:prefix", "a/*", "c?"), {"prefix": "cd"}, True),
        (on("StringLike", "s3:prefix", "a/*", "c?"), {"prefix": "a"}, False),
        (on("StringEqualsIgnoreCase", "s3:prefix", "A/"), {"prefix": "a/"}, True),
        (on("StringEquals", "s3:delimiter", "/"), {"delimiter": "/"}, True),
        (on("StringEquals", "s3:delimiter", "/"), {"delimiter": "|"}, False),
        (on("StringEquals", "s3:delimiter", "/"), {}, False),
        (on("Null", "s3:prefix", "true"), {}, True),
        (on("Null", "s3:prefix", "true"), {"prefix": "a/"}, False),
        (BOTH, {"prefix": "a/", "delimiter": "/"}, True),
        (BOTH, {"prefix": ""}, True),
        (BOTH, {"prefix": "a/", "delimiter": "|"}, False),
        (BOTH, {"delimiter": "/"}, False),
    ],
)
def test_listings(
    store: Store,
    s3: Client,
    other_pair: Pair,
    shared: str,
    listing: dict[str, str],
    condition: Condition,
    query: dict[str, str],
    may: bool,
) -> None:
    actions = ("s3:ListBucket", "s3:ListBucketVersions")
    put_policy(s3, shared, allow(shared, *actions, Condition=condition))
    answer = store.send("GET", f"/{shared}", query={**listing, **query}, pair=other_pair)
    assert answered(answer) == may


@pytest.mark.parametrize(
    ("condition", "asked", "may"),
    [
        (on("NumericLessThanEquals", "s3:max-keys", "10"), "10", True),
        (on("NumericLessThanEquals", "s3:max-keys", "10"), "11", False),
        (on("NumericLessThanEquals", "s3:max-keys", "10"), None, False),
        (on("NumericLessThanEqualsIfExists", "s3:max-keys", "10"), None, True),
        (on("NumericGreaterThan", "s3:max-keys", 10), "11", True),
        (on("NumericEquals", "s3:max-keys", "10"), "010", True),
        (on("NumericNotEquals", "s3:max-keys", "10"), "10", False),
    ],
)
@pytest.mark.parametrize("listing", [{}, {"list-type": "2"}, {"versions": ""}])
def test_page_sizes(
    store: Store,
    s3: Client,
    other_pair: Pair,
    shared: str,
    listing: dict[str, str],
    condition: Condition,
    asked: str | None,
    may: bool,
) -> None:
    actions = ("s3:ListBucket", "s3:ListBucketVersions")
    put_policy(s3, shared, allow(shared, *actions, Condition=condition))
    query = listing | ({} if asked is None else {"max-keys": asked})
    answer = store.send("GET", f"/{shared}", query=query, pair=other_pair)
    assert answered(answer) == may


def test_who_may_list_a_prefix_learns_what_is_not_there(
    owner: Client, other: Client, full: str
) -> None:
    """Below it, and nowhere else."""
    condition = on("StringLike", "s3:prefix", "a/*")
    put_policy(owner, full, allow(full, "s3:ListBucket", Condition=condition))
    with refused("404", 404):
        other.head_object(Bucket=full, Key="a/none")
    for key in ("b/none", "none", "a"):
        assert not allowed(other.head_object, Bucket=full, Key=key)
    assert not allowed(other.head_object, Bucket=full, Key="a/key"), "it is there, but not theirs"


# -- the request ------------------------------------------------------------------------------

CAMERA = on("StringLike", "aws:UserAgent", "camera/*")
SITE = on("StringLike", "aws:Referer", "https://example.org/*")
HOME = on("IpAddress", "aws:SourceIp", "127.0.0.0/8", "::1/128")
AWAY = on("IpAddress", "aws:SourceIp", "192.0.2.0/24", "2001:db8::/32")
FORWARDED = {"X-Forwarded-For": "192.0.2.1", "X-Real-IP": "192.0.2.1", "Forwarded": "for=192.0.2.1"}


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(
    ("condition", "headers", "may"),
    [
        (HOME, {}, True),
        (AWAY, {}, False),
        (AWAY, FORWARDED, False),
        (on("NotIpAddress", "aws:SourceIp", "127.0.0.1"), {}, False),
        (on("NotIpAddress", "aws:SourceIp", "192.0.2.0/24"), {}, True),
        (on("Bool", "aws:SecureTransport", "true"), {}, False),
        (on("Bool", "aws:SecureTransport", False), {}, True),
        (on("Bool", "aws:SecureTransport", "true"), {"X-Forwarded-Proto": "https"}, False),
        (CAMERA, {"User-Agent": "camera/7"}, True),
        (CAMERA, {"User-Agent": "webcam/7"}, False),
        (SITE, {"Referer": "https://example.org/page"}, True),
        (SITE, {"Referer": "https://example.com/https://example.org/"}, False),
        (SITE, {}, False),
        (on("StringNotLike", "aws:Referer", "https://example.org/*"), {}, True),
        (on("DateLessThan", "aws:CurrentTime", "2999-01-01T00:00:00Z"), {}, True),
        (on("DateGreaterThan", "aws:CurrentTime", "2999-01-01T00:00:00Z"), {}, False),
        (on("NumericGreaterThan", "aws:EpochTime", "1600000000"), {}, True),
        (on("Null", "aws:MultiFactorAuthPresent", "true"), {}, True),
        (on("StringEquals", "aws:SourceVpc", "vpc-1"), {}, False),
        (HOME | CAMERA, {"User-Agent": "camera/7"}, True),
        (AWAY | CAMERA, {"User-Agent": "camera/7"}, False),
    ],
)
def test_requests(
    store: Store,
    s3: Client,
    other_pair: Pair,
    shared: str,
    condition: Condition,
    headers: dict[str, str],
    may: bool,
    signed: bool,
) -> None:
    put_policy(s3, shared, allow(shared, "s3:ListBucket", Condition=condition))
    asker = store if signed else store.unsigned()
    answer = asker.send("GET", f"/{shared}", headers=headers, pair=other_pair)
    assert answered(answer) == may


def test_who_asks(
    owner: Client, other: Client, third: Client, anonymous: Client, full: str
) -> None:
    me = canonical_id(other)
    for key, value in (
        ("aws:username", user_name(other)),
        ("aws:userid", me),
        ("aws:PrincipalAccount", me),
        ("aws:PrincipalArn", f"arn:aws:iam::{me}:user/{user_name(other)}"),
    ):
        condition = on("StringEquals", key, value)
        put_policy(owner, full, allow(full, "s3:GetObject", Condition=condition))
        got = [allowed(who.get_object, Bucket=full, Key="key") for who in (other, third, anonymous)]
        assert got == [True, False, False], key
    for key in ("s3:ResourceAccount", "aws:ResourceAccount"):
        condition = on("StringEquals", key, canonical_id(owner))
        put_policy(owner, full, allow(full, "s3:GetObject", Condition=condition))
        assert allowed(anonymous.get_object, Bucket=full, Key="key")
    condition = on("StringEquals", "aws:PrincipalType", "Anonymous")
    put_policy(owner, full, allow(full, "s3:GetObject", Condition=condition))
    assert allowed(anonymous.get_object, Bucket=full, Key="key")
    assert not allowed(other.get_object, Bucket=full, Key="key")


# -- how it is signed -------------------------------------------------------------------------

V4, V2 = "AWS4-HMAC-SHA256", "AWS"
HOW = [
    ("s3v4", "header", V4, "REST-HEADER"),
    ("s3", "header", V2, "REST-HEADER"),
    ("s3v4", "query", V4, "REST-QUERY-STRING"),
    ("s3", "query", V2, "REST-QUERY-STRING"),
    ("s3v4", "form", V4, "POST"),
    ("s3", "form", V2, "POST"),
]


def put_so(store: Store, pair: Pair, version: str, place: str, bucket: str) -> bool:
    """Whether an object may be put, by a request that is signed so."""
    signer = store.client(pair, signature_version=version)
    if place == "header":
        return allowed(signer.put_object, Bucket=bucket, Key="new", Body=b"x")
    if place == "form":
        return answered(form(store, signer.generate_presigned_post(bucket, "new"), b"x"))
    url = signer.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "new"})
    return answered(store.plain("PUT", url, headers={"Content-Length": "1"}, body=b"x"))


@pytest.mark.parametrize(("version", "place", "signature", "kind"), HOW)
def test_signatures(
    store: Store,
    s3: Client,
    other_pair: Pair,
    shared: str,
    version: str,
    place: str,
    signature: str,
    kind: str,
) -> None:
    for key, value, values in (
        ("s3:signatureversion", signature, (V4, V2)),
        ("s3:authType", kind, ("REST-HEADER", "REST-QUERY-STRING", "POST")),
    ):
        for one in values:
            condition = on("StringEquals", key, one)
            put_policy(s3, shared, allow(shared, "s3:PutObject", Condition=condition))
            assert put_so(store, other_pair, version, place, shared) == (one == value), key
            put_policy(s3, shared, deny(shared, "s3:PutObject", Condition=condition))
            assert put_so(store, store.pair, version, place, shared) == (one != value), key


def sent_after(store: Store, pair: Pair, place: str, bucket: str, seconds: int) -> Answer:
    """An object put by a request that was signed so long ago."""
    choices = Choices(pair=Signer(*pair), now=time.time() - seconds, expires="3600")
    if place == "form":
        fields = sign_v4({"key": "key"}, choices, [{"bucket": bucket}, {"key": "key"}])
        made = Form(fields)
        return store.plain("POST", f"/{bucket}", headers=made.headers, body=made.body)
    signed = by_query("PUT", f"/{bucket}/key", {"host": store.host}, choices)
    headers = {**signed.headers, "Content-Length": "1"}
    return store.plain("PUT", signed.target, headers=headers, body=b"x")


@pytest.mark.parametrize("place", ["query", "form"])
def test_how_old_a_signature_may_be(
    store: Store, owner: Client, owner_pair: Pair, owned: str, place: str
) -> None:
    """As the user guide has it: what was signed more than ten minutes ago is denied."""
    condition = on("NumericGreaterThan", "s3:signatureAge", "600000")
    put_policy(owner, owned, deny(owned, "s3:PutObject", Condition=condition))
    for seconds, may in ((0, True), (540, True), (660, False), (3000, False)):
        answer = sent_after(store, owner_pair, place, owned, seconds)
        assert answered(answer) == may, seconds
    owner.delete_bucket_policy(Bucket=owned)
    assert answered(sent_after(store, owner_pair, place, owned, 660)), "it has not expired"


@pytest.mark.parametrize("place", ["header", "query", "form"])
def test_signatures_of_version_2_have_no_age(
    store: Store, s3: Client, other_pair: Pair, shared: str, place: str
) -> None:
    """It is said to be 0."""
    for operator, may in (("NumericEquals", True), ("NumericGreaterThan", False)):
        condition = on(operator, "s3:signatureAge", "0")
        put_policy(s3, shared, allow(shared, "s3:PutObject", Condition=condition))
        assert put_so(store, other_pair, "s3", place, shared) == may


def test_payloads_that_are_not_signed(
    store: Store, owner: Client, owner_pair: Pair, owned: str
) -> None:
    condition = on("StringEquals", "s3:x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    put_policy(owner, owned, deny(owned, "s3:PutObject", Condition=condition))
    for headers, may in (({}, True), ({"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, False)):
        path = f"/{owned}/key"
        answer = store.send("PUT", path, headers=headers, body=b"x", pair=owner_pair)
        assert answered(answer) == may


# -- variables --------------------------------------------------------------------------------


def home_folders(bucket: str) -> list[dict[str, Any]]:
    """Everybody has a folder of its own, by name."""
    folder = f"arn:aws:s3:::{bucket}/home/${{aws:username}}/*"
    below = on("StringLike", "s3:prefix", "home/${aws:username}/*")
    return [
        allow(bucket, "s3:GetObject", "s3:PutObject", "s3:DeleteObject", Resource=folder),
        allow(bucket, "s3:ListBucket", Condition=below),
    ]


def test_home_folders(
    owner: Client, other: Client, third: Client, anonymous: Client, owned: str
) -> None:
    put_policy(owner, owned, *home_folders(owned))
    for me, neighbor in ((other, third), (third, other)):
        mine, theirs = (f"home/{user_name(one)}/" for one in (me, neighbor))
        me.put_object(Bucket=owned, Key=f"{mine}diary", Body=b"dear")
        assert read(me, owned, f"{mine}diary") == b"dear"
        assert keys(me.list_objects_v2(Bucket=owned, Prefix=mine)) == [f"{mine}diary"]
        for prefix in ("", "home/", theirs, mine[:-1]):
            assert not allowed(me.list_objects_v2, Bucket=owned, Prefix=prefix), prefix
        for key in (f"{theirs}diary", f"{theirs}new", "home/x", f"home/{mine}x", f"{mine[:-1]}x/y"):
            at = {"Bucket": owned, "Key": key}
            assert not allowed(me.put_object, **at, Body=b"x"), key
            assert not allowed(me.get_object, **at), key
    for key in (f"home/{user_name(other)}/diary", "home//diary", "home/${aws:username}/diary"):
        assert not allowed(anonymous.get_object, Bucket=owned, Key=key)
        assert not allowed(anonymous.put_object, Bucket=owned, Key=key, Body=b"x")


def test_variables_are_text_in_older_policies(owner: Client, other: Client, owned: str) -> None:
    stated = {"Version": "2008-10-17", "Statement": home_folders(owned)}
    owner.put_bucket_policy(Bucket=owned, Policy=json.dumps(stated))
    at = {"Bucket": owned, "Body": b"x"}
    assert not allowed(other.put_object, **at, Key=f"home/{user_name(other)}/diary")
    assert allowed(other.put_object, **at, Key="home/${aws:username}/diary")


def test_characters_that_mean_themselves(owner: Client, other: Client, owned: str) -> None:
    resource = f"arn:aws:s3:::{owned}/${{*}}/${{?}}/${{$}}"
    put_policy(owner, owned, allow(owned, "s3:PutObject", Resource=resource))
    assert allowed(other.put_object, Bucket=owned, Key="*/?/$", Body=b"x")
    assert not allowed(other.put_object, Bucket=owned, Key="a/b/$", Body=b"x")
