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
