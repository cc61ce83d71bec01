"""The versions of a key as lifecycle rules look at them."""

from typing import NamedTuple

from metastore import codec, keys, versions
from metastore.engine import Engine, Table
from metastore.listing import Cursor
from metastore.records import Bucket, Head, Kind, Version, Versioning
from ocean.rules import expiration, retention
from ocean.rules.expiration import StackVersion


class Stack(NamedTuple):
    """Versions, newest first, as they are while the Head is `head`.

    `names` are their seqs and operation ids; `rows` of `versions` were read for it.
    """

    head: Head
    versions: list[StackVersion]
    names: list[tuple[int, bytes]]
    rows: int = 0


async def read(engine: Engine, bucket: Bucket, key: str, head: Head, now_ms: int) -> Stack:
    """The stack of a key, as far down as rules may act or have to look.

    There is none where a delete marker is over versions that no rule acts on: it stays.
    """
    stack = Stack(head, [], [])
    below = head.live and _looks_below(bucket, key, head)
    if head.current is not None and (below or not head.live or head.kind is Kind.OBJECT):
        _add(stack, head.current, now_ms)
    if not below:
        return stack
    prefix = keys.version_rows(bucket.id, key)
    cursor = Cursor(engine, Table.VERSIONS, prefix, keys.successor(prefix), 16)
    async for row in cursor:
        found = codec.decode_version(row.value).version
        if found.kind is not Kind.NONE and versions.contains(head.live, found.seq):
            _add(stack, found, now_ms)
    return stack._replace(rows=cursor.rows)


def _looks_below(bucket: Bucket, key: str, head: Head) -> bool:
    """Whether noncurrent versions may matter; an older null version may forbid a new one."""
    return (
        head.kind is Kind.REFERENCE
        or (head.null_seq > 0 and bucket.versioning is not Versioning.ENABLED)
        or expiration.looks_below(bucket.lifecycle, key)
    )


def _add(stack: Stack, found: Version, now_ms: int) -> None:
    seen = StackVersion(
        found.kind,
        found.modified_ms,
        found.size,
        found.tags,
        found.null,
        retention.is_protected(found.retention, legal_hold=found.legal_hold, now_ms=now_ms),
    )
    stack.versions.append(seen)
    stack.names.append((found.seq, found.op))
