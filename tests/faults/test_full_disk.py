"""A full disk: 507 for what needs room, everything else goes on, and deletes give space back."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from blobstore.files import ROOM_LASTS
from gateway.metrics import FLUSH_SECONDS
from tests.faults.client import Broken, Client
from tests.faults.ledger import content_of
from tests.faults.operations import content
from tests.faults.test_random_kills import fsck
from tests.support.server import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

_SETTINGS = {
    "OCEAN_BLOBS_GRACE_SECONDS": "1",
    "OCEAN_BLOBS_SWEEP_SECONDS": "1",
    "OCEAN_BLOBS_VOLUME_SIZE": "2MiB",
}
_GIVEN_BACK_SECONDS = 60.0
_QUERIES = [
    "acl",
    "accelerate",
    "analytics",
    "cors",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "replication",
    "requestPayment",
    "tagging",
    "uploads",
    "versioning",
    "versions",
    "website",
]
Contents = dict[str, bytes]


@contextmanager
def mounted(folder: Path, size: str, *options: str) -> Iterator[Path]:
    """A small ext4 of its own; needs root and loop devices, and says so without them."""
    image, place = folder / "disk.image", folder / "disk"
    place.mkdir()
    for command in (
        ["truncate", "-s", size, str(image)],
        ["mkfs.ext4", "-q", "-m", "0", *options, str(image)],
        ["mount", "-o", "loop", str(image), str(place)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.fail(
                "this test fills a small disk of its own and must be allowed to mount one "
                f"(root, loop devices): {' '.join(command)}: {done.stderr.strip()}"
            )
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


@contextmanager
def serving(folder: Path, disk: Path) -> Iterator[tuple[Server, Client]]:
    settings = {**_SETTINGS, "OCEAN_DATA": str(disk / "data")}
    with Server(folder / "server", settings) as server, Client(server) as client:
        client.do("PUT", "/bucket")
        yield server, client


def fill(client: Client, prefix: str, size: int, limit: int = 5000) -> Contents:
    """Put objects until the disk is full; those that were acknowledged."""
    stored: Contents = {}
    for number in range(limit):
        path = f"/bucket/{prefix}-{number:05}"
        body = content(path, size)
        answer = client.ask("PUT", path, body)
        if answer.status != 200:
            assert (answer.status, answer.code) == (507, "InsufficientStorage"), answer.body
            return stored
        stored[path] = body
    raise AssertionError("the disk was never full")


def check_readable(client: Client, stored: Contents) -> None:
    """GET, HEAD and LIST."""
    listed: list[str] = []
    after = ""
    while True:
        page = client.do("GET", f"/bucket?list-type=2&start-after={after}").texts("Contents/Key")
        if not page:
            break
        listed += page
        after = page[-1]
    assert {f"/bucket/{key}" for key in listed} == set(stored)
    for path in Random(1).sample(sorted(stored), min(len(stored), 60)):
        assert client.do("GET", path).body == stored[path]
        assert client.do("HEAD", path).headers["content-length"] == str(len(stored[path]))


def delete(client: Client, stored: Contents, share: float) -> None:
    for path in sorted(stored)[: int(len(stored) * share)]:
        client.do("DELETE", path)
        del stored[path]


def wait_for_room(client: Client, stored: Contents, size: int, count: int) -> None:
    """PUT works again, `count` times, once the jobs have given space back."""
    deadline = time.monotonic() + _GIVEN_BACK_SECONDS
    for number in range(count):
        path = f"/bucket/again-{number:05}"
        body = content(path, size)
        while client.ask("PUT", path, body).status != 200:
            assert time.monotonic() < deadline, "deletes gave no space back"
            time.sleep(0.5)
        stored[path] = body


@pytest.mark.parametrize("size", [1 << 20, 60_000])
def test_a_disk_full_of_bytes(tmp_path: Path, size: int) -> None:
    with mounted(tmp_path, "64M") as disk, serving(tmp_path, disk) as (server, client):
        stored = fill(client, "x", size)
        assert sum(map(len, stored.values())) > 30 << 20
        for number in range(20):  # again and again
            answer = client.ask("PUT", f"/bucket/more-{number}", content("more", size))
            assert answer.status == 507
        check_readable(client, stored)
        assert fsck(server)["faults"] == []
        delete(client, stored, 0.6)
        check_readable(client, stored)
        wait_for_room(client, stored, size, int(len(stored) * 0.5))
        check_readable(client, stored)
        assert fsck(server)["faults"] == []


def test_a_disk_filled_by_others(tmp_path: Path) -> None:
    """Not even the reserve is left for blobs; the metadata has one of its own."""
    with mounted(tmp_path, "64M") as disk, serving(tmp_path, disk) as (server, client):
        stored: Contents = {}
        for number in range(40):
            path = f"/bucket/small-{number:05}"
            stored[path] = content(path, 3000)
            client.do("PUT", path, stored[path])
        hog = disk / "hog"
        with contextlib.suppress(OSError), hog.open("wb", buffering=0) as file:
            while file.write(bytes(1 << 16)):
                pass
        time.sleep(2 * ROOM_LASTS)  # until then the last look at the disk counts
        answers = [client.ask("PUT", f"/bucket/no-{n}", content("no", 3000)) for n in range(20)]
        assert {answer.status for answer in answers} == {507}
        statuses = {client.ask("PUT", f"/bucket/empty-{n}").status for n in range(200)}
        assert statuses <= {200, 507}
        for key in client.do("GET", "/bucket?list-type=2").texts("Contents/Key"):
            if key.startswith("empty"):
                stored[f"/bucket/{key}"] = b""
        check_readable(client, stored)
        for query in _QUERIES:  # each is counted in pages of its own
            assert client.ask("GET", f"/bucket?{query}").status != 500
        time.sleep(2 * FLUSH_SECONDS)
        delete(client, stored, 0.5)
        check_readable(client, stored)
        assert "is replaced" not in server.said(), server.said()
        hog.unlink()
        wait_for_room(client, stored, 3000, 10)
        check_readable(client, stored)
        assert fsck(server)["faults"] == []


def test_a_disk_without_inodes(tmp_path: Path) -> None:
    with (
        mounted(tmp_path, "256M", "-N", "256") as disk,
        serving(tmp_path, disk) as (server, client),
    ):
        stored = fill(client, "x", 140_000)
        assert 50 < len(stored) < 256
        check_readable(client, stored)
        delete(client, stored, 0.5)
        wait_for_room(client, stored, 140_000, 10)
        check_readable(client, stored)
        assert fsck(server)["faults"] == []


def test_few_descriptors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections beyond what is left wait or are refused; what is answered is right."""
    shell = tmp_path / "python"
    shell.write_text(f'#!/bin/sh\nulimit -n 64\nexec {sys.executable} "$@"\n')
    shell.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(shell))
    outcomes: list[str | None] = []

    def use(server: Server, number: int) -> None:
        path = f"/bucket/{number}"
        try:
            with Client(server, timeout=20) as client:
                for _ in range(4):
                    answer = client.ask("PUT", path, content(path, 150_000))
                    if answer.status == 200:
                        outcomes.append(content_of(client.ask("GET", path)))
        except Broken:
            return

    with Server(tmp_path / "server", _SETTINGS) as server:
        with Client(server) as client:
            client.do("PUT", "/bucket")
        threads = [threading.Thread(target=use, args=(server, n)) for n in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.process.poll() is None, server.said()
        with Client(server) as client:
            path = "/bucket/after"
            client.do("PUT", path, content(path, 150_000))
            assert client.do("GET", path).body == content(path, 150_000)
        assert outcomes
        assert all(outcome is not None for outcome in outcomes)
        monkeypatch.undo()
        assert fsck(server)["faults"] == []
