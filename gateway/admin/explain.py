"""The admin API of explanations: whether a request would be allowed, and what decides that.

POST /v1/explain with an Asked, as JSON. Nothing is changed, and no byte of an object is read.
"""

import re

import msgspec

from gateway.admin.answers import Route, decoded, json_answer
from gateway.conditionkeys import OWNER
from gateway.http import Response
from metastore.records import Version
from ocean import errors
from ocean.errors import S3Error
from ocean.identity.attached import AttachedPolicies
from ocean.identity.errors import Absent
from ocean.identity.identities import Identities
from ocean.identity.records import Account
from ocean.rules import access
from ocean.rules.access import Principal, Target
from ocean.rules.policy.actions import ACTIONS
from ocean.rules.policy.patterns import Context
from ocean.store import Ocean


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be explained: `action` by `user` (empty: by who does not sign).

    `context` are condition keys of the request with their values, such as aws:SourceIp.
    """

    action: str
    user: str = ""
    bucket: str = ""
    key: str = ""
    version_id: str = ""
    context: dict[str, str] = {}


class Explained(msgspec.Struct, frozen=True):
    """The ruling. `explicit`: a policy denies it by name; `object`: what was found of the key."""

    allowed: bool
    reason: str
    explicit: bool
    user: str
    action: str
    resource: str
    object: str


class ExplainApi:
    """The handler, by its route."""

    def __init__(self, ocean: Ocean, identities: Identities, attached: AttachedPolicies) -> None:
        self._ocean = ocean
        self._identities = identities
        self._attached = attached
        self.routes: list[Route] = [("POST", re.compile("/v1/explain"), self._explain)]

    async def _explain(self, _by: Account, body: bytes, _query: dict[str, str]) -> Response:
        asked = decoded(body, Asked)
        action = access.action_on(asked.action, asked.version_id or None)
        if action not in ACTIONS:
            raise errors.InvalidArgument(f"there is no action {action}")
        account = await self._account(asked.user)
        who = await self._principal(account)
        target, found, told = await self._target(asked, action)
        context = _context(asked, account, target, found)
        ruling = access.decide(who, action, target, context)
        return json_answer(
            Explained(
                allowed=ruling.allowed,
                reason=ruling.reason,
                explicit=ruling.explicit,
                user=asked.user or "who does not sign",
                action=action,
                resource=target.arn,
                object=told,
            )
        )

    async def _account(self, name: str) -> Account | None:
        account = await self._identities.account(name) if name else None
        if name and account is None:
            raise Absent(f"no user {name}")
        return account

    async def _principal(self, account: Account | None) -> Principal:
        if account is None:
            return Principal(None)
        return Principal(account.id, account.root, await self._attached.of(account))

    async def _target(self, asked: Asked, action: str) -> tuple[Target, Version | None, str]:
        """What the action is about, and in words what was found of the key."""
        if not asked.bucket:
            return Target(), None, ""
        bucket = await self._ocean.meta.buckets.find(asked.bucket)
        if bucket is None:
            if action == "s3:CreateBucket":
                return Target(name=asked.bucket), None, ""
            raise errors.NoSuchBucket
        if not asked.key:
            return Target(bucket), None, ""
        if action not in access.ON_OBJECT:
            return Target(bucket, asked.key), None, ""
        try:
            version = await self._ocean.get.version(bucket, asked.key, asked.version_id or None)
        except S3Error as missing:
            return Target.of(bucket, asked.key, None), None, missing.code
        return Target.of(bucket, asked.key, version), version, f"owned by {version.owner}"


def _context(
    asked: Asked, account: Account | None, target: Target, found: Version | None
) -> Context:
    """What the store knows itself of the request, and what is given of it."""
    known = {"aws:principaltype": "Anonymous", "aws:userid": "anonymous"}
    if account is not None:
        known = {
            "aws:principalaccount": account.id,
            "aws:principalarn": f"arn:aws:iam::{account.id}:user/{account.name}",
            "aws:principaltype": "User",
            "aws:userid": account.id,
            "aws:username": account.name,
        }
    if target.bucket is not None:
        known |= dict.fromkeys(OWNER, target.bucket.owner)
    if asked.version_id:
        known["s3:versionid"] = asked.version_id
    for key, value in found.tags if found is not None else ():
        known[f"s3:existingobjecttag/{key}"] = value
    known |= {_lower(name): value for name, value in asked.context.items()}
    return {name: (value,) for name, value in known.items()}.get


def _lower(name: str) -> str:
    """A condition key as policies are asked for it: the tag's name keeps its case."""
    key, slash, tag = name.partition("/")
    return f"{key.lower()}{slash}{tag}"
