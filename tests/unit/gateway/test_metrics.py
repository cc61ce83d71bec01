"""Counting goes on where the disk has no room for the counters."""

import os
import subprocess
import sys
from pathlib import Path

_COUNT_ON_A_FULL_DISK = """
import asyncio, errno, os
from gateway.metrics import Metrics

async def count():
    allocate = os.posix_fallocate

    def refuse(*_):
        raise OSError(errno.ENOSPC, "no room")

    os.posix_fallocate = refuse
    metrics = Metrics()
    for _ in range(3):
        metrics.record("GetObject", 200, seconds=0.1, received=0, sent=5)
        metrics.flush()
    assert b"GetObject" not in metrics.text()
    os.posix_fallocate = allocate
    print(metrics.text().decode())

asyncio.run(count())
"""


def test_what_is_counted_on_a_full_disk_is_written_once_there_is_room(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _COUNT_ON_A_FULL_DISK],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert 'ocean_requests_total{operation="GetObject",status="200"} 3.0' in done.stdout
    assert "ocean_sent_bytes_total 15.0" in done.stdout
    assert done.stderr.count("counted in memory only") == 1
    for file in tmp_path.glob("*.db"):  # no page is left for a full disk to refuse
        assert file.stat().st_blocks * 512 >= file.stat().st_size


_COUNT_LIFECYCLE = """
import asyncio
from gateway.metrics import Metrics
from ocean.jobs.expire import Figures, Standing
from ocean.lifecycle.passes import Tally

async def count(number):
    metrics = Metrics()
    now = Standing(5_000, 7_000, number)
    metrics.lifecycle(Figures(Tally(10, {"Expire": 2}, locked=1), now))
    metrics.lifecycle(Figures(Tally(5, {"Delete": 1}, failed=1), now))
    print(metrics.text().decode())

asyncio.run(count(%d))
"""


def test_what_lifecycle_rules_did_is_summed_up_and_how_far_they_are_is_shown(
    tmp_path: Path,
) -> None:
    """Over two processes: what both counted, and what the last one showed."""
    for number in (9, 4):
        done = subprocess.run(
            [sys.executable, "-c", _COUNT_LIFECYCLE % number],
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
    for line in (
        'ocean_lifecycle_actions_total{action="Expire"} 4.0',
        'ocean_lifecycle_actions_total{action="Delete"} 2.0',
        'ocean_lifecycle_left_total{why="locked"} 2.0',
        'ocean_lifecycle_left_total{why="failed"} 2.0',
        "ocean_lifecycle_rows_total 30.0",
        "ocean_lifecycle_full_timestamp_seconds 5.0",
        "ocean_lifecycle_overdue_seconds 7.0",
        "ocean_lifecycle_buckets_waiting 4.0",
    ):
        assert line in done.stdout.splitlines()
