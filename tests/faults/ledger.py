"""What writers were told, and what a store may therefore say."""

import hashlib
import threading
from collections.abc import Iterator
from random import Random

from tests.faults.client import Answer, Broken, Client
from tests.support.server import Server

_SIZES = (0, 100, 4096, 70_000, 140_000, 300_000)


class Ledger:
    """By path: the last acknowledged content (None: deleted), and what was sent since unanswered.

    Each writer has keys of its own, so that what one key may hold is known exactly.
    """

    def __init__(self) -> None:
        self.acknowledged: dict[str, str | None] = {}
        self.unanswered: dict[str, list[str | None]] = {}
        self.versions: dict[str, str] = {}
        self.count = 0
        self._lock = threading.Lock()

    def write(self, client: Client, path: str, body: bytes | None) -> None:
        """Put, or delete when there is no body; Broken."""
        md5 = None if body is None else hashlib.md5(body).hexdigest()
        with self._lock:
            self.unanswered.setdefault(path, []).append(md5)
        answer = client.ask("PUT" if body is not None else "DELETE", path, body or b"")
        if answer.status in (503, 507):
            return  # refused, or not known: both may be
        assert answer.status in (200, 204), (answer.status, answer.body)
        with self._lock:
            self.count += 1
            self.acknowledged[path] = md5
            self.unanswered[path] = []
            version = answer.headers.get("x-amz-version-id")
            if version and md5:
                self.versions[f"{path}?versionId={version}"] = md5

    def wrong(self, client: Client) -> Iterator[str]:
        """Paths that hold what they must not."""
        for path in sorted({*self.acknowledged, *self.unanswered}):
            seen = content_of(client.ask("GET", path))
            allowed = [self.acknowledged.get(path), *self.unanswered.get(path, ())]
            if seen not in allowed:
                yield f"{path} holds {seen} and not one of {allowed}"
            self.acknowledged[path], self.unanswered[path] = seen, []

    def wrong_versions(self, client: Client) -> Iterator[str]:
        """Acknowledged versions that are not as they were."""
        for path, md5 in self.versions.items():
            seen = content_of(client.ask("GET", path))
            if seen != md5:
                yield f"{path} holds {seen} and not {md5}"


def content_of(answer: Answer) -> str | None:
    """MD5 of a body, None of what is not there, else the status."""
    if answer.status == 404:
        return None
    assert answer.status != 200 or len(answer.body) == int(answer.headers["content-length"])
    return hashlib.md5(answer.body).hexdigest() if answer.status == 200 else str(answer.status)


class Writers:
    """Threads that write until the server is gone."""

    def __init__(self, server: Server, ledger: Ledger, count: int, seed: str) -> None:
        self._server = server
        self._ledger = ledger
        self._end = threading.Event()
        self.failures: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._run, args=(writer, f"{seed} {writer}"))
            for writer in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """End them; raises what one of them raised."""
        self._end.set()
        for thread in self._threads:
            thread.join()
        if self.failures:
            raise self.failures[0]

    def _run(self, writer: int, seed: str) -> None:
        chance = Random(seed)
        try:
            with Client(self._server) as client:
                while not self._end.is_set():
                    path = (
                        f"/{chance.choice(('plain', 'versioned'))}/{writer}-{chance.randrange(4)}"
                    )
                    body = None
                    if chance.random() < 0.85:
                        body = chance.randbytes(16) * (chance.choice(_SIZES) // 16)
                    self._ledger.write(client, path, body)
        except Broken:
            return
        except BaseException as error:
            self.failures.append(error)
