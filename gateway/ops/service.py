"""Operations on the service: the list of buckets."""

from datetime import UTC, datetime

from gateway.context import Context
from gateway.operations import s3
from gateway.ops.shapes.buckets import (
    Bucket,
    ListAllMyBucketsResult,
    ListBucketsInput,
    ListBucketsOutput,
)
from gateway.ops.shapes.common import Owner


@s3.operation("GET", "/", action="s3:ListAllMyBuckets")
async def list_buckets(cx: Context, given: ListBucketsInput) -> ListBucketsOutput:
    """The caller's buckets in order of name, page by page when `max-buckets` says so."""
    caller = cx.caller
    limit = given.max_buckets or 10_000
    prefix = given.prefix or ""
    found: list[Bucket] = []
    more = None
    async for bucket in cx.ocean.meta.buckets.list(given.continuation_token or "", prefix):
        if bucket.owner != caller.id:
            continue
        if len(found) == limit:
            more = found[-1].name
            break
        created = datetime.fromtimestamp(bucket.created_ms / 1000, UTC)
        asked = given.max_buckets is not None or given.prefix is not None
        region = bucket.region or cx.region
        found.append(
            Bucket(
                name=bucket.name,
                creation_date=created,
                bucket_region=region if asked else None,
            )
        )
    owner = Owner(id=caller.id, display_name=caller.display_name)
    return ListBucketsOutput(
        document=ListAllMyBucketsResult(
            buckets=tuple(found), owner=owner, continuation_token=more, prefix=given.prefix
        )
    )
