"""Policies as they are asked: what one says of a request. Pure.

An explicit Deny wins over an Allow; without either a policy is silent. What a request's context is
asked for is only what a statement of its action needs.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import NamedTuple

from ocean.rules.policy import keys
from ocean.rules.policy.document import Document, Effect, Statement
from ocean.rules.policy.patterns import Context, Patterns


class Request(NamedTuple):
    """What is asked for: `s3:GetObject` of `arn:aws:s3:::bucket/key`, the key as it is.

    `principal` is a canonical id, None for nobody who signed. `context` has the values of a
    condition key in lower case, but for the tag's name in a key like s3:ExistingObjectTag/name;
    None for a key that the request does not have. The resource of ListAllMyBuckets is
    `arn:aws:s3:::*`.
    """

    principal: str | None
    action: str
    resource: str
    context: Context


class Decision(Enum):
    """What a policy says of a request."""

    ALLOW = auto()
    DENY = auto()
    SILENT = auto()


class Verdict(NamedTuple):
    """A decision, and the statement that made it: its number from 0 and its Sid."""

    decision: Decision
    statement: int | None = None
    sid: str = ""


SILENT = Verdict(Decision.SILENT)


class _Rule(NamedTuple):
    """A statement, to be asked. Of principals it is about `ids`, or with `others` all but them."""

    verdict: Verdict
    others: bool
    ids: frozenset[str]
    excluding: bool
    resources: Patterns
    conditions: tuple[Callable[[Context], bool], ...]

    def applies(self, request: Request) -> bool:
        if (request.principal in self.ids) == self.others:
            return False
        if self.resources.matches(request.resource, request.context) == self.excluding:
            return False
        return all(holds(request.context) for holds in self.conditions)


class Policy:
    """A policy whose principals are known, by the actions of its statements.

    `asks` are the condition keys that it may ask for, in lower case; of those of tags what is
    before the tag's name: `s3:existingobjecttag/`.
    """

    __slots__ = ("_rules", "_tagged", "asks")

    def __init__(self, document: Document, resolved: Mapping[str, str]) -> None:
        rules: dict[str, list[_Rule]] = {}
        tagged: set[str] = set()
        numbered = list(enumerate(document.statements))
        # Denials first: the first rule that applies decides.
        for number, one in sorted(numbered, key=lambda pair: pair[1].effect is Effect.ALLOW):
            rule = _rule(number, one, resolved)
            for action in one.actions:
                rules.setdefault(action, []).append(rule)
            if keys.EXISTING_OBJECT_TAG in one.asks:
                tagged |= one.actions
        self._rules = {action: tuple(found) for action, found in rules.items()}
        self._tagged = frozenset(tagged)
        self.asks: frozenset[str] = frozenset().union(*(one.asks for one in document.statements))

    def evaluate(self, request: Request) -> Verdict:
        """What the policy says, and which statement says so."""
        for rule in self._rules.get(request.action, ()):
            if rule.applies(request):
                return rule.verdict
        return SILENT

    def asks_of(self, action: str) -> bool:
        """Whether the tags that an object has may matter to what is said of the action."""
        return action in self._tagged


def compile(document: Document, resolved: Mapping[str, str]) -> Policy:  # noqa: A001
    """The policy that a document states.

    `resolved` has the canonical ids of the users who are meant by `document.names`: a name that it
    does not have means nobody.
    """
    return Policy(document, resolved)


def _rule(number: int, statement: Statement, resolved: Mapping[str, str]) -> _Rule:
    decision = Decision.ALLOW if statement.effect is Effect.ALLOW else Decision.DENY
    whom = statement.principals
    everyone = whom is None or whom.everyone
    negated = whom is not None and whom.negated
    return _Rule(
        verdict=Verdict(decision, number, statement.sid),
        others=everyone != negated,
        ids=frozenset() if whom is None or everyone else whom.ids(resolved),
        excluding=statement.excluding,
        resources=statement.resources,
        conditions=tuple(one.holds for one in statement.conditions),
    )
