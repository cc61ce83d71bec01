"""Two gateways on one HBase behind one memcached, bytes in one folder: what one acknowledged the
other knows, whatever happens to either of them, to HBase and to memcached."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.support import hbase, memcached
from tests.support.server import Server

pytestmark = pytest.mark.timeout(240)


class Pair(NamedTuple):
    """Two servers, and a client of each."""

    servers: tuple[Server, Server]
    clients: tuple[Any, Any]
    cache: memcached.Memcached


def gateways(folder: Path, url: str, cache: str) -> tuple[Server, Server]:
    settings = {
        "OCEAN_METASTORE": url,
        "OCEAN_CACHE": cache,
        "OCEAN_DATA": str(folder / "data"),
        "OCEAN_MASTER_KEY_FILE": str(folder / "master.key"),
    }
    return Server(folder / "one", settings), Server(folder / "two", settings)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    cache = memcached.Memcached()
    address = f"memcached://{cache.address}"
    one, two = gateways(tmp_path_factory.mktemp("pair"), hbase.fresh(2), address)
    try:
        with one, two:
            yield Pair((one, two), (one.client(), two.client()), cache)
    finally:
        cache.kill()


def body_of(answer: Any) -> bytes:
    data: bytes = answer["Body"].read()
    return data


def test_what_one_acknowledged_the_other_reads(pair: Pair) -> None:
    one, two = pair.clients
    one.create_bucket(Bucket="shared")
    for number in range(150):
        writer, reader = (one, two) if number % 2 else (two, one)
        named = {"Bucket": "shared", "Key": f"key-{number % 7}"}
        writer.put_object(**named, Body=b"%d" % number)
        assert body_of(reader.get_object(**named)) == b"%d" % number
        assert body_of(writer.get_object(**named)) == b"%d" % number
    two.delete_object(Bucket="shared", Key="key-1")
    for client in pair.clients:
        with pytest.raises(ClientError, match="NoSuchKey"):
            client.get_object(Bucket="shared", Key="key-1")
        listed = client.list_objects_v2(Bucket="shared")
        assert [item["Key"] for item in listed["Contents"]] == [
            f"key-{number}" for number in (0, 2, 3, 4, 5, 6)
        ]


def test_configuration_and_credentials_change_everywhere(pair: Pair) -> None:
    one, two = pair.clients
    one.create_bucket(Bucket="settings")
    took = []
    for status in ("Enabled", "Suspended", "Enabled"):
        begun = time.monotonic()
        one.put_bucket_versioning(Bucket="settings", VersioningConfiguration={"Status": status})
        took.append(time.monotonic() - begun)
        assert two.get_bucket_versioning(Bucket="settings")["Status"] == status
        made = two.put_object(Bucket="settings", Key="key", Body=b"x")
        assert (made.get("VersionId", "null") == "null") == (status == "Suspended")
    assert sorted(took)[1] < 2  # a busy machine may stand still, once
    server = pair.servers[0]
    assert server.run("admin", "user", "create", "guest").returncode == 0
    key, secret = "GUESTKEY000000000001", "guest-secret-0123456789"
    given = ("--access-key", key, "--secret-key", secret)
    assert server.run("admin", "access-key", "create", "guest", *given).returncode == 0
    guest = _signing(pair.servers[1], key, secret)
    guest.list_buckets()
    assert server.run("admin", "access-key", "delete", "guest", "--access-key", key).returncode == 0
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        guest.list_buckets()


def _signing(server: Server, key: str, secret: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_of_two_creators_one_wins(pair: Pair) -> None:
    pair.clients[0].create_bucket(Bucket="winners")
    refused: set[str] = set()
    for number in range(20):
        outcomes: list[str] = []

        def create(client: Any, mark: bytes, name: str, told: list[str]) -> None:
            try:
                client.put_object(Bucket="winners", Key=name, Body=mark, IfNoneMatch="*")
                told.append(mark.decode())
            except ClientError as error:
                refused.add(error.response["Error"]["Code"])

        threads = [
            threading.Thread(target=create, args=(client, mark, f"k{number}", outcomes))
            for client, mark in zip(pair.clients * 2, (b"1", b"2", b"3", b"4"), strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(outcomes) == 1
        assert refused <= {"PreconditionFailed", "ConditionalRequestConflict"}
        for client in pair.clients:
            found = body_of(client.get_object(Bucket="winners", Key=f"k{number}"))
            assert found.decode() == outcomes[0]


def test_a_deleted_bucket_is_gone_everywhere(pair: Pair) -> None:
    one, two = pair.clients
    for _ in range(3):
        one.create_bucket(Bucket="short-lived")
        two.put_object(Bucket="short-lived", Key="key", Body=b"x")
        two.delete_object(Bucket="short-lived", Key="key")
        one.delete_bucket(Bucket="short-lived")
        with pytest.raises(ClientError, match="NoSuchBucket"):
            two.put_object(Bucket="short-lived", Key="key", Body=b"x")


def write_and_read(pair: Pair, bucket: str, seconds: float, seed: int) -> tuple[int, int]:
    """Overwrite and read through both: nobody reads less than was acknowledged. (writes, errors)"""
    random = Random(seed)
    known: dict[str, int] = {}
    counted = errors = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        key = f"key-{random.randrange(4)}"
        try:
            counted += 1
            random.choice(pair.clients).put_object(Bucket=bucket, Key=key, Body=b"%d" % counted)
            known[key] = counted
            reader = random.choice(pair.clients)
            found = int(body_of(reader.get_object(Bucket=bucket, Key=key)))
            assert found >= known[key]
        except (ClientError, BotoCoreError):
            errors += 1
    return counted, errors


def test_memcached_dies_hangs_and_comes_back_empty(pair: Pair) -> None:
    """No error and no old answer; only time is lost."""
    pair.clients[0].create_bucket(Bucket="flapping")
    nemesis_ended = threading.Event()

    def flap() -> None:
        cache = pair.cache
        for _ in range(2):
            time.sleep(2)
            cache.kill()
            time.sleep(0.3)
            cache.start()
            time.sleep(2)
            cache.pause()
            time.sleep(4)
            cache.resume()
        nemesis_ended.set()

    thread = threading.Thread(target=flap)
    thread.start()
    written = failed = 0
    while not nemesis_ended.is_set():
        counted, errors = write_and_read(pair, "flapping", 1, written)
        written, failed = written + counted, failed + errors
    thread.join()
    assert failed == 0
    assert written > 50


def test_a_gateway_that_slept_serves_nothing_old(pair: Pair) -> None:
    one, two = pair.clients
    one.create_bucket(Bucket="sleeper")
    named = {"Bucket": "sleeper", "Key": "key"}
    one.put_object(**named, Body=b"old")
    assert body_of(two.get_object(**named)) == b"old"
    pids = pair.servers[1].workers
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    pair.cache.kill()  # so that nothing but the view tells it
    one.put_object(**named, Body=b"new")
    pair.cache.start()
    time.sleep(10)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    assert body_of(two.get_object(**named)) == b"new"


def test_a_killed_gateway_loses_nothing(pair: Pair) -> None:
    one, two = pair.clients
    one.create_bucket(Bucket="killed")
    acknowledged: list[int] = []

    def write() -> None:
        client = pair.servers[0].client()
        for number in range(400):
            try:
                client.put_object(Bucket="killed", Key=f"{number:04}", Body=b"%d" % number * 50)
            except (ClientError, BotoCoreError):
                return
            acknowledged.append(number)

    thread = threading.Thread(target=write)
    thread.start()
    while len(acknowledged) < 60:
        time.sleep(0.01)
    pair.servers[0].kill()
    thread.join()
    for number in acknowledged:
        found = body_of(two.get_object(Bucket="killed", Key=f"{number:04}"))
        assert found == b"%d" % number * 50
    pair.servers[0].start()
    listed = pair.servers[0].client().list_objects_v2(Bucket="killed")["Contents"]
    assert {item["Key"] for item in listed} >= {f"{number:04}" for number in acknowledged}


def test_hbase_is_killed(tmp_path: Path) -> None:
    """503 inside the deadline while it is away; all that was acknowledged is there afterwards."""
    cluster = hbase.HBase(tmp_path / "hbase")
    try:
        url = cluster.url("killed")
        hbase.make(url)
        one, two = gateways(tmp_path, url, "none")
        with one, two:
            client = one.client()
            client.create_bucket(Bucket="bucket")
            acknowledged = [number for number in range(80) if _put(client, number)]
            assert len(acknowledged) == 80
            cluster.kill()
            begun = time.monotonic()
            assert not _put(client, 1_000)
            assert time.monotonic() - begun < 15
            cluster.start()
            deadline = time.monotonic() + 120
            while not _put(two.client(), 1_001):
                assert time.monotonic() < deadline, "no service again"
                time.sleep(0.2)
            for number in acknowledged:
                got = two.client().get_object(Bucket="bucket", Key=f"{number}")
                assert body_of(got) == b"%d" % number
    finally:
        cluster.close()


def _put(client: Any, number: int) -> bool:
    try:
        client.put_object(Bucket="bucket", Key=f"{number}", Body=b"%d" % number)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"SlowDown", "ServiceUnavailable"}:
            return False
        raise
    return True
