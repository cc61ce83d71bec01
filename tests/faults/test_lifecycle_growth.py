"""A pass over a bucket with lifecycle rules reads each row once, however many there are."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from metastore import codec, keys
from metastore.codec import VersionRow
from metastore.engine import Table
from metastore.records import Head, Kind, Upload, Version, Versioning
from metastore.sqlite import SqliteEngine
from metastore.sqlite_file import Options
from ocean.jobs.expire import Expiring
from ocean.lifecycle.passes import Timing
from ocean.lifecycle.preview import preview
from ocean.lifecycle.walk import BATCH
from ocean.rules.lifecycle import DAY_MS
from tests.support.aging import MIDNIGHT, NOBODY, Aging, rule

LOADED = 5000  # rows written at once
OF_THE_PASS = 20  # rows and reads for the pass, the claim and the bucket
FIELDS: dict[str, Any] = {"headers": {"content-type": "x/y"}, "manifest": b"m" * 60}


def head(number: int, below: int) -> tuple[Head, list[Version]]:
    """A Head and the versions below it; every tenth expires after a day, the others do not."""
    tags = (("gone", "1"),) if number % 10 == 0 else ()
    fields = {"op": b"o" * 12, "null": not below, "modified_ms": MIDNIGHT, "tags": tags, **FIELDS}
    made = [Version(seq=seq, **fields) for seq in range(1, below + 2)]
    live = ((1, below),) if below else ()
    current = made.pop()
    return Head(kind=Kind.OBJECT, last=below + 1, current=current, live=live), made


async def load(aging: Aging, count: int, below: int) -> None:
    """Rows as commits would leave them, without the commits."""
    engine, bucket_id = aging.meta.engine, aging.bucket.id
    heads: list[tuple[bytes, bytes | None]] = []
    older: list[tuple[bytes, bytes | None]] = []
    for number in range(count):
        key = f"dir-{number // 50:05}/key-{number:07}"
        whole, made = head(number, below)
        heads.append((keys.object_row(bucket_id, key), codec.encode_head(whole)))
        for one in made:
            row = keys.version_row(bucket_id, key, one.seq)
            older.append((row, codec.encode_version(VersionRow(one))))
    for table, rows in ((Table.OBJECTS, heads), (Table.VERSIONS, older)):
        for first in range(0, len(rows), LOADED):
            await engine.write(table, rows[first : first + LOADED])


async def check(aging: Aging, count: int, below: int = 0) -> None:
    await load(aging, count, below)
    counters = aging.meta.engine.counters
    aging.clock.time_ms += DAY_MS // 2
    before = counters.rows, counters.reads
    await aging.job.once()
    done = await aging.passed()
    assert (done.rows, done.actions) == (count * (1 + below), {})
    assert counters.rows - before[0] <= count * (1 + below) + OF_THE_PASS
    of_versions = count if below else 0
    assert counters.reads - before[1] <= 2 * (count // BATCH) + of_versions + OF_THE_PASS


@pytest.mark.parametrize("count", [1000, 10_000])
async def test_rows_read_for_each_object(count: int) -> None:
    await check(await Aging.begin(Versioning.OFF, rule(expiration_days=1)), count)


@pytest.mark.slow
async def test_rows_read_for_each_of_a_hundred_thousand_objects() -> None:
    await check(await Aging.begin(Versioning.OFF, rule(expiration_days=1)), 100_000)


@pytest.mark.nightly(part="growth")
@pytest.mark.timeout(900)
async def test_rows_read_for_each_of_a_million_objects(tmp_path: Path) -> None:
    engine = SqliteEngine(str(tmp_path / "rows"), Options(durability="relaxed"), _fail)
    await check(await Aging.begin(Versioning.OFF, rule(expiration_days=1), engine=engine), 10**6)
    await engine.close()


@pytest.mark.parametrize("noncurrent", [True, False])
async def test_rows_of_noncurrent_versions_are_read_where_a_rule_is_about_them(
    noncurrent: bool,
) -> None:
    wanted: dict[str, Any] = {"noncurrent_days" if noncurrent else "expiration_days": 1}
    aging = await Aging.begin(Versioning.ENABLED, rule(**wanted))
    if noncurrent:
        await check(aging, 2000, below=3)
        return
    await load(aging, 2000, below=3)
    counters = aging.meta.engine.counters
    before = counters.rows
    await aging.job.once()
    assert counters.rows - before <= 2000 + OF_THE_PASS


async def test_uploads_are_read_once_as_well() -> None:
    aging = await Aging.begin(Versioning.OFF, rule(days_after_initiation=1))
    rows: list[tuple[bytes, bytes | None]] = []
    for number in range(10_000):
        upload = Upload(
            id=number.to_bytes(20, "big"),
            key=f"key-{number // 3}",
            initiated_ms=MIDNIGHT,
            initiator=NOBODY,
            draft=Version(),
        )
        row = keys.upload_row(aging.bucket.id, upload.key, upload.id)
        rows.append((row, codec.encode(upload)))
    await aging.meta.engine.write(Table.UPLOADS, rows)
    counters = aging.meta.engine.counters
    before = counters.rows
    await aging.job.once()
    assert (await aging.passed()).rows == 10_000
    assert counters.rows - before <= 10_000 + OF_THE_PASS


@pytest.mark.parametrize("due", [20, 200])
async def test_what_is_done_costs_the_same_for_each_key(due: int) -> None:
    """Whatever else is there: some reads and swaps for each that is due."""
    tagged = rule(expiration_days=1, tags=(("gone", "1"),))
    aging = await Aging.begin(Versioning.OFF, tagged)
    await load(aging, 10 * due, 0)
    counters = aging.meta.engine.counters
    aging.clock.time_ms += 2 * DAY_MS
    before = counters.reads, counters.swaps
    await aging.job.once()
    assert (await aging.passed()).actions == {"Expire": due}
    assert counters.reads - before[0] <= 4 * due + 2 * (10 * due // BATCH) + 2 * OF_THE_PASS
    assert counters.swaps - before[1] <= due + OF_THE_PASS


async def test_a_preview_reads_each_row_once_and_writes_none() -> None:
    aging = await Aging.begin(Versioning.ENABLED, rule(expiration_days=1, noncurrent_days=1))
    await load(aging, 2000, below=2)
    counters = aging.meta.engine.counters
    before = counters.rows, counters.swaps
    planned = preview(aging.meta.engine, aging.bucket, now_ms=MIDNIGHT, day_ms=DAY_MS)
    assert len([one async for one in planned]) == 6000
    assert counters.rows - before[0] == 6000
    assert counters.swaps == before[1]


async def test_a_pass_keeps_to_its_rate() -> None:
    aging = await Aging.begin(Versioning.OFF, rule(expiration_days=1))
    await load(aging, 1000, 0)
    slow = Expiring(aging.meta, aging.ocean.discard, aging.clock, Timing(rate=2000))
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await slow.once()
    assert 0.4 < loop.time() - begun < 5


def _fail(failure: Exception) -> None:
    raise failure
