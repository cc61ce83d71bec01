"""A disk that fails under a running server: nothing is acknowledged that is not durable, it stops.

The next start is clean, and what was acknowledged before is there.
"""

import errno
import time
from pathlib import Path

import pytest

from ocean.starting import STORE_FAILED
from tests.faults.client import Client
from tests.faults.ledger import Ledger, Writers
from tests.faults.shim import Action, Control, Kind
from tests.faults.test_random_kills import fsck
from tests.support.documents import ENABLED
from tests.support.server import Server

_WRITERS = 6


def fail(folder: Path, part: str, kind: Kind, at: int) -> None:
    """Have the `at`-th call of a kind, in the part of the store `meta` or `blobs`, fail."""
    control = Control(folder / "control")
    with Server(folder, {"OCEAN_WORKERS": "1", **control.environ}, sound=False) as server:
        control.watch(server.data / part)
        ledger = Ledger()
        server.restart()  # so that every file is opened under the shim's eyes
        with Client(server) as client:
            client.do("PUT", "/plain")
            client.do("PUT", "/versioned")
            client.do("PUT", "/versioned?versioning", ENABLED)
        control.arm(Action.FAIL, at, kinds=frozenset({kind}), error=errno.EIO)
        writers = Writers(server, ledger, _WRITERS, f"{part} {at}")
        status = server.process.wait(60)
        control.rest()
        writers.join()
        assert control.fired is kind
        assert status == STORE_FAILED
        said = [line for line in server.said().splitlines() if "the store has failed" in line]
        assert len(said) == 1, server.said()
        server.start()
        with Client(server) as client:
            assert list(ledger.wrong(client)) == []
            assert list(ledger.wrong_versions(client)) == []
        assert fsck(server)["faults"] == []


CASES = [
    ("meta", Kind.SYNC, 1),
    ("meta", Kind.WRITE, 7),
    ("blobs", Kind.SYNC, 2),
    ("blobs", Kind.WRITE, 5),
]


@pytest.mark.slow
@pytest.mark.parametrize(("part", "kind", "at"), CASES)
def test_the_server_stops(tmp_path: Path, part: str, kind: Kind, at: int) -> None:
    fail(tmp_path, part, kind, at)


@pytest.mark.nightly(part="disk")
@pytest.mark.parametrize("at", range(1, 21))
@pytest.mark.parametrize("kind", [Kind.SYNC, Kind.WRITE])
@pytest.mark.parametrize("part", ["meta", "blobs"])
def test_the_server_stops_whichever_call_fails(
    tmp_path: Path, part: str, kind: Kind, at: int
) -> None:
    fail(tmp_path, part, kind, at)


@pytest.mark.slow
@pytest.mark.parametrize("at", [1, 4, 9])
def test_a_worker_killed_at_a_call_is_replaced(tmp_path: Path, at: int) -> None:
    """The others go on meanwhile, and what it had acknowledged is there."""
    control = Control(tmp_path / "control")
    with Server(tmp_path, control.environ) as server:
        control.watch(server.data)
        server.restart()
        ledger = Ledger()
        with Client(server) as client:
            client.do("PUT", "/plain")
            client.do("PUT", "/versioned")
        before = set(server.pids)
        control.arm(Action.KILL, at, kinds=frozenset({Kind.SYNC}))
        writers = Writers(server, ledger, _WRITERS, f"{at}")
        while control.fired is None:
            time.sleep(0.01)
        writers.join()
        with Client(server) as client:
            assert list(ledger.wrong(client)) == []
        assert server.process.poll() is None
        assert before - set(server.pids)
        assert fsck(server)["faults"] == []
