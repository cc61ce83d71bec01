"""Killed between the bytes and the commit: what nobody names is given back after the next start."""

import contextlib
import time
from pathlib import Path

import pytest

from tests.faults.client import Broken, Client
from tests.faults.operations import content
from tests.faults.shim import Action, Control, Kind
from tests.faults.test_random_kills import fsck
from tests.support.server import Server

_SETTINGS = {"OCEAN_BLOBS_GRACE_SECONDS": "1", "OCEAN_BLOBS_SWEEP_SECONDS": "1"}
_SECONDS = 15.0  # grace and three rounds, on a busy machine


@pytest.mark.slow
@pytest.mark.parametrize("size", [3000, 5_000_000])
def test_orphans_are_collected_after_a_restart(tmp_path: Path, size: int) -> None:
    control = Control(tmp_path / "control")
    server = Server(tmp_path / "server", {**_SETTINGS, **control.environ})
    control.watch(server.data / "meta")
    with server:
        with Client(server) as client:
            client.do("PUT", "/bucket")
            control.arm(Action.KILL_GROUP, 1, kinds=frozenset({Kind.WRITE}))
            with contextlib.suppress(Broken):
                for _ in range(100):  # a heartbeat may come first
                    client.ask("PUT", "/bucket/key", content("key", size))
        server.process.wait(10)
        control.rest()
        assert control.fired is Kind.WRITE
        assert stored(server) >= size
        server.start()
        deadline = time.monotonic() + _SECONDS
        while stored(server):
            assert time.monotonic() < deadline, f"{stored(server)} bytes are still there"
            time.sleep(0.1)
        with Client(server) as client:
            assert client.ask("GET", "/bucket/key").status == 404
        assert fsck(server)["faults"] == []


def stored(server: Server) -> int:
    """Bytes in volumes and blobs."""
    found = 0
    for path in (server.data / "blobs").glob("*/*/*"):
        with contextlib.suppress(FileNotFoundError):
            found += path.stat().st_size
    return found
