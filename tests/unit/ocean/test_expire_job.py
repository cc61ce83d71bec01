"""What passes over buckets with lifecycle rules do, and when, on a clock that is set by hand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from metastore import keys
from metastore.engine import Engine, Row, Table, Unavailable
from metastore.memory import MemoryEngine
from metastore.objects import Decide
from metastore.records import Bucket, UploadState, Versioning
from metastore.retention_records import Retention, RetentionMode
from metastore.versions import Plan
from ocean.claim import Held, claimed
from ocean.fsck import Fsck
from ocean.jobs import expire
from ocean.jobs.sweep import STUCK_MS, Sweep
from ocean.lifecycle import passes, stacks
from ocean.lifecycle.acts import ABORT
from ocean.lifecycle.passes import HOUR_MS, LOOK, Progress, Tally, Timing
from ocean.lifecycle.stacks import Stack
from ocean.lifecycle.walk import BATCH, FIRST
from ocean.objects.get import version_id_of
from ocean.rules.lifecycle import DAY_MS
from tests.support.aging import MIDNIGHT, Aging, rule
from tests.support.waiting import no_pause

OFF, ENABLED, SUSPENDED = Versioning.OFF, Versioning.ENABLED, Versioning.SUSPENDED
MODES = (OFF, ENABLED, SUSPENDED)


# -- what is done ---------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "left"), [(OFF, ""), (ENABLED, "MO"), (SUSPENDED, "m")])
async def test_an_object_expires_once(mode: Versioning, left: str) -> None:
    aging = await Aging.begin(mode, rule(prefix="a", expiration_days=1))
    await aging.put("a1", "a2", "b")
    assert (await aging.run(1.9)).actions == {}, "before the midnight after a day"
    assert await aging.keys() == ["a1", "a2", "b"]
    done = await aging.run(0.1)
    assert done.actions == {"Expire": 2}
    assert await aging.keys() == ["b"]
    assert await aging.stack("a1") == left
    again = await aging.run(1.9)
    assert again.actions.get("Expire") is None, "a delete marker is not put over another"
    assert await aging.stack("b") == ("O" if mode is ENABLED else "o")


async def test_a_date_that_has_passed() -> None:
    aging = await Aging.begin(OFF, rule(expiration_date_ms=MIDNIGHT - 100 * DAY_MS))
    await aging.put("a")
    done = await aging.run()
    assert done.actions == {"Expire": 1}
    assert done.overdue_ms == 0, "it is not overdue for longer than it is there"


async def test_noncurrent_versions_but_the_newest() -> None:
    aging = await Aging.begin(ENABLED, rule(noncurrent_days=2, newer_noncurrent_versions=1))
    for _ in range(4):
        await aging.put("a")
    assert (await aging.run(2)).actions == {}
    assert (await aging.run(1)).actions == {"Delete": 2}
    assert await aging.stack("a") == "OO"
    await aging.collect()
    assert (await aging.run(9)).actions == {}


async def test_a_delete_marker_goes_when_it_is_alone() -> None:
    aging = await Aging.begin(
        ENABLED,
        rule("old", prefix="a", noncurrent_days=1),
        rule("markers", expired_object_delete_marker=True),
    )
    for key in ("a", "b"):
        await aging.put(key)
        await aging.delete(key)
    assert (await aging.run(2)).actions == {"Delete": 1}
    assert (await aging.run()).actions == {"DeleteMarker": 1}
    assert [await aging.stack(key) for key in ("a", "b")] == ["", "MO"]


async def test_what_is_current_by_reference() -> None:
    aging = await Aging.begin(ENABLED, rule(expiration_days=1, expired_object_delete_marker=True))
    one = await aging.put("a")
    two = await aging.put("a")
    await aging.delete("a", version_id_of(two))
    assert (await aging.run(2)).actions == {"Expire": 1}
    assert await aging.stack("a") == "MO"
    await aging.put("b")
    await aging.delete("b")
    await aging.put("b")
    page = await aging.meta.objects.current(aging.bucket.id, "b")
    assert page is not None
    await aging.delete("b", version_id_of(page))
    await aging.delete("a", version_id_of(one))
    done = await aging.run(2)
    assert done.actions == {"DeleteMarker": 1}
    assert [await aging.stack(key) for key in ("a", "b")] == ["", "MO"]


async def test_a_marker_that_is_current_by_reference_goes_too() -> None:
    aging = await Aging.begin(ENABLED, rule(expired_object_delete_marker=True))
    one = await aging.put("a")
    await aging.delete("a")
    three = await aging.put("a")
    for version in (three, one):
        await aging.delete("a", version_id_of(version))
    assert await aging.stack("a") == "M"
    assert (await aging.run()).actions == {"DeleteMarker": 1}
    assert await aging.stack("a") == ""


async def test_a_row_that_was_just_erased_is_no_version() -> None:
    """The version below it is noncurrent since the one above came."""
    aging = await Aging.begin(ENABLED, rule(noncurrent_days=1))
    await aging.put("a")
    two = await aging.put("a")
    aging.clock.time_ms += 5 * DAY_MS
    await aging.put("a")
    assert await aging.meta.objects._erase_row(aging.bucket, "a", two)
    assert (await aging.run()).actions == {}
    assert (await aging.run(2)).actions == {"Delete": 1}


async def test_a_null_version_below_a_null_marker_to_be() -> None:
    """Both in one commit, of which the older goes first."""
    aging = await Aging.begin(OFF, rule(expiration_days=3, noncurrent_days=1))
    await aging.put("a")
    await aging.change(versioning=ENABLED)
    await aging.put("a")
    await aging.change(versioning=SUSPENDED)
    done = await aging.run(5)
    assert done.actions == {"Delete": 1, "Expire": 1}
    assert await aging.stack("a") == "mO"


@pytest.mark.parametrize(
    "conditions",
    [
        {"tags": (("k", "v"),)},
        {"object_size_greater_than": 10},
        {"object_size_less_than": 200, "object_size_greater_than": 10, "tags": (("k", "v"),)},
    ],
)
@pytest.mark.parametrize("mode", MODES)
async def test_only_what_the_filter_fits(mode: Versioning, conditions: dict[str, Any]) -> None:
    aging = await Aging.begin(mode, rule(prefix="a", expiration_days=1, **conditions))
    await aging.put("a1", "b1", size=100, tags=(("k", "v"), ("l", "w")))
    await aging.put("a2", size=1)
    assert (await aging.run(2)).actions == {"Expire": 1}
    assert await aging.keys() == ["a2", "b1"]


async def test_rules_that_are_disabled_or_gone_do_nothing() -> None:
    aging = await Aging.begin(OFF, rule(expiration_days=1, enabled=False))
    await aging.put("a")
    done = await aging.run(5)
    assert (done.actions, done.rows) == ({}, 0)
    assert await passes.noted(aging.meta.engine)
    await aging.change(lifecycle=())
    await aging.job.once()
    assert await passes.noted(aging.meta.engine) == {}
    assert await aging.keys() == ["a"]


async def test_uploads_that_were_begun_long_ago() -> None:
    aging = await Aging.begin(OFF, rule(prefix="a", days_after_initiation=2))
    for key in ("a", "a\0b", "b"):
        await aging.begin_upload(key)
    assert (await aging.run(2)).actions == {}
    done = await aging.run(1)
    assert done.actions == {ABORT: 2}
    assert await aging.uploads() == ["b"]
    engine = aging.meta.engine
    parts = [row async for row in engine.scan(Table.PARTS, b"", None, limit=9)]
    assert len(parts) == 1
    assert (await aging.run()).actions == {}


async def test_an_upload_that_is_being_completed_is_not_aborted() -> None:
    aging = await Aging.begin(OFF, rule(days_after_initiation=1))
    upload_id = await aging.begin_upload("a")
    uploads, bucket_id = aging.meta.uploads, aging.bucket.id
    upload = await uploads.find(bucket_id, "a", bytes.fromhex(upload_id))
    assert upload is not None
    await uploads.complete(bucket_id, upload, aging.meta.edits.next(), digest=b"d", exact=b"e")
    assert (await aging.run(5)).actions == {}
    assert not await uploads.abort_unchanged(bucket_id, upload)
    now = await uploads.find(bucket_id, "a", upload.id)
    assert now is not None
    assert now.state is UploadState.COMPLETING


async def test_an_upload_that_nobody_completes_any_more_is_opened_and_aborted() -> None:
    """Whoever was to complete it met an error, and its process lives on."""
    aging = await Aging.begin(OFF, rule(days_after_initiation=1))
    upload = await aging.meta.uploads.find(
        aging.bucket.id, "a", bytes.fromhex(await aging.begin_upload("a"))
    )
    assert upload is not None
    op = aging.meta.edits.next()
    await aging.meta.uploads.complete(aging.bucket.id, upload, op, digest=b"d", exact=b"e")
    sweep = Sweep(aging.meta, aging.ocean.discard, aging.collector, aging.clock)
    for later_ms in (0, STUCK_MS):
        aging.clock.time_ms += later_ms
        await sweep.run(no_pause)
    assert (await aging.run(2)).actions == {}
    await sweep.run(no_pause)
    assert (await aging.run()).actions == {ABORT: 1}


# -- what is protected ----------------------------------------------------------------------


async def test_locked_and_held_versions_stay_and_are_counted() -> None:
    aging = await Aging.begin(ENABLED, rule(noncurrent_days=1, expiration_days=1))
    until = Retention(RetentionMode.GOVERNANCE, MIDNIGHT + 10 * DAY_MS)
    await aging.put("a", retention=until)
    held = await aging.put("a", legal_hold=True)
    await aging.put("a")
    await aging.put("b", retention=until)
    done = await aging.run(3)
    assert done.actions == {"Expire": 2}, "a delete marker removes nothing"
    assert done.locked == 2
    assert await aging.stack("a") == "MOOO"
    await aging.amend("a", version_id_of(held), legal_hold=False)
    done = await aging.run(2)
    assert (done.actions, done.locked) == ({"Delete": 2}, 2)
    done = await aging.run(8)
    assert (done.actions, done.locked) == ({"Delete": 2}, 0)
    assert [await aging.stack(key) for key in ("a", "b")] == ["M", "M"]


@pytest.mark.parametrize("mode", [OFF, SUSPENDED])
async def test_a_null_version_under_a_hold_stays(mode: Versioning) -> None:
    aging = await Aging.begin(mode, rule(expiration_days=1))
    await aging.put("a", legal_hold=True)
    done = await aging.run(3)
    assert (done.actions, done.locked) == ({}, 1)
    assert await aging.stack("a") == "o"


async def test_a_null_version_under_a_hold_stays_below_others() -> None:
    """A null marker would take its place, so there is none."""
    aging = await Aging.begin(OFF, rule(expiration_days=1))
    await aging.put("a", legal_hold=True)
    await aging.change(versioning=ENABLED)
    await aging.put("a")
    await aging.change(versioning=SUSPENDED)
    done = await aging.run(3)
    assert (done.actions, done.locked) == ({}, 1)
    assert await aging.stack("a") == "Oo"


# -- when passes begin, and who goes on -----------------------------------------------------


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


@pytest.mark.parametrize(
    ("begun", "hours", "following"),
    [
        ("2026-01-01T00:00:00", 24, "2026-01-02T00:00:00"),
        ("2026-01-01T00:00:09", 24, "2026-01-02T00:00:00"),
        ("2026-01-01T23:59:59", 24, "2026-01-02T00:00:00"),
        ("2026-01-01T10:00:00", 6, "2026-01-01T16:00:00"),
        ("2026-01-01T20:00:00", 6, "2026-01-02T00:00:00"),
    ],
)
def test_passes_follow_midnight_and_each_other(begun: str, hours: float, following: str) -> None:
    assert Timing(hours).next_ms(at(begun)) == at(following)


def test_there_are_two_passes_in_a_short_day() -> None:
    assert Timing(day_ms=10_000).next_ms(7_000) == 12_000
    assert Timing(day_ms=10_000).look <= 2.5
    assert Timing().look == LOOK


def test_a_pass_that_began_in_the_future_does_not_count() -> None:
    now = at("2026-01-01T10:00:00")
    assert not Timing().due(Progress(begun_ms=now + HOUR_MS), now)
    assert Timing().due(Progress(begun_ms=now + HOUR_MS + 1), now)
    assert Timing().due(Progress(begun_ms=now, done=False), now)


async def test_a_pass_begins_when_it_is_due_and_not_before() -> None:
    aging = await Aging.begin(OFF, rule(expiration_days=1))
    await aging.put("a")
    begun = []
    for hours in (0, 22, 0.9, 0.2, 1, 23):
        aging.clock.time_ms += int(hours * HOUR_MS)
        assert not await aging.job.once()
        begun.append((await passes.of_bucket(aging.meta.engine, aging.bucket.id)).begun_ms)
    first, second, third = sorted(set(begun))
    assert begun == [first, first, first, second, second, third]
    assert second >= MIDNIGHT + DAY_MS > second - HOUR_MS
    assert await aging.keys() == []


async def test_each_bucket_is_passed_over_by_one_process() -> None:
    aging = await Aging.begin(OFF)
    for number in range(6):
        await aging.create(f"bucket-{number}", OFF, rule(expiration_days=1))
        await aging.put("a", "b")
    others = [await aging.beside() for _ in range(3)]
    aging.clock.time_ms += 2 * DAY_MS
    await asyncio.gather(*(one.job.once() for one in (aging, *others)))
    done = await aging.passed()
    assert (done.actions, done.rows) == ({"Expire": 12}, 12)
    told = passes.total([one.tally for each in (aging, *others) for one in each.told])
    assert (told.actions, told.rows) == ({"Expire": 12}, 12)


async def test_what_another_process_has_just_done_is_not_done_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    aging = await Aging.begin(OFF, rule(expiration_days=1))
    await aging.put("a", "b")
    await aging.job.once()
    other = await aging.beside()

    async def read_before(_engine: Engine) -> dict[bytes, Progress]:
        return {}

    monkeypatch.setattr(passes, "noted", read_before)
    await other.job.once()
    assert passes.total([one.tally for one in other.told]).rows == 0


async def test_a_look_when_nothing_is_due_writes_nothing() -> None:
    aging = await Aging.begin(OFF, rule(expiration_days=1))
    await aging.put("a")
    await aging.job.once()
    before = aging.meta.engine.counters.swaps
    await aging.job.once()
    assert aging.meta.engine.counters.swaps == before


def test_what_a_full_pass_found_is_kept_until_the_next_is_full() -> None:
    one = Progress().begun(5).moved(FIRST, Tally(2, overdue_ms=7)).moved(None, Tally(1))
    assert (one.done, one.tally.rows, one.full_ms, one.overdue_ms) == (True, 3, 5, 7)
    two = one.begun(9)
    assert (two.done, two.tally.rows, two.full_ms, two.overdue_ms) == (False, 0, 5, 7)
    assert two.position == FIRST


async def test_a_large_bucket_gives_others_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expire, "NOTE", -1.0)
    monkeypatch.setattr(expire, "TURN", 1e-9)
    aging = await Aging.begin(OFF, rule(expiration_days=1))
    await aging.put(*(f"{number:04}" for number in range(2 * BATCH)))
    large = aging.bucket
    await aging.create("small", OFF, rule(expiration_days=1))
    await aging.put("a")
    aging.clock.time_ms += 2 * DAY_MS
    assert await aging.job.once()
    small = await passes.of_bucket(aging.meta.engine, aging.bucket.id)
    assert (small.tally.rows, small.done) == (1, False), "it has not seen that there is no more"
    assert (await passes.of_bucket(aging.meta.engine, large.id)).tally.rows == BATCH
    while await aging.job.once():
        pass
    assert (await aging.passed()).rows == 2 * BATCH + 1


async def test_a_bucket_that_another_process_has_is_waited_for() -> None:
    aging = await Aging.begin(OFF, rule(expiration_days=1))
    await aging.put("a")
    aging.clock.time_ms += 2 * DAY_MS
    engine = aging.meta.engine
    async with claimed(engine, f"lifecycle/{aging.bucket.id.hex()}"):
        assert not await aging.job.once()
        assert aging.told[-1].standing.waiting == 1
        assert await aging.keys() == ["a"]
    await aging.job.once()
    assert aging.told[-1].standing.waiting == 0
    assert await aging.keys() == []


async def test_who_lost_the_claim_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def lost(_engine: Engine, _name: str) -> AsyncIterator[Callable[[], None]]:
        checks = iter([False, True])

        def check() -> None:
            if next(checks):
                raise Held

        yield check

    monkeypatch.setattr(expire, "claimed", lost)
    monkeypatch.setattr(expire, "NOTE", -1.0)
    aging = await Aging.begin(OFF, rule(expiration_days=1))
    await aging.put(*(f"{number:04}" for number in range(BATCH + 1)))
    aging.clock.time_ms += 2 * DAY_MS
    await aging.job.once()
    assert await aging.keys() == [f"{BATCH:04}"]
    assert await passes.noted(aging.meta.engine) == {}


async def test_a_bucket_that_cannot_be_read_keeps_no_other_back() -> None:
    engine = Breaking(0)
    aging = await Aging.begin(OFF, rule(expiration_days=1), engine=engine)
    await aging.create("other", OFF, rule(expiration_days=1))
    await aging.put("a")
    aging.clock.time_ms += 2 * DAY_MS
    await aging.job.once()
    assert await aging.keys() == []
    assert aging.told[-1].standing.waiting == 1
    await aging.job.once()
    assert aging.told[-1].standing.waiting == 0


class Breaking(MemoryEngine):
    """Does not answer the scan of `objects` that comes after so many."""

    def __init__(self, scans: int) -> None:
        super().__init__()
        self.scans = scans
        self.seen: list[bytes] = []

    async def scan(
        self, table: Table, start: bytes, stop: bytes | None, *, limit: int
    ) -> AsyncIterator[Row]:
        if table is Table.OBJECTS:
            self.scans -= 1
            if self.scans == -1:
                raise Unavailable("broken")
        async for row in super().scan(table, start, stop, limit=limit):
            if table is Table.OBJECTS:
                self.seen.append(row.key)
            yield row


async def test_it_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expire, "NOTE", 0.0)
    engine = Breaking(2)
    aging = await Aging.begin(OFF, rule(expiration_days=1), engine=engine)
    await aging.put(*(f"{number:04}" for number in range(3 * BATCH)))
    aging.clock.time_ms += 2 * DAY_MS
    await aging.job.once()
    assert await aging.waiting()
    assert len(engine.seen) == 2 * BATCH
    await (await aging.beside()).job.once()
    assert len(engine.seen) == len(set(engine.seen)) == 3 * BATCH
    tally = await aging.passed()
    assert (tally.rows, tally.actions) == (3 * BATCH, {"Expire": 3 * BATCH})


async def test_rules_that_go_amid_a_pass_do_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expire, "TOGETHER", 1)
    aging = await Aging.begin(ENABLED, rule(expiration_days=1))
    await aging.put("a", "b")
    aging.clock.time_ms += 2 * DAY_MS
    commit = aging.meta.objects.commit

    async def then_withdraw(bucket: Bucket, key: str, decide: Decide) -> Plan | None:
        plan = await commit(bucket, key, decide)
        await aging.change(lifecycle=())
        return plan

    monkeypatch.setattr(aging.meta.objects, "commit", then_withdraw)
    await aging.job.once()
    assert await aging.keys() == ["b"]


async def test_rules_that_change_before_the_swap_are_judged_by_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    aging = await Aging.begin(ENABLED, rule(expiration_days=1))
    await aging.put("a", "b")
    aging.clock.time_ms += 2 * DAY_MS
    read = stacks.read
    changed = False

    async def then_change(engine: Engine, bucket: Bucket, *given: Any) -> Stack:
        nonlocal changed
        found = await read(engine, bucket, *given)
        if not changed:
            changed = True
            await aging.change(lifecycle=(rule(prefix="b", expiration_days=1),))
        return found

    monkeypatch.setattr(stacks, "read", then_change)
    await aging.job.once()
    assert await aging.keys() == ["a"]


async def test_a_bucket_that_is_deleted_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    aging = await Aging.begin(OFF, rule(expiration_days=1))
    await aging.meta.buckets.delete(aging.bucket)

    async def listed_before() -> AsyncIterator[Bucket]:
        yield aging.bucket

    monkeypatch.setattr(aging.meta.buckets, "list", listed_before)
    assert not await aging.job.once()
    assert await passes.noted(aging.meta.engine) == {}
    assert not caplog.messages


async def test_a_row_that_cannot_be_read_is_counted() -> None:
    aging = await Aging.begin(OFF, rule(expiration_days=1))
    await aging.put("a", "b", "c")
    row = keys.object_row(aging.bucket.id, "b")
    data = await aging.meta.engine.get(Table.OBJECTS, row)
    assert data is not None
    await aging.meta.engine.write(Table.OBJECTS, [(row, data[:-9] + bytes(9))])
    done = await aging.run(2)
    assert (done.actions, done.failed) == ({"Expire": 2}, 1)


# -- what it costs --------------------------------------------------------------------------


async def test_only_rows_that_rules_are_about_are_read() -> None:
    aging = await Aging.begin(
        ENABLED,
        rule("one", prefix="b/", expiration_days=1),
        rule("within", prefix="b/1", expiration_days=2),
        rule("disabled", prefix="c/", noncurrent_days=1, enabled=False),
        rule("two", prefix="d", expired_object_delete_marker=True),
    )
    for prefix in "abcde":
        await aging.put(*(f"{prefix}/{number}" for number in range(10)))
    await aging.put("b/0", "d/0")
    counters = aging.meta.engine.counters
    before = counters.rows
    done = await aging.run()
    assert done.rows == 20
    others = 2  # the row of the bucket and that of its progress
    assert counters.rows - before == 20 + others, "no row of noncurrent versions was read"


async def test_many_versions_go_in_one_swap() -> None:
    count = 1500
    aging = await Aging.begin(ENABLED, rule(noncurrent_days=1))
    for _ in range(count + 1):
        await aging.put("a")
    counters = aging.meta.engine.counters
    aging.clock.time_ms += 3 * DAY_MS
    before = counters.swaps, counters.rows
    await aging.job.once()
    assert (await aging.passed()).actions == {"Delete": count}
    assert counters.swaps - before[0] <= 12, "of the pass, the claim, the trash and the key"
    assert counters.rows - before[1] <= count + 10
    assert await aging.stack("a") == "O"
    head = await aging.meta.objects.head(aging.bucket.id, "a")
    assert head is not None
    assert (head.trash, head.live) == ((), ())


async def test_what_went_is_given_back() -> None:
    aging = await Aging.begin(ENABLED, rule(noncurrent_days=1, expiration_days=9))
    for _ in range(4):
        await aging.put("a", size=200_000)
    await aging.run(3)
    for _ in range(3):
        await aging.collect()
    engine = aging.meta.engine
    rows = [row async for row in engine.scan(Table.VERSIONS, b"", None, limit=9)]
    assert rows == []
    faults = [one async for one in Fsck(engine, aging.ocean.blobs, verify=True).run()]
    assert faults == []
    assert len([one async for one in aging.ocean.blobs.list("memory")]) == 1


async def test_figures_are_told() -> None:
    aging = await Aging.begin(OFF, rule(expiration_days=1))
    await aging.put("a")
    aging.clock.time_ms += 3 * DAY_MS
    begun_ms = aging.clock.time_ms
    await aging.job.once()
    assert [one.standing.waiting for one in aging.told] == [1, 1, 0]
    assert passes.total([one.tally for one in aging.told]).actions == {"Expire": 1}
    aging.clock.time_ms += HOUR_MS
    await aging.create("without", OFF)
    await aging.job.once()
    last = aging.told[-1]
    assert last.tally == passes.Tally()
    assert last.standing == (begun_ms, DAY_MS + HOUR_MS, 0)


def test_a_pass_is_told_in_words() -> None:
    told = str(Tally(9, {"Expire": 3, "Delete": 1}, locked=2, failed=1))
    assert told == "9 rows read, 1 times Delete, 3 times Expire, 2 locked, 1 failed"
    assert str(Tally(9)) == "9 rows read, nothing due"
