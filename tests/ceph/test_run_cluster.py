"""`make run-cluster`: two Ceph clusters, HBase, memcached and Ocean in the foreground."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hbase.test_run_all import running
from tests.support.processes import alive, children
from tests.support.server import Server

LARGE = bytes(range(256)) * 40_000
POLICIES = {
    "east": {"large": "ec:2+1", "small": "replica:2", "settled": "ec:2+1"},
    "west": {"large": "replica:2", "small": "replica:2", "settled": "replica:2"},
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Sockets of Ceph lie in it: its name is short."""
    made = Path(tempfile.mkdtemp(prefix="ocean-all-", dir="/dev/shm"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.mark.timeout(300)
def test_it_says_what_runs_where_and_ends(folder: Path) -> None:
    server = Server(folder)  # not started: for its ports, variables and client
    with running(server, folder, "--ceph") as (process, said):
        s3 = server.client()
        s3.create_bucket(Bucket="bucket")
        for number in range(10):
            s3.put_object(Bucket="bucket", Key=f"small-{number}", Body=b"small")
            s3.put_object(Bucket="bucket", Key=f"large-{number}", Body=LARGE)
        assert s3.get_object(Bucket="bucket", Key="large-1")["Body"].read() == LARGE
        text = said.read_text()
        url = next(
            line.split()[1].strip(",") for line in text.splitlines() if line[:7] == "HBase: "
        )
        listed = server.run("partition", "list", "--json", OCEAN_METASTORE=url)
        found = {one["name"]: one for one in json.loads(listed.stdout)}
        for name, policies in POLICIES.items():
            assert f"Ceph {name}: {found[name]['conf']}" in text
            assert {pool["role"]: pool["policy"] for pool in found[name]["pools"]} == policies
        parts = children(process.pid)
        process.terminate()
        assert process.wait(120) == 0
        assert alive(parts) == []
        assert "Traceback" not in said.read_text(), said.read_text()
