"""All tests here share two Ceph clusters, so one process runs them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ceph.store import Stored
from tests.support import ceph
from tests.support.ceph import Ceph


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.xdist_group("ceph"))


@pytest.fixture
def east() -> Ceph:
    """A cluster of three OSDs."""
    return ceph.started("")


@pytest.fixture
def west() -> Ceph:
    """Another, that has nothing to do with the first."""
    return ceph.started("west")


@pytest.fixture(scope="session")
def to_be_killed() -> Iterator[Ceph]:
    made = ceph.make("--mons", "3", "--osds", "3", "--size", str(4 << 30))
    yield made
    made.stop()


@pytest.fixture
def fragile(to_be_killed: Ceph) -> Iterator[Ceph]:
    """A cluster to be killed: three monitors, three OSDs, all of them there again for the next."""
    yield to_be_killed
    to_be_killed.heal()


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Stored]:
    """A store, not started, whose pools go with the test."""
    made = Stored(tmp_path)
    yield made
    made.remove_pools()
