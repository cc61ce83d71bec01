"""Operations on bucket policies, public access blocks and ownership controls."""

from msgspec.structs import replace

from gateway.context import Context
from gateway.operations import s3
from gateway.ops.changes import configured
from gateway.ops.shapes.policy import (
    DeleteBucketOwnershipControlsInput,
    DeleteBucketPolicyInput,
    DeletePublicAccessBlockInput,
    GetBucketOwnershipControlsInput,
    GetBucketOwnershipControlsOutput,
    GetBucketPolicyInput,
    GetBucketPolicyOutput,
    GetBucketPolicyStatusInput,
    GetBucketPolicyStatusOutput,
    GetPublicAccessBlockInput,
    GetPublicAccessBlockOutput,
    OwnershipControls,
    OwnershipControlsRule,
    PolicyStatus,
    PublicAccessBlockConfiguration,
    PutBucketOwnershipControlsInput,
    PutBucketPolicyInput,
    PutPublicAccessBlockInput,
)
from metastore.records import Bucket, BucketPolicy, Ownership, PublicAccessBlock
from ocean.errors import (
    AccessDenied,
    InvalidBucketAclWithObjectOwnership,
    MalformedPolicy,
    MalformedXML,
    NoSuchBucketPolicy,
    NoSuchPublicAccessBlockConfiguration,
    OwnershipControlsNotFoundError,
)
from ocean.rules import access, acl
from ocean.rules.policy import applicability
from ocean.rules.policy.document import Kind, parse

OWNERSHIP = {
    "ObjectWriter": Ownership.OBJECT_WRITER,
    "BucketOwnerPreferred": Ownership.BUCKET_OWNER_PREFERRED,
    "BucketOwnerEnforced": Ownership.BUCKET_OWNER_ENFORCED,
}
_NAMES = {value: name for name, value in OWNERSHIP.items()}


@s3.operation("GET", "/{Bucket}?policy", action="s3:GetBucketPolicy")
async def get_bucket_policy(cx: Context, _given: GetBucketPolicyInput) -> GetBucketPolicyOutput:
    """The policy as it was given."""
    if cx.bucket.policy is None:
        raise NoSuchBucketPolicy(BucketName=cx.bucket.name)
    return GetBucketPolicyOutput(policy=cx.bucket.policy.text.encode())


@s3.operation("PUT", "/{Bucket}?policy", action="s3:PutBucketPolicy", status=204)
async def put_bucket_policy(cx: Context, given: PutBucketPolicyInput) -> None:
    """Replace the policy; the users it names are who has these names now."""
    document = parse(given.policy, Kind.BUCKET, bucket=cx.bucket.name)
    applicability.check(document)
    resolved = await cx.accounts.resolve(document.names)
    if len(resolved) < len(document.names):  # a denial that would mean nobody, for example
        raise MalformedPolicy("Invalid principal in policy")
    policy = BucketPolicy(
        given.policy,
        resolved,
        sealed=bool(given.confirm_remove_self_bucket_access),
    )
    public = access.is_policy_public(policy, cx.bucket.name)

    def change(bucket: Bucket) -> Bucket:
        block = bucket.public_access_block
        if public and block is not None and block.block_public_policy:
            raise AccessDenied
        return replace(bucket, policy=policy)

    await configured(cx, change)


@s3.operation("DELETE", "/{Bucket}?policy", action="s3:DeleteBucketPolicy", status=204)
async def delete_bucket_policy(cx: Context, _given: DeleteBucketPolicyInput) -> None:
    """Remove the policy, if there is one."""
    await configured(cx, lambda bucket: replace(bucket, policy=None))


@s3.operation("GET", "/{Bucket}?policyStatus", action="s3:GetBucketPolicyStatus")
async def get_bucket_policy_status(
    cx: Context, _given: GetBucketPolicyStatusInput
) -> GetBucketPolicyStatusOutput:
    """Whether policy or ACL let everybody in."""
    bucket = cx.bucket
    enabled = bucket.ownership is not Ownership.BUCKET_OWNER_ENFORCED
    public = access.is_policy_public(bucket.policy, bucket.name)
    public = public or (enabled and acl.is_public(bucket.acl))
    return GetBucketPolicyStatusOutput(document=PolicyStatus(is_public=public))


@s3.operation("GET", "/{Bucket}?publicAccessBlock", action="s3:GetBucketPublicAccessBlock")
async def get_public_access_block(
    cx: Context, _given: GetPublicAccessBlockInput
) -> GetPublicAccessBlockOutput:
    """The four switches."""
    block = cx.bucket.public_access_block
    if block is None:
        raise NoSuchPublicAccessBlockConfiguration(BucketName=cx.bucket.name)
    switches = {name: getattr(block, name) for name in block.__struct_fields__}
    return GetPublicAccessBlockOutput(document=PublicAccessBlockConfiguration(**switches))


@s3.operation("PUT", "/{Bucket}?publicAccessBlock", action="s3:PutBucketPublicAccessBlock")
async def put_public_access_block(cx: Context, given: PutPublicAccessBlockInput) -> None:
    """Set the four switches; what is not given is off."""
    document = given.public_access_block_configuration
    names = PublicAccessBlock.__struct_fields__
    block = PublicAccessBlock(*(bool(getattr(document, name)) for name in names))
    await configured(cx, lambda bucket: replace(bucket, public_access_block=block))


@s3.operation(
    "DELETE", "/{Bucket}?publicAccessBlock", action="s3:PutBucketPublicAccessBlock", status=204
)
async def delete_public_access_block(cx: Context, _given: DeletePublicAccessBlockInput) -> None:
    """Block nothing any more."""
    await configured(cx, lambda bucket: replace(bucket, public_access_block=None))


@s3.operation("GET", "/{Bucket}?ownershipControls", action="s3:GetBucketOwnershipControls")
async def get_bucket_ownership_controls(
    cx: Context, _given: GetBucketOwnershipControlsInput
) -> GetBucketOwnershipControlsOutput:
    """Whose objects are that others write."""
    name = _NAMES.get(cx.bucket.ownership)
    if name is None:
        raise OwnershipControlsNotFoundError(BucketName=cx.bucket.name)
    rule = OwnershipControlsRule(object_ownership=name)  # type: ignore[arg-type]
    return GetBucketOwnershipControlsOutput(document=OwnershipControls(rules=(rule,)))


@s3.operation("PUT", "/{Bucket}?ownershipControls", action="s3:PutBucketOwnershipControls")
async def put_bucket_ownership_controls(
    cx: Context, given: PutBucketOwnershipControlsInput
) -> None:
    """Set it; ACLs can be disabled only while the bucket's own grants nothing to others."""
    rules = given.ownership_controls.rules
    if len(rules) != 1:
        raise MalformedXML
    wanted = OWNERSHIP[rules[0].object_ownership]

    def change(bucket: Bucket) -> Bucket:
        enforced = wanted is Ownership.BUCKET_OWNER_ENFORCED
        if enforced and any(g.grantee != bucket.owner for g in bucket.acl or ()):
            raise InvalidBucketAclWithObjectOwnership
        return replace(bucket, ownership=wanted)

    await configured(cx, change)


@s3.operation(
    "DELETE", "/{Bucket}?ownershipControls", action="s3:PutBucketOwnershipControls", status=204
)
async def delete_bucket_ownership_controls(
    cx: Context, _given: DeleteBucketOwnershipControlsInput
) -> None:
    """As if there had never been any: objects are their writers'."""
    await configured(cx, lambda bucket: replace(bucket, ownership=Ownership.UNSET))
