"""Who may do what: policies, ACLs and the public access block in one evaluator. Pure.

Invariants: what nothing allows is denied; an explicit denial outweighs whatever allows, but for the
owner's own way back to a bucket policy; a session policy only ever takes away.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-s3-evaluates-access-control.html
"""

from collections.abc import Iterator
from enum import Enum, auto
from functools import lru_cache
from typing import NamedTuple

import msgspec

from metastore.records import Bucket, BucketPolicy, Grants, Ownership, Permission, Version
from ocean.errors import AccessDenied, MalformedPolicy, MethodNotAllowed
from ocean.rules import acl
from ocean.rules.policy.compiled import Decision, Policy, Request, Verdict
from ocean.rules.policy.document import Kind, parse
from ocean.rules.policy.patterns import Context
from ocean.rules.policy.public import is_public

OF_INITIATOR = frozenset({"s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"})
OWN = frozenset({"s3:ListAllMyBuckets", "s3:CreateBucket"})  # of any account
_ON_POLICIES = frozenset({"s3:DeleteBucketPolicy", "s3:GetBucketPolicy", "s3:PutBucketPolicy"})

# What a grant on a bucket, and one on an object, allows.
_BY_BUCKET_ACL = {
    "s3:DeleteObject": Permission.WRITE,
    "s3:GetBucketAcl": Permission.READ_ACP,
    "s3:ListBucket": Permission.READ,
    "s3:ListBucketMultipartUploads": Permission.READ,
    "s3:ListBucketVersions": Permission.READ,
    "s3:PutBucketAcl": Permission.WRITE_ACP,
    "s3:PutObject": Permission.WRITE,
}
_BY_BUCKET_ACL_OF_NEW = {"s3:PutObjectAcl": Permission.WRITE}
_BY_OBJECT_ACL = {
    "s3:GetObject": Permission.READ,
    "s3:GetObjectAcl": Permission.READ_ACP,
    "s3:GetObjectAttributes": Permission.READ,
    "s3:GetObjectVersion": Permission.READ,
    "s3:GetObjectVersionAcl": Permission.READ_ACP,
    "s3:GetObjectVersionAttributes": Permission.READ,
    "s3:PutObjectAcl": Permission.WRITE_ACP,
    "s3:PutObjectVersionAcl": Permission.WRITE_ACP,
}
# What is done to an object that is there: its owner has a say, who is not always the bucket's.
ON_OBJECT = _BY_OBJECT_ACL.keys() | {
    "s3:DeleteObjectTagging",
    "s3:DeleteObjectVersionTagging",
    "s3:GetObjectLegalHold",
    "s3:GetObjectRetention",
    "s3:GetObjectTagging",
    "s3:GetObjectVersionTagging",
    "s3:PutObjectLegalHold",
    "s3:PutObjectRetention",
    "s3:PutObjectTagging",
    "s3:PutObjectVersionTagging",
}

# What the action is called when the request names a version.
_OF_VERSION = {
    "s3:DeleteObject": "s3:DeleteObjectVersion",
    "s3:DeleteObjectTagging": "s3:DeleteObjectVersionTagging",
    "s3:GetObject": "s3:GetObjectVersion",
    "s3:GetObjectAcl": "s3:GetObjectVersionAcl",
    "s3:GetObjectAttributes": "s3:GetObjectVersionAttributes",
    "s3:GetObjectTagging": "s3:GetObjectVersionTagging",
    "s3:PutObjectAcl": "s3:PutObjectVersionAcl",
    "s3:PutObjectTagging": "s3:PutObjectVersionTagging",
}


def action_on(action: str, version_id: str | None) -> str:
    """The action that a request needs which names a version, or does not."""
    return action if version_id is None else _OF_VERSION.get(action, action)


class Principal(msgspec.Struct, frozen=True):
    """Who asks: an account by its canonical id, None when nobody signed.

    `policies` are the identity policies that count for it, by name; `session` is one that the
    credential itself carries.
    """

    account: str | None
    root: bool = False
    policies: tuple[tuple[str, Policy], ...] = ()
    session: Policy | None = None


class Target(msgspec.Struct, frozen=True):
    """What something is to be done to: a bucket, or a key in it, or (without bucket) the service.

    `owner` and `acl` are of the object, where it is there or, with `new`, about to be made by that
    owner; `name` is of a bucket that is yet to be made.
    """

    bucket: Bucket | None = None
    key: str | None = None
    owner: str | None = None
    acl: Grants | None = None
    name: str = "*"
    new: bool = False

    @classmethod
    def of(cls, bucket: Bucket, key: str, found: Version | None) -> "Target":
        """An object as it was found; None: nothing is there."""
        if found is None or bucket.ownership is Ownership.BUCKET_OWNER_ENFORCED:
            return cls(bucket, key, bucket.owner)
        return cls(bucket, key, found.owner, found.acl)

    @property
    def arn(self) -> str:
        """The resource as policies name it."""
        name = f"arn:aws:s3:::{self.name if self.bucket is None else self.bucket.name}"
        return name if self.key is None else f"{name}/{self.key}"


class Ruling(NamedTuple):
    """Whether it is allowed, and what decided that: for operators, never for who asked.

    `explicit`: a policy denies it by name; `owner_only`: one allows it, but to another account
    than the bucket owner's, which alone may.
    """

    allowed: bool
    reason: str
    explicit: bool = False
    owner_only: bool = False

    def check(self) -> None:
        """AccessDenied unless it is allowed, MethodNotAllowed where `owner_only`.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html
        """
        if self.allowed:
            return
        if self.owner_only:
            raise MethodNotAllowed(headers={"allow": ""}, ResourceType="BUCKETPOLICY")
        raise AccessDenied


_NOTHING = Ruling(allowed=False, reason="nothing allows it")
_ROOT = Ruling(allowed=True, reason="root")
_ANY_ACCOUNT = Ruling(allowed=True, reason="any account")
_OBJECT_OWNER = Ruling(allowed=True, reason="the object's owner")
_BUCKET_OWNER = Ruling(allowed=True, reason="the bucket's owner")
_OWNER_ONLY = Ruling(allowed=False, reason="not the bucket owner's account", owner_only=True)


class _Compiled(NamedTuple):
    """A bucket's policy; None: it cannot be read, as one of a newer release."""

    policy: Policy | None
    public: bool


@lru_cache(maxsize=1024)
def _compiled(policy: BucketPolicy, bucket: str) -> _Compiled:
    try:
        document = parse(policy.text, Kind.BUCKET, bucket=bucket)
    except MalformedPolicy:
        return _Compiled(None, public=True)
    return _Compiled(Policy(document, dict(policy.resolved)), is_public(document))


def is_policy_public(policy: BucketPolicy | None, bucket: str) -> bool:
    """Whether a bucket's policy lets everybody in, as GetBucketPolicyStatus understands it."""
    return policy is not None and _compiled(policy, bucket).public


def needs_object(who: Principal, action: str, bucket: Bucket) -> bool:
    """Whether the ruling may depend on the object: on its owner, its ACL or its tags."""
    if action not in ON_OBJECT:
        return False
    if bucket.ownership is not Ownership.BUCKET_OWNER_ENFORCED:
        return True
    return any(policy.asks_of(action) for _, _, policy in _policies(who, bucket))


def has_policies(who: Principal, bucket: Bucket | None) -> bool:
    """Whether policies have a say: else no ruling depends on the key, nor on any condition."""
    return bool(who.policies or who.session or (bucket is not None and bucket.policy))


def asks_about(who: Principal, bucket: Bucket, begin: str) -> bool:
    """Whether a ruling may depend on a condition key that begins so."""
    asked = (key for _, _, policy in _policies(who, bucket) for key in policy.asks)
    return any(key.startswith(begin) for key in asked)


def decide(who: Principal, action: str, target: Target, context: Context) -> Ruling:
    """The ruling on `action`, such as "s3:GetObject", by `who` on `target`."""
    bucket = target.bucket
    if not has_policies(who, bucket):
        return without_policies(who, action, target)
    if bucket is not None and _is_unreadable(bucket) and not _has_a_way_back(who, action, bucket):
        return Ruling(allowed=False, reason="the bucket policy cannot be read", explicit=True)
    asked = Request(who.account, action, target.arn, context)
    said = [(of, told, one.evaluate(asked)) for of, told, one in _policies(who, bucket)]
    for of, told, verdict in said:
        if verdict.decision is Decision.DENY and not (
            of is _Of.BUCKET and _has_a_way_back(who, action, bucket)
        ):
            return Ruling(allowed=False, reason=_told(told, verdict), explicit=True)
    allowing = {of: _told(told, v) for of, told, v in said if v.decision is Decision.ALLOW}
    if who.session is not None and _Of.SESSION not in allowing:
        return Ruling(allowed=False, reason="the session policy does not allow it")
    return _by_right(who, action, target) or _allowed(who, action, target, allowing)


def without_policies(who: Principal, action: str, target: Target) -> Ruling:
    """The ruling where no policy has a say: see has_policies."""
    return _by_right(who, action, target) or _NOTHING


def _allowed(who: Principal, action: str, target: Target, allowing: dict["_Of", str]) -> Ruling:
    """What policies allow that deny nothing."""
    if _Of.IDENTITY in allowing:
        return Ruling(allowed=True, reason=allowing[_Of.IDENTITY])
    if _Of.BUCKET in allowing and _counts(who, action, target):
        if action in _ON_POLICIES:  # its owner's right to it was looked at before
            return _OWNER_ONLY
        return Ruling(allowed=True, reason=allowing[_Of.BUCKET])
    return _NOTHING


class _Of(Enum):
    """Whose a policy is."""

    IDENTITY = auto()
    SESSION = auto()
    BUCKET = auto()


def _told(source: str, verdict: Verdict) -> str:
    """Which statement it was, counted from 1."""
    if verdict.statement is None:
        return source
    sid = f" ({verdict.sid})" if verdict.sid else ""
    return f"{source}, statement {verdict.statement + 1}{sid}"


def _policies(who: Principal, bucket: Bucket | None) -> Iterator[tuple[_Of, str, Policy]]:
    """All that have a say, with their names."""
    for name, policy in who.policies:
        yield _Of.IDENTITY, name, policy
    if who.session is not None:
        yield _Of.SESSION, "session policy", who.session
    if (own := _policy_of(bucket)) is not None:
        yield _Of.BUCKET, "bucket policy", own


def _is_unreadable(bucket: Bucket) -> bool:
    return bucket.policy is not None and _policy_of(bucket) is None


def _policy_of(bucket: Bucket | None) -> Policy | None:
    return _compiled(bucket.policy, bucket.name).policy if bucket and bucket.policy else None


def _has_a_way_back(who: Principal, action: str, bucket: Bucket | None) -> bool:
    """A bucket's owner may always correct its policy, unless it gave that up; root always may."""
    if action not in _ON_POLICIES or bucket is None or bucket.policy is None:
        return False
    return who.root or (who.account == bucket.owner and not bucket.policy.sealed)


def _counts(who: Principal, action: str, target: Target) -> bool:
    """Whether a bucket policy's allowing says anything.

    It does not for objects of others than the bucket's owner, nor, where a public access block
    restricts public buckets, of a public policy for other accounts.
    """
    bucket = target.bucket
    assert bucket is not None
    if action in ON_OBJECT and target.owner not in (None, bucket.owner):
        return False
    block = bucket.public_access_block
    if block is None or not block.restrict_public_buckets or who.account == bucket.owner:
        return True
    return not is_policy_public(bucket.policy, bucket.name)


def _by_right(who: Principal, action: str, target: Target) -> Ruling | None:
    """What root, owners and ACLs allow; None: nothing."""
    bucket = target.bucket
    if who.root:
        return _ROOT
    if bucket is None:
        if who.account is not None and action in OWN:
            return _ANY_ACCOUNT
        return None
    if action in ON_OBJECT:
        if who.account is not None and who.account == target.owner:
            return _OBJECT_OWNER
        if target.new:
            wanted = _BY_BUCKET_ACL_OF_NEW.get(action)
            return _by_acl(who, wanted, bucket.acl, bucket, "ACL of the bucket")
        return _by_acl(who, _BY_OBJECT_ACL.get(action), target.acl, bucket, "ACL of the object")
    if who.account is not None and who.account == bucket.owner:
        return _BUCKET_OWNER
    return _by_acl(who, _BY_BUCKET_ACL.get(action), bucket.acl, bucket, "ACL of the bucket")


def _by_acl(
    who: Principal, wanted: Permission | None, grants: Grants | None, bucket: Bucket, name: str
) -> Ruling | None:
    if wanted is None or bucket.ownership is Ownership.BUCKET_OWNER_ENFORCED:
        return None
    block = bucket.public_access_block
    public = block is None or not block.ignore_public_acls
    if acl.grants_to(grants, who.account, wanted, public=public):
        return Ruling(allowed=True, reason=f"{name}, {wanted.name}")
    return None
