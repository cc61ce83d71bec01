"""What clients asked and were told, and whether S3 promises it."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from tests.support.linear import Entry, Operation, explains


class Violation(AssertionError):
    """The store broke a promise."""


class History:
    """Of one bucket. Every value is written once, so that who reads it knows who wrote it."""

    def __init__(self) -> None:
        self.by_key: dict[str, list[Operation]] = defaultdict(list)
        self.values: dict[str, str] = {}  # by ETag
        self.etags: dict[str, str] = {}  # by value
        self.refused = 0
        self.answered_count = 0
        self.slowest = 0.0
        self._lock = threading.Lock()
        self._values = 0

    def value(self) -> str:
        """A fresh one."""
        with self._lock:
            self._values += 1
            return f"v{self._values}"

    def wrote(self, value: str, etag: str) -> None:
        """Before it is asked for: it may be read before it is answered."""
        self.values[etag], self.etags[value] = value, etag

    def asked(self, kind: str, key: str, *args: Any) -> Operation:
        one = Operation(kind, time.monotonic(), args)
        with self._lock:
            self.by_key[key].append(one)
        return one

    def answered(self, one: Operation, result: Any) -> None:
        one.ended, one.result = time.monotonic(), result
        with self._lock:
            self.answered_count += 1

    def never(self, key: str, one: Operation) -> None:
        """It was not done, or is of no account."""
        with self._lock:
            self.by_key[key].remove(one)

    def took(self, seconds: float) -> None:
        with self._lock:
            self.slowest = max(self.slowest, seconds)

    def count_refused(self) -> None:
        with self._lock:
            self.refused += 1

    def judge(self) -> None:
        """Violation unless everything that was seen of each key can be explained."""
        for key, seen in self.by_key.items():
            if not any(explains(some) for some in _likely(seen)):
                told = "\n".join(map(str, sorted(seen, key=lambda one: one.begun)))
                raise Violation(f"no order explains what {key!r} showed:\n{told}")


def _likely(seen: list[Operation]) -> Iterable[list[Operation]]:
    """Of what was never answered, first only writes whose values somebody saw, then all.

    A history that the first explains is explained: the others may as well never happen.
    """
    shown = {value for one in seen for value in _shown(one)}
    unknown = [one for one in seen if one.result is ...]
    answered = [one for one in seen if one.result is not ...]
    noticed = [one for one in unknown if one.kind == "put" and one.args[0] in shown]
    deletes = [one for one in unknown if one.kind == "delete"]
    yield answered + noticed
    if deletes:
        yield answered + noticed + deletes
    if len(noticed) + len(deletes) < len(unknown):
        yield seen


def _shown(one: Operation) -> Iterable[str | None]:
    if one.kind == "get" and isinstance(one.result, tuple):
        yield one.result[0]
    elif one.kind == "list" and isinstance(one.result, tuple):
        entries: tuple[Entry, ...] = one.result
        yield from (entry.value for entry in entries)
    elif one.kind == "put" and one.result not in {..., "failed"}:
        yield one.args[1]


class Names:
    """Of keys written once: which a listing must show, and which it must not."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.wanted: set[str] = set()  # a PUT was sent
        self.there: set[str] = set()  # a PUT was answered, and no DELETE was sent
        self.leaving: set[str] = set()  # a DELETE was sent
        self.gone: set[str] = set()  # a DELETE was answered

    def move(self, name: str, *to: set[str]) -> None:
        """Add the name to these sets; one that is leaving is not there for sure."""
        with self._lock:
            for names in to:
                names.add(name)
            if any(names is self.leaving for names in to):
                self.there.discard(name)

    def some(self) -> list[str]:
        with self._lock:
            return list(self.there)

    def before(self) -> tuple[set[str], set[str]]:
        """At the beginning of a listing: what it must show, unless it leaves, and what not."""
        with self._lock:
            return set(self.there), set(self.gone)

    def judge(self, listed: list[str], before: tuple[set[str], set[str]]) -> None:
        """Violation if a listing that began then has gaps, repeats or ghosts."""
        there, gone = before
        shown = set(listed)
        if listed != sorted(shown):
            raise Violation(f"not in order, or twice: {listed}")
        with self._lock:
            missing = there - shown - self.leaving
            ghosts = shown - self.wanted | shown & gone
        if missing or ghosts:
            raise Violation(f"a listing lacks {sorted(missing)[:9]}, shows {sorted(ghosts)[:9]}")
