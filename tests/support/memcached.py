"""A real memcached for tests, on a free port of its own."""

import atexit
import signal
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tests.support import processes

RUN = Path(__file__).parents[2] / "deploy" / "memcached" / "run"
_WITH_US = ("setpriv", "--pdeathsig", "KILL")  # it ends even with a process of tests that is killed


class Memcached:
    """One server; `kill`, `start` and `pause` it as often as you like.

    `under` is what its command stands behind, such as the one of a network namespace.
    """

    def __init__(self, host: str = "127.0.0.1", under: Sequence[str] = ()) -> None:
        [self.port] = processes.free_ports(1)
        self._host = host
        self._under = under
        self.start()

    @property
    def address(self) -> str:
        return f"{self._host}:{self.port}"

    def start(self) -> None:
        """Start it, empty; AssertionError when it does not answer."""
        command = [*_WITH_US, *self._under, str(RUN), str(self.port), "64", self._host]
        self.process = subprocess.Popen(command)
        processes.wait_for_port(self.process, self.port, self._host)

    def pause(self) -> None:
        """Return once it stands still, with all its threads."""
        processes.pause(self.process.pid)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@cache
def running() -> Memcached:
    """The one for all tests of this process; it ends with it."""
    started = Memcached()
    atexit.register(started.kill)
    return started
