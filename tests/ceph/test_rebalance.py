"""A partition that is added under load gets new objects, and its share of the others."""

import random

import pytest

from tests.ceph.load import Load
from tests.ceph.store import Stored, names
from tests.ceph.test_drain import BUCKET, check, fill
from tests.support.ceph import Ceph
from tests.support.waiting import eventually


@pytest.mark.timeout(300)
def test_an_expansion_is_evened_out(stored: Stored, east: Ceph, west: Ceph) -> None:
    one = stored.add(east)
    with stored.server as server:
        digests = fill(stored, 1000)
        keys = random.Random(1).sample(sorted(digests), 300)
        with Load(server, BUCKET, keys, readers=2, writers=1) as load:
            two = stored.add(west)
            eventually(lambda: names(west, two, "small") and names(west, two, "large"))
            before = len(names(east, one, "large"))
            said = stored.ocean("rebalance")
        assert "0 processes at work" in said
        assert load.failed() == []
        after = len(names(east, one, "large"))
        assert after < 0.8 * before, "about half of the large objects moved"
        assert len(names(west, two, "large")) > 0.25 * after
        eventually(lambda: names(west, two, "settled"), 30)
        load.check()
        check(stored, digests)
        again = stored.ocean("rebalance")
        assert "moved 0 blobs, out of 0 volumes" in again, "all is where it should be"
