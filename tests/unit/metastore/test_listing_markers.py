"""Markers of listings: what a page says is where the next begins, and nothing else is shown."""

import pytest
from msgspec.structs import replace

from metastore import listing
from metastore.listing import Scope
from metastore.memory import MemoryEngine
from metastore.records import Bucket, Kind, Version, Versioning
from metastore.store import MetaStore

BUCKET = Bucket(name="b", id=b"bucketid", owner="0" * 64, created_ms=0)


def anything(_current: Version | None) -> None:
    """No condition."""


async def store(*keys: str, mode: Versioning = Versioning.OFF) -> tuple[MetaStore, Bucket]:
    meta = await MetaStore.begin(MemoryEngine())
    await meta.buckets.create(BUCKET)
    bucket = await meta.buckets.find("b")
    assert bucket is not None
    if mode is not Versioning.OFF:
        bucket = await meta.buckets.change(bucket, lambda b: replace(b, versioning=mode))
    for key in keys:
        await meta.objects.put(bucket, key, Version(op=meta.edits.next()), anything)
    return meta, bucket


@pytest.mark.parametrize("scope", [Scope(BUCKET.id, "b"), Scope(BUCKET.id, "", "/")])
async def test_a_version_marker_outside_the_scope_lists_nothing_of_its_key(scope: Scope) -> None:
    meta, _ = await store("a/x", "a/x", "b", mode=Versioning.ENABLED)
    page = await meta.listing.versions(scope, "a/x", "f" * 40, 100)
    assert [entry.key for entry in page.entries] == ["b"]


async def test_a_page_never_ends_where_a_prefix_would_be_skipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listing, "ROWS_A_PAGE", 2)
    meta, bucket = await store("a", "a/", "a/x", "a/y", mode=Versioning.ENABLED)
    for key in ("a", "a/"):
        marker = Version(kind=Kind.MARKER, op=meta.edits.next())
        await meta.objects.delete(bucket, key, marker, anything)
    seen, after, more = [], "", True
    while more:
        page = await meta.listing.keys(Scope(bucket.id, "", "/"), after, 10)
        seen += page.prefixes
        after, more = page.after, page.truncated
    assert seen == ["a/"]
