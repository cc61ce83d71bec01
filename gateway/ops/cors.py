"""Operations on a bucket's CORS configuration."""

from msgspec.structs import replace

from gateway.context import Context
from gateway.operations import s3
from gateway.ops.changes import configured
from gateway.ops.shapes.cors import (
    CORSConfiguration,
    CORSRule,
    DeleteBucketCorsInput,
    GetBucketCorsInput,
    GetBucketCorsOutput,
    PutBucketCorsInput,
)
from metastore.records import CorsRule
from ocean.errors import NoSuchCORSConfiguration
from ocean.rules import cors


@s3.operation("GET", "/{Bucket}?cors", action="s3:GetBucketCORS")
async def get_bucket_cors(cx: Context, _given: GetBucketCorsInput) -> GetBucketCorsOutput:
    """The rules; NoSuchCORSConfiguration without any."""
    if not cx.bucket.cors:
        raise NoSuchCORSConfiguration(BucketName=cx.bucket.name)
    rules = tuple(
        CORSRule(
            id=rule.id,
            allowed_headers=rule.allowed_headers,
            allowed_methods=rule.allowed_methods,
            allowed_origins=rule.allowed_origins,
            expose_headers=rule.expose_headers,
            max_age_seconds=rule.max_age_seconds,
        )
        for rule in cx.bucket.cors
    )
    return GetBucketCorsOutput(document=CORSConfiguration(cors_rules=rules))


@s3.operation("PUT", "/{Bucket}?cors", action="s3:PutBucketCORS")
async def put_bucket_cors(cx: Context, given: PutBucketCorsInput) -> None:
    """Replace the rules."""
    rules = tuple(
        CorsRule(
            rule.allowed_origins,
            rule.allowed_methods,
            rule.allowed_headers,
            rule.expose_headers,
            rule.max_age_seconds,
            rule.id,
        )
        for rule in given.cors_configuration.cors_rules
    )
    cors.check(rules)
    await configured(cx, lambda bucket: replace(bucket, cors=rules))


@s3.operation("DELETE", "/{Bucket}?cors", action="s3:PutBucketCORS", status=204)
async def delete_bucket_cors(cx: Context, _given: DeleteBucketCorsInput) -> None:
    """Remove the rules."""
    await configured(cx, lambda bucket: replace(bucket, cors=()))
