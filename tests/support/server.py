"""A real server for tests: its own processes on free ports, to be killed at any time."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
from botocore.config import Config

from tests.support import processes

ROOT = Path(__file__).resolve().parents[2]
ACCESS_KEY = "testroot"
SECRET_KEY = "test-root-secret-0123456789"
REGION = "us-east-1"
_READY = "Ocean is ready."
_READY_SECONDS = 30.0
_END_SECONDS = 45.0


class Server:
    """`ocean serve` on data in `folder`, with the same two ports in each of its lives.

    `settings` are further variables, such as {"OCEAN_WORKERS": "1"}. Usable as a context manager,
    which starts it and, if it still runs at the end, finishes it; it only kills what is left of
    one that is not to be `sound`: where faults are made on purpose, or nothing is stored.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, str] | None = None, *, sound: bool = True
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "server.log"
        self.port, self.admin_port = processes.free_ports(2)
        self.settings = dict(settings or {})
        self._sound = sound
        self._began = 0  # where in the log the present life begins
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        """HOST:PORT of the S3 port."""
        return f"127.0.0.1:{self.port}"

    @property
    def endpoint(self) -> str:
        """URL of the S3 port."""
        return f"{self._scheme}://{self.host}"

    @property
    def admin_endpoint(self) -> str:
        """URL of the admin port."""
        return f"{self._scheme}://127.0.0.1:{self.admin_port}"

    @property
    def certificate(self) -> str | None:
        """The file of the certificate that its settings name."""
        return self.settings.get("OCEAN_TLS_CERTIFICATE")

    @property
    def _scheme(self) -> str:
        return "https" if self.certificate else "http"

    @property
    def environment(self) -> dict[str, str]:
        """What `ocean` commands need to mean this server."""
        inherited = {name: v for name, v in os.environ.items() if not name.startswith("OCEAN_")}
        return {
            **inherited,
            "PYTHONPATH": str(ROOT),
            "OCEAN_DATA": str(self.data),
            "OCEAN_MASTER_KEY_FILE": str(self.folder / "master.key"),
            "OCEAN_ROOT_ACCESS_KEY": ACCESS_KEY,
            "OCEAN_ROOT_SECRET_KEY": SECRET_KEY,
            "OCEAN_LISTEN": self.host,
            "OCEAN_ADMIN_LISTEN": f"127.0.0.1:{self.admin_port}",
            "OCEAN_REGION": REGION,
            "OCEAN_WORKERS": "2",
            **self.settings,
        }

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The supervisor of the present life."""
        assert self._process is not None, "the server was not started"
        return self._process

    @property
    def pids(self) -> list[int]:
        """Every live process of the server, the supervisor first."""
        group = self.process.pid
        return sorted(_members(group), key=lambda pid: (pid != group, pid))

    @property
    def workers(self) -> list[int]:
        """Every live process but the supervisor."""
        return [pid for pid in _members(self.process.pid) if pid != self.process.pid]

    @property
    def banner(self) -> str:
        """What the present life said so far."""
        return self.said()[self._began :]

    def start(self) -> Self:
        """Start and wait until every worker serves; AssertionError with the log otherwise."""
        with self.log.open("ab") as log:
            self._began = len(self.said())
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ocean", "serve"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait_ready()
        except AssertionError:
            self.kill()
            raise
        return self

    def launch(self) -> "subprocess.Popen[str]":
        """`ocean serve` apart from the server's lives, its output in pipes: not waited for."""
        return subprocess.Popen(
            [sys.executable, "-m", "ocean", "serve"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str | Path, **settings: str) -> "subprocess.CompletedProcess[str]":
        """Another `ocean` command that means this server, with `settings` of its own."""
        return subprocess.run(
            [sys.executable, "-m", "ocean", *map(str, arguments)],
            cwd=self.folder,
            env={**self.environment, **settings},
            capture_output=True,
            text=True,
            check=False,
        )

    def stop(self) -> int:
        """SIGTERM to the supervisor alone; its exit status once every process is gone."""
        self.process.terminate()
        status = self.process.wait(_END_SECONDS)
        self._wait_gone()
        return status

    def finish(self) -> None:
        """Stop, and prove the store sound whatever was killed before: AssertionError otherwise.

        No life may have met an error, and fsck must find no fault in any row or byte.
        """
        assert self.stop() == 0
        said = self.said()
        assert "Traceback" not in said, said
        assert " ERROR " not in said, said
        self.fsck()

    def kill(self) -> None:
        """SIGKILL to every process at once, whatever they are doing."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(_END_SECONDS)
        self._wait_gone()

    def restart(self) -> Self:
        """`kill`, and the next life on the same data and ports."""
        self.kill()
        return self.start()

    def fsck(self) -> str:
        """Read every row and byte, server running or not; AssertionError if a fault is found."""
        done = self.run("fsck", "--verify")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def client(self, endpoint: str | None = None, **options: Any) -> Any:
        """A boto3 client, default settings but no retries; `options` as of botocore's Config."""
        retries = {"total_max_attempts": 1}
        return boto3.client(
            "s3",
            endpoint_url=endpoint or self.endpoint,
            verify=self.certificate,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(**{"retries": retries, **options}),
        )

    def said(self) -> str:
        """All it wrote to stdout and stderr, over all lives."""
        return self.log.read_text(errors="replace")

    def _wait_ready(self) -> None:
        """Until the supervisor said that all workers serve."""
        deadline = time.monotonic() + _READY_SECONDS
        while _READY not in self.banner:
            ended = self.process.poll()
            assert ended is None, f"the server ended with {ended}:\n{self.said()}"
            assert time.monotonic() < deadline, f"the server is not ready:\n{self.said()}"
            time.sleep(0.03)

    def _wait_gone(self) -> None:
        deadline = time.monotonic() + _END_SECONDS
        while left := _members(self.process.pid):
            assert time.monotonic() < deadline, f"processes {left} outlive the server"
            time.sleep(0.01)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._sound and kind is None and self.process.poll() is None:
                self.finish()
        finally:
            self.kill()


def _members(group: int) -> list[int]:
    """The processes of a process group that still run, zombies not counted."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            state, _parent, member_of = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(member_of) == group and state not in "ZX":
            found.append(int(folder.name))
    return found
