"""What the scripts of all clients share: one server a module, and the material to store."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.files import write
from tests.support.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for one client; whatever was killed in between, its store must be sound after it."""
    with Server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 MiB of random bytes and a few: more than any client sends in one piece here."""
    return write(tmp_path_factory.mktemp("big") / "big.bin", os.urandom((20 << 20) + 12_345))


@pytest.fixture(autouse=True)
def no_complaints(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """botocore and urllib3 only log what they find odd in an answer."""
    yield
    odd = [said for said in caplog.messages if "parse" in said or "checksum" in said.lower()]
    assert not odd
