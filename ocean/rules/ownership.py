"""Object ownership: whose a new object is, and which ACLs a bucket takes. Pure.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
"""

from metastore.records import Bucket, Grant, Grants, Ownership, Permission
from ocean.errors import AccessControlListNotSupported, AccessDenied
from ocean.rules import acl

FULL_CONTROL = "bucket-owner-full-control"


def owner_of_new(bucket: Bucket, writer: str | None, canned: str | None) -> str:
    """The canonical id of who owns what `writer` (None: who did not sign) writes with that ACL."""
    if writer is None or bucket.ownership is Ownership.BUCKET_OWNER_ENFORCED:
        return bucket.owner
    if bucket.ownership is Ownership.BUCKET_OWNER_PREFERRED and canned == FULL_CONTROL:
        return bucket.owner
    return writer


def check_acl_of_new(bucket: Bucket, canned: str | None, grants: Grants | None) -> None:
    """AccessControlListNotSupported for an ACL with a new object where ACLs are disabled.

    The one that gives the bucket's owner full control says what is so anyway.
    """
    if bucket.ownership is not Ownership.BUCKET_OWNER_ENFORCED:
        return
    if canned is not None and canned != FULL_CONTROL:
        raise AccessControlListNotSupported
    if grants is not None and grants != (Grant(bucket.owner, Permission.FULL_CONTROL),):
        raise AccessControlListNotSupported


def check_acls_enabled(ownership: Ownership) -> None:
    """AccessControlListNotSupported where ACLs are disabled."""
    if ownership is Ownership.BUCKET_OWNER_ENFORCED:
        raise AccessControlListNotSupported


def check_not_blocked(bucket: Bucket, grants: Grants | None) -> None:
    """AccessDenied for a public ACL where the public access block blocks them."""
    block = bucket.public_access_block
    if block is not None and block.block_public_acls and acl.is_public(grants):
        raise AccessDenied
