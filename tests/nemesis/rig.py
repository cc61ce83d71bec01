"""What the nemeses torment: HBase with two region servers and Thrift servers of their own, and
memcached, behind a network that can be cut; two gateways before it, on one folder of bytes."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from metastore import codec
from metastore.engine import Table
from metastore.hbase import calls
from metastore.hbase.address import parse
from metastore.hbase.connection import Connection
from metastore.records import Bucket
from tests.faults.client import Broken, Client
from tests.nemesis.network import Network
from tests.support import hbase, processes
from tests.support.memcached import Memcached
from tests.support.server import Server

PREFIX = "n"
# Seconds in which every request is answered. A swap without an answer takes up to 8, and so does
# the read that resolves it (engine.PATIENCE and TIMEOUT); what comes before may be slow as well.
DEADLINE = 25.0
AGAIN = 5.0  # seconds after a first answer in which service is whole again
THREADS = 80  # of one worker: 20 for HBase, 16 and more for files
CONNECTIONS = 60  # of one worker: 24 that swap, 16 others to each Thrift server, 4 that probe
_SETTINGS = {"OCEAN_BLOBS_GRACE_SECONDS": "2", "OCEAN_BLOBS_SWEEP_SECONDS": "1"}


class Rig:
    """Made by `rigged`. Every part is there to be killed, stopped and cut off."""

    def __init__(
        self,
        network: Network,
        cluster: hbase.HBase,
        thrift: hbase.HBase,
        cache: Memcached,
        servers: tuple[Server, Server],
    ) -> None:
        self.network = network
        self.cluster = cluster
        self.thrift = thrift
        self.cache = cache
        self.servers = servers
        self.splits = 8  # yet to be made
        self._admin: subprocess.Popen[str] | None = None

    def client(self) -> Client:
        """Of the first gateway."""
        return Client(self.servers[0], DEADLINE)

    @property
    def url(self) -> str:
        return self.thrift.url(PREFIX)

    def administer(self, *words: str) -> str:
        """What deploy/hbase/admin answers; it stays for the next question."""
        if self._admin is None or self._admin.poll() is not None:
            self._admin = subprocess.Popen(
                [*self.network.under(), str(hbase.ADMIN), str(self.cluster.folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._admin.stdin is not None
        assert self._admin.stdout is not None
        self._admin.stdin.write(" ".join(words) + "\n")
        self._admin.stdin.flush()
        return self._admin.stdout.readline().strip()

    def dismiss(self) -> None:
        """End the administrator, who does not know of an HBase that was started anew."""
        if self._admin is not None:
            self._admin.kill()
            self._admin.communicate()
            self._admin = None

    def bucket_id(self, name: str) -> bytes:
        """With which all rows of a bucket's objects begin."""
        connection = Connection(parse(self.url), 20)
        table = parse(self.url).table(Table.BUCKETS)
        rows = calls.get_rows(connection, table, [name.encode()])
        connection.close()
        return codec.decode(Bucket, rows[name.encode()]).id

    def wait_for_service(self, bucket: str, seconds: float) -> float:
        """Until a GET of a fresh client succeeds; how long that took."""
        begun = time.monotonic()
        while True:
            with self.client() as client:
                try:
                    if client.ask("GET", f"/{bucket}?list-type=2&max-keys=1").status == 200:
                        return time.monotonic() - begun
                except Broken:
                    pass
            assert time.monotonic() < begun + seconds, "no service again"
            time.sleep(0.1)

    def assert_bounded(self) -> None:
        """The workers hold no more threads and connections than they may."""
        ports = {self.thrift.port, self.thrift.port + 1}
        for server in self.servers:
            for pid in server.workers:
                assert processes.threads(pid) <= THREADS
                assert processes.connections(pid, ports) <= CONNECTIONS


@contextmanager
def rigged(folder: Path, fast: Path, *, cache: bool = True) -> Iterator[Rig]:
    """All of it, with HBase's files in `fast`; at the end the store is proved sound."""
    with ExitStack() as stack:
        network = stack.enter_context(Network())
        first, second = network.addresses
        under = network.under()
        anywhere = ("--set", "hbase.regionserver.thrift.ipaddress=0.0.0.0")
        cluster = hbase.HBase(fast, "--servers", "2", *anywhere, under=under)
        stack.callback(cluster.close)
        thrift = hbase.HBase(fast, "--thrift", host=first, under=under)
        stack.callback(thrift.kill)
        memcached = Memcached(second, under=under)
        stack.callback(memcached.kill)
        hbase.make(thrift.url(PREFIX), 4)
        settings = {
            **_SETTINGS,
            "OCEAN_METASTORE": thrift.url(PREFIX),
            "OCEAN_CACHE": f"memcached://{memcached.address}" if cache else "none",
            "OCEAN_DATA": str(folder / "data"),
            "OCEAN_MASTER_KEY_FILE": str(folder / "master.key"),
        }
        one, two = Server(folder / "one", settings), Server(folder / "two", settings)
        rig = Rig(network, cluster, thrift, memcached, (one, two))
        with one, two:
            yield rig
            rig.dismiss()
