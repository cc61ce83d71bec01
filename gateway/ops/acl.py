"""Operations on access control lists, and the lists that come with new buckets and objects."""

from typing import Any

from msgspec.structs import replace

from gateway.context import Context
from gateway.operations import s3
from gateway.ops.changes import changed, configured
from gateway.ops.grants import wanted
from gateway.ops.shapes.acl import (
    AccessControlPolicy,
    GetBucketAclInput,
    GetBucketAclOutput,
    GetObjectAclInput,
    GetObjectAclOutput,
    Grant,
    Grantee,
    PutBucketAclInput,
    PutObjectAclInput,
)
from gateway.ops.shapes.common import Owner
from metastore.records import Bucket, Grants, Ownership, Version
from ocean.errors import AccessDenied
from ocean.rules import acl, ownership


@s3.operation("GET", "/{Bucket}?acl", action="s3:GetBucketAcl")
async def get_bucket_acl(cx: Context, _given: GetBucketAclInput) -> GetBucketAclOutput:
    """Who was granted what on the bucket."""
    bucket = cx.bucket
    return GetBucketAclOutput(document=await _document(cx, bucket.owner, _of_bucket(bucket)))


@s3.operation("PUT", "/{Bucket}?acl", action="s3:PutBucketAcl")
async def put_bucket_acl(cx: Context, given: PutBucketAclInput) -> None:
    """Replace the bucket's ACL by a canned one, by grants in headers or by a document."""
    grants = await wanted(cx, given.access_control_policy, cx.bucket.owner, None)

    def change(bucket: Bucket) -> Bucket:
        ownership.check_acls_enabled(bucket.ownership)
        ownership.check_not_blocked(bucket, grants)
        return replace(bucket, acl=grants)

    await configured(cx, change)


@s3.operation("GET", "/{Bucket}/{Key+}?acl", action="s3:GetObjectAcl")
async def get_object_acl(cx: Context, _given: GetObjectAclInput) -> GetObjectAclOutput:
    """Who was granted what on the object."""
    version = await cx.version()
    if cx.bucket.ownership is Ownership.BUCKET_OWNER_ENFORCED:
        return GetObjectAclOutput(document=await _document(cx, cx.bucket.owner, None))
    return GetObjectAclOutput(document=await _document(cx, version.owner, version.acl))


@s3.operation("PUT", "/{Bucket}/{Key+}?acl", action="s3:PutObjectAcl")
async def put_object_acl(cx: Context, given: PutObjectAclInput) -> None:
    """Replace the ACL of a version by a canned one, by grants in headers or by a document."""
    ownership.check_acls_enabled(cx.bucket.ownership)
    owner = (await cx.version()).owner
    grants = await wanted(cx, given.access_control_policy, owner, cx.bucket.owner)
    ownership.check_not_blocked(cx.bucket, grants)

    def change(version: Version) -> Version:
        if version.owner != owner:  # another's by now
            raise AccessDenied
        return replace(version, acl=grants)

    await changed(cx, given.version_id, change)


def _of_bucket(bucket: Bucket) -> Grants | None:
    return None if bucket.ownership is Ownership.BUCKET_OWNER_ENFORCED else bucket.acl


async def _document(cx: Context, owner: str, grants: Grants | None) -> AccessControlPolicy:
    names = cx.accounts.display_name
    shown = []
    for grant in acl.shown(grants, owner):
        if grant.grantee in acl.GROUPS:
            grantee = Grantee(type="Group", uri=grant.grantee)
        else:
            name = await names(grant.grantee)
            grantee = Grantee(type="CanonicalUser", id=grant.grantee, display_name=name)
        permission: Any = grant.permission.name
        shown.append(Grant(grantee=grantee, permission=permission))
    return AccessControlPolicy(
        owner=Owner(id=owner, display_name=await names(owner)), grants=tuple(shown)
    )
