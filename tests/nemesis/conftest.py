"""One rig for all tests of a process, and one process runs them."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nemesis.rig import Rig, rigged

_SHM = Path("/dev/shm")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.xdist_group("nemesis"))


@pytest.fixture(scope="module")
def rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """With memcached, unless its parameter says "uncached"."""
    fast = Path(tempfile.mkdtemp(prefix="ocean-hbase-", dir=_SHM if _SHM.is_dir() else None))
    cache = getattr(request, "param", "cached") == "cached"
    try:
        with rigged(tmp_path_factory.mktemp("rig"), fast, cache=cache) as rig:
            yield rig
    finally:
        shutil.rmtree(fast, ignore_errors=True)
