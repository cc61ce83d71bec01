"""Identity policies and groups, which operators give to users while the server runs.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/security_iam_service-with-iam.html
"""

import json
import uuid
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.s3.access import allow, allowed, canonical_id, deny, put_policy
from tests.s3.expect import keys, read, refused
from tests.s3.store import Client, Pair, Store

pytest_plugins = ["tests.s3.accounts"]

READING = ("s3:Get*", "s3:List*")
EVERYTHING = "arn:aws:s3:::*"


def invented(noun: str) -> str:
    return f"{noun}-{uuid.uuid4().hex[:8]}"


def said(effect: str, *actions: str, **more: Any) -> dict[str, Any]:
    """A statement of an identity policy: about all resources, if `more` does not say which."""
    return {"Effect": effect, "Action": list(actions), "Resource": EVERYTHING, **more}


class User(NamedTuple):
    """A user without privileges, with a client and a bucket of its own, which is empty."""

    name: str
    pair: Pair
    client: Client
    bucket: str


class Operator:
    """`ocean admin` and `ocean explain` on a server that runs."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder

    def user(self) -> User:
        name = invented("user")
        pair = Pair(f"AK{uuid.uuid4().hex[:16].upper()}", uuid.uuid4().hex)
        keys = ("--access-key", pair.access_key, "--secret-key", pair.secret_key)
        self.do("user", "create", name, *keys)
        client = self._store.client(pair)
        client.create_bucket(Bucket=f"of-{name}")
        return User(name, pair, client, f"of-{name}")

    def group(self, *members: User) -> str:
        name = invented("group")
        self.do("group", "create", name)
        for member in members:
            self.do("group", "add", name, member.name)
        return name

    def policy(self, *statements: dict[str, Any], name: str = "") -> str:
        """Make a policy, or put this in place of that `name`."""
        name = name or invented("policy")
        file = self._folder / name
        file.write_text(json.dumps({"Version": "2012-10-17", "Statement": statements}))
        self.do("policy", "put", name, str(file))
        return name

    def let(self, *users: User, by: str) -> None:
        """Attach a policy to users."""
        for user in users:
            self.do("policy", "attach", by, "--user", user.name)

    def do(self, *arguments: str) -> Any:
        return self._store.admin(*arguments)

    def explain(self, *arguments: str) -> list[str]:
        """The lines that say why; its status says whether it is allowed."""
        assert self._store.server is not None
        done = self._store.server.run("explain", *arguments)
        assert done.stderr == ""
        lines = [line.strip() for line in done.stdout.splitlines()]
        assert lines[0].startswith("denied: " if done.returncode else "allowed: "), lines
        return lines


@pytest.fixture
def operator(store: Store, tmp_path: Path) -> Operator:
    if store.server is None:
        pytest.skip("policies are attached through the admin API of our own server")
    return Operator(store, tmp_path)


def test_a_group_that_reads_only(operator: Operator, owner: Client, owned: str) -> None:
    """Everything, everywhere; not even in its own buckets may it write."""
    one, two = operator.user(), operator.user()
    theirs = {"Bucket": owned, "Key": "key"}
    mine = {"Bucket": one.bucket, "Key": "key"}
    owner.put_object(**theirs, Body=b"theirs")
    one.client.put_object(**mine, Body=b"mine")
    group = operator.group(one, two)
    nothing_else = {"Effect": "Deny", "NotAction": list(READING), "Resource": EVERYTHING}
    policy = operator.policy(said("Allow", *READING), nothing_else)
    assert not allowed(one.client.get_object, **theirs)
    operator.do("policy", "attach", policy, "--group", group)
    for user in (one, two):
        assert read(user.client, owned, "key") == b"theirs"
        assert read(user.client, one.bucket, "key") == b"mine"
        assert keys(user.client.list_objects_v2(Bucket=owned)) == ["key"]
        for at in (mine, theirs):
            assert not allowed(user.client.put_object, **at, Body=b"x")
            assert not allowed(user.client.delete_object, **at)
        assert not allowed(user.client.create_bucket, Bucket=invented("new"))
        assert not allowed(user.client.put_bucket_acl, Bucket=user.bucket, ACL="public-read")
    operator.do("group", "remove", group, one.name)
    assert not allowed(one.client.get_object, **theirs)
    assert allowed(one.client.put_object, **mine, Body=b"x")
    assert allowed(two.client.get_object, **theirs)
    operator.do("policy", "detach", policy, "--group", group)
    assert not allowed(two.client.get_object, **theirs)


def test_a_prefix_that_is_denied(operator: Operator) -> None:
    user = operator.user()
    s3, bucket = user.client, user.bucket
    for key in ("secret/key", "open/key"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"mine", ACL="public-read")
    policy = operator.policy(said("Deny", "s3:*", Resource=f"arn:aws:s3:::{bucket}/secret/*"))
    operator.let(user, by=policy)
    assert read(s3, bucket, "open/key") == b"mine"
    assert keys(s3.list_objects_v2(Bucket=bucket)) == ["open/key", "secret/key"]
    at = {"Bucket": bucket, "Key": "secret/key"}
    for call in (s3.get_object, s3.head_object, s3.get_object_tagging, s3.delete_object):
        assert not allowed(call, **at), "whatever ACL it has"
    assert not allowed(s3.put_object, **at, Body=b"x")
    copy = {"Bucket": bucket, "Key": "open/copy", "CopySource": at}
    assert not allowed(s3.copy_object, **copy)
    asked = {"Objects": [{"Key": "open/key"}, {"Key": "secret/key"}]}
    gone = s3.delete_objects(Bucket=bucket, Delete=asked)
    assert [one["Key"] for one in gone["Deleted"]] == ["open/key"]
    assert [one["Key"] for one in gone["Errors"]] == ["secret/key"]


def test_a_bucket_of_another(operator: Operator, owner: Client, owned: str) -> None:
    """Allowed by the operator's policy, as far as the bucket's denies nothing."""
    user = operator.user()
    resources = [f"arn:aws:s3:::{owned}", f"arn:aws:s3:::{owned}/*"]
    owner.put_object(Bucket=owned, Key="theirs", Body=b"theirs")
    assert not allowed(user.client.list_objects_v2, Bucket=owned)
    operator.let(user, by=operator.policy(said("Allow", "s3:*", Resource=resources)))
    assert read(user.client, owned, "theirs") == b"theirs"
    user.client.put_object(Bucket=owned, Key="key", Body=b"mine")
    assert user.client.get_object_acl(Bucket=owned, Key="key")["Owner"]["ID"] == canonical_id(
        user.client
    )
    assert allowed(
        user.client.put_bucket_versioning,
        Bucket=owned,
        VersioningConfiguration={"Status": "Enabled"},
    )
    put_policy(owner, owned, deny(owned, "s3:GetObject", "s3:PutBucketPolicy"))
    assert not allowed(user.client.get_object, Bucket=owned, Key="theirs")
    assert not allowed(user.client.put_bucket_policy, Bucket=owned, Policy="{}")
    assert allowed(user.client.list_objects_v2, Bucket=owned)


def test_changes_count_at_once(store: Store, operator: Operator) -> None:
    """On each of the server's processes, and no older denial or permission is left."""
    user = operator.user()

    def everywhere() -> set[int]:
        path = f"/{user.bucket}"
        return {store.send("GET", path, pair=user.pair).status for _ in range(12)}

    policy = operator.policy(said("Deny", "s3:ListBucket"))
    operator.let(user, by=policy)
    assert everywhere() == {403}
    operator.policy(said("Deny", "s3:DeleteBucket"), name=policy)
    assert everywhere() == {200}
    operator.policy(said("Deny", "s3:ListBucket", "s3:DeleteBucket"), name=policy)
    assert everywhere() == {403}
    operator.do("policy", "detach", policy, "--user", user.name)
    assert everywhere() == {200}


def test_one_policy_for_everybody_s_folder(operator: Operator, owner: Client, owned: str) -> None:
    folder = f"arn:aws:s3:::{owned}/${{aws:username}}/*"
    one, two = operator.user(), operator.user()
    policy = operator.policy(said("Allow", "s3:GetObject", "s3:PutObject", Resource=folder))
    operator.let(one, two, by=policy)
    for me, neighbor in ((one, two), (two, one)):
        at = {"Bucket": owned, "Key": f"{me.name}/key"}
        me.client.put_object(**at, Body=b"mine")
        assert read(me.client, owned, at["Key"]) == b"mine"
        assert not allowed(neighbor.client.get_object, **at)
        assert not allowed(neighbor.client.put_object, **at, Body=b"x")


def test_what_new_buckets_may_be(operator: Operator) -> None:
    """By their names; with an ACL or ownership controls also who may set these."""
    user = operator.user()
    prefix = invented("team")
    outside = {"NotResource": f"arn:aws:s3:::{prefix}-*", "Action": "s3:CreateBucket"}
    settings = ("s3:PutBucketAcl", "s3:PutBucketOwnershipControls", "s3:ListAllMyBuckets")
    policy = operator.policy({"Effect": "Deny", **outside}, said("Deny", *settings))
    operator.let(user, by=policy)
    create = user.client.create_bucket
    assert not allowed(create, Bucket=invented("another"))
    assert allowed(create, Bucket=f"{prefix}-1")
    assert allowed(create, Bucket=f"{prefix}-2", ACL="private")
    assert not allowed(user.client.list_buckets)
    for options in (
        {"ACL": "public-read"},
        {"GrantRead": "uri=http://acs.amazonaws.com/groups/global/AllUsers"},
        {"ObjectOwnership": "ObjectWriter"},
    ):
        assert not allowed(create, Bucket=f"{prefix}-3", **options), options
    with refused("404", 404):
        user.client.head_bucket(Bucket=f"{prefix}-3")


def test_who_may_set_no_acls(operator: Operator) -> None:
    """Neither by themselves nor with what is written, for which they are as good."""
    user = operator.user()
    s3, at = user.client, {"Bucket": user.bucket, "Key": "key"}
    s3.put_object(**at, Body=b"mine")
    operator.let(user, by=operator.policy(said("Deny", "s3:PutObjectAcl", "s3:PutBucketAcl")))
    assert allowed(s3.put_object, **at, Body=b"mine")
    assert not allowed(s3.put_bucket_acl, Bucket=user.bucket, ACL="public-read")
    assert not allowed(s3.put_object_acl, **at, ACL="public-read")
    assert not allowed(s3.put_object, **at, Body=b"x", ACL="public-read")
    new = {"Bucket": user.bucket, "Key": "new"}
    assert not allowed(s3.copy_object, **new, CopySource=at, ACL="public-read")
    assert not allowed(s3.create_multipart_upload, **new, ACL="public-read")
    assert read(s3, user.bucket, "key") == b"mine"


def test_a_policy_that_is_none(operator: Operator, store: Store, tmp_path: Path) -> None:
    """The command says what is wrong with it, and the one that is there stays."""
    assert store.server is not None
    policy = operator.policy(said("Allow", "s3:GetObject"))
    before = operator.do("policy", "show", policy)
    for text, message in (
        ("{}", "Missing required field Statement"),
        (json.dumps({"Statement": said("Allow", "s3:GetNothing")}), "Policy has invalid action"),
        (
            json.dumps({"Statement": said("Allow", "s3:GetObject", Principal="*")}),
            "Policy document should not specify a principal.",
        ),
    ):
        file = tmp_path / "bad"
        file.write_text(text)
        done = store.server.run("admin", "policy", "put", policy, file)
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert operator.do("policy", "show", policy) == before


def test_explanations(operator: Operator, owner: Client, owned: str) -> None:
    """What decides is named, and is what the server then does."""
    user = operator.user()
    group = operator.group(user)
    reading = operator.policy(said("Deny", "s3:GetObject", Resource=f"arn:aws:s3:::{owned}/b/*"))
    operator.do("policy", "attach", reading, "--group", group)
    local = {"Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}}
    put_policy(
        owner,
        owned,
        allow(owned, "s3:GetObject", Sid="Readers", Resource=f"arn:aws:s3:::{owned}/a/*"),
        allow(owned, "s3:ListBucket", **local),
    )
    for key, acl in (("a/key", "private"), ("b/key", "public-read"), ("c/key", "public-read")):
        owner.put_object(Bucket=owned, Key=key, Body=b"x", ACL=acl)
    owner.put_object(Bucket=owned, Key="d/key", Body=b"x")
    by = ("--user", user.name)
    for key, reason in (
        ("a/key", "allowed: bucket policy, statement 1 (Readers)"),
        ("b/key", f"denied: policy {reading} of group {group}, statement 1"),
        ("c/key", "allowed: ACL of the object, READ"),
        ("d/key", "denied: nothing allows it"),
    ):
        assert operator.explain("s3:GetObject", f"{owned}/{key}", *by) == [
            reason,
            f"{user.name}: s3:GetObject on arn:aws:s3:::{owned}/{key}",
            f"the object: owned by {canonical_id(owner)}",
        ]
        may = allowed(user.client.get_object, Bucket=owned, Key=key)
        assert may == reason.startswith("allowed")
    listing = ("s3:ListBucket", owned, *by)
    assert operator.explain(*listing)[0] == "denied: nothing allows it"
    assert operator.explain(*listing, "--set", "aws:SourceIp=127.0.0.1") == [
        "allowed: bucket policy, statement 2",
        f"{user.name}: s3:ListBucket on arn:aws:s3:::{owned}",
    ]
    assert operator.explain("s3:GetObject", f"{owned}/none")[-1] == "the object: NoSuchKey"
