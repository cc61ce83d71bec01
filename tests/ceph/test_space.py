"""What small objects take once they have settled, however often compaction is killed."""

import hashlib
import json
import math
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.ceph.store import Stored, names
from tests.support.ceph import Ceph
from tests.support.waiting import eventually

BUCKET = "b-space"
LEAST, MOST = 1 << 10, 64 << 10
SPREAD = math.log(MOST / LEAST)
RAW = 1.25 * (2 + 1) / 2  # of the logical bytes, on ec:2+1
PACKED = 200  # S3 objects to a RADOS object, at least


def body(number: int) -> bytes:
    """Of a size between 1 and 64 KiB, log-uniform, by its number."""
    chance = random.Random(number)
    return chance.randbytes(int(LEAST * math.exp(chance.random() * SPREAD)))


def put_all(stored: Stored, numbers: range) -> dict[int, tuple[int, bytes]]:
    """Size and digest of each object that was put."""
    s3 = stored.server.client(max_pool_connections=16)

    def put(number: int) -> tuple[int, tuple[int, bytes]]:
        made = body(number)
        s3.put_object(Bucket=BUCKET, Key=f"{number:07}", Body=made)
        return number, (len(made), hashlib.md5(made).digest())

    with ThreadPoolExecutor(12) as threads:
        return dict(threads.map(put, numbers))


def packed(stored: Stored, east: Ceph, *, count: int, batches: int, kills: int) -> None:
    name = stored.add(east, settled="ec:2+1")
    stored.server.settings["OCEAN_CEPH_SETTLE_SECONDS"] = "1"
    put: dict[int, tuple[int, bytes]] = {}
    with stored.server as server:
        server.client().create_bucket(Bucket=BUCKET)
        for batch in range(batches):
            put |= put_all(stored, range(batch * count // batches, (batch + 1) * count // batches))
            for kill in range(kills // batches):
                time.sleep(0.5 + kill % 4 / 2)
                server.restart()
            eventually(lambda: not names(east, name, "small"), 600)
        logical = sum(size for size, _ in put.values())
        there = names(east, name, "settled")
        assert len(there) * PACKED < count, f"{len(there)} RADOS objects"
        eventually(lambda: raw(east, name) <= RAW * logical, 120)
        s3 = server.client(max_pool_connections=16)

        def same(number: int) -> bool:
            found = s3.get_object(Bucket=BUCKET, Key=f"{number:07}")["Body"].read()
            return hashlib.md5(found).digest() == put[number][1]

        with ThreadPoolExecutor(12) as threads:
            assert all(threads.map(same, range(count)))
        assert json.loads(stored.ocean("fsck", "--json"))["faults"] == []


def raw(east: Ceph, name: str) -> int:
    """Bytes of the cluster that the pools of small objects take."""
    pools = east.ask("df")["pools"]
    wanted = {f"ocean.{name}.small", f"ocean.{name}.settled"}
    return sum(pool["stats"]["bytes_used"] for pool in pools if pool["name"] in wanted)


@pytest.mark.timeout(300)
def test_small_objects_are_packed(stored: Stored, east: Ceph) -> None:
    packed(stored, east, count=6000, batches=3, kills=6)


@pytest.mark.nightly(part="space")
@pytest.mark.timeout(3600)
def test_many_small_objects_are_packed(stored: Stored, east: Ceph) -> None:
    packed(stored, east, count=200_000, batches=10, kills=50)


@pytest.mark.nightly(part="space")
@pytest.mark.timeout(3600)
def test_compaction_killed_a_hundred_times(stored: Stored, east: Ceph) -> None:
    packed(stored, east, count=20_000, batches=10, kills=100)
