"""Damage planted in RADOS objects: all of it is found and nothing else, and none is served."""

import hashlib
import json
import random
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from blobstore.frames import SEGMENTS_HEAD_LIMIT
from tests.ceph.store import Stored, names
from tests.support.ceph import Ceph
from tests.support.server import Server
from tests.support.waiting import eventually

BUCKET = "b-scrub"
SMALL, LARGE = 1200, 1100  # objects
FAULTS = 1000
KINDS = ("flip", "remove", "truncate")


@pytest.mark.timeout(300)
def test_planted_damage_is_found(stored: Stored, east: Ceph) -> None:
    name = stored.add(east, large="ec:2+1")
    stored.server.settings |= {
        "OCEAN_CEPH_SETTLE_SECONDS": "1",
        "OCEAN_BLOBS_VOLUME_SIZE": "1MiB",
    }
    chance = random.Random(7)
    server = stored.server.start()
    try:
        digests = fill(server)
        eventually(lambda: not names(east, name, "small"), 60)
        assert json.loads(stored.ocean("scrub", "--json"))["findings"] == []
        plain = sorted(names(east, name, "large"))
        body = random.Random(8).randbytes(5 << 20)
        server.client().put_object(Bucket=BUCKET, Key="late", Body=body)
        digests["late"] = hashlib.md5(body).digest()
        (late,) = names(east, name, "large") - set(plain)
        packs = sorted(names(east, name, "settled"))
        assert len(packs) > 10
        planted = 0
        with east.connected() as rados:
            context = rados.open_ioctx(f"ocean.{name}.settled")
            for number, pack in enumerate(packs[: len(packs) // 2]):
                kind = KINDS[number % 3]
                planted += damage(context, pack, kind, chance, flips=25)
            context = rados.open_ioctx(f"ocean.{name}.large")
            planted += damage(context, late, "truncate", chance, least=4 << 20)
            for number, found in enumerate(plain):
                if planted < FAULTS:
                    planted += damage(context, found, KINDS[number % 3], chance)
        assert planted == FAULTS
        bad = unreadable(server, digests)
        assert FAULTS / 2 < len(bad) < len(digests)
        done = server.run("scrub", "--json")
        assert done.returncode == 1, done.stderr
        told = json.loads(done.stdout)
        assert {one["key"] for one in told["findings"]} == bad
        assert {one["bucket"] for one in told["findings"]} == {BUCKET}
        assert told["unread"] == 0
        s3 = server.client()
        for key in bad:
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"mended")
        assert json.loads(stored.ocean("scrub", "--json"))["findings"] == [], "and forgotten"
        log = server.log.read_text()
        assert f"the bytes of /{BUCKET}/late are damaged: " in log, "though its answer had begun"
        assert "Traceback" not in log
    finally:
        server.stop()


def fill(server: Server) -> dict[str, bytes]:
    """Small and large objects; their digests."""
    s3 = server.client(max_pool_connections=16)
    s3.create_bucket(Bucket=BUCKET)

    def put(number: int) -> tuple[str, bytes]:
        chance = random.Random(number)
        large = number >= SMALL
        body = chance.randbytes(chance.randrange(140_000, 200_000) if large else
                                chance.randrange(1, 60_000))  # fmt: skip
        s3.put_object(Bucket=BUCKET, Key=f"k{number:05}", Body=body)
        return f"k{number:05}", hashlib.md5(body).digest()

    return dict(together(put, range(SMALL + LARGE)))


def damage(
    context: Any, found: str, kind: str, chance: random.Random, *, flips: int = 1, least: int = 0
) -> int:
    """Of one RADOS object, whose first bytes may be spared; how many faults that is."""
    if kind == "remove":
        context.remove_object(found)
        return 1
    size, _ = context.stat(found)
    if kind == "truncate":
        context.trunc(found, chance.randrange(least, size))
        return 1
    first = 0 if flips > 1 else SEGMENTS_HEAD_LIMIT  # a large object's head is not read by GET
    for at in chance.sample(range(first, size), flips):
        [byte] = context.read(found, 1, at)
        context.write(found, bytes([byte ^ 1 << chance.randrange(8)]), at)
    return flips


def unreadable(server: Server, digests: dict[str, bytes]) -> set[str]:
    """Keys of which a whole body cannot be had; AssertionError where another is served."""
    s3 = server.client(max_pool_connections=16)

    def bad(key: str) -> bool:
        try:
            body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        except Exception:
            return True
        assert hashlib.md5(body).digest() == digests[key], key
        return False

    return {key for key, is_bad in zip(digests, together(bad, digests), strict=True) if is_bad}


def together(work: Any, items: Iterable[Any]) -> Iterator[Any]:
    with ThreadPoolExecutor(12) as threads:
        yield from threads.map(work, items)
