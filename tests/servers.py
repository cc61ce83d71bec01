"""Real servers for tests: `ocean serve` in a process of its own, on free ports."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

READY_SECONDS = 30.0
SECRET = "a-secret-of-the-tests-0123456789"
ACCESS_KEY = "TESTROOT"


class Server:
    """One `ocean serve`. Entering starts it and waits until it serves."""

    def __init__(self, data: Path, *, environ: Mapping[str, str] | None = None) -> None:
        self.data = data
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("OCEAN_")},
            "OCEAN_DATA": str(data),
            "OCEAN_LISTEN": "127.0.0.1:0",
            "OCEAN_ADMIN_LISTEN": "127.0.0.1:0",
            "OCEAN_WORKERS": "2",
            "OCEAN_ROOT_ACCESS_KEY": ACCESS_KEY,
            "OCEAN_ROOT_SECRET_KEY": SECRET,
            "OCEAN_MASTER_KEY_FILE": str(data.parent / "master.key"),
            **(environ or {}),
        }
        self.banner = ""
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    @property
    def process(self) -> subprocess.Popen[str]:
        """The supervisor."""
        assert self._process is not None
        return self._process

    @property
    def port(self) -> int:
        return int(self._line("Endpoint").rpartition(":")[2])

    @property
    def endpoint(self) -> str:
        return self._line("Endpoint")

    @property
    def admin_port(self) -> int:
        return int(self._line("Admin").rpartition(":")[2])

    def launch(self, *arguments: str) -> subprocess.Popen[str]:
        """`ocean serve` without waiting for it, its output in pipes."""
        return subprocess.Popen(
            [sys.executable, "-m", "ocean", "serve", *arguments],
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def start(self) -> None:
        """Start, or start again on the same data."""
        out = self.data.parent / f"{self.data.name}.out"
        with out.open("w") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ocean", "serve"],
                env=self.environ,
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_SECONDS
        while "python3 -c" not in (text := out.read_text()):
            assert self.process.poll() is None, f"the server ended: {text}"
            assert time.monotonic() < deadline, f"the server is not ready: {text}"
            time.sleep(0.02)
        self.banner = text

    def output(self) -> str:
        """What the server said so far."""
        return (self.data.parent / f"{self.data.name}.out").read_text()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another `ocean` command with the server's settings."""
        ports = {"OCEAN_ADMIN_LISTEN": f"127.0.0.1:{self.admin_port}"} if self.banner else {}
        return subprocess.run(
            [sys.executable, "-m", "ocean", *arguments],
            env={**self.environ, **ports},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def workers(self) -> list[int]:
        """Process ids of the workers."""
        return children(self.process.pid)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def kill(self) -> None:
        """SIGKILL to the supervisor and, as they must follow it, no one else."""
        if self._process is not None and self._process.poll() is None:
            workers = self.workers()
            self._process.kill()
            self._process.wait()
            wait_gone(workers)

    def _line(self, name: str) -> str:
        match = re.search(rf"^  {name}: +(\S+)$", self.banner, re.MULTILINE)
        assert match is not None, self.banner
        return match[1]


def children(pid: int) -> list[int]:
    """Process ids of the living children of a process."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in task.read_text().split()]
    return found


def alive(pid: int) -> bool:
    """Whether a process runs, zombies not counted."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def wait_gone(pids: list[int], seconds: float = 2.0) -> None:
    """Assert that processes end within a time."""
    deadline = time.monotonic() + seconds
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline, f"still running: {[p for p in pids if alive(p)]}"
        time.sleep(0.01)


def wait_until(condition: "Iterator[bool]", seconds: float = 10.0) -> None:
    """Pull `condition` until it yields true."""
    deadline = time.monotonic() + seconds
    for value in condition:
        if value:
            return
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.02)
