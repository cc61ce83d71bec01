"""Operations of object lock: on a bucket, on the retention and the legal hold of a version."""

from msgspec.structs import replace

from gateway.conditionkeys import of_lock
from gateway.context import Context
from gateway.operations import s3
from gateway.ops.changes import changed, configured
from gateway.ops.shapes.locking import (
    GetObjectLegalHoldInput,
    GetObjectLegalHoldOutput,
    GetObjectLockConfigurationInput,
    GetObjectLockConfigurationOutput,
    GetObjectRetentionInput,
    GetObjectRetentionOutput,
    ObjectLockLegalHold,
    PutObjectLegalHoldInput,
    PutObjectLockConfigurationInput,
    PutObjectRetentionInput,
    configuration_of,
    lock_of,
    retention_document,
    retention_of,
)
from metastore.records import Bucket, Version, Versioning
from ocean.errors import (
    InvalidBucketState,
    NoSuchObjectLockConfiguration,
    ObjectLockConfigurationNotFoundError,
)
from ocean.rules import access, retention
from ocean.rules.retention import Lock


@s3.operation("GET", "/{Bucket}?object-lock", action="s3:GetBucketObjectLockConfiguration")
async def get_object_lock_configuration(
    cx: Context, _given: GetObjectLockConfigurationInput
) -> GetObjectLockConfigurationOutput:
    """Whether the bucket has object lock, and the retention of new versions."""
    if cx.bucket.lock is None:
        raise ObjectLockConfigurationNotFoundError(BucketName=cx.bucket.name)
    return GetObjectLockConfigurationOutput(document=configuration_of(cx.bucket.lock))


@s3.operation("PUT", "/{Bucket}?object-lock", action="s3:PutBucketObjectLockConfiguration")
async def put_object_lock_configuration(
    cx: Context, given: PutObjectLockConfigurationInput
) -> None:
    """Give the bucket object lock, for ever, or change the retention of new versions."""
    lock = lock_of(given.object_lock_configuration)

    def change(bucket: Bucket) -> Bucket:
        if bucket.versioning is not Versioning.ENABLED:
            raise InvalidBucketState(
                "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
                BucketName=bucket.name,
            )
        return replace(bucket, lock=lock)

    await configured(cx, change)


@s3.operation("GET", "/{Bucket}/{Key+}?retention", action="s3:GetObjectRetention")
async def get_object_retention(
    cx: Context, _given: GetObjectRetentionInput
) -> GetObjectRetentionOutput:
    """The retention of a version, be it over; NoSuchObjectLockConfiguration without one."""
    held = (await _lockable(cx)).retention
    if held is None:
        raise NoSuchObjectLockConfiguration(Key=cx.key)
    return GetObjectRetentionOutput(document=retention_document(held))


@s3.operation("PUT", "/{Bucket}/{Key+}?retention", action="s3:PutObjectRetention")
async def put_object_retention(cx: Context, given: PutObjectRetentionInput) -> None:
    """Set, extend, or with the right to it weaken the retention of a version."""
    clock = cx.ocean.clock
    now_ms = clock.now_ms()
    wanted = retention_of(given.retention, now_ms=now_ms)
    cx.requested = of_lock(Lock(wanted), now_ms)
    await _lockable(cx)
    bypass = bypasses(cx, cx.key, cx.version_id, asked=given.bypass_governance_retention)

    def change(version: Version) -> Version:
        retention.check_change(version.retention, wanted, now_ms=clock.now_ms(), bypass=bypass)
        return replace(version, retention=wanted)

    await changed(cx, given.version_id, change)


@s3.operation("GET", "/{Bucket}/{Key+}?legal-hold", action="s3:GetObjectLegalHold")
async def get_object_legal_hold(
    cx: Context, _given: GetObjectLegalHoldInput
) -> GetObjectLegalHoldOutput:
    """The legal hold of a version; NoSuchObjectLockConfiguration where there never was one."""
    held = (await _lockable(cx)).legal_hold
    if held is None:
        raise NoSuchObjectLockConfiguration(Key=cx.key)
    document = ObjectLockLegalHold(status="ON" if held else "OFF")
    return GetObjectLegalHoldOutput(document=document)


@s3.operation("PUT", "/{Bucket}/{Key+}?legal-hold", action="s3:PutObjectLegalHold")
async def put_object_legal_hold(cx: Context, given: PutObjectLegalHoldInput) -> None:
    """Put a version under a legal hold, or take it away."""
    hold = given.legal_hold.status == "ON"
    cx.requested = of_lock(Lock(legal_hold=hold), 0)
    await _lockable(cx)
    await changed(cx, given.version_id, lambda version: replace(version, legal_hold=hold))


async def _lockable(cx: Context) -> Version:
    """The version that is asked for; InvalidRequest in a bucket without object lock."""
    version = await cx.version()
    retention.check_enabled(cx.bucket.lock)
    return version


def bypasses(cx: Context, key: str, version_id: str | None, *, asked: bool | None) -> bool:
    """Whether the request asks to pass over retentions in GOVERNANCE mode, and may."""
    if not asked:
        return False
    target = access.Target(cx.bucket, key)
    return cx.rule("s3:BypassGovernanceRetention", target, version_id=version_id).allowed
