"""`make run-hbase`: three parts in the foreground, each started again when it dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.support.processes import alive, children
from tests.support.server import ROOT, Server

pytestmark = pytest.mark.timeout(300)
SCRIPT = ROOT / "deploy" / "hbase" / "run-all"


def wait_for(said: Path, text: str, times: int, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while said.read_text().count(text) < times:
        assert time.monotonic() < deadline, said.read_text()
        time.sleep(0.2)


@contextmanager
def running(
    server: Server, folder: Path, *options: str
) -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
    """It, ready, and the file that it writes to; all that is left of it is killed."""
    said = folder / "said"
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), *options],
            cwd=folder,
            env=server.environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        wait_for(said, "Ocean is ready.", 1)
        yield process, said
    finally:
        for pid in [process.pid, *children(process.pid)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def test_all_parts_run_come_back_and_end(tmp_path: Path) -> None:
    server = Server(tmp_path)  # not started: for its ports, variables and client
    with running(server, tmp_path) as (process, said):
        s3 = server.client()
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="first", Body=b"1")
        parts = children(process.pid)
        assert {os.getsid(pid) for pid in parts} == {process.pid}
        assert {os.getpgid(pid) for pid in parts} == {process.pid}
        os.kill(next(pid for pid, line in parts.items() if "memcached" in line), signal.SIGKILL)
        s3.put_object(Bucket="bucket", Key="second", Body=b"2")
        os.kill(next(pid for pid, line in parts.items() if line.startswith("java")), signal.SIGKILL)
        with pytest.raises((ClientError, BotoCoreError), match="SlowDown"):
            s3.put_object(Bucket="bucket", Key="third", Body=b"3")
        wait_for(said, "HBase is ready", 2)
        deadline = time.monotonic() + 60
        while True:
            try:
                s3.put_object(Bucket="bucket", Key="fourth", Body=b"4")
                break
            except ClientError:
                assert time.monotonic() < deadline, said.read_text()
                time.sleep(0.2)
        for key, body in (("first", b"1"), ("second", b"2"), ("fourth", b"4")):
            assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == body
        parts = children(process.pid)
        process.terminate()
        assert process.wait(90) == 0
        assert alive(parts) == []
        assert "Traceback" not in said.read_text(), said.read_text()


def test_nothing_outlives_one_that_was_killed(tmp_path: Path) -> None:
    with running(Server(tmp_path), tmp_path) as (process, _):
        parts = children(process.pid)
        assert len(parts) > 4  # memcached, a script and its Java, Ocean and its workers
        process.kill()
        process.wait()
        deadline = time.monotonic() + 15
        while left := alive(parts):
            assert time.monotonic() < deadline, [parts[pid] for pid in left]
            time.sleep(0.1)
