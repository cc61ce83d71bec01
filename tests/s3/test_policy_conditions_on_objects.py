"""What the conditions of a bucket's policy may ask of objects, new ones and old, key by key.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html
"""

import json
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
)
from tests.s3.expect import read
from tests.s3.store import Client, Pair, Store
from tests.s3.test_post_object import form

pytest_plugins = ["tests.s3.accounts"]

# -- what is written --------------------------------------------------------------------------

FULL = on("StringEquals", "s3:x-amz-acl", "bucket-owner-full-control")
GRANTED = on("StringEquals", "s3:x-amz-grant-full-control", "id=OWNER")
KEYS = on("ForAllValues:StringEquals", "s3:RequestObjectTagKeys", "team", "kind")
ANY = on("ForAnyValue:StringEquals", "s3:RequestObjectTagKeys", "team", "kind")
TEAM = on("StringEquals", "s3:RequestObjectTag/team", "video")
STORED = on("StringEquals", "s3:x-amz-storage-class", "STANDARD")
NEW = on("Null", "s3:if-none-match", "false")


@pytest.mark.parametrize("uploads", [False, True])
@pytest.mark.parametrize(
    ("condition", "headers", "may"),
    [
        (FULL, {"x-amz-acl": "bucket-owner-full-control"}, True),
        (FULL, {"x-amz-acl": "private"}, False),
        (FULL, {}, False),
        (on("StringNotLike", "s3:x-amz-acl", "public*"), {"x-amz-acl": "public-read"}, False),
        (on("StringNotLike", "s3:x-amz-acl", "public*"), {}, True),
        (GRANTED, {"x-amz-grant-full-control": "id=OWNER"}, True),
        (GRANTED, {"x-amz-grant-read": "id=OWNER"}, False),
        (GRANTED, {}, False),
        (TEAM, {"x-amz-tagging": "team=video&x=y"}, True),
        (TEAM, {"x-amz-tagging": "team=audio"}, False),
        (TEAM, {"x-amz-tagging": "Team=video"}, False),
        (TEAM, {}, False),
        (KEYS, {"x-amz-tagging": "team=1"}, True),
        (KEYS, {"x-amz-tagging": "team=1&x=y"}, False),
        (KEYS, {}, True),
        (ANY, {"x-amz-tagging": "team=1&x=y"}, True),
        (ANY, {"x-amz-tagging": "x=y"}, False),
        (ANY, {}, False),
        (STORED, {"x-amz-storage-class": "STANDARD"}, True),
        (STORED, {}, False),
    ],
)
def test_writes(
    store: Store,
    s3: Client,
    other_pair: Pair,
    shared: str,
    condition: Condition,
    headers: dict[str, str],
    may: bool,
    uploads: bool,
) -> None:
    """Of objects, and of uploads whose object it will be."""
    stated, sent = (
        json.loads(json.dumps(one).replace("OWNER", canonical_id(s3)))
        for one in (condition, headers)
    )
    actions = ("s3:PutObject", "s3:PutObjectTagging", "s3:PutObjectAcl")
    put_policy(s3, shared, allow(shared, *actions, Condition=stated))
    method, query = ("POST", {"uploads": ""}) if uploads else ("PUT", {})
    answer = store.send(method, f"/{shared}/new", query=query, headers=sent, pair=other_pair)
    assert answered(answer) == may


def test_new_keys_only(store: Store, s3: Client, other_pair: Pair, bucket: str) -> None:
    put_policy(s3, bucket, allow(bucket, "s3:PutObject", Condition=NEW))
    path, sent = f"/{bucket}/key", {"If-None-Match": "*"}
    assert not answered(store.send("PUT", path, body=b"x", pair=other_pair))
    assert answered(store.send("PUT", path, headers=sent, body=b"x", pair=other_pair))
    again = store.send("PUT", path, headers=sent, body=b"x", pair=other_pair)
    assert (again.status, again.error()) == (412, "PreconditionFailed")


def test_acls_of_objects(owner: Client, other: Client, full: str) -> None:
    """The same keys where an ACL is put by itself."""
    actions = ("s3:PutObjectAcl", "s3:GetObjectAcl")
    put_policy(
        owner, full, allow(full, *actions, Condition=on("StringEquals", "s3:x-amz-acl", "private"))
    )
    at = {"Bucket": full, "Key": "key"}
    assert allowed(other.put_object_acl, **at, ACL="private")
    assert not allowed(other.put_object_acl, **at, ACL="public-read")
    assert not allowed(other.put_object_acl, **at, GrantRead=f"id={canonical_id(other)}")
    assert not allowed(other.get_object_acl, **at)


FROM = on("StringLike", "s3:x-amz-copy-source", "BUCKET/a/*")
REPLACE = on("StringEquals", "s3:x-amz-metadata-directive", "REPLACE")


def put_policy_of_copies(owner: Client, bucket: str, condition: Condition) -> None:
    """Everybody may read, and write on this condition, in which BUCKET stands for the name."""
    stated = json.loads(json.dumps(condition).replace("BUCKET", bucket))
    writing = allow(bucket, "s3:PutObject", Condition=stated)
    put_policy(owner, bucket, allow(bucket, "s3:GetObject", "s3:GetObjectVersion"), writing)


@pytest.mark.parametrize("part", [False, True])
@pytest.mark.parametrize(
    ("condition", "source", "may"),
    [
        (FROM, "BUCKET/a/key", True),
        (FROM, "/BUCKET/a%2Fkey", True),
        (FROM, "BUCKET/a/key?versionId=null", True),
        (FROM, "BUCKET/b/key", False),
        (FROM, "BUCKET/key", False),
        (FROM, None, False),
        (on("Null", "s3:x-amz-copy-source", "true"), "BUCKET/a/key", False),
        (on("Null", "s3:x-amz-copy-source", "true"), None, True),
    ],
)
def test_sources_of_copies(
    store: Store,
    owner: Client,
    other_pair: Pair,
    full: str,
    condition: Condition,
    source: str | None,
    may: bool,
    part: bool,
) -> None:
    """Of objects and of parts; None: what is written is in the request."""
    put_policy_of_copies(owner, full, {})
    query = {}
    if part:
        named = {"Bucket": full, "Key": "new"}
        upload_id = store.client(other_pair).create_multipart_upload(**named)["UploadId"]
        query = {"uploadId": upload_id, "partNumber": "1"}
    put_policy_of_copies(owner, full, condition)
    sent = {} if source is None else {"x-amz-copy-source": source.replace("BUCKET", full)}
    answer = store.send("PUT", f"/{full}/new", query=query, headers=sent, pair=other_pair)
    assert answered(answer) == may


def test_metadata_of_copies(owner: Client, other: Client, full: str) -> None:
    put_policy_of_copies(owner, full, REPLACE)
    copy = {"Bucket": full, "Key": "new", "CopySource": {"Bucket": full, "Key": "a/key"}}
    assert not allowed(other.copy_object, **copy)
    assert not allowed(other.copy_object, **copy, MetadataDirective="COPY")
    assert allowed(other.copy_object, **copy, MetadataDirective="REPLACE")


# -- tags and versions ------------------------------------------------------------------------


def tagging(**tags: str) -> dict[str, Any]:
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}


def test_tags_that_an_object_has(owner: Client, other: Client, full: str) -> None:
    """As they are now; their names have case."""
    condition = on("StringEquals", "s3:ExistingObjectTag/Secret", "no")
    actions = ("s3:GetObject", "s3:GetObjectAcl", "s3:GetObjectTagging")
    put_policy(owner, full, allow(full, *actions, Condition=condition))
    at = {"Bucket": full, "Key": "key"}
    calls = (other.get_object, other.head_object, other.get_object_acl, other.get_object_tagging)
    for tags, may in (
        ({}, False),
        ({"Secret": "no"}, True),
        ({"Secret": "yes"}, False),
        ({"secret": "no"}, False),
        ({"a": "b", "Secret": "no"}, True),
    ):
        owner.put_object_tagging(**at, Tagging=tagging(**tags))
        assert [allowed(call, **at) for call in calls] == [may] * len(calls), tags
        assert not allowed(other.get_object, Bucket=full, Key="a/key")
        assert not allowed(other.get_object, Bucket=full, Key="none")


def test_tags_of_versions(s3: Client, other: Client, versioned: str) -> None:
    condition = on("StringEquals", "s3:ExistingObjectTag/secret", "no")
    put_policy(s3, versioned, allow(versioned, "s3:GetObject*", Condition=condition))
    at = {"Bucket": versioned, "Key": "key"}
    old = s3.put_object(**at, Body=b"1", Tagging="secret=no")["VersionId"]
    new = s3.put_object(**at, Body=b"2", Tagging="secret=yes")["VersionId"]
    assert read(other, versioned, "key", VersionId=old) == b"1"
    assert not allowed(other.get_object, **at, VersionId=new)
    assert not allowed(other.get_object, **at)


def test_tags_that_a_document_would_set(owner: Client, other: Client, full: str) -> None:
    """What it names, beside what the object has."""
    condition = on("StringEquals", "s3:RequestObjectTag/team", "video", "audio")
    only = on("ForAllValues:StringEquals", "s3:RequestObjectTagKeys", "team")
    fixed = on("StringEquals", "s3:ExistingObjectTag/fixed", "yes")
    put_policy(
        owner,
        full,
        allow(
            full,
            "s3:PutObjectTagging",
            Condition={"StringEquals": condition["StringEquals"], **only},
        ),
        deny(full, "s3:PutObjectTagging", Condition=fixed),
    )
    at = {"Bucket": full, "Key": "key"}
    for tags, may in (
        ({"team": "video"}, True),
        ({"team": "audio"}, True),
        ({"team": "other"}, False),
        ({"team": "video", "more": "x"}, False),
        ({}, False),
    ):
        before = owner.get_object_tagging(**at)["TagSet"]
        assert allowed(other.put_object_tagging, **at, Tagging=tagging(**tags)) == may, tags
        after = owner.get_object_tagging(**at)["TagSet"]
        assert after == (tagging(**tags)["TagSet"] if may else before)
    owner.put_object_tagging(**at, Tagging=tagging(fixed="yes"))
    for who in (owner, other):
        assert not allowed(who.put_object_tagging, **at, Tagging=tagging(team="video"))


def test_tags_of_a_form(store: Store, owner: Client, other_pair: Pair, owned: str) -> None:
    put_policy(owner, owned, allow(owned, "s3:PutObject", "s3:PutObjectTagging", Condition=TEAM))
    signer = store.client(other_pair)
    for team, may in (("audio", False), ("video", True)):
        text = (
            f"<Tagging><TagSet><Tag><Key>team</Key><Value>{team}</Value></Tag></TagSet></Tagging>"
        )
        presigned = signer.generate_presigned_post(
            owned, "key", Fields={"tagging": text}, Conditions=[{"tagging": text}]
        )
        assert answered(form(store, presigned, b"x")) == may, team


def test_one_version(s3: Client, other: Client, versioned: str) -> None:
    at = {"Bucket": versioned, "Key": "key"}
    ids = [s3.put_object(**at, Body=b"%d" % n)["VersionId"] for n in range(3)]
    condition = on("StringEquals", "s3:VersionId", ids[1])
    actions = ("s3:GetObjectVersion", "s3:DeleteObjectVersion")
    put_policy(s3, versioned, allow(versioned, *actions, Condition=condition))
    assert [allowed(other.get_object, **at, VersionId=one) for one in ids] == [False, True, False]
    assert not allowed(other.get_object, **at)
    assert not allowed(other.delete_object, **at)
    assert not allowed(other.delete_object, **at, VersionId=ids[0])
    named = [{"Key": "key", "VersionId": one} for one in ids]
    gone = other.delete_objects(Bucket=versioned, Delete={"Objects": [*named, {"Key": "key"}]})
    assert [one["VersionId"] for one in gone["Deleted"]] == [ids[1]]
    assert {one["Code"] for one in gone["Errors"]} == {"AccessDenied"}
    left = [one["VersionId"] for one in s3.list_object_versions(Bucket=versioned)["Versions"]]
    assert left == [ids[2], ids[0]]
