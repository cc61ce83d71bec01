"""`make run-hbase`: three parts in the foreground, each started again when it dies."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.support.processes import children
from tests.support.server import ROOT, Server

pytestmark = pytest.mark.timeout(300)
SCRIPT = ROOT / "deploy" / "hbase" / "run-all"


def wait_for(said: Path, text: str, times: int, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while said.read_text().count(text) < times:
        assert time.monotonic() < deadline, said.read_text()
        time.sleep(0.2)


def test_all_parts_run_come_back_and_end(tmp_path: Path) -> None:
    server = Server(tmp_path)  # not started: for its ports, variables and client
    said = tmp_path / "said"
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT)],
            cwd=tmp_path,
            env=server.environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        wait_for(said, "Ocean is ready.", 1)
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
        assert not [pid for pid in parts if Path(f"/proc/{pid}").exists()]
        assert "Traceback" not in said.read_text(), said.read_text()
    finally:
        for pid in [process.pid, *children(process.pid)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        process.wait()
