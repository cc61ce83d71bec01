"""Draining a partition: under load, and killed on the way."""

import hashlib
import json
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.ceph.load import Load
from tests.ceph.store import ROLES, Stored, names, wait_until_followed
from tests.support.ceph import Ceph
from tests.support.waiting import eventually

SIZES = (100, 1000, 5000, 20_000, 60_000)
BUCKET = "b-drained"


def fill(stored: Stored, count: int) -> dict[str, bytes]:
    """Objects of all kinds, of many fewer large ones: what they take stays below some GB."""
    s3 = stored.server.client(max_pool_connections=16)
    s3.create_bucket(Bucket=BUCKET)
    large = 20 if count < 10_000 else 100

    def put(number: int) -> tuple[str, bytes]:
        chance = random.Random(number)
        size = chance.choice(SIZES if number % large else (200_000, 3_000_000))
        key, body = f"k{number:06}", os.urandom(20_000_000 if number % (50 * large) == 7 else size)
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return key, hashlib.md5(body).digest()

    with ThreadPoolExecutor(12) as threads:
        return dict(threads.map(put, range(count)))


def check(stored: Stored, digests: dict[str, bytes]) -> None:
    s3 = stored.server.client(max_pool_connections=16)

    def same(item: tuple[str, bytes]) -> bool:
        body = s3.get_object(Bucket=BUCKET, Key=item[0])["Body"].read()
        return hashlib.md5(body).digest() == item[1]

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(same, digests.items()))


def is_empty(cluster: Ceph, name: str) -> bool:
    return not any(names(cluster, name, role) for role in ROLES)


def under_load(stored: Stored, east: Ceph, west: Ceph, count: int) -> None:
    one, _ = stored.add(east, large="ec:2+1"), stored.add(west)
    with stored.server as server:
        digests = fill(stored, count)
        keys = random.Random(1).sample(sorted(digests), min(count, 400))
        with Load(server, BUCKET, keys) as load:
            said = stored.partition("drain", one)
        assert "0 left" in said
        assert is_empty(east, one)
        assert load.failed() == []
        assert len(load.notes) > 50
        load.check()
        check(stored, digests)


def parts_of(s3: Any) -> str:
    """An upload that goes on, one of its parts sent twice; its id."""
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
    for number in (1, 2, 2):
        body = bytes([number]) * 6_000_000
        s3.upload_part(Bucket=BUCKET, Key="parts", UploadId=upload, PartNumber=number, Body=body)
    return str(upload)


@pytest.mark.timeout(300)
def test_clients_do_not_notice(stored: Stored, east: Ceph, west: Ceph) -> None:
    under_load(stored, east, west, 20_000)


@pytest.mark.nightly(part="drain")
@pytest.mark.timeout(3000)
def test_clients_do_not_notice_with_many_objects(stored: Stored, east: Ceph, west: Ceph) -> None:
    under_load(stored, east, west, 100_000)


@pytest.mark.timeout(400)
def test_killed_ten_times(stored: Stored, east: Ceph, west: Ceph) -> None:
    one, _ = stored.add(east, large="ec:2+1"), stored.add(west)
    with stored.server as server:
        digests = fill(stored, 1200)
        stored.partition("drain", one, "--no-wait", "--rate", "8MiB")
        for number in range(10):
            time.sleep(0.7 + number % 3 / 3)
            server.restart()
        stored.partition("drain", one, "--rate", "0")
        assert is_empty(east, one)
        check(stored, digests)


@pytest.mark.timeout(300)
def test_paused_and_resumed(stored: Stored, east: Ceph, west: Ceph, tmp_path: Path) -> None:
    one, two = stored.add(east), stored.add(west)
    with stored.server as server:
        stored.ocean("placement", "set", "first", "--partitions", one)
        time.sleep(2)
        digests = fill(stored, 100)
        upload = parts_of(server.client())
        stored.ocean("placement", "set", "first", "--partitions", two)
        stored.partition("drain", one, "--no-wait", "--rate", "1MiB")
        time.sleep(2)
        stored.partition("drain", one, "--pause")
        wait_until_followed()
        before = [len(names(east, one, role)) for role in ROLES]
        time.sleep(3)
        assert [len(names(east, one, role)) for role in ROLES] == before
        assert any(before)
        stored.partition("drain", one, "--rate", "0")
        assert is_empty(east, one)
        check(stored, digests)
        s3 = server.client()
        listed = s3.list_parts(Bucket=BUCKET, Key="parts", UploadId=upload)["Parts"]
        parts = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in listed]
        s3.complete_multipart_upload(
            Bucket=BUCKET, Key="parts", UploadId=upload, MultipartUpload={"Parts": parts}
        )
        body = s3.get_object(Bucket=BUCKET, Key="parts")["Body"].read()
        assert body == bytes([1]) * 6_000_000 + bytes([2]) * 6_000_000


@pytest.mark.timeout(200)
def test_an_empty_partition_is_removed(stored: Stored, east: Ceph, west: Ceph) -> None:
    one, two = stored.add(east), stored.add(west)
    with stored.server as server:
        digests = fill(stored, 60)
        stored.partition("drain", one)
        left = stored.refused("partition", "remove", one)
        assert "draining for" in left, "until no process can write by what it knew before"
        eventually(lambda: server.run("partition", "remove", one).returncode == 0, 60)
        assert list(stored.listed()) == ["local", two]
        check(stored, digests)
        assert json.loads(stored.ocean("fsck", "--json"))["faults"] == []
