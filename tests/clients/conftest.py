"""What the scripts of all clients share: one server a module, and the material to store."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.preloaded import Preloaded
from tests.clients.programs import s3api_of
from tests.clients.s3api import S3Api
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


@pytest.fixture(scope="session")
def preloaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preloaded]:
    """What runs `s3api` commands."""
    with Preloaded(tmp_path_factory.mktemp("preloaded")) as running:
        yield running


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of all `s3api` commands, which nobody kills."""
    with Server(tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture
def s3api(preloaded: Preloaded, store: Server, tmp_path: Path) -> S3Api:
    return s3api_of(preloaded, store, tmp_path)


@pytest.fixture(scope="session")
def client(store: Server) -> Any:
    """boto3's, to look at what `s3api` commands did."""
    return store.client()


@pytest.fixture
def bucket(client: Any) -> str:
    """One of its own for each test."""
    name = f"b-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=name)
    return name
