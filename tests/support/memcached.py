"""A real memcached for tests, on a free port of its own."""

import atexit
import signal
import socket
import subprocess
import time
from functools import cache
from pathlib import Path

RUN = Path(__file__).parents[2] / "deploy" / "memcached" / "run"


class Memcached:
    """One server; `kill`, `start` and `pause` it as often as you like."""

    def __init__(self, megabytes: int = 64) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._megabytes = megabytes
        self.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, empty; AssertionError when it does not answer."""
        self.process = subprocess.Popen([str(RUN), str(self.port), str(self._megabytes)])
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert self.process.poll() is None, "memcached ended"
                assert time.monotonic() < deadline, "memcached does not answer"
                time.sleep(0.02)
            else:
                return

    def pause(self) -> None:
        """Return once it stands still, with all its threads."""
        self.process.send_signal(signal.SIGSTOP)
        threads = Path(f"/proc/{self.process.pid}/task")
        while any(_state(thread) != "T" for thread in threads.iterdir()):
            time.sleep(0.01)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def _state(thread: Path) -> str:
    return (thread / "stat").read_text().rpartition(")")[2].split()[0]


@cache
def running() -> Memcached:
    """The one for all tests of this process; it ends with it."""
    started = Memcached()
    atexit.register(started.kill)
    return started
