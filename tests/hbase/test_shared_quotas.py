"""Quotas through several gateways: two hundred writers at once never store more than the limit."""

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pytest

from tests.faults.client import ROOT, Client
from tests.hbase.trio import Trio
from tests.support.inprocess import Pair
from tests.support.waiting import eventually

pytestmark = pytest.mark.timeout(180)
WRITERS = 200
WORKERS = 10  # who make buckets
FULL = "QuotaExceeded"


class Written(NamedTuple):
    """A PUT, and the code of its refusal; none if it is stored."""

    key: str
    size: int
    code: str


def set_quota(trio: Trio, *words: object) -> None:
    """One that is counted, so that it holds from now on."""
    trio.admin("quota", "set", *words)
    eventually(lambda: trio.admin("quota", "show", *words[:2])["counted"])


def written(trio: Trio, plans: Sequence[Sequence[tuple[str, int]]], pair: Pair) -> list[Written]:
    """What became of the objects that writers put at once, a plan for each, over all gateways."""
    together = threading.Barrier(len(plans))
    results: list[Written] = []

    def write(number: int) -> None:
        with Client(trio.servers[number % len(trio.servers)], pair=pair, timeout=60) as client:
            together.wait()
            for path, size in plans[number]:
                answer = client.ask("PUT", path, b"x" * size)
                assert answer.status in {200, 403}, answer
                results.append(Written(path, size, answer.code if answer.status == 403 else ""))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(len(plans))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == sum(map(len, plans)), "each was answered"
    assert {one.code for one in results} == {"", FULL}
    return results


def sizes(trio: Trio, *buckets: str) -> dict[str, int]:
    """What is listed, by path."""
    s3 = trio.servers[0].client()
    return {
        f"/{bucket}/{one['Key']}": one["Size"]
        for bucket in buckets
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for one in page.get("Contents", [])
    }


def check(results: Sequence[Written], there: dict[str, int]) -> None:
    """What was acknowledged is there, and nothing else."""
    assert {one.key: one.size for one in results if not one.code} == there


def test_bytes_of_a_bucket(trio: Trio) -> None:
    with trio.clients() as (one, *_):
        one.do("PUT", "/bytes")
    limit = 150_000
    set_quota(trio, "--bucket", "bytes", "--size", limit)
    chance = random.Random(1)
    plans = [
        [(f"/bytes/{writer}-{number}", chance.randrange(500, 1500)) for number in range(2)]
        for writer in range(WRITERS)
    ]
    results = written(trio, plans, ROOT)
    there = sizes(trio, "bytes")
    check(results, there)
    used = sum(there.values())
    assert used <= limit
    assert all(used + one.size > limit for one in results if one.code), "none that fits is refused"
    eventually(lambda: trio.admin("quota", "show", "--bucket", "bytes")["used_size"] == used)


def test_objects_of_a_bucket(trio: Trio) -> None:
    with trio.clients() as (one, *_):
        one.do("PUT", "/objects")
    set_quota(trio, "--bucket", "objects", "--objects", 250)
    plans = [[(f"/objects/{writer}-{n}", 10) for n in range(2)] for writer in range(WRITERS)]
    results = written(trio, plans, ROOT)
    there = sizes(trio, "objects")
    check(results, there)
    assert len(there) == 250


def test_all_buckets_of_a_user(trio: Trio) -> None:
    pair, buckets = trio.user("bounded"), ["first", "second", "third"]
    with trio.clients(pair) as clients:
        for bucket, client in zip(buckets, clients, strict=True):
            client.do("PUT", f"/{bucket}")
    set_quota(trio, "--user", "bounded", "--size", 200_000)
    plans = [
        [(f"/{bucket}/{writer}", 1000) for bucket in random.Random(writer).sample(buckets, 3)]
        for writer in range(WRITERS)
    ]
    results = written(trio, plans, pair)
    there = sizes(trio, *buckets)
    check(results, there)
    assert len(there) == 200
    assert len(Counter(path.split("/")[1] for path in there)) == 3


def test_a_user_s_quota_is_over_its_many_buckets_and_those_made_meanwhile(trio: Trio) -> None:
    pair, many, limit = trio.user("landlord"), 150, 60
    done = threading.Event()
    made: list[str] = []

    def make(number: int) -> None:
        """Some before the quota is set, and some meanwhile, of which every third goes again."""
        with Client(trio.servers[number % 3], pair=pair) as client:
            for count in range(1000):
                if count == many // WORKERS:
                    ready.wait()
                if done.is_set():
                    return
                bucket = f"rented-{number}-{count:04}"
                client.do("PUT", f"/{bucket}")
                if count >= many // WORKERS and count % 3 == 0:
                    client.do("DELETE", f"/{bucket}")
                else:
                    made.append(bucket)

    ready = threading.Barrier(WORKERS + 1)
    threads = [threading.Thread(target=make, args=(number,)) for number in range(WORKERS)]
    for thread in threads:
        thread.start()
    ready.wait()
    begun = time.monotonic()
    trio.admin("quota", "set", "--user", "landlord", "--objects", limit)
    took = time.monotonic() - begun
    done.set()
    for thread in threads:
        thread.join()
    assert took < 0.1 * many, "not one bucket after the other, each of which waits so long"
    assert len(made) > many, "some were made meanwhile"
    eventually(lambda: trio.admin("quota", "show", "--user", "landlord")["counted"])
    results = written(trio, [[(f"/{bucket}/key", 1)] for bucket in made], pair)
    assert Counter(one.code for one in results) == {"": limit, FULL: len(made) - limit}
    check(results, sizes(trio, *made))
