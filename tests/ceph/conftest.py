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


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Stored]:
    """A store, not started, whose pools go with the test."""
    made = Stored(tmp_path)
    yield made
    made.remove_pools()
