"""What befalls the parts of a rig, once, and a while of peace after it."""

import time
from collections.abc import Callable
from random import Random

from tests.nemesis.network import ANSWERS, REFUSE, REQUESTS, VANISH
from tests.nemesis.rig import PREFIX, Rig

Torment = Callable[[Rig, Random], None]  # one torment, ended when it returns


def kill_thrift(rig: Rig, random: Random) -> None:
    rig.thrift.kill()
    time.sleep(random.uniform(0, 2))
    rig.thrift.start()
    time.sleep(random.uniform(1, 5))


def kill_hbase(rig: Rig, random: Random) -> None:
    """All of it at once: ZooKeeper, master and region servers; now and then Thrift, too."""
    rig.cluster.kill()
    thrift = random.random() < 0.3
    if thrift:
        rig.thrift.kill()
    time.sleep(random.uniform(0, 2))
    rig.cluster.start()
    if thrift:
        rig.thrift.start()
    time.sleep(random.uniform(2, 8))


def stop_hbase(rig: Rig, random: Random) -> None:
    part = random.choice((rig.cluster, rig.thrift))
    part.pause()
    time.sleep(random.choice((0.5, 2, 4, 8)))
    part.resume()
    time.sleep(random.uniform(1, 4))


def cut_network(rig: Rig, random: Random) -> None:
    first, second = rig.network.addresses
    how = random.choice(((REQUESTS, VANISH), (ANSWERS, VANISH), (REQUESTS, REFUSE)))
    for address in random.choice(((first,), (second,), (first, second))):
        rig.network.lose(address, what=how[0], how=how[1])
    time.sleep(random.choice((0.2, 1, 3, 7)))
    rig.network.heal()
    time.sleep(random.uniform(1, 5))


def flap_memcached(rig: Rig, random: Random) -> None:
    if random.random() < 0.5:
        rig.cache.kill()
        time.sleep(random.choice((0, 0.1, 1, 3)))
        rig.cache.start()
    else:
        rig.cache.pause()
        time.sleep(random.choice((0.03, 0.2, 1, 3)))
        rig.cache.resume()
    time.sleep(random.uniform(0.5, 3))


def move_regions(rig: Rig, random: Random) -> None:
    """Split amid the keys that are listed, at first; then moved to the other server.

    In this order: of a region that was on both servers and was split, each says for two minutes
    that it moved to the other, and HBase's clients believe them in turn.
    """
    table = f"{PREFIX}.{random.choice(('objects', 'objects', 'versions', 'buckets'))}"
    if rig.splits > 0:
        rig.splits -= 1
        row = rig.bucket_id("names") + random.choice("lmr").encode() + random.randbytes(2)
        print(rig.administer("split", f"{PREFIX}.objects", row.hex()))
    else:
        print(rig.administer("move", table))
    time.sleep(random.uniform(0.5, 3))


NEMESES: dict[str, Torment] = {
    "thrift-killed": kill_thrift,
    "hbase-killed": kill_hbase,
    "hbase-stopped": stop_hbase,
    "network-cut": cut_network,
    "memcached-flaps": flap_memcached,
    "regions-move": move_regions,
}
