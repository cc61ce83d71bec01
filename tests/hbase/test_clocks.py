"""One gateway's clock is an hour off: nothing that was acknowledged is lost, nothing is ordered by
it, and clients who sign by the same clock are served."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.faults.client import Client
from tests.support import hbase, memcached
from tests.support.documents import ENABLED
from tests.support.server import Server

pytestmark = pytest.mark.timeout(180)
HOUR = 3600


class Off(NamedTuple):
    """A gateway with its clients' clock right, and one whose clock is off."""

    right: Client
    wrong: Client


def library() -> str:
    """What gives a program another time (of the package faketime)."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    assert found, "faketime is missing; .ci/run installs what tests need"
    return str(found[0])


@pytest.fixture(params=[HOUR, -HOUR])
def off(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Off]:
    settings = {
        "OCEAN_METASTORE": hbase.fresh(),
        "OCEAN_CACHE": f"memcached://{memcached.running().address}",
        "OCEAN_DATA": str(tmp_path / "data"),
        "OCEAN_MASTER_KEY_FILE": str(tmp_path / "master.key"),
        "OCEAN_BLOBS_GRACE_SECONDS": "1",
        "OCEAN_BLOBS_SWEEP_SECONDS": "1",
    }
    faked = {
        "LD_PRELOAD": library(),
        "FAKETIME": f"{request.param:+}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    one, two = Server(tmp_path / "one", settings), Server(tmp_path / "two", {**settings, **faked})
    with one, two, Client(one) as right, Client(two, ahead=request.param) as wrong:
        yield Off(right, wrong)


def test_overwrites_through_both(off: Off) -> None:
    off.right.do("PUT", "/plain")
    off.wrong.do("PUT", "/versioned")
    off.right.do("PUT", "/versioned?versioning", ENABLED)
    versions = []
    for number in range(60):
        writer, reader = (off.right, off.wrong) if number % 2 else (off.wrong, off.right)
        body = b"%d" % number * (1 if number % 3 else 70_000)
        for path in ("/plain/key", "/versioned/key"):
            answer = writer.do("PUT", path, body)
            assert reader.do("GET", path).body == body
        versions.append(answer.headers["x-amz-version-id"])
    listed = off.right.do("GET", "/versioned?versions").texts("VersionId")
    assert listed == versions[::-1]
    off.wrong.do("DELETE", "/plain/key")
    assert off.right.ask("GET", "/plain/key").status == 404
    off.right.do("PUT", "/plain/key", b"again")
    assert off.wrong.do("GET", "/plain/key").body == b"again"


def test_sweeping_by_a_wrong_clock_takes_nothing_that_is_named(off: Off) -> None:
    off.right.do("PUT", "/bucket")
    for number in range(40):
        writer = (off.right, off.wrong)[number % 2]
        writer.do("PUT", f"/bucket/{number}", b"%02d" % number * 100_000)
    time.sleep(6)  # several sweeps by both
    for number in range(40):
        reader = (off.wrong, off.right)[number % 2]
        assert reader.do("GET", f"/bucket/{number}").body == b"%02d" % number * 100_000


def test_a_client_with_another_clock_is_told(off: Off) -> None:
    with Client(off.wrong.server) as client:
        answer = client.ask("GET", "/")
    assert (answer.status, answer.code) == (403, "RequestTimeTooSkewed")
