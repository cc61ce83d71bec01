"""An Ocean with partitions on real Ceph clusters."""

import json
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

from ocean.partitions.members import POLL
from tests.support.ceph import Ceph
from tests.support.server import Server

ROLES = ("large", "small", "settled")
QUICK = {
    "OCEAN_CEPH_SECONDS": "3",
    "OCEAN_BLOBS_GRACE_SECONDS": "1",
    "OCEAN_BLOBS_SWEEP_SECONDS": "1",
}
_numbers = count(1)


class Stored:
    """A server and the partitions made for it, each with a name that no other test has."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = Server(folder, QUICK)
        self._pools: list[tuple[Ceph, str]] = []

    def add(
        self,
        cluster: Ceph,
        *,
        large: str = "replica:2",
        small: str = "replica:2",
        settled: str = "",
        groups: int = 8,
    ) -> str:
        """Make pools on a cluster and take them in; the partition's name."""
        name = f"p{next(_numbers)}"
        self._pools += [(cluster, f"ocean.{name}.{role}") for role in ROLES]
        policies = {"--large": large, "--small": small, "--settled": settled or large}
        how = ["--failure-domain", "osd", "--placement-groups", groups]
        self.partition("init", name, *self.reach(cluster), *how, *_words(policies))
        self.partition("add", name, *self.reach(cluster))
        return name

    def reach(self, cluster: Ceph) -> list[str]:
        """The options that lead to a cluster."""
        return ["--conf", str(cluster.conf)]

    def partition(self, *words: object) -> str:
        """What `ocean partition` prints; AssertionError with what it said otherwise."""
        return self.ocean("partition", *words)

    def ocean(self, *words: object) -> str:
        done = self.server.run(*map(str, words))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refused(self, *words: object) -> str:
        """The one line that a command says when it refuses."""
        done = self.server.run(*map(str, words))
        assert done.returncode == 2, done.stdout + done.stderr
        assert done.stderr.startswith("ocean: ")
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr.removeprefix("ocean: ").strip()

    def listed(self) -> dict[str, dict[str, Any]]:
        """`ocean partition list`, by name."""
        found = json.loads(self.partition("list", "--json"))
        return {one["name"]: one for one in found}

    def remove_pools(self) -> None:
        for cluster, pool in self._pools:
            cluster.remove_pool(pool)


def names(cluster: Ceph, partition: str, role: str) -> set[str]:
    """The RADOS objects in a partition's pool, by `rados ls`, without the mark."""
    return set(cluster.rados("-p", f"ocean.{partition}.{role}", "ls").split()) - {"format"}


def files(data: Path) -> list[Path]:
    """Bytes of objects in the store's own folder."""
    return [
        path
        for pool in ("volumes", "blobs")
        for path in (data / "blobs" / pool).rglob("*")
        if path.is_file()
    ]


def status(s3: Any, bucket: str, key: str) -> int:
    """Of a GET."""
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except s3.exceptions.ClientError as error:
        answer = error.response
    return int(answer["ResponseMetadata"]["HTTPStatusCode"])


def wait_until_followed() -> None:
    """Until every worker has heard of a change, though it stands still for two seconds."""
    time.sleep(2 * POLL + 2)


def _words(options: Mapping[str, str]) -> list[str]:
    return [word for option in options.items() for word in option]
