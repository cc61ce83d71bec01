"""What a request holds in memory does not grow with its object: at most 32 MiB for each stream."""

import http.client
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from itertools import repeat
from pathlib import Path

import pytest

from gateway.wire import dates
from gateway.wire.chunked import ChunkSigner, encode
from gateway.wire.claims import Payload
from gateway.wire.sigv4 import Seed
from tests.faults.client import Client
from tests.support.inprocess import Pair
from tests.support.server import ACCESS_KEY, SECRET_KEY, Server
from tests.support.signing import Choices, by_header

pytestmark = pytest.mark.slow

MIB = 1 << 20
SIZE = 256 * MIB
STREAMS = 8
LIMIT = 32 * MIB  # for each stream
PIECE = bytes(range(256)) * (MIB // 256)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """One worker that has done a little of everything, so that only streams make it grow."""
    with Server(tmp_path / "server", {"OCEAN_WORKERS": "1"}) as server:
        with Client(server) as client:
            client.do("PUT", "/bucket")
            for number in range(20):
                client.do("PUT", f"/bucket/small-{number}", PIECE)
                client.do("GET", f"/bucket/small-{number}")
        yield server


def grown(server: Server, work: Callable[[], object]) -> int:
    """By how many bytes the worker's resident memory rose above what it was, at its highest."""
    folder = Path(f"/proc/{server.pids[1]}")
    (folder / "clear_refs").write_text("5")  # proc(5): the peak begins anew
    before = resident(folder, "VmRSS")
    work()
    return resident(folder, "VmHWM") - before


def resident(folder: Path, name: str) -> int:
    lines = (folder / "status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{name}:"))


class Upload:
    """A PUT of `size` bytes that are nowhere as a whole, unsigned or signed in chunks of 1 MiB."""

    def __init__(self, server: Server, target: str, size: int, payload: Payload) -> None:
        pair = Pair(ACCESS_KEY, SECRET_KEY)
        choices = Choices(pair=pair, now=time.time(), payload=payload.value)
        given = {"host": server.host}
        if payload is Payload.SIGNED_CHUNKS:
            given["x-amz-decoded-content-length"] = str(size)
        self.headers = by_header("PUT", target, given, choices).headers
        self.target = target
        self.body: Iterable[bytes] = repeat(PIECE, size // MIB)
        self._host = server.host
        length = size
        if payload is Payload.SIGNED_CHUNKS:
            signature = self.headers["authorization"].rpartition("=")[2]
            seed = Seed(choices.key, dates.basic(choices.moment), choices.scope, signature)
            none, one = (
                len(b"".join(encode([PIECE] * n, signer=ChunkSigner(seed)))) for n in (0, 1)
            )
            length = none + (one - none) * (size // MIB)
            self.body = encode(self.body, signer=ChunkSigner(seed))
        self.headers["content-length"] = str(length)

    def __call__(self) -> None:
        """Send it, once."""
        with closing(http.client.HTTPConnection(self._host, timeout=60)) as connection:
            connection.request("PUT", self.target, self.body, self.headers)
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()


def at_once(works: Iterable[Callable[[], object]]) -> None:
    with ThreadPoolExecutor(STREAMS) as pool:
        for job in [pool.submit(work) for work in works]:
            job.result()


def report(what: str, grown: int, streams: int = 1) -> None:
    print(f"{what}: {grown / streams / MIB:.1f} MiB for each of {streams} streams")


def test_eight_uploads(server: Server) -> None:
    payloads = (Payload.UNSIGNED, Payload.SIGNED_CHUNKS)
    uploads = [Upload(server, f"/bucket/{n}", SIZE, payloads[n % 2]) for n in range(STREAMS)]
    growth = grown(server, lambda: at_once(uploads))
    report("upload", growth, STREAMS)
    assert growth <= STREAMS * LIMIT


def test_a_part(server: Server) -> None:
    with Client(server) as client:
        [upload_id] = client.do("POST", "/bucket/key?uploads").texts("UploadId")
    target = f"/bucket/key?partNumber=1&uploadId={upload_id}"
    growth = grown(server, Upload(server, target, SIZE, Payload.UNSIGNED))
    report("part", growth)
    assert growth <= LIMIT


def download(server: Server, target: str, read: Callable[[http.client.HTTPResponse], None]) -> None:
    choices = Choices(pair=Pair(ACCESS_KEY, SECRET_KEY), now=time.time())
    headers = by_header("GET", target, {"host": server.host}, choices).headers
    with closing(http.client.HTTPConnection(server.host, timeout=60)) as connection:
        connection.request("GET", target, headers=headers)
        read(connection.getresponse())


def slowly(answer: http.client.HTTPResponse) -> None:
    """Take a mebibyte and then very little, for a while: the server is full of what is next."""
    assert answer.read(MIB) == PIECE
    for _ in range(20):
        assert len(answer.read(16 << 10)) == 16 << 10
        time.sleep(0.1)


def whole(answer: http.client.HTTPResponse) -> None:
    while piece := answer.read(MIB):
        assert piece == PIECE


def test_eight_slow_downloads(server: Server) -> None:
    Upload(server, "/bucket/key", SIZE, Payload.UNSIGNED)()
    works = [partial(download, server, "/bucket/key", slowly)] * STREAMS
    growth = grown(server, lambda: at_once(works))
    report("slow download", growth, STREAMS)
    assert growth <= STREAMS * LIMIT


def test_a_gibibyte_costs_no_more(server: Server) -> None:
    growth = grown(server, Upload(server, "/bucket/key", 4 * SIZE, Payload.UNSIGNED))
    report("upload of 1 GiB", growth)
    assert growth <= 2 * LIMIT
    growth = grown(server, lambda: download(server, "/bucket/key", whole))
    report("download of 1 GiB", growth)
    assert growth <= 2 * LIMIT
