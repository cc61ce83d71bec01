"""The admin API of explanations: whether a request would be allowed, and what decides that.

POST /v1/explain with an Asked, as JSON. Nothing is changed, and no byte of an object is read.
"""

import re

import msgspec

from gateway.admin.answers import Route, decoded, json_answer
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
        who = await self._principal(asked.user)
        target, found, told = await self._target(asked, action)
        context = _context(asked.context, found)
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

    async def _principal(self, name: str) -> Principal:
        if not name:
            return Principal(None)
        account = await self._identities.account(name)
        if account is None:
            raise Absent(f"no user {name}")
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


def _context(given: dict[str, str], found: Version | None) -> Context:
    values = {_lower(name): (value,) for name, value in given.items()}
    for key, value in found.tags if found is not None else ():
        values[f"s3:existingobjecttag/{key}"] = (value,)
    return values.get


def _lower(name: str) -> str:
    """A condition key as policies are asked for it: the tag's name keeps its case."""
    key, slash, tag = name.partition("/")
    return f"{key.lower()}{slash}{tag}"
