"""Real Ceph clusters for the tests of one process, started when the first of them asks for one."""

import atexit
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

from blobstore.ceph import policy, pools
from blobstore.ceph.session import Address, Session, driver
from tests.support import processes

RUN = Path(__file__).parents[2] / "deploy" / "ceph" / "run"
_READY = "Ceph is ready: "
_SHM = Path("/dev/shm")
_ROOM = 2 << 30  # bytes of memory that a cluster may fill


class Ceph:
    """One cluster in the foreground of this process; everything it keeps is in `folder`."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.conf = folder / "ceph.conf"
        self._options = options
        self._alone: dict[str, subprocess.Popen[bytes]] = {}
        self.start()

    def start(self) -> None:
        """Start it, at the ports it had before; AssertionError with what it said otherwise."""
        command = [str(RUN), str(self.folder), *self._options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        said = []
        for line in self.process.stdout or ():
            said.append(line)
            if line.startswith(_READY):
                return
        self.process.wait()
        raise AssertionError(f"Ceph did not start: {''.join(said)}; see {self.folder}")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        for one in self._alone.values():
            one.wait()

    def daemons(self, kind: str = "") -> list[str]:
        """The names of those that were started, such as osd.0."""
        return sorted(file.stem for file in (self.folder / "run").glob(f"{kind}*.pid"))

    def kill(self, *names: str) -> None:
        """kill -9 of daemons."""
        for name in names:
            os.kill(self._pid(name), signal.SIGKILL)

    def pause(self, *names: str) -> None:
        """Return once they stand still."""
        for name in names:
            processes.pause(self._pid(name))

    def resume(self, *names: str) -> None:
        for name in names:
            os.kill(self._pid(name), signal.SIGCONT)

    def revive(self, *names: str) -> None:
        """Start daemons that were killed, each alone."""
        for name in names:
            command = [str(RUN), str(self.folder), "--only", name]
            self._alone[name] = subprocess.Popen(command)

    def _pid(self, name: str) -> int:
        return int((self.folder / "run" / f"{name}.pid").read_text())

    def address(self, user: str = "admin") -> Address:
        return Address(self._mon_host(), user, self.tell("auth", "get-key", f"client.{user}"))

    def _mon_host(self) -> str:
        lines = self.conf.read_text().splitlines()
        return next(line.partition("=")[2].strip() for line in lines if line.startswith("mon host"))

    def tell(self, *words: str) -> str:
        """What `ceph` answers; AssertionError with what it said otherwise."""
        return self._call("ceph", *words)

    def ask(self, *words: str) -> Any:
        """The same, decoded."""
        return json.loads(self._call("ceph", *words, "--format", "json"))

    def rados(self, *words: str) -> str:
        """What `rados` answers."""
        return self._call("rados", *words)

    def fill(self, pool: str) -> None:
        """Let a pool take nothing more, as one that reached its quota."""
        self.tell("osd", "pool", "set-quota", pool, "max_objects", "1")
        deadline = time.monotonic() + 30
        while f"'{pool}' is full" not in self.tell("health", "detail"):
            assert time.monotonic() < deadline, "the pool is not full"
            time.sleep(0.3)

    def remove_pool(self, pool: str) -> None:
        sure = "--yes-i-really-really-mean-it"
        self.tell("osd", "pool", "delete", pool, pool, sure)

    def _call(self, program: str, *words: str) -> str:
        command = [program, "-c", str(self.conf), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def make(*options: str) -> Ceph:
    """A cluster of its own, in memory if there is room, gone with this process."""
    room = _SHM.is_dir() and shutil.disk_usage(_SHM).free > _ROOM
    folder = Path(tempfile.mkdtemp(prefix="ocean-ceph-", dir=_SHM if room else None))
    made = Ceph(folder, *options)
    atexit.register(_end, made, os.getpid())
    return made


@cache
def started(name: str = "") -> Ceph:
    """The cluster `name` of this process."""
    return make("--osds", "3", "--size", str(4 << 30))


def session(cluster: Ceph, seconds: float = 10) -> Session:
    """A connection for the running loop."""
    return Session(cluster.address(), name="test", seconds=seconds, limit=64)


def emptied(cluster: Ceph, wanted: str) -> str:
    """The name of a pool with a policy, without anything in it."""
    pool = f"test-{wanted.translate(str.maketrans(':+', '--'))}"
    with driver().Rados(conffile=str(cluster.conf), rados_id="admin") as connected:
        pools.make(connected, pool, policy.read(wanted), "osd", 8)
        with connected.open_ioctx(pool) as context:
            for found in list(context.list_objects()):
                context.remove_object(found.key)
    return pool


def _end(made: Ceph, process: int) -> None:
    if os.getpid() == process:
        made.stop()
        shutil.rmtree(made.folder, ignore_errors=True)
