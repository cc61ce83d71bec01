"""What fails in one partition costs only requests for its own objects."""

import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.ceph.load import BROKE_OFF, Load, fill
from tests.ceph.store import Stored, status
from tests.support.ceph import Ceph
from tests.support.waiting import eventually

DEADLINE = 3.0  # of an operation, as QUICK has it
ROOM = 2.0  # seconds more that a busy machine may take
STILL = 4.0  # seconds for which it may stand still meanwhile
PEERING = 15.0  # seconds until Ceph has looked at what its OSDs hold
BREAK = 2 * DEADLINE + ROOM  # until a partition that is gone is known to be


@pytest.mark.parametrize("policy", ["replica:2", "ec:2+1"])
def test_one_osd_is_killed_and_nobody_notices(stored: Stored, fragile: Ceph, policy: str) -> None:
    stored.add(fragile, large=policy)
    with stored.server as server:
        keys = fill(server, "b-osd", 60)
        with Load(server, "b-osd", keys) as load:
            time.sleep(1)
            fragile.kill("osd.1")
            time.sleep(6)
            fragile.revive("osd.1")
            time.sleep(3)
        assert load.failed() == []
        assert len(load.notes) > 100
        load.check()


@pytest.mark.timeout(300)
def test_a_cluster_is_lost_and_comes_back(stored: Stored, fragile: Ceph, east: Ceph) -> None:
    lost, kept = stored.add(fragile), stored.add(east)
    with stored.server as server:
        keys = fill(server, "b-lost", 60)
        with Load(server, "b-lost", keys) as load:
            time.sleep(1)
            killed = time.monotonic()
            fragile.kill(*fragile.daemons())
            dead = time.monotonic()
            time.sleep(BREAK + 2)
            known = time.monotonic() - 2
            s3 = server.client()
            listed = s3.list_objects_v2(Bucket="b-lost", Prefix="k")
            assert listed["KeyCount"] == 60, "listings need no bytes"
            fragile.process.wait()
            fragile.start()
            back = time.monotonic()
            time.sleep(PEERING + 2)
        failed = load.failed()
        print("served again after", max(note.begun for note in failed) - back)
        assert failed, "objects of the lost partition were asked for"
        assert {note.status for note in failed} == {503}
        assert all(note.retry_after for note in failed)
        assert {note.key for note in failed if note.retry_after == BROKE_OFF} <= {"large"}
        assert max(note.took for note in failed) < BREAK + STILL
        late = load.failed(since=dead)  # of a body whose first bytes were there the rest fails
        assert not [note for note in late if note.write], "new objects go elsewhere"
        assert not [note for note in failed if note.begun + note.took < killed]
        assert not load.failed(since=back + PEERING), "and nobody had to do anything"
        served = [note for note in load.notes if note.status == 200 and note.begun > known]
        assert {note.key for note in served}, "objects of the other partition are served"
        at_once = [note.took for note in failed if note.begun > known]
        assert sorted(at_once)[len(at_once) // 2] < 0.5, "it is known to be gone"
        load.check()
        assert stored.listed()[lost]["state"] == stored.listed()[kept]["state"] == "active"


def test_osds_that_stand_still_are_waited_for_no_longer_than_the_deadline(
    stored: Stored, fragile: Ceph, east: Ceph
) -> None:
    stored.add(fragile)
    stored.add(east)
    with stored.server as server:
        keys = fill(server, "b-still", 40)
        osds = fragile.daemons("osd")
        with Load(server, "b-still", keys) as load:
            fragile.pause(*osds)
            time.sleep(BREAK)
            fragile.resume(*osds)
            resumed = time.monotonic()
            time.sleep(STILL + 2)
        failed = load.failed()
        assert {note.status for note in failed} <= {503}
        assert not [note for note in failed if note.write]
        assert max(note.took for note in load.notes) < BREAK + STILL
        assert not load.failed(since=resumed + STILL)
        load.check()


def test_without_a_quorum_a_cluster_serves_whom_it_knows(stored: Stored, fragile: Ceph) -> None:
    stored.add(fragile)
    with stored.server as server:
        keys = fill(server, "b-monitor", 40)
        with Load(server, "b-monitor", keys) as load:
            fragile.kill("mon.b", "mon.c")
            time.sleep(8)
            eventually(lambda: not fragile.has_quorum("mon.a"))
        assert load.failed() == []
        server.restart()
        s3 = server.client()
        begun = time.monotonic()
        with pytest.raises(s3.exceptions.ClientError) as refused:
            s3.get_object(Bucket="b-monitor", Key=keys[0])
        assert time.monotonic() - begun < DEADLINE + ROOM + STILL
        answer = refused.value.response["ResponseMetadata"]
        assert answer["HTTPStatusCode"] == 503
        assert answer["HTTPHeaders"]["retry-after"]
        fragile.revive("mon.b", "mon.c")
        eventually(lambda: status(s3, "b-monitor", keys[0]) == 200)
        load.check()


def test_a_server_starts_without_its_clusters(stored: Stored, fragile: Ceph, east: Ceph) -> None:
    stored.add(fragile)
    stored.add(east)
    with stored.server as server:
        keys = fill(server, "b-begin", 20)
        server.stop()
        fragile.pause(*fragile.daemons())
        server.start()
        s3 = server.client()
        assert {status(s3, "b-begin", key) for key in keys} == {200, 503}
        s3.put_object(Bucket="b-begin", Key="new", Body=b"new")
        fragile.resume(*fragile.daemons())
        eventually(lambda: all(s3.head_object(Bucket="b-begin", Key=key) for key in keys))
        time.sleep(2)
        for key in keys:
            s3.get_object(Bucket="b-begin", Key=key)["Body"].read()


class Taken(NamedTuple):
    """What the workers of a server have: threads, open files, MiB."""

    threads: int
    files: int
    memory: int

    @classmethod
    def of(cls, pids: list[int]) -> "Taken":
        threads = files = memory = 0
        for pid in pids:
            status = (Path("/proc") / str(pid) / "status").read_text()
            fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
            threads += int(fields["Threads"])
            memory += int(fields["VmRSS"].split()[0]) >> 10
            files += len(list((Path("/proc") / str(pid) / "fd").iterdir()))
        return cls(threads, files, memory)


def lost_for(stored: Stored, fragile: Ceph, east: Ceph, seconds: float) -> None:
    """Nothing grows while a cluster is away, and all comes back with it."""
    stored.add(fragile)
    stored.add(east)
    with stored.server as server:
        keys = fill(server, "b-long", 60)
        with Load(server, "b-long", keys) as load:
            fragile.kill(*fragile.daemons())
            time.sleep(2 * BREAK)
            early = Taken.of(server.workers)
            time.sleep(seconds)
            late = Taken.of(server.workers)
            fragile.process.wait()
            fragile.start()
            back = time.monotonic()
            time.sleep(PEERING + 2)
        assert late.threads <= early.threads + 4
        assert late.files <= early.files + 40
        assert late.memory <= early.memory * 1.2 + 32
        assert not load.failed(since=back + PEERING)
        load.check()


@pytest.mark.timeout(300)
def test_nothing_grows_while_a_cluster_is_away(stored: Stored, fragile: Ceph, east: Ceph) -> None:
    lost_for(stored, fragile, east, 20)


@pytest.mark.nightly(part="lost")
@pytest.mark.timeout(1500)
def test_nothing_grows_in_ten_minutes(stored: Stored, fragile: Ceph, east: Ceph) -> None:
    lost_for(stored, fragile, east, 600)
