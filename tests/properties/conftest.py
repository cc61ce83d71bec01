"""What schedules need: virtual time, short lives and small limits."""

import logging
from collections.abc import Iterator

import pytest

from metastore import lease
from ocean.jobs import collect, housekeeping, watch
from ocean.objects import manifest, multipart
from tests.support.clients import FRESH
from tests.support.virtual import VirtualTime


def make_virtual(patch: pytest.MonkeyPatch) -> None:
    """Short lives, small limits, and no time but the loop's."""
    for module in (collect, housekeeping, watch):
        patch.setattr(module, "time", VirtualTime())
    patch.setattr(lease, "FRESH", FRESH)
    patch.setattr(multipart, "MIN_PART", 1)
    patch.setattr(manifest, "INLINE_LIMIT", 120)
    patch.setattr(manifest, "CHUNK", 1)
    patch.setattr(collect, "RETRY", 0.5)


@pytest.fixture
def virtual(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    make_virtual(monkeypatch)
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)
