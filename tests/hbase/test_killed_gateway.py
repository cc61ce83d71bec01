"""A gateway that is killed at work: the others do the rest, nothing twice, and count anew."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.client import Broken, Client
from tests.hbase.test_shared_lifecycle import (
    OVERDUE,
    make,
    put,
    set_rules,
    set_versioning,
    there,
    together,
)
from tests.hbase.test_shared_quotas import FULL, set_quota, sizes
from tests.hbase.trio import DAY, Trio
from tests.support.server import Server
from tests.support.waiting import eventually

pytestmark = [pytest.mark.nightly(part="kills"), pytest.mark.timeout(600)]
EXPIRED = 'ocean_lifecycle_actions_total{action="Expire"}'
RATE = 100  # rows of lifecycle passes in a second
DEAD = 60.0  # seconds after which what a killed process had claimed is free
WRITERS = 60


@pytest.fixture
def trio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trio]:
    """Gateways of which one will be killed."""
    folder = tmp_path_factory.mktemp("killed")
    with Trio.started(folder, OCEAN_LIFECYCLE_RATE=str(RATE)) as started:
        yield started


def without(trio: Trio, killed: Server) -> Trio:
    return Trio(tuple(server for server in trio.servers if server is not killed))


def at_work(trio: Trio) -> Server:
    """The gateway that applies rules now."""
    eventually(lambda: max(trio.metric(EXPIRED)) > 2 * RATE)
    counts = trio.metric(EXPIRED)
    assert Counter(map(bool, counts)) == {True: 1, False: 2}, "one has the bucket"
    return trio.servers[counts.index(max(counts))]


def test_rules_are_applied_to_the_end_and_each_object_goes_once(trio: Trio) -> None:
    make(trio, ["doomed"])
    set_versioning(trio, "doomed")
    paths = [f"/doomed/due/{number:04}" for number in range(3000)]
    kept = [f"/doomed/kept/{number}" for number in range(100)]
    together(trio, [*paths, *kept], put)
    time.sleep(DAY)
    set_rules(trio, "doomed", {"Expiration": {"Days": 1}})
    killed = at_work(trio)
    done = trio.metric(EXPIRED)
    killed.kill()
    left, wanted = without(trio, killed), len(paths) * 2 + len(kept)
    assert len(there(left, "doomed")) < wanted, "it was in the middle"
    eventually(lambda: len(there(left, "doomed")) == wanted, DEAD + 2 * len(paths) / RATE)
    eventually(lambda: max(left.metric(OVERDUE)) == 0, 3 * len(paths) / RATE)  # one more pass
    versions = Counter(path for path, _ in there(left, "doomed"))
    assert versions == Counter({**dict.fromkeys(paths, 2), **dict.fromkeys(kept, 1)})
    counted = max(done) + sum(left.metric(EXPIRED))
    unflushed = 2 * RATE  # a second, and what it did since it was asked
    assert len(paths) - unflushed <= counted <= len(paths), "no other did what it had done"


def test_what_is_under_a_quota_is_counted_anew(trio: Trio) -> None:
    make(trio, ["bounded"])
    set_quota(trio, "--bucket", "bounded", "--objects", 100_000)
    server = trio.servers[0]  # which leads, and counts, until it dies
    for _ in range(5):
        if kill_amid_writes(trio, server):
            break
        server.start()
    else:
        raise AssertionError("no kill left anything to put right")
    left = without(trio, server)
    there = len(sizes(left, "bounded"))
    eventually(lambda: used(left) == there, DEAD)
    server.start()
    set_quota(trio, "--bucket", "bounded", "--objects", there + 500)
    with writing(trio) as refused:
        eventually(lambda: len(refused) > 3 * WRITERS, 60)
    assert set(refused) == {FULL}
    there = len(sizes(trio, "bounded"))
    eventually(lambda: used(trio) == there)
    with Client(server) as client:
        codes = [client.ask("PUT", f"/bounded/last-{n}", b"x").status for n in range(100)]
    assert codes == sorted(codes), "once it is full it stays so"
    assert len(sizes(trio, "bounded")) == there + codes.count(200)
    assert used(trio) == len(sizes(trio, "bounded"))


def kill_amid_writes(trio: Trio, server: Server) -> int:
    """How far the usage is above what is stored afterwards."""
    with writing(trio) as refused:
        time.sleep(2)
        server.kill()
        time.sleep(1)
    assert refused == []
    left = without(trio, server)
    over = used(left) - len(sizes(left, "bounded"))
    assert over >= 0, "a usage is never below what is stored"
    return over


def used(trio: Trio) -> int:
    return int(trio.admin("quota", "show", "--bucket", "bounded")["used_objects"])


@contextmanager
def writing(trio: Trio) -> Iterator[list[str]]:
    """Writers that put objects, and delete some, until it is left; the codes of refusals."""
    refused: list[str] = []
    done = threading.Event()

    def write(number: int) -> None:
        count = 0
        with Client(trio.servers[number % len(trio.servers)]) as client:
            while not done.is_set():
                count += 1
                path = f"/bounded/{number}-{count % 20}-{time.monotonic_ns()}"
                answer = client.ask("PUT", path, b"x")
                if answer.status != 200:
                    refused.append(answer.code)
                elif count % 4 == 0:
                    client.do("DELETE", path)

    def run(number: int) -> None:
        try:
            write(number)
        except Broken:
            assert number % len(trio.servers) == 0, "of a gateway that was not killed"

    threads = [threading.Thread(target=run, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    try:
        yield refused
    finally:
        done.set()
        for thread in threads:
            thread.join()
