"""What a preview says is what passes do, and when."""

from metastore.records import Versioning
from metastore.retention_records import Retention, RetentionMode
from ocean.lifecycle.acts import ABORT
from ocean.lifecycle.preview import Planned, preview
from ocean.objects.get import version_id_of
from ocean.rules.lifecycle import DAY_MS
from tests.support.aging import MIDNIGHT, Aging, rule


async def planned(aging: Aging) -> list[Planned]:
    found = preview(aging.meta.engine, aging.bucket, now_ms=aging.clock.time_ms, day_ms=DAY_MS)
    return [one async for one in found]


async def test_it_says_what_when_and_by_which_rule() -> None:
    aging = await Aging.begin(
        Versioning.ENABLED,
        rule("objects", prefix="a", expiration_days=3),
        rule("versions", noncurrent_days=1),
        rule("markers", expired_object_delete_marker=True),
        rule("uploads", days_after_initiation=2),
    )
    old = await aging.put("a")
    new = await aging.put("a", "b")
    await aging.delete("c")
    until = Retention(RetentionMode.COMPLIANCE, MIDNIGHT + 9 * DAY_MS)
    locked = await aging.put("d", retention=until)
    await aging.put("d")
    upload_id = await aging.begin_upload("u")
    marker = await aging.meta.objects.current(aging.bucket.id, "c")
    current = await aging.meta.objects.current(aging.bucket.id, "a")
    assert marker is not None
    assert current is not None
    assert new.seq == 1
    assert await planned(aging) == [
        Planned("a", version_id_of(old), "", "Delete", "versions", MIDNIGHT + 2 * DAY_MS),
        Planned("a", version_id_of(current), "", "Expire", "objects", MIDNIGHT + 4 * DAY_MS),
        Planned("c", version_id_of(marker), "", "DeleteMarker", "markers", marker.modified_ms),
        Planned("d", version_id_of(locked), "", "Delete", "versions", MIDNIGHT + 2 * DAY_MS, True),
        Planned("u", "", upload_id, ABORT, "uploads", MIDNIGHT + 3 * DAY_MS),
    ]


async def test_nothing_is_left_of_what_was_done() -> None:
    aging = await Aging.begin(Versioning.OFF, rule(expiration_days=1, days_after_initiation=1))
    await aging.put("a", "b")
    await aging.begin_upload("u")
    assert [one.version_id for one in await planned(aging)] == ["null", "null", ""]
    await aging.run(3)
    assert await planned(aging) == []


async def test_without_rules_nothing_is_read() -> None:
    aging = await Aging.begin()
    await aging.put("a")
    before = aging.meta.engine.counters.reads
    assert await planned(aging) == []
    assert aging.meta.engine.counters.reads == before
