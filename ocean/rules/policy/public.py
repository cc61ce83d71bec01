"""Whether a bucket's policy is public: lets in whom its owner does not know. Pure.

It is if any statement allows everyone, whatever is denied, unless it does so only for fixed values,
without wildcards and variables, of a key that stands for somebody or some place.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from ocean.rules.policy import values
from ocean.rules.policy.conditions import Condition, Quantifier
from ocean.rules.policy.document import Document, Effect, Statement

_FIXING = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceorgid",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "s3:dataaccesspointaccount",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)
_OPERATORS = frozenset(
    {"ArnEquals", "ArnLike", "StringEquals", "StringEqualsIgnoreCase", "StringLike"}
)
_LARGEST_IPV4 = 1 << 32 - 8  # addresses of the broadest range that stands for a place
_LARGEST_IPV6 = 1 << 128 - 32


def is_public(document: Document) -> bool:
    """Whether the policy of a bucket is public, as GetBucketPolicyStatus has it."""
    return any(map(_admits, document.statements))


def _admits(statement: Statement) -> bool:
    whom = statement.principals
    return (
        statement.effect is Effect.ALLOW
        and whom is not None
        and (whom.everyone or whom.federated)
        and not any(map(_fixes, statement.conditions))
    )


def _fixes(condition: Condition) -> bool:
    """Whether it holds only for some that are known; for a key without values it must not."""
    how = condition.operator
    if how.if_exists or how.quantifier is Quantifier.ALL:
        return False
    if condition.key == "aws:sourceip":
        return how.name == "IpAddress" and all(map(_narrow, condition.stated))
    if how.name not in _OPERATORS:
        return False
    if condition.key == "s3:dataaccesspointarn":
        return all(map(_of_one_account, condition.stated))
    return condition.key in _FIXING and all(
        _fixed(one) and not (condition.key == "aws:userid" and one.startswith("AROA"))
        for one in condition.stated
    )


def _fixed(text: str) -> bool:
    return not any(part in text for part in ("*", "?", "${"))


def _narrow(text: str) -> bool:
    network = values.network(text)
    if network is None:
        return False
    largest = _LARGEST_IPV4 if network.start >= values.IPV4 else _LARGEST_IPV6
    return network.stop - network.start <= largest


def _of_one_account(text: str) -> bool:
    """Whether access points of one account match; which of its points does not matter."""
    return text.count(":") >= 5 and _fixed(text.rpartition(":")[0])
