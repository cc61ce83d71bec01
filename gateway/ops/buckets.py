"""Operations on buckets: create, head, delete, location, versioning, and two fixed answers."""

import secrets

from msgspec.structs import replace

from gateway.context import Context
from gateway.operations import s3
from gateway.ops.changes import configured
from gateway.ops.grants import of_new_bucket
from gateway.ops.policy import OWNERSHIP
from gateway.ops.shapes.buckets import (
    AccelerateConfiguration,
    CreateBucketConfiguration,
    CreateBucketInput,
    CreateBucketOutput,
    DeleteBucketInput,
    GetBucketAccelerateConfigurationInput,
    GetBucketAccelerateConfigurationOutput,
    GetBucketLocationInput,
    GetBucketLocationOutput,
    GetBucketRequestPaymentInput,
    GetBucketRequestPaymentOutput,
    GetBucketVersioningInput,
    GetBucketVersioningOutput,
    HeadBucketInput,
    HeadBucketOutput,
    PutBucketVersioningInput,
    RequestPaymentConfiguration,
    VersioningConfiguration,
)
from gateway.wire import listing
from metastore.errors import BucketNotEmpty as NotEmpty
from metastore.errors import BucketTaken
from metastore.keys import ID_SIZE
from metastore.records import Bucket, Versioning
from metastore.retention_records import BucketLock
from ocean import errors
from ocean.errors import (
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    IllegalLocationConstraintException,
    InvalidBucketState,
    InvalidLocationConstraint,
    MalformedXML,
)
from ocean.rules import access, naming, tags

DEFAULT_REGION = "us-east-1"
_STATUS = {Versioning.ENABLED: "Enabled", Versioning.SUSPENDED: "Suspended"}


@s3.operation("PUT", "/{Bucket}", action="s3:CreateBucket")
async def create_bucket(cx: Context, given: CreateBucketInput) -> CreateBucketOutput:
    """Create a bucket; in us-east-1 the owner's creating it again succeeds, as on AWS."""
    name = cx.target.bucket or ""
    naming.check_bucket_name(name)
    configuration = given.create_bucket_configuration
    if configuration is not None:
        _check_location(configuration.location_constraint, cx.region)
    unsaid = cx.ocean.new_bucket
    controls = OWNERSHIP[given.object_ownership] if given.object_ownership else unsaid.ownership
    bucket = Bucket(
        name=name,
        id=secrets.token_bytes(ID_SIZE),
        owner=cx.caller.id,
        created_ms=cx.ocean.clock.now_ms(),
        region=cx.region,
        tags=_tags(configuration),
        acl=await of_new_bucket(cx, cx.caller.id, controls),
        ownership=controls,
        public_access_block=unsaid.public_access_block,
        encryption=unsaid.encryption,
        owner_quota=cx.caller.quota,
    )
    _check_settings(cx, given, bucket)
    if given.object_lock_enabled_for_bucket:
        bucket = _with_lock(cx, bucket)
    try:
        await cx.ocean.meta.buckets.create(bucket)
    except BucketTaken as taken:
        if taken.owner != cx.caller.id:
            raise BucketAlreadyExists(BucketName=name) from None
        if cx.region != DEFAULT_REGION:
            raise BucketAlreadyOwnedByYou(BucketName=name) from None
        await _check_same(cx, bucket)
    return CreateBucketOutput(location=f"/{name}")


def _with_lock(cx: Context, bucket: Bucket) -> Bucket:
    """A new bucket with object lock, which keeps versions; AccessDenied."""
    for action in ("s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"):
        cx.authorize(action, access.Target(bucket))
    return replace(bucket, lock=BucketLock(), versioning=Versioning.ENABLED)


def _check_settings(cx: Context, given: CreateBucketInput, bucket: Bucket) -> None:
    """AccessDenied unless the caller may set by itself what the request sets of a new bucket."""
    asked = {
        "s3:PutBucketAcl": bucket.acl is not None,
        "s3:PutBucketOwnershipControls": given.object_ownership is not None,
        "s3:PutBucketTagging": bucket.tags != (),
    }
    for action, sets in asked.items():
        if sets:
            cx.authorize(action, access.Target(bucket))


async def _check_same(cx: Context, wanted: Bucket) -> None:
    """BucketAlreadyExists if the bucket that is there has another ACL than the one asked for."""
    there = await cx.ocean.meta.buckets.find(wanted.name)
    if there is None or there.acl != wanted.acl or (wanted.lock is not None and there.lock is None):
        raise BucketAlreadyExists(BucketName=wanted.name)


def _tags(configuration: CreateBucketConfiguration | None) -> tuple[tuple[str, str], ...]:
    if configuration is None:
        return ()
    pairs = [(tag.key, tag.value) for tag in configuration.tags]
    return tuple(tags.checked(pairs, limit=50).items())


def _check_location(constraint: str | None, region: str) -> None:
    if constraint is None or constraint == region:
        return
    if region == DEFAULT_REGION and constraint in {"", "EU", "us-east-1"}:
        raise InvalidLocationConstraint(LocationConstraint=constraint)
    raise IllegalLocationConstraintException(
        f"The {constraint} location constraint is incompatible for the region specific "
        "endpoint this request was sent to."
    )


@s3.operation("HEAD", "/{Bucket}", action="s3:ListBucket")
async def head_bucket(cx: Context, _given: HeadBucketInput) -> HeadBucketOutput:
    """Whether the bucket is there, and in which region."""
    return HeadBucketOutput(bucket_region=cx.bucket.region or cx.region)


@s3.operation("DELETE", "/{Bucket}", action="s3:DeleteBucket", status=204)
async def delete_bucket(cx: Context, _given: DeleteBucketInput) -> None:
    """Delete a bucket that holds no version."""
    try:
        await cx.ocean.meta.buckets.delete(cx.bucket)
    except NotEmpty:
        raise BucketNotEmpty(BucketName=cx.bucket.name) from None


@s3.operation("GET", "/{Bucket}?location", action="s3:GetBucketLocation")
async def get_bucket_location(
    cx: Context, _given: GetBucketLocationInput
) -> GetBucketLocationOutput:
    """The bucket's region; empty for us-east-1."""
    return GetBucketLocationOutput(document=listing.location(cx.bucket.region or cx.region))


@s3.operation("GET", "/{Bucket}?versioning", action="s3:GetBucketVersioning")
async def get_bucket_versioning(
    cx: Context, _given: GetBucketVersioningInput
) -> GetBucketVersioningOutput:
    """Whether versions are kept; no status for a bucket that never had it."""
    status = _STATUS.get(cx.bucket.versioning)
    return GetBucketVersioningOutput(
        document=VersioningConfiguration(status=status)  # type: ignore[arg-type]
    )


@s3.operation("PUT", "/{Bucket}?versioning", action="s3:PutBucketVersioning")
async def put_bucket_versioning(cx: Context, given: PutBucketVersioningInput) -> None:
    """Enable or suspend; once answered, nothing is overwritten as before."""
    configuration = given.versioning_configuration
    if configuration.mfa_delete == "Enabled":
        raise errors.NotImplemented("MfaDelete is not implemented.", Header="MfaDelete")
    if configuration.status is None:
        raise MalformedXML
    mode = Versioning.ENABLED if configuration.status == "Enabled" else Versioning.SUSPENDED

    def change(bucket: Bucket) -> Bucket:
        if bucket.lock is not None and mode is Versioning.SUSPENDED:
            raise InvalidBucketState(
                "An Object Lock configuration is present on this bucket, so the versioning state "
                "cannot be changed.",
                BucketName=bucket.name,
            )
        return replace(bucket, versioning=mode)

    await configured(cx, change)


@s3.operation("GET", "/{Bucket}?requestPayment", action="s3:GetBucketRequestPayment")
async def get_bucket_request_payment(
    _cx: Context, _given: GetBucketRequestPaymentInput
) -> GetBucketRequestPaymentOutput:
    """The owner pays, as for every bucket that was never told otherwise."""
    return GetBucketRequestPaymentOutput(document=RequestPaymentConfiguration(payer="BucketOwner"))


@s3.operation("GET", "/{Bucket}?accelerate", action="s3:GetAccelerateConfiguration")
async def get_bucket_accelerate_configuration(
    _cx: Context, _given: GetBucketAccelerateConfigurationInput
) -> GetBucketAccelerateConfigurationOutput:
    """No status, as for every bucket that was never told otherwise."""
    return GetBucketAccelerateConfigurationOutput(document=AccelerateConfiguration())
