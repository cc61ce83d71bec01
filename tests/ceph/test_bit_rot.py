"""What rots below Ceph, where its own checksums say that all is well: it is never served."""

import json
from pathlib import Path

import pytest

from tests.ceph.store import Stored, names, status
from tests.support.ceph import Ceph
from tests.support.waiting import eventually

BUCKET = "b-rot"
BODY = bytes(range(256)) * 1200


@pytest.mark.timeout(300)
@pytest.mark.parametrize("policy", ["replica:2", "ec:2+1"])
def test_a_rotten_copy_is_not_served(
    stored: Stored, fragile: Ceph, tmp_path: Path, policy: str
) -> None:
    name = stored.add(fragile, large=policy)
    server = stored.server.start()
    try:
        s3 = server.client()
        s3.create_bucket(Bucket=BUCKET)
        for key in ("rotten", "sound"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=BODY)
        found = min(names(fragile, name, "large"))
        group = rot(fragile, f"ocean.{name}.large", found, tmp_path / "bytes")
        served = {key for key in ("rotten", "sound") if status(s3, BUCKET, key) == 200}
        for key in served:
            assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == BODY
        said = json.loads(server.run("scrub", "--json").stdout)
        assert {one["key"] for one in said["findings"]} == {"rotten", "sound"} - served
        assert len(served) == 1, "the first copy or shard is read, and Ceph takes it for good"
        if policy == "replica:2":
            fragile.tell("pg", "deep-scrub", group)
            eventually(lambda: "inconsistent" in fragile.tell("pg", group, "query"), 60)
    finally:
        server.stop()


def rot(cluster: Ceph, pool: str, found: str, file: Path) -> str:
    """Change a byte of the first copy, or shard, of a RADOS object; its placement group."""
    mapped = cluster.ask("osd", "map", pool, found)
    group, osd = mapped["pgid"], f"osd.{mapped['acting'][0]}"
    erasure = cluster.ask("osd", "pool", "get", pool, "all").get("erasure_code_profile")
    at = ["--pgid", f"{group}s0" if erasure else group, found]
    cluster.kill(osd)
    eventually(lambda: cluster.ask("osd", "stat")["num_up_osds"] == 2)
    cluster.store(osd, *at, "get-bytes", str(file))
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 4
    file.write_bytes(data)
    cluster.store(osd, *at, "set-bytes", str(file))
    cluster.revive(osd)
    cluster.heal()
    return str(group)
