"""Real Ceph clusters for the tests of one process, started when the first of them asks for one."""

import atexit
import json
import os
import shutil
import signal
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from blobstore.ceph import policy, pools
from blobstore.ceph.session import Address, Session, driver
from tests.support import folders, processes
from tests.support.waiting import eventually

RUN = Path(__file__).parents[2] / "deploy" / "ceph" / "run"
_READY = "Ceph is ready: "
_SCRUB = frozenset({"scrubbing", "deep", "inconsistent"})  # says nothing of where copies are


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
        """Let all of it end."""
        for process in self._processes():
            process.terminate()
            process.wait()

    def end(self) -> None:
        """At once, for good."""
        for process in self._processes():
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _processes(self) -> "list[subprocess.Popen[Any]]":
        return [self.process, *self._alone.values()]

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

    def dead(self) -> list[str]:
        """The daemons that do not run."""
        return [name for name in self.daemons() if not processes.alive([self._pid(name)])]

    def heal(self) -> None:
        """Have all daemons run, and all placement groups whole."""
        if self.process.poll() is not None:
            self.start()
        dead = self.dead()
        self.resume(*(name for name in self.daemons() if name not in dead))
        self.revive(*dead)
        eventually(self.is_whole, seconds=90)

    def is_whole(self) -> bool:
        """Whether all monitors, OSDs and placement groups are as they should be."""
        try:
            found = self.ask("--connect-timeout", "5", "status")
        except AssertionError:
            return False
        groups = found["pgmap"]["pgs_by_state"]
        return (
            len(found["quorum"]) == len(self.daemons("mon"))
            and found["osdmap"]["num_up_osds"] == len(self.daemons("osd"))
            and all(_is_whole(group["state_name"]) for group in groups)
        )

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

    def has_quorum(self, mon: str) -> bool:
        """Whether a monitor knows itself to be of a majority."""
        socket = str(self.folder / "run" / f"{mon}.asok")
        status = json.loads(_output(["ceph", "--admin-daemon", socket, "mon_status"]))
        return status["state"] in ("leader", "peon")

    def store(self, osd: str, *words: str) -> str:
        """What `ceph-objectstore-tool` answers for an OSD that is down."""
        command = ["ceph-objectstore-tool", "--data-path", str(self.folder / osd), *words]
        return _output(command, {**os.environ, "CEPH_CONF": str(self.conf)})

    def rados(self, *words: str) -> str:
        """What `rados` answers."""
        return self._call("rados", *words)

    def connected(self) -> Any:
        """A connection of librados, to be left."""
        return driver().Rados(conffile=str(self.conf), rados_id="admin")

    def fill(self, pool: str) -> None:
        """Let a pool take nothing more, as one that reached its quota."""
        self.tell("osd", "pool", "set-quota", pool, "max_objects", "1")
        eventually(lambda: f"'{pool}' is full" in self.tell("health", "detail"))

    def remove_pool(self, pool: str) -> None:
        sure = "--yes-i-really-really-mean-it"
        self.tell("osd", "pool", "delete", pool, pool, sure)

    def _call(self, program: str, *words: str) -> str:
        return _output([program, "-c", str(self.conf), *words])


def _output(command: list[str], environ: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def make(*options: str) -> Ceph:
    """A cluster of its own, in memory if there is room, gone with this process."""
    made = Ceph(folders.made("ceph"), *options)
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
    with cluster.connected() as connected:
        pools.make(connected, pool, policy.read(wanted), "osd", 8)
        with connected.open_ioctx(pool) as context:
            for found in list(context.list_objects()):
                context.remove_object(found.key)
    return pool


def _is_whole(state: str) -> bool:
    """Whether all copies of a placement group are in place, be it scrubbed or found to rot."""
    return set(state.split("+")) - _SCRUB == {"active", "clean"}


def _end(made: Ceph, process: int) -> None:
    if os.getpid() == process:
        made.end()
