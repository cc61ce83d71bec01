"""The evaluator of access against a reference that is slow and plain to see.

The reference works on the documents and lists as they are written, and asks the questions of S3's
documentation in their order.
"""

import json
from fnmatch import fnmatchcase
from random import Random
from typing import Any

import pytest

from metastore.records import (
    Bucket,
    BucketPolicy,
    Grant,
    Grants,
    Ownership,
    Permission,
    PublicAccessBlock,
)
from ocean.rules import access, acl
from ocean.rules.access import ON_OBJECT, Principal, Target
from ocean.rules.policy.compiled import Policy
from ocean.rules.policy.document import Kind, parse

OWNER, WRITER, OTHER = "a" * 64, "b" * 64, "c" * 64
ACTIONS = (
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:GetObjectAcl",
    "s3:PutObjectAcl",
    "s3:GetObjectTagging",
    "s3:ListBucket",
    "s3:GetBucketAcl",
    "s3:GetBucketPolicy",
    "s3:PutBucketPolicy",
    "s3:PutBucketAcl",
)
OF_BUCKETS = {"s3:ListBucket", "s3:GetBucketAcl", "s3:GetBucketPolicy", "s3:PutBucketPolicy",
              "s3:PutBucketAcl"}  # fmt: skip
BUCKET_GRANTS = {
    "s3:ListBucket": "READ",
    "s3:PutObject": "WRITE",
    "s3:DeleteObject": "WRITE",
    "s3:GetBucketAcl": "READ_ACP",
    "s3:PutBucketAcl": "WRITE_ACP",
}
OBJECT_GRANTS = {
    "s3:GetObject": "READ",
    "s3:GetObjectAcl": "READ_ACP",
    "s3:PutObjectAcl": "WRITE_ACP",
}


def statement(chance: Random, *, principal: bool) -> dict[str, Any]:
    made: dict[str, Any] = {
        "Effect": chance.choice(("Allow", "Allow", "Deny")),
        "Action": chance.choice((*ACTIONS, "s3:*", "s3:Get*", "s3:*Object")),
        "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"],
    }
    if principal:
        made["Principal"] = chance.choice(
            ("*", {"AWS": "*"}, {"CanonicalUser": OTHER}, {"CanonicalUser": [OWNER, WRITER]})
        )
    return made


def document(chance: Random, *, principal: bool) -> dict[str, Any]:
    count = chance.randint(1, 3)
    return {"Statement": [statement(chance, principal=principal) for _ in range(count)]}


def grants(chance: Random) -> Grants | None:
    if chance.random() < 0.5:
        return None
    whom = (OWNER, WRITER, OTHER, acl.ALL_USERS, acl.AUTHENTICATED_USERS)
    return tuple(
        Grant(chance.choice(whom), chance.choice(tuple(Permission)))
        for _ in range(chance.randint(0, 3))
    )


class Case:
    """One question, as it is written."""

    def __init__(self, chance: Random) -> None:
        self.account = chance.choice((None, OWNER, WRITER, OTHER))
        self.root = self.account is not None and chance.random() < 0.05
        self.action = chance.choice(ACTIONS)
        self.policy = document(chance, principal=True) if chance.random() < 0.6 else None
        self.identity = document(chance, principal=False) if chance.random() < 0.3 else None
        self.session = document(chance, principal=False) if chance.random() < 0.2 else None
        if self.account is None:
            self.identity = self.session = None
        self.sealed = chance.random() < 0.2
        self.ownership = chance.choice(tuple(Ownership))
        self.bucket_acl, self.object_acl = grants(chance), grants(chance)
        self.object_owner = chance.choice((OWNER, WRITER))
        self.ignore, self.restrict = chance.random() < 0.3, chance.random() < 0.3

    # -- what the evaluator says ------------------------------------------------------------

    def decided(self) -> bool:
        text = json.dumps(self.policy)
        resolved = tuple((one, one) for one in (OWNER, WRITER, OTHER))
        bucket = Bucket(
            name="bucket",
            id=b"12345678",
            owner=OWNER,
            created_ms=0,
            acl=self.bucket_acl,
            ownership=self.ownership,
            public_access_block=PublicAccessBlock(
                ignore_public_acls=self.ignore, restrict_public_buckets=self.restrict
            ),
            policy=BucketPolicy(text, resolved, sealed=self.sealed) if self.policy else None,
        )
        identity = (("policy p", _compiled(self.identity, Kind.IDENTITY)),) if self.identity else ()
        session = _compiled(self.session, Kind.SESSION) if self.session else None
        who = Principal(self.account, self.root, identity, session)
        if self.action in OF_BUCKETS:
            target = Target(bucket)
        elif self.ownership is Ownership.BUCKET_OWNER_ENFORCED:
            target = Target(bucket, "key", OWNER)
        else:
            target = Target(bucket, "key", self.object_owner, self.object_acl)
        return access.decide(who, self.action, target, lambda _key: None).allowed

    # -- what is right ----------------------------------------------------------------------

    def right(self) -> bool:
        on_policy = self.action.endswith("BucketPolicy")
        back = on_policy and (self.root or (self.account == OWNER and not self.sealed))
        if self.says("Deny", self.identity) or self.says("Deny", self.session):
            return False
        if self.says("Deny", self.policy) and not back:
            return False
        if self.session and not self.says("Allow", self.session):
            return False
        if self.root or self.says("Allow", self.identity):
            return True
        enforced = self.ownership is Ownership.BUCKET_OWNER_ENFORCED
        if self.action in ON_OBJECT:
            owner = OWNER if enforced else self.object_owner
            wanted, granted = OBJECT_GRANTS.get(self.action), self.object_acl
        else:
            owner = OWNER
            wanted, granted = BUCKET_GRANTS.get(self.action), self.bucket_acl
        if self.account == owner:
            return True
        if not enforced and wanted and self.granted(wanted, granted or ()):
            return True
        if not self.says("Allow", self.policy) or owner != OWNER or on_policy:
            return False  # a policy lets nobody but the owner change it
        return not (self.restrict and self.public() and self.account != OWNER)

    def public(self) -> bool:
        """Whether a statement of the policy allows everybody something."""
        assert self.policy is not None
        return any(
            one["Effect"] == "Allow" and one["Principal"] in ("*", {"AWS": "*"})
            for one in self.policy["Statement"]
        )

    def says(self, effect: str, policy: dict[str, Any] | None) -> bool:
        for one in (policy or {"Statement": []})["Statement"]:
            meant = one.get("Principal", "*")
            if meant not in ("*", {"AWS": "*"}) and self.account not in _listed(meant):
                continue
            if one["Effect"] == effect and fnmatchcase(self.action, one["Action"]):
                return True
        return False

    def granted(self, wanted: str, listed: Grants) -> bool:
        for grant in listed:
            if grant.permission.name not in (wanted, "FULL_CONTROL"):
                continue
            if grant.grantee == self.account:
                return True
            if self.ignore:
                continue
            if grant.grantee == acl.ALL_USERS:
                return True
            if grant.grantee == acl.AUTHENTICATED_USERS and self.account is not None:
                return True
        return False


def _listed(meant: dict[str, Any]) -> list[str]:
    ids = meant["CanonicalUser"]
    return ids if isinstance(ids, list) else [ids]


_KNOWN: dict[str, Policy] = {}


def _compiled(written: dict[str, Any], kind: Kind) -> Policy:
    text = json.dumps(written)
    if text not in _KNOWN:
        _KNOWN[text] = Policy(parse(text, kind), {})
    return _KNOWN[text]


@pytest.mark.parametrize(
    ("seed", "pairs"), [(0, 5_000), pytest.param(1, 100_000, marks=pytest.mark.slow)]
)
def test_the_evaluator_says_what_is_right(seed: int, pairs: int) -> None:
    chance = Random(seed)
    allowed = 0
    for number in range(pairs):
        case = Case(chance)
        found = case.decided()
        assert found == case.right(), (number, vars(case))
        allowed += found
    assert pairs / 4 < allowed < pairs * 3 / 4  # neither answer is rare
