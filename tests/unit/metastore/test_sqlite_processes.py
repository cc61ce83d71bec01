"""Several processes on one file, killed and disturbed: what was acknowledged stays."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import IO

import pytest

from metastore import open_engine
from metastore.engine import Engine, Swap, Table

pytestmark = pytest.mark.slow
T = Table.OBJECTS
ROOT = Path(__file__).parents[3]
WORKER = [sys.executable, str(Path(__file__).with_name("sqlite_worker.py"))]
SYNCS = ["-e", "trace=fdatasync,fsync"]
Process = subprocess.Popen[str]


def start(work: str, path: Path, argument: str = "", strace: list[str] | None = None) -> Process:
    tracer = ["strace", "-f", "-qq", "-o", "/dev/null", *strace] if strace else []
    return subprocess.Popen(
        [*tracer, *WORKER, work, str(path), argument],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def output(process: Process) -> IO[str]:
    assert process.stdout is not None
    return process.stdout


def finish(process: Process) -> list[str]:
    lines, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return lines.split()


def end(process: Process) -> list[str]:
    process.kill()
    lines, _ = process.communicate(timeout=10)
    return lines.split()


async def begin_log(path: Path) -> Engine:
    """An engine at work, so that the next commit of any process costs one fsync: its own."""
    engine = await open_at(path)
    await engine.write(T, [(b"begun", b"1")])
    return engine


async def open_at(path: Path) -> Engine:
    return open_engine(f"sqlite:{path}")


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """The path of a database with the row `old`, that no one has open."""
    engine = await open_at(tmp_path / "meta.db")
    await engine.write(T, [(b"old", b"1")])
    await engine.close()
    return tmp_path / "meta.db"


async def test_no_increment_is_lost(path: Path) -> None:
    workers = [start("increment", path, "25") for _ in range(3)]
    for worker in workers:
        finish(worker)
    engine = await open_at(path)
    assert await engine.get(T, b"n") == b"300"
    await engine.close()


async def test_acknowledged_rows_survive_kills(path: Path) -> None:
    random = Random(5)
    acknowledged: list[str] = []
    for turn in range(20):
        worker = start("insert", path, str(turn))
        assert output(worker).readline() == "ready\n"
        await asyncio.sleep(random.uniform(0, 0.08))
        acknowledged += end(worker)
    engine = await open_at(path)
    rows = await engine.get_many(T, [key.encode() for key in acknowledged])
    assert rows == [b"v" * 400] * len(acknowledged)
    assert len(acknowledged) > 100
    await engine.close()


async def test_a_killed_worker_blocks_nobody(path: Path) -> None:
    engine = await open_at(path)
    holder = start("hold", path)
    assert output(holder).readline() == "held\n"
    swaps = [
        asyncio.create_task(engine.swap(Swap(T, b"%d" % number, None, b"1"))) for number in range(3)
    ]
    await asyncio.sleep(0.2)
    assert not any(swap.done() for swap in swaps)
    end(holder)
    assert await asyncio.wait_for(asyncio.gather(*swaps), 20) == [True] * 3
    assert await engine.get(T, b"\0") is None
    await engine.close()


def commits_of_three(path: Path) -> list[int]:
    """Who write as fast as it goes, for two seconds."""
    workers = [start("batches", path, "2") for _ in range(3)]
    for worker in workers:
        assert output(worker).readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    return [int(finish(worker)[0]) for worker in workers]


def test_workers_take_turns(path: Path) -> None:
    for _ in range(3):  # one may stand still, but hardly each time
        commits = commits_of_three(path)
        if min(commits) * 3 > max(commits) > 10:
            return
    raise AssertionError(f"the turns were {commits}")


async def test_a_row_is_durable_before_it_is_visible(path: Path) -> None:
    engine = await begin_log(path)
    worker = start(
        "slow", path, strace=[*SYNCS, "-e", "inject=fdatasync,fsync:delay_enter=1000000"]
    )
    sent = float(output(worker).readline())
    while await engine.get(T, b"slow") is None:
        await asyncio.sleep(0.01)
        assert time.monotonic() < sent + 30
    seen = time.monotonic()
    acknowledged = float(finish(worker)[0])
    assert seen > sent + 0.9
    assert acknowledged > sent + 0.9
    await engine.close()


async def test_a_failed_fsync_stops_the_engine(path: Path) -> None:
    engine = await begin_log(path)
    worker = start(
        "trouble", path, strace=[*SYNCS, "-e", "inject=fdatasync,fsync:error=EIO:when=1"]
    )
    told = json.loads("".join(finish(worker)))
    assert told["outcomes"] == ["Failed", "Failed", "Failed"]
    assert told["seen"] == [False, True, False]
    assert told["failures"] == 1
    assert await engine.swap(Swap(T, b"last", None, b"1"))
    await engine.close()


async def test_a_full_disk_lets_removals_through(path: Path) -> None:
    inject = [
        "-e",
        "trace=pwrite64",
        "-P",
        f"{path}-wal",
        "-e",
        "inject=pwrite64:error=ENOSPC:when=1",
    ]
    told = json.loads("".join(finish(start("trouble", path, strace=inject))))
    assert told["outcomes"] == ["Full", "True", "True"]
    assert told["seen"] == [False, False, True]
    assert told["failures"] == 0


def test_fsyncs_are_few_and_counted(path: Path, tmp_path: Path) -> None:
    report = tmp_path / "strace"
    trace = ["-c", "-o", str(report), *SYNCS]
    counted = int(finish(start("crowd", path, "6400", strace=trace))[0])
    lines = [line.split() for line in report.read_text().splitlines()]
    made = sum(int(fields[3]) for fields in lines if fields[-1] in {"fsync", "fdatasync"})
    assert abs(made - counted) <= 3, "opening may cost some, a log begun anew is counted ahead"
    assert made <= 6400 / 8
