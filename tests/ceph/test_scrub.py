"""Damage planted in RADOS objects: all of it is found and nothing else, and none is served."""

import json
import random
from pathlib import Path

import pytest

from tests.ceph.load import fill
from tests.ceph.store import Stored, eventually, names
from tests.support.ceph import Ceph
from tests.support.server import Server

OBJECTS = 150


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["flip", "remove", "truncate"])
def test_planted_damage_is_found(stored: Stored, east: Ceph, tmp_path: Path, kind: str) -> None:
    name = stored.add(east, large="ec:2+1")
    stored.server.settings["OCEAN_CEPH_SETTLE_SECONDS"] = "1"
    server = stored.server.start()
    try:
        keys = fill(server, "b-scrub", OBJECTS)
        eventually(lambda: not names(east, name, "small"))
        assert json.loads(stored.ocean("scrub", "--json"))["findings"] == []
        damage(east, name, tmp_path, kind, random.Random(kind))
        bad = unreadable(server, keys)
        assert bad
        done = server.run("scrub", "--json")
        assert done.returncode == 1, done.stderr
        told = json.loads(done.stdout)
        assert {one["key"] for one in told["findings"]} == bad
        assert {one["bucket"] for one in told["findings"]} == {"b-scrub"}
        assert told["unread"] == 0
        s3 = server.client()
        for key in bad:
            s3.put_object(Bucket="b-scrub", Key=key, Body=b"mended")
        assert json.loads(stored.ocean("scrub", "--json"))["findings"] == [], "and forgotten"
    finally:
        server.stop()


def damage(east: Ceph, name: str, folder: Path, kind: str, chance: random.Random) -> None:
    """Of every large blob's RADOS objects some, and some places in each pack."""
    for role in ("large", "settled"):
        pool = f"ocean.{name}.{role}"
        there = sorted(names(east, name, role))
        for number, found in enumerate(there):
            if role == "large" and number % 3:
                continue
            if kind == "remove":
                east.rados("-p", pool, "rm", found)
                continue
            path = folder / "object"
            east.rados("-p", pool, "get", found, str(path))
            data = bytearray(path.read_bytes())
            if kind == "truncate":
                del data[len(data) // 2 :]
            else:
                for _ in range(1 if role == "large" else 20):
                    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            path.write_bytes(data)
            east.rados("-p", pool, "put", found, str(path))


def unreadable(server: Server, keys: list[str]) -> set[str]:
    """Keys of which a whole body cannot be had."""
    s3 = server.client()
    bad = set()
    for key in keys:
        size = s3.head_object(Bucket="b-scrub", Key=key)["ContentLength"]
        try:
            body = s3.get_object(Bucket="b-scrub", Key=key)["Body"].read()
        except Exception:
            bad.add(key)
            continue
        assert len(body) == size
    return bad
