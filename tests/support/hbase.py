"""A real HBase for the tests of one process, started when the first of them asks for it."""

import atexit
import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import count
from pathlib import Path

from metastore.engine import Table
from metastore.hbase import calls
from metastore.hbase.address import Address, parse
from metastore.hbase.connection import Connection
from metastore.hbase.engine import HBaseEngine
from metastore.hbase.schema import Schema
from tests.support import folders, processes

RUN = Path(__file__).parents[2] / "deploy" / "hbase" / "run"
ADMIN = RUN.with_name("admin")
_READY = "HBase is ready: "
_numbers = count(1)


class Elsewhere:
    """One that runs already: OCEAN_TEST_HBASE_URL says where, without a prefix."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def url(self, prefix: str) -> str:
        return f"{self._url}/{prefix}"


class HBase:
    """One HBase in the foreground of this process; everything it keeps is in `folder`.

    It listens on `host`; `under` is what its command stands behind, such as the one of a network
    namespace.
    """

    def __init__(
        self, folder: Path, *options: str, host: str = "127.0.0.1", under: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self._options = options
        self._host = host
        self._under = under
        self.port = 0
        self.start()

    def start(self) -> None:
        """Start it, at the port it had before; AssertionError with what it said otherwise."""
        port = ["--port", str(self.port)] if self.port else []
        command = [*self._under, str(RUN), str(self.folder), *port, *self._options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        said = []
        for line in self.process.stdout or ():
            said.append(line)
            if line.startswith(_READY):
                self.port = int(line.rpartition(":")[2])
                return
        self.process.wait()
        raise AssertionError(f"HBase did not start: {''.join(said)}; see {self.folder}")

    def url(self, prefix: str) -> str:
        return f"hbase://{self._host}:{self.port}/{prefix}"

    def administer(self, *words: str) -> str:
        """What deploy/hbase/admin answers; AssertionError with what it said otherwise."""
        command = [str(ADMIN), str(self.folder), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def administer_all(self, *commands: str) -> list[str]:
        """What it answers to one after the other: a process of Java for all of them."""
        done = subprocess.run(
            [str(ADMIN), str(self.folder)],
            input="".join(f"{command}\n" for command in commands),
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    def pause(self) -> None:
        """Return once it stands still."""
        processes.pause(self._java)

    def resume(self) -> None:
        os.kill(self._java, signal.SIGCONT)

    @property
    def _java(self) -> int:
        """Not what Java starts in turn: it asks shells for groups, and may be stopped just then."""
        [pid] = processes.started_by(self.process.pid)
        return pid

    def kill(self) -> None:
        """kill -9 of the one process, and of the script above it."""
        self.process.kill()
        self.process.communicate()

    def end(self) -> None:
        """At once, for good."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@cache
def running() -> HBase | Elsewhere:
    """The one for all tests of this process; it ends with it."""
    url = os.environ.get("OCEAN_TEST_HBASE_URL")
    if url:
        return Elsewhere(url)
    started = HBase(folders.made("hbase"))
    atexit.register(started.end)
    return started


def fresh(regions: int = 1) -> str:
    """The URL of new, empty tables."""
    url = running().url(f"t{os.getpid()}-{next(_numbers)}")
    make(url, regions)
    return url


def make(url: str, regions: int = 1) -> None:
    schema = Schema(parse(url))
    schema.make_all(schema.missing(), regions)
    schema.close()


@cache
def _shared() -> Address:
    return parse(fresh(2))


def emptied() -> HBaseEngine:
    """An engine on tables that many tests use one after the other."""
    address = _shared()
    empty(address, Table)
    return HBaseEngine(address)


def empty(address: Address, tables: Iterable[Table]) -> None:
    connection = Connection(address, 20)
    for table in tables:
        name = address.table(table)
        while rows := calls.scan(connection, name, b"", None, 1000):
            calls.remove_rows(connection, name, [row.key for row in rows])
    connection.close()
