"""Who may do what: the one rule of authorization. Pure.

Until buckets have policies and ACLs the rule is: a bucket's owner and root may do everything in
it, any account may list its own buckets and create new ones, everyone else is denied.
"""

from typing import NamedTuple

OWN = frozenset({"s3:ListAllMyBuckets", "s3:CreateBucket"})  # actions that need no bucket


class Principal(NamedTuple):
    """Who asks: an account by its canonical id, None when nobody signed."""

    account: str | None
    root: bool = False


def allows(principal: Principal, action: str, bucket_owner: str | None) -> bool:
    """Whether `principal` may do `action` in a bucket of `bucket_owner` (None: in none)."""
    if principal.account is None:
        return False
    if bucket_owner is None:
        return action in OWN
    return principal.root or principal.account == bucket_owner
