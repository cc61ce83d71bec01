"""PutBucketPolicy, GetBucketPolicy, DeleteBucketPolicy, GetBucketPolicyStatus: whom policies mean.

test_policy_conditions.py is about what their conditions ask.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
"""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.s3.access import (
    allow,
    allowed,
    canonical_id,
    deny,
    on,
    policy,
    put_policy,
    user_name,
)
from tests.s3.expect import headers, keys, md5_header, read, refused, status
from tests.s3.store import Client, Store
from tests.support.server import Server

pytest_plugins = ["tests.s3.accounts"]

READING = ("s3:GetObject", "s3:ListBucket")


# -- documents --------------------------------------------------------------------------------


def test_life(s3: Client, bucket: str) -> None:
    """It comes back as it was given, character by character."""
    with refused("NoSuchBucketPolicy", 404):
        s3.get_bucket_policy(Bucket=bucket)
    assert status(s3.delete_bucket_policy(Bucket=bucket)) == 204
    for text in (
        policy(allow(bucket, "s3:GetObject", Sid="Überall, \U0001f600")),
        json.dumps({"Id": "x", "Statement": allow(bucket, "s3:List*")}, indent=3) + "\n\n",
    ):
        assert status(s3.put_bucket_policy(Bucket=bucket, Policy=text)) == 204
        found = s3.get_bucket_policy(Bucket=bucket)
        assert found["Policy"] == text
        assert headers(found)["content-type"] == "application/json"
    assert status(s3.delete_bucket_policy(Bucket=bucket)) == 204
    with refused("NoSuchBucketPolicy", 404) as caught:
        s3.get_bucket_policy(Bucket=bucket)
    assert caught.response["Error"]["BucketName"] == bucket


def test_a_body_that_was_changed_on_its_way(store: Store, bucket: str) -> None:
    body = policy(allow(bucket, "s3:GetObject")).encode()
    query = {"policy": ""}
    sent = {"Content-MD5": md5_header(body + b" ")}
    answer = store.send("PUT", f"/{bucket}", query=query, headers=sent, body=body)
    assert (answer.status, answer.error()) == (400, "BadDigest")
    assert store.send("GET", f"/{bucket}", query=query).error() == "NoSuchBucketPolicy"


def test_a_new_bucket_of_an_old_name_has_no_policy(s3: Client, bucket: str) -> None:
    put_policy(s3, bucket, allow(bucket, "s3:GetObject"))
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    with refused("NoSuchBucketPolicy", 404):
        s3.get_bucket_policy(Bucket=bucket)


def wrong(**elements: Any) -> Any:
    """A policy with a statement that has these elements instead; None: it lacks them."""
    return lambda bucket: policy(allow(bucket, "s3:GetObject", **elements))


def outside(**fields: Any) -> Any:
    """A policy with other fields beside its statement."""
    return lambda bucket: json.dumps({"Statement": allow(bucket, "s3:GetObject"), **fields})


def text(whole: str) -> Any:
    return lambda _bucket: whole


ARN = "arn:aws:s3:::"
NO_JSON = "This policy contains invalid Json"
NOT_THE_FIRST = "Policies must be valid JSON and the first byte must be '{'"


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (text("[]"), NOT_THE_FIRST),
        (text(" {}"), NOT_THE_FIRST),
        (text("{"), NO_JSON),
        (text('{"Statement": [], "Statement": []}'), NO_JSON),
        (text("{}"), "Missing required field Statement"),
        (text('{"Statement": []}'), "Could not parse the policy: Statement is empty!"),
        (text('{"Statement": 7}'), "Invalid policy syntax."),
        (outside(Version="2012-10-18"), "The policy must contain a valid version string"),
        (outside(Statements=[]), "Unknown field Statements"),
        (wrong(Effect=None), "Missing required field Effect"),
        (wrong(Effect="allow"), "Invalid effect: allow"),
        (wrong(Principal=None), "Missing required field Principal"),
        (wrong(Principal="someone"), "Invalid principal in policy"),
        (wrong(Principal={"AWS": "someone"}), "Invalid principal in policy"),
        (wrong(Principal={"AWS": "arn:aws:iam:::user/*"}), "Invalid principal in policy"),
        (wrong(Principal={"CanonicalUser": "*"}), "Invalid principal in policy"),
        (
            wrong(Principal=None, NotPrincipal="*"),
            "NotPrincipal must be used with the effect Deny",
        ),
        (wrong(Action=None), "Missing required field Action"),
        (wrong(Action="s3:GetEverything"), "Policy has invalid action"),
        (wrong(Action="ec2:RunInstances"), "Policy has invalid action"),
        (wrong(NotAction="s3:GetObject"), "Invalid policy syntax."),
        (wrong(Resource=None), "Missing required field Resource"),
        (wrong(Resource="*"), "Policy has invalid resource"),
        (wrong(Resource=f"{ARN}another-bucket/*"), "Policy has invalid resource"),
        (
            wrong(Action="s3:ListAllMyBuckets"),
            "Action does not apply to any resource(s) in statement",
        ),
        (wrong(Condition={"Equals": {"aws:SourceIp": "::1"}}), "Invalid Condition type : Equals"),
        (
            wrong(Condition={"StringEquals": {"aws:Weather": "fine"}}),
            "Policy has an invalid condition key",
        ),
        (
            wrong(Condition={"IpAddress": {"aws:SourceIp": "home"}}),
            "Invalid IP address in Conditions",
        ),
        (wrong(Condition=[]), "Invalid policy syntax."),
        (wrong(Conditions={}), "Unknown field Conditions"),
    ],
)
def test_malformed(s3: Client, bucket: str, made: Any, message: str) -> None:
    before = policy(deny(bucket, "s3:DeleteObject"))
    s3.put_bucket_policy(Bucket=bucket, Policy=before)
    with refused("MalformedPolicy", 400) as caught:
        s3.put_bucket_policy(Bucket=bucket, Policy=made(bucket))
    assert caught.response["Error"]["Message"] == message
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == before


def test_an_action_that_the_resource_does_not_have(s3: Client, bucket: str) -> None:
    for action, resource in (("s3:ListBucket", "/*"), ("s3:GetObject", "")):
        with refused("MalformedPolicy", 400) as caught:
            put_policy(s3, bucket, allow(bucket, action, Resource=f"{ARN}{bucket}{resource}"))
        said = "Action does not apply to any resource(s) in statement"
        assert caught.response["Error"]["Message"] == said


def test_a_condition_key_that_no_action_has(s3: Client, bucket: str) -> None:
    """One that an action of its statement has is enough."""
    condition = on("StringLike", "s3:prefix", "a/*")
    put_policy(s3, bucket, allow(bucket, *READING, Condition=condition))
    before = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    with refused("MalformedPolicy", 400) as caught:
        put_policy(s3, bucket, allow(bucket, "s3:GetObject", Condition=condition))
    said = "Conditions do not apply to combination of actions and resources in statement"
    assert caught.response["Error"]["Message"] == said
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == before


@pytest.mark.parametrize("body", [b"", b"\xff", b"{\0}", b"<Policy/>"])
def test_no_policy(store: Store, bucket: str, body: bytes) -> None:
    answer = store.send("PUT", f"/{bucket}", query={"policy": ""}, body=body)
    assert (answer.status, answer.error()) == (400, "MalformedPolicy")


def of_size(bucket: str, size: int, *, indent: int | None = None) -> str:
    """A policy of so many bytes, white space not counted."""

    def written(sid: str) -> str:
        document = {"Statement": allow(bucket, "s3:GetObject", Sid=sid)}
        separators = (",", ":") if indent is None else None
        return json.dumps(document, indent=indent, separators=separators)

    return written("s" * (size - len("".join(written("").split()))))


def test_how_large_a_policy_may_be(s3: Client, bucket: str) -> None:
    """20 KiB, in which white space does not count."""
    limit = 20 << 10
    for indent in (None, 4, 1000):
        text = of_size(bucket, limit, indent=indent)
        s3.put_bucket_policy(Bucket=bucket, Policy=text)
        assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == text
        with refused("MalformedPolicy", 400) as caught:
            s3.put_bucket_policy(Bucket=bucket, Policy=of_size(bucket, limit + 1, indent=indent))
        said = "Normalized policy document exceeds the maximum allowed size of 20480 bytes"
        assert caught.response["Error"]["Message"] == said
        assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == text


def test_many_statements(owner: Client, anonymous: Client, full: str) -> None:
    """The last of very many counts like the first."""
    statements = [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"{ARN}{full}/{n}"}
        for n in range(100)
    ]
    put_policy(owner, full, *statements, allow(full, "s3:GetObject"))
    assert read(anonymous, full, "key") == b"mine"
    assert not allowed(anonymous.get_object, Bucket=full, Key="99")


# -- who --------------------------------------------------------------------------------------


@pytest.mark.parametrize("everybody", ["*", {"AWS": "*"}, {"AWS": ["*"]}])
def test_everybody(
    owner: Client, other: Client, anonymous: Client, full: str, everybody: Any
) -> None:
    assert not allowed(anonymous.get_object, Bucket=full, Key="key")
    put_policy(owner, full, allow(full, *READING, Principal=everybody))
    for who in (other, anonymous):
        assert read(who, full, "a/key") == b"mine"
        assert keys(who.list_objects_v2(Bucket=full)) == ["a/key", "b/key", "key"]
        with refused("NoSuchKey", 404):
            who.get_object(Bucket=full, Key="none")
        for call in (who.get_object_acl, who.delete_object, who.get_object_tagging):
            assert not allowed(call, Bucket=full, Key="key")
    owner.delete_bucket_policy(Bucket=full)
    assert not allowed(anonymous.get_object, Bucket=full, Key="key")


@pytest.mark.parametrize(
    "principal",
    [
        {"CanonicalUser": "ID"},
        {"AWS": "ID"},
        {"AWS": "arn:aws:iam::ID:root"},
        {"AWS": "arn:aws:iam::ID:user/NAME"},
        {"AWS": "arn:aws:iam:::user/NAME"},
        {"AWS": ["arn:aws:iam::123456789012:role/reader", "ID"]},
        {"AWS": "123456789012", "CanonicalUser": "ID"},
    ],
)
def test_one_user(
    owner: Client,
    other: Client,
    third: Client,
    anonymous: Client,
    full: str,
    principal: Any,
) -> None:
    words = {"ID": canonical_id(other), "NAME": user_name(other)}
    stated = json.dumps(principal)
    for word, meant in words.items():
        stated = stated.replace(word, meant)
    put_policy(owner, full, allow(full, *READING, Principal=json.loads(stated)))
    assert read(other, full, "key") == b"mine"
    for who in (third, anonymous):
        assert not allowed(who.get_object, Bucket=full, Key="key")
        assert not allowed(who.list_objects_v2, Bucket=full)


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": "123456789012"},
        {"AWS": "arn:aws:iam::123456789012:root"},
        {"AWS": "arn:aws:iam::123456789012:role/reader"},
        {"Service": "logging.s3.amazonaws.com"},
    ],
)
def test_who_is_nobody_here(
    owner: Client, other: Client, anonymous: Client, full: str, principal: Any
) -> None:
    put_policy(owner, full, allow(full, "s3:GetObject", Principal=principal))
    for who in (other, anonymous):
        assert not allowed(who.get_object, Bucket=full, Key="key")


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": "arn:aws:iam:::user/nobody-of-this-name"},
        {"AWS": f"arn:aws:iam::{'0' * 64}:root"},
        {"AWS": "0" * 64},
        {"CanonicalUser": "0" * 64},
    ],
)
def test_users_that_are_not_there(s3: Client, bucket: str, principal: Any) -> None:
    """They are refused, for a denial of a wrong name would deny nothing."""
    for effect in ("Allow", "Deny"):
        with refused("MalformedPolicy", 400) as caught:
            put_policy(s3, bucket, allow(bucket, "s3:*", Effect=effect, Principal=principal))
        assert caught.response["Error"]["Message"] == "Invalid principal in policy"
        with refused("NoSuchBucketPolicy", 404):
            s3.get_bucket_policy(Bucket=bucket)


def test_a_user_made_anew_under_an_old_name(store: Store, owner: Client, full: str) -> None:
    """A policy means who had the name when it was put."""
    if store.server is None:
        pytest.skip("users are made through the admin API of our own server")
    name = f"user-{uuid.uuid4().hex[:8]}"
    reading = allow(full, "s3:GetObject", Principal={"AWS": f"arn:aws:iam:::user/{name}"})
    at = {"Bucket": full, "Key": "key"}
    first = store.client(store.new_user(name))
    put_policy(owner, full, reading)
    assert allowed(first.get_object, **at)
    store.admin("user", "delete", name)
    second = store.client(store.new_user(name))
    assert not allowed(second.get_object, **at)
    put_policy(owner, full, reading)
    assert allowed(second.get_object, **at)


def test_all_but_some(
    owner: Client, other: Client, third: Client, anonymous: Client, full: str
) -> None:
    """NotPrincipal, NotAction and NotResource."""
    spared = {"AWS": [canonical_id(other), canonical_id(owner)]}
    put_policy(
        owner,
        full,
        allow(full, Action=None, NotAction="s3:Delete*"),
        deny(full, "s3:GetObject", Principal=None, NotPrincipal=spared),
        deny(full, "s3:PutObject", Resource=None, NotResource=f"{ARN}{full}/a/*"),
    )
    at = {"Bucket": full, "Key": "key"}
    assert read(other, full, "key") == read(owner, full, "key") == b"mine"
    for who in (third, anonymous):
        assert not allowed(who.get_object, **at)
        assert allowed(who.list_objects_v2, Bucket=full)
    for who in (owner, other):
        assert not allowed(who.put_object, **at, Body=b"x")
        assert allowed(who.put_object, Bucket=full, Key="a/new", Body=b"x")
    assert not allowed(other.delete_object, **at)
    assert allowed(owner.delete_object, **at)


def test_a_denial_outweighs(owner: Client, other: Client, anonymous: Client, full: str) -> None:
    """What a policy, an ACL and ownership allow, whoever it is."""
    owner.put_bucket_acl(Bucket=full, ACL="public-read")
    owner.put_object(Bucket=full, Key="b/key", Body=b"mine", ACL="public-read")
    secret = f"{ARN}{full}/b/*"
    put_policy(owner, full, deny(full, "s3:*Object", Resource=secret), allow(full, "s3:*Object"))
    for who in (owner, other, anonymous):
        assert read(who, full, "a/key") == b"mine"
        assert allowed(who.list_objects_v2, Bucket=full)
        assert not allowed(who.get_object, Bucket=full, Key="b/key")
        assert not allowed(who.put_object, Bucket=full, Key="b/new", Body=b"x")
        assert not allowed(who.delete_object, Bucket=full, Key="b/key")
        gone = who.delete_objects(
            Bucket=full, Delete={"Objects": [{"Key": "b/key"}, {"Key": "c/none"}]}
        )
        assert [(one["Key"], one["Code"]) for one in gone["Errors"]] == [("b/key", "AccessDenied")]
        assert [one["Key"] for one in gone["Deleted"]] == ["c/none"]
    assert keys(owner.list_objects_v2(Bucket=full)) == ["a/key", "b/key", "key"]


def test_objects_of_others_are_not_the_policy_s(
    owner: Client, other: Client, third: Client, full: str
) -> None:
    """What somebody else owns a bucket's policy does not allow, but it denies it."""
    put_policy(owner, full, allow(full, "s3:GetObject", "s3:PutObject"))
    theirs = {"Bucket": full, "Key": "theirs"}
    other.put_object(**theirs, Body=b"theirs")
    assert read(third, full, "key") == b"mine"
    assert not allowed(third.get_object, **theirs)
    assert not allowed(owner.get_object, **theirs)
    assert read(other, full, "theirs") == b"theirs"
    put_policy(owner, full, deny(full, "s3:GetObject"))
    assert not allowed(other.get_object, **theirs)


def test_uploads_in_parts(owner: Client, other: Client, third: Client, full: str) -> None:
    """Who may put an object may upload it in parts, and see and abort what it began."""
    put_policy(owner, full, allow(full, "s3:PutObject"))
    named = {"Bucket": full, "Key": "parts"}
    mine = {**named, "UploadId": other.create_multipart_upload(**named)["UploadId"]}
    etag = other.upload_part(**mine, PartNumber=1, Body=b"x")["ETag"]
    for call in (third.list_parts, third.abort_multipart_upload):
        assert not allowed(call, **mine)
    assert [part["ETag"] for part in other.list_parts(**mine)["Parts"]] == [etag]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    other.complete_multipart_upload(**mine, MultipartUpload=parts)
    another = {**named, "UploadId": other.create_multipart_upload(**named)["UploadId"]}
    other.abort_multipart_upload(**another)
    assert "Uploads" not in owner.list_multipart_uploads(Bucket=full)


# -- the owner's way back, and what is public -------------------------------------------------

LOCKED = ("s3:PutBucketPolicy", "s3:GetBucketPolicy", "s3:DeleteBucketPolicy", "s3:ListBucket")


def test_an_owner_who_locked_itself_out(owner: Client, owned: str) -> None:
    """It may always read, replace and delete the policy, and nothing else."""
    stated = deny(owned, *LOCKED)
    for _ in range(2):
        put_policy(owner, owned, stated)
        assert not allowed(owner.list_objects_v2, Bucket=owned)
        assert json.loads(owner.get_bucket_policy(Bucket=owned)["Policy"])["Statement"] == [stated]
    owner.delete_bucket_policy(Bucket=owned)
    assert allowed(owner.list_objects_v2, Bucket=owned)


def test_an_owner_who_gives_up_its_way_back(s3: Client, owner: Client, owned: str) -> None:
    """Only if it says so; root still has one."""
    put_policy(owner, owned, deny(owned, *LOCKED), ConfirmRemoveSelfBucketAccess=True)
    same = policy(deny(owned, *LOCKED))
    assert not allowed(owner.get_bucket_policy, Bucket=owned)
    assert not allowed(owner.put_bucket_policy, Bucket=owned, Policy=same)
    assert not allowed(owner.delete_bucket_policy, Bucket=owned)
    assert s3.get_bucket_policy(Bucket=owned)["Policy"] == same
    assert not allowed(s3.list_objects_v2, Bucket=owned), "root is denied what else it denies"
    s3.delete_bucket_policy(Bucket=owned)
    assert allowed(owner.list_objects_v2, Bucket=owned)


def test_no_way_back_for_others(owner: Client, other: Client, owned: str) -> None:
    put_policy(owner, owned, allow(owned, "s3:*"), deny(owned, *LOCKED))
    for call in (other.get_bucket_policy, other.delete_bucket_policy):
        assert not allowed(call, Bucket=owned)
    assert not allowed(other.put_bucket_policy, Bucket=owned, Policy=policy(allow(owned, "s3:*")))


def fixed(operator: str, **key: Any) -> Any:
    return {"Condition": {operator: {name.replace("_", ":"): key[name] for name in key}}}


@pytest.mark.parametrize(
    ("more", "public"),
    [
        ({}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": "123456789012"}}, False),
        ({"Effect": "Deny"}, False),
        (fixed("IpAddress", aws_SourceIp="192.0.2.0/24"), False),
        (fixed("IpAddress", aws_SourceIp=["192.0.2.0/24", "0.0.0.0/1"]), True),
        (fixed("NotIpAddress", aws_SourceIp="192.0.2.0/24"), True),
        (fixed("StringEquals", aws_SourceVpc="vpc-1"), False),
        (fixed("StringLike", aws_SourceVpc="vpc-*"), True),
        (fixed("StringEquals", aws_PrincipalArn="arn:aws:iam::123456789012:user/a"), False),
        (fixed("StringEquals", aws_Referer="https://example.org/"), True),
        (fixed("Bool", aws_SecureTransport="true"), True),
    ],
)
def test_public_policies(s3: Client, bucket: str, more: dict[str, Any], public: bool) -> None:
    def is_public() -> bool:
        return bool(s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"])

    assert not is_public()
    put_policy(s3, bucket, allow(bucket, "s3:GetObject", **more))
    assert is_public() == public
    put_policy(s3, bucket, allow(bucket, "s3:ListBucket"), deny(bucket, "s3:*Object"))
    assert is_public(), "whatever is denied"
    s3.delete_bucket_policy(Bucket=bucket)
    assert not is_public()


# -- when -------------------------------------------------------------------------------------


def test_a_change_counts_at_once(store: Store, s3: Client, bucket: str) -> None:
    """On each of the server's processes."""
    for effect, answered in (("Allow", 200), ("Deny", 403)) * 2:
        put_policy(s3, bucket, allow(bucket, "s3:ListBucket", Effect=effect))
        assert {store.plain("GET", f"/{bucket}").status for _ in range(12)} == {answered}


def test_a_policy_outlives_the_server(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        s3 = server.client()
        s3.create_bucket(Bucket="kept")
        s3.put_object(Bucket="kept", Key="key", Body=b"mine", ACL="public-read")
        s3.put_object(Bucket="kept", Key="secret", Body=b"mine", ACL="public-read")
        put_policy(s3, "kept", deny("kept", "s3:GetObject", Resource=f"{ARN}kept/secret"))
        server.restart()
        store = Store.of(server)
        assert store.plain("GET", "/kept/key").body == b"mine"
        assert store.plain("GET", "/kept/secret").status == 403
        stated = json.loads(server.client().get_bucket_policy(Bucket="kept")["Policy"])
        assert stated["Statement"][0]["Resource"] == f"{ARN}kept/secret"
