"""Operations on a bucket's lifecycle configuration, and what other answers say by its rules."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from gateway.context import Context
from gateway.operations import s3
from gateway.ops.changes import configured
from gateway.ops.lifecycle_rules import document_of, rules_of
from gateway.ops.shapes.lifecycle import (
    DeleteBucketLifecycleInput,
    GetBucketLifecycleConfigurationInput,
    GetBucketLifecycleConfigurationOutput,
    PutBucketLifecycleConfigurationInput,
    PutBucketLifecycleConfigurationOutput,
)
from metastore.records import Version
from ocean.errors import NoSuchLifecycleConfiguration
from ocean.rules import expiration

_EPOCH = datetime.fromtimestamp(0, UTC)


@s3.operation("GET", "/{Bucket}?lifecycle", action="s3:GetLifecycleConfiguration")
async def get_bucket_lifecycle_configuration(
    cx: Context, _given: GetBucketLifecycleConfigurationInput
) -> GetBucketLifecycleConfigurationOutput:
    """The rules; NoSuchLifecycleConfiguration without any."""
    if not cx.bucket.lifecycle:
        raise NoSuchLifecycleConfiguration(BucketName=cx.bucket.name)
    return GetBucketLifecycleConfigurationOutput(document=document_of(cx.bucket.lifecycle))


@s3.operation("PUT", "/{Bucket}?lifecycle", action="s3:PutLifecycleConfiguration")
async def put_bucket_lifecycle_configuration(
    cx: Context, given: PutBucketLifecycleConfigurationInput
) -> PutBucketLifecycleConfigurationOutput:
    """Replace the rules; those of before do nothing any more."""
    rules = rules_of(given.lifecycle_configuration)
    await configured(cx, lambda bucket: replace(bucket, lifecycle=rules))
    return PutBucketLifecycleConfigurationOutput()


@s3.operation("DELETE", "/{Bucket}?lifecycle", action="s3:PutLifecycleConfiguration", status=204)
async def delete_bucket_lifecycle(cx: Context, _given: DeleteBucketLifecycleInput) -> None:
    """Remove the rules."""
    await configured(cx, lambda bucket: replace(bucket, lifecycle=()))


def expires(cx: Context, version: Version) -> str | None:
    """What an answer that shows or makes the current version says of its expiration."""
    rules = cx.bucket.lifecycle
    if not rules:
        return None
    found = expiration.expiry(rules, cx.key, version.tags, version.size, version.modified_ms)
    return None if found is None else expiration.header(found)


def aborts(cx: Context, initiated_ms: int) -> dict[str, Any]:
    """When an upload to the key will be aborted, and by which rule, by names of outputs."""
    rules = cx.bucket.lifecycle
    found = expiration.upload_due(rules, cx.key, initiated_ms) if rules else None
    if found is None:
        return {}
    return {
        "abort_date": _EPOCH + timedelta(milliseconds=found.at_ms),
        "abort_rule_id": expiration.header_text(found.rule_id),
    }
