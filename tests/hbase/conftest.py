"""All tests here share one HBase, so one process runs them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hbase.trio import Trio


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.xdist_group("hbase"))


@pytest.fixture(scope="module")
def trio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trio]:
    """Three gateways, which act on rules all the time: gone with the tests that ask for them."""
    with Trio.started(tmp_path_factory.mktemp("trio")) as started:
        yield started
