"""Access control lists as requests give them: canned, as grants in headers, as a document."""

from gateway.context import Context
from gateway.ops.shapes.acl import AccessControlPolicy, Grant
from metastore import records
from metastore.records import Grants, Ownership, Permission
from ocean.errors import (
    AccessDenied,
    InvalidArgument,
    InvalidBucketAclWithObjectOwnership,
    MalformedACLError,
    MissingSecurityHeader,
    UnexpectedContent,
    UnresolvableGrantByEmailAddress,
)
from ocean.rules import access, acl, ownership


async def of_new_object(cx: Context) -> tuple[str, Grants | None]:
    """The owner and the ACL of an object that the request makes."""
    bucket, given = cx.bucket, cx.given
    canned = given.get("x-amz-acl")
    writer = cx.account.id if cx.account is not None else None
    owner = ownership.owner_of_new(bucket, writer, canned)
    if canned is None and acl.HEADERS.keys().isdisjoint(given):
        return owner, None
    cx.authorize("s3:PutObjectAcl", access.Target(bucket, cx.key, writer, new=True))
    grants = await _of_headers(cx, canned, owner, bucket.owner)
    ownership.check_acl_of_new(bucket, canned, grants)
    ownership.check_not_blocked(bucket, grants)
    return owner, None if bucket.ownership is Ownership.BUCKET_OWNER_ENFORCED else grants


async def of_new_bucket(cx: Context, owner: str, controls: Ownership) -> Grants | None:
    """The ACL of a bucket that the request makes."""
    canned = cx.given.get("x-amz-acl")
    if canned is None and acl.HEADERS.keys().isdisjoint(cx.given):
        return None
    if canned in acl.OF_OBJECTS - acl.OF_BUCKETS:  # which S3 ignores here
        return None
    grants = await _of_headers(cx, canned, owner, None)
    if grants is not None and controls is Ownership.BUCKET_OWNER_ENFORCED:
        raise InvalidBucketAclWithObjectOwnership
    return grants


async def wanted(
    cx: Context, document: AccessControlPolicy | None, owner: str, bucket_owner: str | None
) -> Grants | None:
    """The list that a request to replace one gives, in one of three ways."""
    canned = cx.given.get("x-amz-acl")
    if canned is not None or not acl.HEADERS.keys().isdisjoint(cx.given):
        if document is not None:
            raise UnexpectedContent
        return await _of_headers(cx, canned, owner, bucket_owner)
    if document is None:
        raise MissingSecurityHeader(
            "Your request was missing a required header", MissingHeaderName="x-amz-acl"
        )
    if document.owner.id != owner:
        raise AccessDenied
    found = [await _grant(cx, one) for one in document.grants]
    return acl.stored(tuple(found), owner)


async def _of_headers(
    cx: Context, canned: str | None, owner: str, bucket_owner: str | None
) -> Grants | None:
    """The list of a canned ACL, or of the grants in headers."""
    acl.check_one_way(cx.given)
    if canned is not None:
        return acl.canned(canned, owner, bucket_owner)
    found = []
    for kind, value, permission in acl.from_headers(cx.given):
        found.append(records.Grant(await _resolved(cx, kind, value), permission))
    return acl.stored(tuple(found), owner)


async def _grant(cx: Context, given: Grant) -> records.Grant:
    grantee = given.grantee
    kinds = {"CanonicalUser": ("id", grantee.id), "Group": ("uri", grantee.uri)}
    kind, value = kinds.get(grantee.type, ("emailaddress", grantee.email_address))
    if not value:
        raise MalformedACLError
    return records.Grant(await _resolved(cx, kind, value), Permission[given.permission])


async def _resolved(cx: Context, kind: str, value: str) -> str:
    """The grantee as it is kept: a group, or an account that there is."""
    if kind == "emailaddress":  # S3 does not take them any more either
        raise UnresolvableGrantByEmailAddress
    if kind == "uri":
        if value not in acl.GROUPS:
            raise InvalidArgument("Invalid group uri", ArgumentName="uri", ArgumentValue=value)
        return value
    if not await cx.accounts.exists(value):
        raise InvalidArgument("Invalid id", ArgumentName="CanonicalUser/ID", ArgumentValue=value)
    return value
