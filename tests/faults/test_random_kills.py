"""kill -9 of the whole server at any moment under writers: what was acknowledged is there."""

import json
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from metastore.lease import DEAD
from tests.faults.client import Client
from tests.faults.ledger import Ledger, Writers
from tests.support.documents import ENABLED
from tests.support.server import Server

_WRITERS = 16
_RESTART_SECONDS = 20.0  # on a busy machine; alone it takes one
_STUCK_SECONDS = DEAD + 60.0  # without any work of the jobs, who wait for dead hearts
_SETTINGS = {
    "OCEAN_BLOBS_GRACE_SECONDS": "1",
    "OCEAN_BLOBS_SWEEP_SECONDS": "1",
    "OCEAN_BLOBS_VOLUME_SIZE": "1MiB",
}


def fsck(server: Server, *, verify: bool = True) -> dict[str, Any]:
    """What `ocean fsck` finds, beside the server or without it."""
    done = subprocess.run(
        [sys.executable, "-m", "ocean", "fsck", "--json", *["--verify"] * verify],
        env=server.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def kill_and_check(server: Server, ledger: Ledger, pause: float, seed: str) -> float:
    """One life under writers, its end, and the next one's first look; seconds to restart."""
    writers = Writers(server, ledger, _WRITERS, seed)
    time.sleep(pause)
    server.kill()
    writers.join()
    began = time.monotonic()
    server.start()
    took = time.monotonic() - began
    with Client(server) as client:
        assert list(ledger.wrong(client)) == []
    return took


def check_all(server: Server, ledger: Ledger) -> None:
    """Every version, every row and byte, and that what nobody names is given back."""
    with Client(server) as client:
        assert list(ledger.wrong_versions(client)) == []
    last, since = None, time.monotonic()
    while (found := fsck(server, verify=False))["waiting"]:
        if found != last:
            last, since = found, time.monotonic()
        assert time.monotonic() < since + _STUCK_SECONDS, f"nothing more is collected: {found}"
        time.sleep(2)
    assert fsck(server)["faults"] == []


def run(folder: Path, seed: int, kills: int) -> None:
    chance, ledger, slowest = Random(seed), Ledger(), 0.0
    with Server(folder, _SETTINGS) as server:
        with Client(server) as client:
            client.do("PUT", "/plain")
            client.do("PUT", "/versioned")
            client.do("PUT", "/versioned?versioning", ENABLED)
        for number in range(kills):
            pause = chance.uniform(0.005, 0.5)
            took = kill_and_check(server, ledger, pause, f"{seed} {number}")
            slowest = max(slowest, took)
        check_all(server, ledger)
    print(f"seed {seed}: {kills} kills, {ledger.count} acknowledged, restart <= {slowest:.1f} s")
    assert ledger.count > kills * 10
    assert slowest < _RESTART_SECONDS


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_thirty_kills(tmp_path: Path) -> None:
    run(tmp_path, 7, 30)


@pytest.mark.nightly(part="kills")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(20))
def test_a_hundred_kills(tmp_path: Path, part: int) -> None:
    run(tmp_path, 1000 + part, 100)
