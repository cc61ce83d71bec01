"""What the rules of a bucket are going to do to it as it is now, without doing it."""

from collections.abc import AsyncIterator
from typing import NamedTuple

from metastore import codec, keys
from metastore.engine import Engine, Row, Table
from metastore.records import Bucket, Upload, UploadState
from ocean.lifecycle import stacks, walk
from ocean.lifecycle.acts import ABORT
from ocean.lifecycle.stacks import Stack
from ocean.lifecycle.walk import FIRST
from ocean.rules.expiration import next_due, upload_due


class Planned(NamedTuple):
    """An action on one version, or on an upload. What is `locked` at that time stays."""

    key: str
    version_id: str
    upload_id: str
    action: str
    rule: str
    at_ms: int
    locked: bool = False


async def preview(
    engine: Engine, bucket: Bucket, *, now_ms: int, day_ms: int
) -> AsyncIterator[Planned]:
    """All that is to be done, in order of keys, and then uploads; EngineError."""
    batch = await walk.batch(engine, bucket, FIRST)
    while batch.behind is not None:
        for row in batch.rows:
            if batch.table is Table.UPLOADS:
                for planned in _upload(bucket, row, day_ms):
                    yield planned
            else:
                async for planned in _key(engine, bucket, row, now_ms, day_ms):
                    yield planned
        batch = await walk.batch(engine, bucket, batch.behind)


async def _key(
    engine: Engine, bucket: Bucket, row: Row, now_ms: int, day_ms: int
) -> AsyncIterator[Planned]:
    key, head = keys.object_key(row.key), codec.decode_head_once(row.value)
    stack = await stacks.read(engine, bucket, key, head, now_ms)
    for one in next_due(bucket.lifecycle, key, stack.versions, bucket.versioning, day_ms=day_ms):
        yield Planned(
            key,
            _version_id(stack, one.position),
            "",
            one.action.value,
            one.rule_id,
            one.at_ms,
            one.protected,
        )


def _version_id(stack: Stack, position: int) -> str:
    return "null" if stack.versions[position].null else keys.version_id(*stack.names[position])


def _upload(bucket: Bucket, row: Row, day_ms: int) -> list[Planned]:
    upload = codec.decode(Upload, row.value)
    when = upload_due(bucket.lifecycle, upload.key, upload.initiated_ms, day_ms=day_ms)
    if when is None or upload.state in {UploadState.DONE, UploadState.ABORTED}:
        return []
    return [Planned(upload.key, "", upload.id.hex(), ABORT, when.rule_id, when.at_ms)]
