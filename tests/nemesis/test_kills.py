"""Eight thousand writes over three deaths of HBase: what was acknowledged is there."""

import threading
import time
from itertools import count

import pytest

from tests.faults.client import Client
from tests.nemesis.rig import AGAIN, DEADLINE, Rig

WRITERS, WRITES, KILLS = 16, 8_000, 3


def body_of(number: int) -> bytes:
    return b"%d " % number * (20_000 if number % 200 == 0 else 10)


class Writers:
    """Each writes one new key after the other until enough were acknowledged."""

    def __init__(self, rig: Rig) -> None:
        self.acknowledged: set[int] = set()
        self.refused = 0
        self.failures: list[BaseException] = []
        self._numbers = count()
        self._threads = [
            threading.Thread(target=self._run, args=(rig, writer)) for writer in range(WRITERS)
        ]
        for thread in self._threads:
            thread.start()

    def wait(self, acknowledged: int) -> None:
        while len(self.acknowledged) < acknowledged and not self.failures:
            time.sleep(0.05)

    def join(self) -> None:
        for thread in self._threads:
            thread.join()
        if self.failures:
            raise self.failures[0]

    def _run(self, rig: Rig, writer: int) -> None:
        try:
            with Client(rig.servers[writer % 2], DEADLINE) as client:
                while len(self.acknowledged) < WRITES and not self.failures:
                    self._write(client, next(self._numbers))
        except BaseException as error:
            self.failures.append(error)

    def _write(self, client: Client, number: int) -> None:
        answer = client.ask("PUT", f"/kills/{number:06}", body_of(number))
        if answer.status == 200:
            self.acknowledged.add(number)
            return
        assert (answer.status, answer.code) == (503, "SlowDown"), answer
        self.refused += 1
        time.sleep(0.3)


@pytest.mark.timeout(400)
def test_eight_thousand_writes_and_three_kills(rig: Rig) -> None:
    with rig.client() as client:
        client.do("PUT", "/kills")
    writers = Writers(rig)
    for kill in range(KILLS):
        writers.wait(WRITES * (kill + 1) // (KILLS + 1))
        rig.cluster.kill()
        time.sleep(1)
        rig.cluster.start()
    writers.join()
    print(f"{len(writers.acknowledged)} acknowledged, {writers.refused} refused")
    assert writers.refused  # else nobody noticed the kills
    rig.wait_for_service("kills", 60)
    time.sleep(AGAIN)
    listed = set(names(rig))
    assert {f"{number:06}" for number in writers.acknowledged} <= listed
    with Client(rig.servers[1], DEADLINE) as client:
        for name in sorted(listed):  # what was refused is there as a whole, or not at all
            assert client.do("GET", f"/kills/{name}").body == body_of(int(name))


def names(rig: Rig) -> list[str]:
    found: list[str] = []
    with rig.client() as client:
        while True:
            after = f"&start-after={found[-1]}" if found else ""
            page = client.do("GET", f"/kills?list-type=2{after}")
            found += page.texts("Key")
            if page.texts("IsTruncated") == ["false"]:
                return found
