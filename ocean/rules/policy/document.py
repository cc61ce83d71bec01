"""Documents of policies, validated as AWS does. Pure: one is good or MalformedPolicy says why not.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

import re
from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import Any, NamedTuple

from ocean.errors import MalformedPolicy
from ocean.rules.policy import actions, conditions, elements, keys, principals
from ocean.rules.policy.actions import Level
from ocean.rules.policy.conditions import Condition
from ocean.rules.policy.patterns import Patterns
from ocean.rules.policy.principals import Principals


class Kind(Enum):
    """What a policy is attached to."""

    BUCKET = auto()
    IDENTITY = auto()  # a user or a group
    SESSION = auto()


class Effect(Enum):
    """What a statement does to the requests that it is about."""

    ALLOW = "Allow"
    DENY = "Deny"


class Statement(NamedTuple):
    """One statement. `principals` is None where the policy is attached to them.

    With `excluding` it is about all resources but those that match.
    """

    sid: str
    effect: Effect
    principals: Principals | None
    actions: frozenset[str]
    resources: Patterns
    excluding: bool
    conditions: tuple[Condition, ...]

    @property
    def asks(self) -> frozenset[str]:
        """The condition keys whose values it may need, as `keys.asked` has them."""
        found = self.resources.asks.union(*(one.asks for one in self.conditions))
        return frozenset(map(keys.asked, found))


class Document(NamedTuple):
    """A policy that was read."""

    statements: tuple[Statement, ...]

    @property
    def names(self) -> frozenset[str]:
        """The user names and canonical ids by which its principals are named."""
        return frozenset(
            user.name for one in self.statements if one.principals for user in one.principals.users
        )


LIMITS = {Kind.BUCKET: 20_480, Kind.IDENTITY: 6_144, Kind.SESSION: 2_048}
"""How large a policy may be, white space not counted: bytes of a bucket's, characters of others.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/add-bucket-policy.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""
MAX_TEXT = 131_072
"""Characters of a policy with its white space.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPolicy.html
"""

_VARIABLES_SINCE = "2012-10-17"
_VERSIONS = ("2008-10-17", _VARIABLES_SINCE)  # the first is the default
_POLICY = frozenset({"Version", "Id", "Statement"})
_STATEMENT = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction"}
    | {"Resource", "NotResource", "Condition"}
)
_SID = re.compile("[0-9A-Za-z]*")
_WHITE_SPACE = dict.fromkeys(map(ord, " \t\r\n"))
_ARN = "arn:aws:s3:::"


def parse(text: str | bytes, kind: Kind, *, bucket: str = "") -> Document:
    """Read a policy; `bucket` is the name of the bucket that one of that kind is attached to.

    Raises MalformedPolicy, in the words of AWS.
    """
    fields = elements.load(_checked(text, kind))
    elements.known(fields, _POLICY)
    version = fields.get("Version", _VERSIONS[0])
    if version not in _VERSIONS:
        raise MalformedPolicy("The policy must contain a valid version string")
    elements.text(fields.get("Id", ""))
    listed = elements.required(fields, "Statement")
    if not isinstance(listed, list):
        listed = [listed]
    if not listed:
        raise MalformedPolicy("Could not parse the policy: Statement is empty!")
    variables = version == _VARIABLES_SINCE
    statements = tuple(
        _statement(elements.mapping(one), kind, bucket, variables=variables) for one in listed
    )
    if kind is not Kind.BUCKET:
        _check_sids([one.sid for one in statements if one.sid])
    return Document(statements)


def _checked(text: str | bytes, kind: Kind) -> str:
    """The text, if it is of a size that may be."""
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        dense = decoded.translate(_WHITE_SPACE)
        size = len(dense.encode()) if kind is Kind.BUCKET else len(dense)
    except UnicodeError:
        raise MalformedPolicy("This policy contains invalid Json") from None
    if size > LIMITS[kind] or len(decoded) > MAX_TEXT:
        raise MalformedPolicy(
            f"Normalized policy document exceeds the maximum allowed size of {LIMITS[kind]} bytes"
        )
    return decoded


def _check_sids(sids: list[str]) -> None:
    """What IAM asks of them, and S3 does not."""
    if len(set(sids)) < len(sids):
        raise MalformedPolicy("Statement IDs (SID) in a single policy must be unique.")
    if not all(map(_SID.fullmatch, sids)):
        raise MalformedPolicy(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the "
            "regular expression [0-9A-Za-z]*"
        )


def _statement(fields: Mapping[str, Any], kind: Kind, bucket: str, *, variables: bool) -> Statement:
    elements.known(fields, _STATEMENT)
    effect = _effect(elements.text(elements.required(fields, "Effect")))
    whom = _principals(fields, kind, effect)
    stated, negated = elements.either(fields, "Action")
    foreign = kind is not Kind.BUCKET
    listed = elements.texts(stated)
    stated, excluding = elements.either(fields, "Resource")
    resources = elements.texts(stated)
    patterns = Patterns(resources, variables=variables)
    reached = actions.LEVELS
    if kind is Kind.BUCKET:
        reached = _reached(resources, patterns, bucket)
    elif not all(one == "*" or one.startswith("arn:") for one in resources):
        raise MalformedPolicy('Resource must be in ARN format or "*".')
    within = actions.LEVELS if negated or excluding else reached
    covered = actions.covered(listed, foreign=foreign, within=within)
    return Statement(
        sid=elements.text(fields.get("Sid", "")),
        effect=effect,
        principals=whom,
        actions=frozenset(actions.ACTIONS.keys() - covered) if negated else covered,
        resources=patterns,
        excluding=excluding,
        conditions=conditions.parse(
            fields.get("Condition", {}), variables=variables, foreign=foreign
        ),
    )


def _effect(text: str) -> Effect:
    try:
        return Effect(text)
    except ValueError:
        raise MalformedPolicy(f"Invalid effect: {text}") from None


def _principals(fields: Mapping[str, Any], kind: Kind, effect: Effect) -> Principals | None:
    if kind is not Kind.BUCKET:
        if "Principal" in fields or "NotPrincipal" in fields:
            raise MalformedPolicy("Policy document should not specify a principal.")
        return None
    stated, negated = elements.either(fields, "Principal")
    if negated and effect is Effect.ALLOW:
        raise MalformedPolicy("NotPrincipal must be used with the effect Deny")
    return principals.parse(stated, negated=negated)


def _reached(resources: Iterable[str], patterns: Patterns, bucket: str) -> frozenset[Level]:
    """To which levels of the bucket the resources extend; each must to one."""
    reached: set[Level] = set()
    for text, automaton in zip(resources, patterns.automata(), strict=True):
        found = set()
        if automaton.after(f"{_ARN}{bucket}") & automaton.finals[0]:
            found.add(Level.BUCKET)
        if automaton.after(f"{_ARN}{bucket}/"):
            found.add(Level.OBJECT)
        if not found or not text.startswith(_ARN):
            raise MalformedPolicy("Policy has invalid resource")
        reached |= found
    return frozenset(reached)
