"""Clients without retries: each does what it likes, and writes down what it was told."""

import hashlib
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from random import Random
from xml.etree import ElementTree as ET

from tests.faults.client import Answer, Broken, Client
from tests.nemesis.history import History, Names, Violation
from tests.nemesis.rig import DEADLINE
from tests.support.linear import Entry
from tests.support.server import Server

KEYS = 4  # that are busy at a time
SPAN = 3.0  # seconds after which others are: a search takes long where much is unknown
REST = 0.5  # seconds after a 503
_SIZES = (400, 400, 400, 4_000, 200_000)
_REFUSED = {"SlowDown", "ServiceUnavailable"}


class Asker:
    """One client of two servers; every answer is inside its deadline and none is a surprise."""

    def __init__(
        self, servers: tuple[Server, Server], bucket: str, history: History, random: Random
    ) -> None:
        self.bucket = bucket
        self.history = history
        self.random = random
        self._stack = ExitStack()
        self._clients = [self._stack.enter_context(Client(s, DEADLINE)) for s in servers]

    def close(self) -> None:
        self._stack.close()

    def ask(
        self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer | None:
        """The answer; None: 503, and what was asked for may be done or not."""
        client = self.random.choice(self._clients)
        begun = time.monotonic()
        try:
            answer = client.ask(method, f"/{self.bucket}{target}", body, headers)
        except Broken as error:
            raise Violation(f"{method} {target} was not answered: {error}") from error
        self.history.took(time.monotonic() - begun)
        told_late = method == "POST" and answer.code in _REFUSED  # Complete had sent its 200
        if answer.status == 503 or told_late:
            assert answer.code in _REFUSED, answer.body
            self.history.count_refused()
            time.sleep(REST)
            return None
        if answer.status not in {200, 204, 206, 404, 409, 412}:
            raise Violation(f"{method} {target}: {answer.status} {answer.body!r}")
        return answer

    # ------------------------------------------------------------------ registers (H1, H2, H5)

    def put(self, key: str, condition: str | None = None) -> None:
        """`condition`: None, "*" for no object, or the value that must be there."""
        value = self.history.value()
        body = _body(value, self.random.choice(_SIZES))
        self.history.wrote(value, _etag(body))
        headers = {}
        if condition == "*":
            headers = {"if-none-match": "*"}
        elif condition is not None:
            headers = {"if-match": self.history.etags[condition]}
        one = self.history.asked("put", key, value, condition)
        answer = self.ask("PUT", f"/{key}", body, headers)
        if answer is None:
            return
        if answer.status == 409 or (answer.status == 404 and condition not in {None, "*"}):
            self.history.never(key, one)
        elif answer.status == 412:
            self.history.answered(one, "failed")
        else:
            assert answer.status == 200, answer
            self.history.answered(one, answer.headers.get("x-amz-version-id", "null"))

    def delete(self, key: str) -> None:
        one = self.history.asked("delete", key)
        answer = self.ask("DELETE", f"/{key}")
        if answer is not None:
            self.history.answered(one, answer.headers.get("x-amz-version-id", "gone"))

    def get(self, key: str) -> str | None:
        """The value read, if it was."""
        one = self.history.asked("get", key, None)
        part = {"range": "bytes=-200"} if self.random.random() < 0.3 else {}
        answer = self.ask("GET", f"/{key}", headers=part)
        if answer is None:
            self.history.never(key, one)
            return None
        value = None
        if answer.status != 404:
            words = set(answer.body.split()[1:-1])  # of a range the first may be a half
            if len(words) != 1:
                raise Violation(f"{key!r} holds of several objects: {sorted(words)[:5]}")
            value = words.pop().decode()
        self.history.answered(one, value and (value, ""))
        return value

    def look(self, key: str) -> bool:
        """All versions of a key, once nobody writes it; False: 503."""
        one = self.history.asked("list", key)
        answer = self.ask("GET", f"?versions&prefix={key}")
        if answer is None:
            self.history.never(key, one)
            return False
        entries, latest = [], 0
        for element in ET.fromstring(answer.body):
            kind = element.tag.rpartition("}")[2]
            told = {child.tag.rpartition("}")[2]: child.text or "" for child in element}
            if kind not in {"Version", "DeleteMarker"}:
                continue
            latest += told["IsLatest"] == "true"
            value = self.history.values[told["ETag"].strip('"')] if kind == "Version" else None
            entries.append(Entry(value, told["VersionId"]))
        if latest != (1 if entries else 0):
            raise Violation(f"{latest} versions of {key!r} are the latest")
        self.history.answered(one, tuple(entries))
        return True

    # ----------------------------------------------------------------------- multipart (H7)

    def upload(self, key: str) -> None:
        """In one part, sent twice; Complete is asked for until it is answered."""
        begun = self.ask("POST", f"/{key}?uploads")
        if begun is None:
            return
        [upload] = begun.texts("UploadId")
        bodies = {}
        for _ in range(2):
            value = self.history.value()
            body = _body(value, 4_000)
            sent = self.ask("PUT", f"/{key}?partNumber=1&uploadId={upload}", body)
            if sent is None:
                return
            bodies = {sent.headers["etag"].strip('"'): value}  # the last one counts
        [(etag, value)] = bodies.items()
        whole = hashlib.md5(bytes.fromhex(etag)).hexdigest() + "-1"
        self.history.wrote(value, whole)
        document = (
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
            f"<ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
        )
        one = self.history.asked("put", key, value, None)
        for _ in range(20):
            answer = self.ask("POST", f"/{key}?uploadId={upload}", document.encode())
            if answer is not None:
                break
        else:
            return
        if answer.status != 200 or b"<ETag>" not in answer.body:
            raise Violation(f"Complete of {key!r}: {answer.status} {answer.body!r}")
        self.history.answered(one, answer.headers.get("x-amz-version-id", "null"))

    # ----------------------------------------------------------------------- listings (H3)

    def come_and_go(self, names: Names, prefix: str, number: int) -> None:
        """A new name, and now and then one goes."""
        name = f"{prefix}{number:05}-{self.random.randrange(1000):03}"
        names.move(name, names.wanted)
        if self.ask("PUT", f"/{name}", b"x") is not None:
            names.move(name, names.there)
        ours = [known for known in names.some() if known.startswith(prefix)]
        if len(ours) > 20 and self.random.random() < 0.3:
            leaving = self.random.choice(ours)
            names.move(leaving, names.leaving)
            if self.ask("DELETE", f"/{leaving}") is not None:
                names.move(leaving, names.gone)

    def list(self, names: Names, prefix: str) -> bool:
        """Page by page; whether it came to its end."""
        before = names.before()
        listed: list[str] = []
        token = ""
        size = self.random.choice((7, 50, 300))
        while True:
            more = f"&continuation-token={token}" if token else ""
            answer = self.ask("GET", f"?list-type=2{more}&max-keys={size}&prefix={prefix}")
            if answer is None:
                return False
            listed += answer.texts("Key")
            if answer.texts("IsTruncated") == ["false"]:
                break
            [token] = answer.texts("NextContinuationToken")
            token = token.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
        names.judge(listed, before)
        return True


class Crowd:
    """Clients at work in threads of their own until `end`; the first failure is raised there."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._failures: list[BaseException] = []

    def begin(self, asker: Asker, act: Callable[[Asker, int], object]) -> None:
        """Let a client do `act` again and again; it is told how often it did before."""

        def run() -> None:
            number = 0
            try:
                while not self._over.is_set() and not self._failures:
                    act(asker, number)
                    number += 1
            except BaseException as error:
                self._failures.append(error)
            finally:
                asker.close()

        thread = threading.Thread(target=run)
        self._threads.append(thread)
        thread.start()

    @property
    def failed(self) -> bool:
        """Whether a client has seen what must not be."""
        return bool(self._failures)

    def give_up(self) -> None:
        """End them, whatever they saw."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def end(self) -> None:
        self.give_up()
        if self._failures:
            raise self._failures[0]


def registers(asker: Asker, _number: int) -> None:
    """Something, with one of the keys whose time it is."""
    span = int(time.monotonic() / SPAN)
    key = f"r/{span}-{asker.random.randrange(KEYS)}."
    point = asker.random.random()
    if point < 0.3:
        asker.put(key)
    elif point < 0.4:
        asker.put(key, "*")
    elif point < 0.5:
        seen = asker.get(key)
        if seen is not None:
            asker.put(key, seen)
    elif point < 0.6:
        asker.delete(key)
    elif point < 0.65:
        asker.upload(key)
    else:
        asker.get(key)


def _body(value: str, size: int) -> bytes:
    word = value.encode() + b" "
    return word * max(3, size // len(word))


def _etag(body: bytes) -> str:
    return hashlib.md5(body).hexdigest()
