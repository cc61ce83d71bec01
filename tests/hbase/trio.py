"""Three gateways on one HBase behind one memcached, bytes in one folder, each one process."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.request import urlopen

from tests.faults.client import ROOT, Client
from tests.support import hbase, memcached
from tests.support.inprocess import Pair
from tests.support.server import Server

DAY = 3  # seconds of a day of lifecycle rules
QUICK = {
    "OCEAN_WORKERS": "1",
    "OCEAN_METRICS_PUBLIC": "true",
    "OCEAN_BLOBS_GRACE_SECONDS": "1",
    "OCEAN_BLOBS_SWEEP_SECONDS": "1",
    "OCEAN_LIFECYCLE_DAY_SECONDS": str(DAY),
}


class Trio(NamedTuple):
    """The gateways."""

    servers: tuple[Server, ...]

    @classmethod
    @contextmanager
    def started(cls, folder: Path, **settings: str) -> Iterator[Self]:
        """Run them, on tables of their own; each proves the store sound at its end."""
        common = {
            **QUICK,
            "OCEAN_METASTORE": hbase.fresh(2),
            "OCEAN_CACHE": f"memcached://{memcached.running().address}",
            "OCEAN_DATA": str(folder / "data"),
            "OCEAN_MASTER_KEY_FILE": str(folder / "master.key"),
            **settings,
        }
        with ExitStack() as running:
            servers = (Server(folder / name, common) for name in ("one", "two", "three"))
            yield cls(tuple(running.enter_context(server) for server in servers))

    @contextmanager
    def clients(self, pair: Pair = ROOT) -> Iterator[tuple[Client, ...]]:
        """One of each gateway."""
        with ExitStack() as opened:
            yield tuple(opened.enter_context(Client(one, pair=pair)) for one in self.servers)

    def metric(self, name: str) -> list[float]:
        """A line of each gateway's /metrics; 0 where it is not there."""
        return [_metric(server, name) for server in self.servers]

    def admin(self, *words: object) -> Any:
        """What `ocean admin` answers, decoded."""
        done = self.servers[0].run("admin", *map(str, words), "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def user(self, name: str) -> Pair:
        """A new user's pair."""
        self.admin("user", "create", name)
        made = self.admin("access-key", "create", name)
        return Pair(made["access_key"], made["secret_key"])


def checked(document: bytes) -> dict[str, str]:
    """The header that S3 asks for with a document."""
    return {"content-md5": base64.b64encode(hashlib.md5(document).digest()).decode()}


def _metric(server: Server, name: str) -> float:
    with urlopen(f"{server.admin_endpoint}/metrics") as answer:
        lines = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines())
    return float(lines.get(name, "0"))
