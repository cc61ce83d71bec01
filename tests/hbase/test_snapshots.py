"""Backup and restore as deploy/hbase/README.md tells it: snapshots, then the folder of bytes."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import hbase, memcached
from tests.support.server import Server

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def cluster() -> Iterator[hbase.HBase]:
    """One whose folder is known."""
    started = hbase.HBase(Path(tempfile.mkdtemp(prefix="ocean-hbase-")))
    yield started
    started.close()


def contents(client: Any) -> dict[str, bytes]:
    listed = client.list_objects_v2(Bucket="bucket").get("Contents", [])
    named = [item["Key"] for item in listed]
    return {key: client.get_object(Bucket="bucket", Key=key)["Body"].read() for key in named}


def test_snapshots_and_the_folder_bring_a_store_back(cluster: hbase.HBase, tmp_path: Path) -> None:
    cache = f"memcached://{memcached.running().address}"
    hbase.make(cluster.url("before"))
    settings = {"OCEAN_METASTORE": cluster.url("before"), "OCEAN_CACHE": cache}
    copied = tmp_path / "after"
    with Server(tmp_path / "before", settings) as server:
        client = server.client()
        client.create_bucket(Bucket="bucket")
        for number in range(30):
            size = 200_000 if number % 10 == 0 else 50
            client.put_object(Bucket="bucket", Key=f"{number:02}", Body=b"%03d" % number * size)
        then = contents(client)
        assert "11 snapshots" in cluster.administer("snapshot", "before", "monday")
        for number in range(0, 30, 2):
            client.put_object(Bucket="bucket", Key=f"{number:02}", Body=b"later")
        client.put_object(Bucket="bucket", Key="later", Body=b"later")
        copied.mkdir()
        shutil.copytree(server.data, copied / "data")
        shutil.copy(server.folder / "master.key", copied)
    assert "11 tables" in cluster.administer("clone", "monday", "after")
    settings["OCEAN_METASTORE"] = cluster.url("after")
    with Server(copied, {**settings, "OCEAN_CACHE": "none"}) as server:
        for words in (("none",), (memcached.running().address,)):
            done = server.run("metastore", "cache", cluster.url("after"), *words)
            assert done.returncode == 0, done.stderr
        assert contents(server.client()) == then
    with Server(copied, settings) as server:
        client = server.client()
        assert contents(client) == then
        client.put_object(Bucket="bucket", Key="new", Body=b"new")
        assert cluster.administer("compact", "after.objects").strip() == "done"
        assert contents(client) == {**then, "new": b"new"}
    cluster.administer("forget", "monday")
