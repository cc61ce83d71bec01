"""`ocean metastore` on a real HBase: tables made, looked at, refused; stores taken to and fro."""

import json
import subprocess
from pathlib import Path

import pytest

from metastore.engine import Table
from metastore.hbase.address import parse
from metastore.hbase.calls import FAMILY
from metastore.hbase.connection import Connection, thrift2
from tests.support import hbase
from tests.support.server import Server

pytestmark = pytest.mark.timeout(180)


def url(name: str) -> str:
    return hbase.running().url(f"tables-{name}")


def make_poor(at: str, table: Table) -> None:
    """A table as HBase makes it by default, and without a word about its log."""
    connection = Connection(parse(at), 60)
    family = thrift2.TColumnFamilyDescriptor(name=FAMILY)
    name = thrift2.TTableName(qualifier=parse(at).table(table))
    connection.second.createTable(thrift2.TTableDescriptor(tableName=name, columns=[family]), [])
    connection.close()


def test_init_check_and_status(tmp_path: Path) -> None:
    server, at = Server(tmp_path), url("init")
    assert server.run("metastore", "check", at).returncode == 1
    made = server.run("metastore", "init", at, "--regions", "3", "--json")
    assert len(json.loads(made.stdout)["made"]) == len(Table), made.stderr
    again = server.run("metastore", "init", at)
    assert "0 tables made" in again.stdout
    checked = server.run("metastore", "check", at)
    assert (checked.returncode, checked.stdout) == (0, "0 tables missing, 0 attributes wrong\n")
    status = {
        one["table"]: one
        for one in json.loads(server.run("metastore", "status", at, "--json").stdout)
    }
    assert status["tables-init.objects"]["regions"] == 3
    assert status["tables-init.buckets"]["regions"] == 1
    assert {one["durability"] for one in status.values()} == {"FSYNC_WAL"}


def test_tables_of_less_are_named_and_refused(tmp_path: Path) -> None:
    at = url("poor")
    make_poor(at, Table.OBJECTS)
    server = Server(tmp_path, {"OCEAN_METASTORE": at})
    made = server.run("metastore", "init", at, "--regions", "1")
    assert made.returncode == 1
    told = server.run("metastore", "check", at).stdout
    for attribute in ("NEW_VERSION_BEHAVIOR", "DURABILITY"):
        assert f"tables-poor.objects: {attribute} is" in told
    assert "buckets:" not in told
    refused = server.launch()
    assert refused.wait(30) == 2
    said = refused.communicate()[1]
    assert "tables-poor.objects: NEW_VERSION_BEHAVIOR" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("metastore", "cache", "words"),
    [
        ("hbase://127.0.0.1:1/none", "none", "cannot be reached"),
        ("hbase://127.0.0.1", "none", "expected hbase://HOST:PORT/PREFIX"),
        ("embedded", "memcached://127.0.0.1:1", "needs none"),
        ("", "http://127.0.0.1:1", "expected none or memcached://"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    tmp_path: Path, metastore: str, cache: str, words: str
) -> None:
    settings = {"OCEAN_METASTORE": metastore or url("line"), "OCEAN_CACHE": cache}
    process = Server(tmp_path, settings).launch()
    assert process.wait(60) == 2
    lines = [line for line in process.communicate()[1].splitlines() if " INFO " not in line]
    assert len(lines) == 1, lines
    assert words in lines[0]


def copied(server: Server, source: str, target: str) -> "subprocess.CompletedProcess[str]":
    return server.run("metastore", "copy", source, target)


def test_a_store_is_taken_to_hbase_and_back(tmp_path: Path) -> None:
    at, other = url("copy"), url("other")
    server = Server(tmp_path)
    with server:
        s3 = server.client()
        s3.create_bucket(Bucket="bucket")
        s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
        for number in range(60):
            s3.put_object(Bucket="bucket", Key=f"{number % 20}", Body=b"%d" % number * 20_000)
        s3.delete_object(Bucket="bucket", Key="3")
        before = s3.list_object_versions(Bucket="bucket")
    there = copied(server, "embedded", at)
    assert there.returncode == 0, there.stderr
    assert "its metadata is not embedded" in server.run("fsck").stderr
    assert copied(server, "embedded", other).returncode == 2
    server.settings["OCEAN_METASTORE"] = at
    with server:
        s3 = server.client()
        after = s3.list_object_versions(Bucket="bucket")
        assert after["Versions"] == before["Versions"]
        assert after["DeleteMarkers"] == before["DeleteMarkers"]
        got = s3.get_object(Bucket="bucket", Key="7")["Body"].read()
        assert got == b"47" * 20_000
        s3.put_object(Bucket="bucket", Key="new", Body=b"made on HBase")
    server.settings["OCEAN_METASTORE"] = other
    foreign = server.launch()
    assert foreign.wait(60) == 2
    assert "11 tables are missing" in foreign.communicate()[1]
    hbase.make(other)
    foreign = server.launch()
    assert foreign.wait(60) == 2
    assert "holds no metadata" in foreign.communicate()[1]
    back = copied(server, at, "embedded")
    assert back.returncode == 0, back.stderr
    server.settings["OCEAN_METASTORE"] = "embedded"
    with server:
        got = server.client().get_object(Bucket="bucket", Key="new")["Body"].read()
        assert got == b"made on HBase"


def test_a_store_in_use_is_not_copied(tmp_path: Path) -> None:
    at = url("used")
    elsewhere = Server(tmp_path / "elsewhere", {"OCEAN_METASTORE": at})
    with elsewhere:
        elsewhere.client().create_bucket(Bucket="bucket")
        done = copied(elsewhere, at, "embedded")
        assert done.returncode == 2
        assert "another server" in done.stderr
