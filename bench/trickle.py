"""GETs at an even rate, whatever is answered: load beside what is measured."""

import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException
from itertools import count

from bench.requests import RequestBuilder
from bench.target import Target

THREADS = 16
PATIENCE = 30.0  # seconds for an answer


class Trickle:
    """`rate` requests a second to the objects of `bucket`, until `stop`."""

    def __init__(self, target: Target, bucket: str, rate: float) -> None:
        client = target.client()
        listed = client.list_objects_v2(Bucket=bucket)["Contents"]
        builder = RequestBuilder(target.signer(), bucket, "presigned")
        heads = [builder.head("GET", entry["Key"]) for entry in listed]
        self._targets = [head.split(b" ", 2)[1].decode() for head in heads]
        self._address = target.address
        self._rate = rate
        self._stop = threading.Event()
        self._numbers = count()
        self._lock = threading.Lock()
        self.statuses: Counter[int] = Counter()  # 0: no answer
        self.slowest = 0.0  # seconds

    def run(self) -> None:
        """Until it is stopped."""
        begun = time.monotonic()
        threads = [threading.Thread(target=self._ask, args=(begun,)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def stop(self) -> None:
        """What is under way is waited for."""
        self._stop.set()

    def _ask(self, begun: float) -> None:
        connection = HTTPConnection(*self._address, timeout=PATIENCE)
        while True:
            with self._lock:
                number = next(self._numbers)
            if self._stop.wait(max(0.0, begun + number / self._rate - time.monotonic())):
                connection.close()
                return
            asked = time.monotonic()
            status = _status(connection, self._targets[number % len(self._targets)])
            with self._lock:
                self.statuses[status] += 1
                self.slowest = max(self.slowest, time.monotonic() - asked)


def _status(connection: HTTPConnection, target: str) -> int:
    try:
        connection.request("GET", target)
        answer = connection.getresponse()
        answer.read()
    except (OSError, HTTPException):
        connection.close()
        return 0
    return answer.status
