"""Real HBase and memcached under torment, and clients that write down what they are told.

What they saw must be explained by some order of what they did (ocean/design/0008-hbase.md); every
answer comes inside its deadline, and full service is back soon after peace is.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from random import Random

import pytest

from tests.nemesis.clients import Asker, Crowd, registers
from tests.nemesis.history import History, Names
from tests.nemesis.nemeses import NEMESES, Torment
from tests.nemesis.rig import AGAIN, Rig
from tests.support.documents import ENABLED
from tests.support.server import Server


def make_bucket(rig: Rig, name: str, *, versioned: bool = False) -> None:
    with rig.client() as client:
        if client.ask("HEAD", f"/{name}").status == 404:
            client.do("PUT", f"/{name}")
            if versioned:
                client.do("PUT", f"/{name}?versioning", ENABLED)


@contextmanager
def crowd() -> Iterator[Crowd]:
    """Ended in any case, and heard."""
    busy = Crowd()
    try:
        yield busy
    except BaseException:
        busy.give_up()
        raise
    busy.end()


def torment(rig: Rig, nemesis: Torment, seed: str, seconds: float) -> None:
    """Clients of all kinds at work under one nemesis; raises whatever promise was broken."""
    random = Random(seed)
    plain, versioned = History(), History()
    names = Names()
    make_bucket(rig, "names")
    make_bucket(rig, "plain")
    make_bucket(rig, "versioned", versioned=True)
    servers = rig.servers
    mark = f"{seed}/"
    with crowd() as busy:
        for number in range(4):
            history, bucket = ((plain, "plain"), (versioned, "versioned"))[number % 2]
            chance = Random(f"{seed} {number}")
            busy.begin(Asker(servers, bucket, history, chance), registers)
        for number in range(2):
            asker = Asker(servers, "names", plain, Random(f"{seed} name {number}"))
            busy.begin(asker, partial(come_and_go, names, f"{mark}l{number}-"))
        lister = Asker(servers, "names", plain, Random(f"{seed} list"))
        listed: list[bool] = []
        busy.begin(lister, lambda who, _: listed.append(who.list(names, mark)))
        until = time.monotonic() + seconds
        time.sleep(2)
        while time.monotonic() < until and not busy.failed:
            nemesis(rig, random)
        back = rig.wait_for_service("names", 60)
    time.sleep(AGAIN)
    whole(rig, plain, seed)
    final(servers, "plain", plain)
    final(servers, "versioned", versioned)
    rig.assert_bounded()
    plain.judge()
    versioned.judge()
    told = plain.answered_count + versioned.answered_count
    refused = plain.refused + versioned.refused
    print(
        f"{seed}: {told} answered and {refused} refused, the slowest after {plain.slowest:.1f} s; "
        f"{sum(listed)} of {len(listed)} listings; service after {back:.1f} s"
    )
    assert told > 100
    assert sum(listed) > 3
    if nemesis is NEMESES["memcached-flaps"]:
        assert refused == 0


def come_and_go(names: Names, prefix: str, asker: Asker, number: int) -> None:
    asker.come_and_go(names, prefix, number)


def whole(rig: Rig, history: History, seed: str) -> None:
    """No request is refused any more."""
    before = history.refused
    asker = Asker(rig.servers, "plain", history, Random(seed))
    for number in range(60):
        asker.put(f"whole/{seed}-{number}.")
        asker.get(f"whole/{seed}-{number}.")
    asker.close()
    assert history.refused == before


def final(servers: tuple[Server, Server], bucket: str, history: History) -> None:
    """Read every key in every way."""
    asker = Asker(servers, bucket, history, Random(bucket))
    for key in list(history.by_key):
        assert asker.look(key)
        asker.get(key)
    asker.close()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("nemesis", NEMESES)
def test_a_minute(rig: Rig, nemesis: str) -> None:
    torment(rig, NEMESES[nemesis], nemesis, 60)


@pytest.mark.nightly(part="nemeses")
@pytest.mark.timeout(420)
@pytest.mark.parametrize("rig", ["cached", "uncached"], indirect=True)
@pytest.mark.parametrize("nemesis", NEMESES)
def test_three_minutes(rig: Rig, nemesis: str) -> None:
    torment(rig, NEMESES[nemesis], f"long-{nemesis}", 180)
