"""Clients of one bucket without retries, each request noted, every byte compared."""

import hashlib
import os
import random
import threading
import time
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from botocore.exceptions import ClientError, ResponseStreamingError

from tests.support.server import Server

BROKE_OFF = "broke off"


class Note(NamedTuple):
    """One request: when it began, how long it took, and its status; 0: not what was stored, 503
    and BROKE_OFF: its answer had begun, as that of an object of several MiB may have.
    """

    begun: float
    took: float
    write: bool
    key: str
    status: int
    retry_after: str


class Load:
    """`readers` of the keys it finds, and `writers` of keys of their own, until it is left."""

    def __init__(
        self,
        server: Server,
        bucket: str,
        keys: Sequence[str],
        *,
        readers: int = 3,
        writers: int = 2,
    ) -> None:
        self._server = server
        self._bucket = bucket
        self._keys = keys
        self._stop = threading.Event()
        self._digests: dict[str, bytes] = {}
        self.notes: list[Note] = []
        s3 = server.client()
        for key in keys:
            self._digests[key] = _digest(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        self._threads = [
            threading.Thread(target=self._run, args=(number, number < writers))
            for number in range(readers + writers)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def failed(self, since: float = 0.0) -> list[Note]:
        """What did not get what it asked for, of the requests that began since a time."""
        return [note for note in self.notes if note.status != 200 and since <= note.begun]

    def check(self) -> None:
        """Every byte that was acknowledged is there."""
        s3 = self._server.client()
        for key, digest in self._digests.items():
            found = s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            assert _digest(found) == digest, key

    def _run(self, number: int, write: bool) -> None:
        s3, chance = self._server.client(read_timeout=60), random.Random(number)
        while not self._stop.is_set():
            key = chance.choice(self._keys)
            begun = time.monotonic()
            status, retry_after = 200, ""
            try:
                if write:
                    key = f"{number}-{chance.randrange(30)}"
                    self._put(s3, key, chance)
                elif not self._same(s3, key):
                    status = 0
            except ResponseStreamingError:
                status, retry_after = 503, BROKE_OFF
            except ClientError as error:
                answer = error.response["ResponseMetadata"]
                status = answer["HTTPStatusCode"]
                retry_after = answer["HTTPHeaders"].get("retry-after", "")
            took = time.monotonic() - begun
            self.notes.append(Note(begun, took, write, key, status, retry_after))

    def _put(self, s3: Any, key: str, chance: random.Random) -> None:
        body = os.urandom(chance.choice([100, 5000, 400_000, 3_000_000]))
        self._digests.pop(key, None)  # unknown, if this fails
        s3.put_object(Bucket=self._bucket, Key=key, Body=body)
        self._digests[key] = _digest(body)

    def _same(self, s3: Any, key: str) -> bool:
        body = s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return _digest(body) == self._digests[key]


def fill(server: Server, bucket: str, count: int) -> list[str]:
    """Make a bucket with objects of several sizes; their keys."""
    s3, chance = server.client(), random.Random(count)
    s3.create_bucket(Bucket=bucket)
    keys = [f"k{number:05}" for number in range(count)]
    for key in keys:
        size = chance.choice([100, 1000, 5000, 20_000, 60_000, 300_000])
        s3.put_object(Bucket=bucket, Key=key, Body=os.urandom(size))
    s3.put_object(Bucket=bucket, Key="large", Body=os.urandom(20_000_000))
    return [*keys, "large"]


def _digest(body: bytes) -> bytes:
    return hashlib.md5(body).digest()
