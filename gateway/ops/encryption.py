"""Operations on the default encryption of buckets.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-encryption.html
"""

from msgspec.structs import replace

from gateway.context import Context
from gateway.operations import s3
from gateway.ops import sse
from gateway.ops.changes import configured
from gateway.ops.shapes.encryption import (
    BlockedEncryptionTypes,
    DeleteBucketEncryptionInput,
    GetBucketEncryptionInput,
    GetBucketEncryptionOutput,
    PutBucketEncryptionInput,
    ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration,
    ServerSideEncryptionRule,
)
from metastore.records import Bucket, DefaultEncryption, EncryptionMode
from ocean.errors import (
    InvalidArgument,
    MalformedXML,
    ServerSideEncryptionConfigurationNotFoundError,
)


@s3.operation("GET", "/{Bucket}?encryption", action="s3:GetEncryptionConfiguration")
async def get_bucket_encryption(
    cx: Context, _given: GetBucketEncryptionInput
) -> GetBucketEncryptionOutput:
    """The rule for objects whose request does not say how to encrypt them."""
    if cx.bucket.encryption is None:
        raise ServerSideEncryptionConfigurationNotFoundError(BucketName=cx.bucket.name)
    rule = _rule(cx.bucket.encryption)
    return GetBucketEncryptionOutput(document=ServerSideEncryptionConfiguration(rules=(rule,)))


@s3.operation("PUT", "/{Bucket}?encryption", action="s3:PutEncryptionConfiguration")
async def put_bucket_encryption(cx: Context, given: PutBucketEncryptionInput) -> None:
    """Replace the rule. What it blocks stays as it was where the new one does not say it."""
    rules = given.server_side_encryption_configuration.rules
    if len(rules) != 1:
        raise MalformedXML
    default = _default(rules[0])
    blocked = rules[0].blocked_encryption_types

    def change(bucket: Bucket) -> Bucket:
        before = bucket.encryption
        blocks = before is not None and before.blocks_sse_c
        if blocked is not None:
            blocks = "SSE-C" in blocked.encryption_types
        return replace(bucket, encryption=replace(default, blocks_sse_c=blocks))

    await configured(cx, change)


@s3.operation("DELETE", "/{Bucket}?encryption", action="s3:PutEncryptionConfiguration", status=204)
async def delete_bucket_encryption(cx: Context, _given: DeleteBucketEncryptionInput) -> None:
    """Remove the rule, if there is one."""
    await configured(cx, lambda bucket: replace(bucket, encryption=None))


def _default(rule: ServerSideEncryptionRule) -> DefaultEncryption:
    """What a rule says of new objects; MalformedXML, InvalidArgument, NotImplemented."""
    given = rule.apply_server_side_encryption_by_default
    bucket_key = bool(rule.bucket_key_enabled)
    if given is None:
        if rule.blocked_encryption_types is None:
            raise MalformedXML
        return DefaultEncryption(None, bucket_key=bucket_key)
    mode = sse.mode_of(given.sse_algorithm)
    key_id = sse.checked_key_id(given.kms_master_key_id or None, "KMSMasterKeyID")
    if key_id and mode is not EncryptionMode.KMS:
        raise InvalidArgument(
            f"A KMSMasterKeyID is of the algorithm {sse.KMS} alone.", ArgumentName="KMSMasterKeyID"
        )
    return DefaultEncryption(mode, key_id, bucket_key)


def _rule(stored: DefaultEncryption) -> ServerSideEncryptionRule:
    """The rule that says this."""
    default = blocked = None
    if stored.mode is not None:
        default = ServerSideEncryptionByDefault(
            sse_algorithm=sse.NAMES[stored.mode],  # type: ignore[arg-type]
            kms_master_key_id=stored.key_id or None,
        )
    if stored.blocks_sse_c:
        blocked = BlockedEncryptionTypes(encryption_types=("SSE-C",))
    return ServerSideEncryptionRule(
        apply_server_side_encryption_by_default=default,
        bucket_key_enabled=stored.bucket_key,
        blocked_encryption_types=blocked,
    )
