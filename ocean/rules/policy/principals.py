"""Whom a statement is about: what Principal and NotPrincipal may say, and whom that means. Pure.

Every user of Ocean is an account. A user `alice` with the canonical id C is meant by
CanonicalUser C and by AWS C, arn:aws:iam::C:root, arn:aws:iam::C:user/alice,
arn:aws:iam:::user/alice and the last two with C for alice. Every other name that AWS knows
(roles, services, accounts of 12 digits) may be said and means nobody here.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from ocean.errors import MalformedPolicy, S3Error
from ocean.rules.policy.elements import texts

_CANONICAL_ID = re.compile(r"[0-9a-f]{64}")
_ACCOUNT = re.compile(r"[0-9]{12}")
_ARN = re.compile(
    r"arn:aws[a-z-]*:(?:iam|sts)::(?P<account>[^:*?]*):"
    r"(?P<entity>root|(?:user|role|assumed-role|federated-user)/[^*?]+)"
)


class User(NamedTuple):
    """A user by name or canonical id, and the account the user must be, if it is said."""

    name: str
    account: str = ""


class Principals(NamedTuple):
    """Whom a statement is about, or with `negated` whom it is not about.

    `federated` tells of users of an identity provider, whom no signature of Ocean's stands for.
    """

    negated: bool
    everyone: bool
    users: frozenset[User]
    federated: bool

    def ids(self, resolved: Mapping[str, str]) -> frozenset[str]:
        """The canonical ids of the users; `resolved` has them by name and by themselves."""
        found = ((resolved.get(user.name, ""), user.account) for user in self.users)
        return frozenset(one for one, account in found if one and account in ("", one))


def parse(stated: object, *, negated: bool) -> Principals:
    """Read the value of a Principal or NotPrincipal; MalformedPolicy."""
    if stated == "*":
        return Principals(negated, everyone=True, users=frozenset(), federated=False)
    if not isinstance(stated, dict) or not stated:
        raise _invalid()
    names = {kind: texts(value) for kind, value in stated.items()}
    if not names.keys() <= {"AWS", "CanonicalUser", "Federated", "Service"}:
        raise _invalid()
    for name in (*names.get("Federated", ()), *names.get("Service", ())):
        if not name or "*" in name:
            raise _invalid()
    aws = names.get("AWS", ())
    users = [_aws(name) for name in aws if name != "*"]
    users += [_canonical(name) for name in names.get("CanonicalUser", ())]
    return Principals(
        negated,
        everyone="*" in aws,
        users=frozenset(user for user in users if user is not None),
        federated="Federated" in names,
    )


def _canonical(name: str) -> User:
    if _CANONICAL_ID.fullmatch(name) is None:
        raise _invalid()
    return User(name)


def _aws(name: str) -> User | None:
    """The user whom an account's id or an ARN means, None for nobody of Ocean's."""
    if _CANONICAL_ID.fullmatch(name):
        return User(name)
    if _ACCOUNT.fullmatch(name):
        return None
    found = _ARN.fullmatch(name)
    if found is None:
        raise _invalid()
    account = found["account"]
    kind, _, user = found["entity"].partition("/")
    if not name.startswith("arn:aws:iam:") or (account and not _CANONICAL_ID.fullmatch(account)):
        return None
    if kind == "root":
        return User(account) if account else None
    return User(user, account) if kind == "user" and "/" not in user else None


def _invalid() -> S3Error:
    return MalformedPolicy("Invalid principal in policy")
