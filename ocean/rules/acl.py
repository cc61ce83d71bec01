"""Access control lists: canned ones, grants in headers, and what they allow. Pure.

A list is a tuple of grants, or None for the one that says nothing but the owner's full control.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
"""

from collections.abc import Mapping

from metastore.records import Grant, Grants, Permission
from ocean import errors
from ocean.errors import InvalidArgument, InvalidRequest, MalformedACLError

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED_USERS = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
GROUPS = frozenset({ALL_USERS, AUTHENTICATED_USERS, LOG_DELIVERY})
PUBLIC = frozenset({ALL_USERS, AUTHENTICATED_USERS})
MAX_GRANTS = 100

HEADERS = {
    "x-amz-grant-read": Permission.READ,
    "x-amz-grant-write": Permission.WRITE,
    "x-amz-grant-read-acp": Permission.READ_ACP,
    "x-amz-grant-write-acp": Permission.WRITE_ACP,
    "x-amz-grant-full-control": Permission.FULL_CONTROL,
}

_TO_GROUPS = {
    "public-read": ((ALL_USERS, Permission.READ),),
    "public-read-write": ((ALL_USERS, Permission.READ), (ALL_USERS, Permission.WRITE)),
    "authenticated-read": ((AUTHENTICATED_USERS, Permission.READ),),
    "log-delivery-write": (
        (LOG_DELIVERY, Permission.WRITE),
        (LOG_DELIVERY, Permission.READ_ACP),
    ),
}
_TO_BUCKET_OWNER = {
    "bucket-owner-read": Permission.READ,
    "bucket-owner-full-control": Permission.FULL_CONTROL,
}
OF_BUCKETS = frozenset({"private", *_TO_GROUPS})
OF_OBJECTS = (OF_BUCKETS - {"log-delivery-write"}) | _TO_BUCKET_OWNER.keys()


def canned(name: str, owner: str, bucket_owner: str | None = None) -> Grants | None:
    """The grants of a canned ACL: of an object if `bucket_owner` is given, else of a bucket.

    InvalidArgument for one that there is not.
    """
    if name == "aws-exec-read":  # grants a service of AWS's own something
        raise errors.NotImplemented(Header="x-amz-acl")
    if name not in (OF_BUCKETS if bucket_owner is None else OF_OBJECTS):
        raise InvalidArgument(ArgumentName="x-amz-acl", ArgumentValue=name)
    mine = Grant(owner, Permission.FULL_CONTROL)
    if name in _TO_BUCKET_OWNER:
        assert bucket_owner is not None
        return stored((mine, Grant(bucket_owner, _TO_BUCKET_OWNER[name])), owner)
    return stored((*(Grant(*one) for one in _TO_GROUPS.get(name, ())), mine), owner)


def stored(grants: Grants, owner: str) -> Grants | None:
    """The list as it is kept: each grant once, None for the owner's full control alone."""
    if len(grants) > MAX_GRANTS:
        raise MalformedACLError(f"An ACL can have up to {MAX_GRANTS} grants.")
    once = tuple(dict.fromkeys(grants))
    return None if once == (Grant(owner, Permission.FULL_CONTROL),) else once


def shown(grants: Grants | None, owner: str) -> Grants:
    """The list as clients see it."""
    return (Grant(owner, Permission.FULL_CONTROL),) if grants is None else grants


def from_headers(headers: Mapping[str, str]) -> tuple[tuple[str, str, Permission], ...]:
    """(kind of grantee, its value, permission) for each grantee of the x-amz-grant headers.

    Kinds are `id`, `uri` and `emailaddress`. InvalidArgument for what is none of them.
    """
    return tuple(
        (*_grantee(name, word), permission)
        for name, permission in HEADERS.items()
        if name in headers
        for word in headers[name].split(",")
    )


def _grantee(name: str, word: str) -> tuple[str, str]:
    kind, equals, value = word.strip().partition("=")
    kind, value = kind.strip().lower(), value.strip().strip('"')
    if not equals or kind not in {"id", "uri", "emailaddress"} or not value:
        raise InvalidArgument(
            "Argument format not recognized", ArgumentName=name, ArgumentValue=word
        )
    return kind, value


def check_one_way(headers: Mapping[str, str]) -> None:
    """InvalidRequest for a canned ACL beside grants."""
    if "x-amz-acl" in headers and not HEADERS.keys().isdisjoint(headers):
        raise InvalidRequest("Specifying both Canned ACLs and Header Grants is not allowed")


def grants_to(
    grants: Grants | None, account: str | None, wanted: Permission, *, public: bool = True
) -> bool:
    """Whether a list grants `wanted` to who signed as `account` (None: to who did not sign).

    With `public` False grants to everybody count for nothing.
    """
    for grant in grants or ():
        if grant.permission not in (wanted, Permission.FULL_CONTROL):
            continue
        if grant.grantee == account:
            return True
        if public and (
            grant.grantee == ALL_USERS
            or (grant.grantee == AUTHENTICATED_USERS and account is not None)
        ):
            return True
    return False


def is_public(grants: Grants | None) -> bool:
    """Whether a list grants anything to everybody, or to everybody who has an account."""
    return any(grant.grantee in PUBLIC for grant in grants or ())
