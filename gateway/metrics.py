"""Counters of all workers, in files that outlive each of them.

PROMETHEUS_MULTIPROC_DIR must be set before this module is imported: every process then counts in a
file of its own there, and whoever is asked adds them all up.
"""

import asyncio
import errno
import logging
import os
import time
from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest, multiprocess
from prometheus_client.utils import floatToGoString
from prometheus_client.values import ValueClass

from ocean.jobs.expire import Figures
from ocean.lifecycle import passes

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_BOUNDS = tuple(map(floatToGoString, (*_SECONDS, float("inf"))))
_FILE_BYTES = 1 << 19  # room for every operation with all its buckets
_SPARED_BYTES = 16 << 20  # of the disk: the last of it is for removals
_MODE = "mostrecent"  # of gauges: whoever set one last is right
FLUSH_SECONDS = 1.0  # an unflushed second of counts is what a killed worker takes with it

_REQUESTS = "ocean_requests"
_DURATION = "ocean_request_seconds"
_CACHE = "ocean_cache_rows"
_ACTIONS = "ocean_lifecycle_actions"
_LIFECYCLE_ROWS = "ocean_lifecycle_rows"
_LIFECYCLE_LEFT = "ocean_lifecycle_left"
_LIFECYCLE = {
    "ocean_lifecycle_full_timestamp_seconds": "When the oldest of the last full passes began.",
    "ocean_lifecycle_overdue_seconds": "Of the longest overdue thing that these passes found.",
    "ocean_lifecycle_buckets_waiting": "Buckets that wait for a pass, or for its end.",
}
_HELP = {
    _REQUESTS: "Requests answered, by operation and status.",
    _DURATION: "From a request's head to the beginning of its answer, by operation.",
    "ocean_received_bytes": "Of request bodies.",
    "ocean_sent_bytes": "Of answers' bodies.",
    _CACHE: "Rows asked of memcached: hit, miss, barred (being changed), failed.",
    _ACTIONS: "What lifecycle rules did, by action.",
    _LIFECYCLE_ROWS: "Rows that lifecycle passes read.",
    _LIFECYCLE_LEFT: "What was due and stayed: locked, or failed (could not be read or changed).",
    **_LIFECYCLE,
}
_Sample = tuple[str, str, str, tuple[str, ...], tuple[str, ...]]

log = logging.getLogger(__name__)


class Metrics:
    """What this process counts; `text` sums up all processes, dead ones included.

    Requests are tallied in plain memory (a tenth of the cost of the shared file) and flushed a
    second later.
    """

    def __init__(self) -> None:
        self._tally: Tally[tuple[str, int, int]] = Tally()
        self._seconds: Tally[str] = Tally()
        self._received = self._sent = 0
        self._values: dict[_Sample, Any] = {}
        self._known: set[str] = set()
        self.cache: Callable[[], dict[str, int]] | None = None  # what the cache counted so far
        self._told: dict[str, int] = {}
        self._expired = passes.Tally()
        self._gauges: dict[str, float] = {}
        self._warned = False
        self._allocated = self._allocate()
        self._flushing: asyncio.TimerHandle | None = None

    def record(
        self, operation: str, status: int, *, seconds: float, received: int, sent: int
    ) -> None:
        """Count one answered request."""
        self._tally[operation, status, bisect_left(_SECONDS, seconds)] += 1
        self._seconds[operation] += seconds  # type: ignore[assignment]
        self._received += received
        self._sent += sent
        self._flush_soon()

    def lifecycle(self, figures: Figures) -> None:
        """Count what lifecycle rules did, and show how far they are."""
        now = figures.standing
        self._expired = passes.total([self._expired, figures.tally])
        values = (now.full_ms / 1000, now.overdue_ms / 1000, now.waiting)
        self._gauges = dict(zip(_LIFECYCLE, values, strict=True))
        self._flush_soon()

    def _flush_soon(self) -> None:
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what was tallied to this process's files; without room for them, keep it."""
        self._flushing = None
        self._allocated = self._allocated or self._allocate()
        if not self._allocated:
            return
        for (operation, status, bucket), count in self._tally.items():
            if operation not in self._known:
                self._begin(operation)
            labels = (operation, str(status))
            self._add("counter", _REQUESTS, "_total", ("operation", "status"), labels, count)
            bound = (operation, _BOUNDS[bucket])
            self._add("histogram", _DURATION, "_bucket", ("operation", "le"), bound, count)
        for operation, seconds in self._seconds.items():
            self._add("histogram", _DURATION, "_sum", ("operation",), (operation,), seconds)
        for outcome, count in self._cached().items():
            self._add("counter", _CACHE, "_total", ("outcome",), (outcome,), count)
        self._flush_lifecycle()
        self._add("counter", "ocean_received_bytes", "_total", (), (), self._received)
        self._add("counter", "ocean_sent_bytes", "_total", (), (), self._sent)
        self._tally.clear()
        self._seconds.clear()
        self._received = self._sent = 0

    def _flush_lifecycle(self) -> None:
        done = self._expired
        for action, count in done.actions.items():
            self._add("counter", _ACTIONS, "_total", ("action",), (action,), count)
        for why, count in (("locked", done.locked), ("failed", done.failed)):
            self._add("counter", _LIFECYCLE_LEFT, "_total", ("why",), (why,), count)
        self._add("counter", _LIFECYCLE_ROWS, "_total", (), (), done.rows)
        for name, value in self._gauges.items():
            self._value(("gauge", name, name, (), ())).set(value, time.time())
        self._expired = passes.Tally()
        self._gauges.clear()

    def _cached(self) -> dict[str, int]:
        """What the cache counted since the last time."""
        now = self.cache() if self.cache is not None else {}
        new = {outcome: count - self._told.get(outcome, 0) for outcome, count in now.items()}
        self._told = now
        return new

    def _allocate(self) -> bool:
        """Whether this process's files have all their pages.

        They are mapped: a page that a full disk could not give would end the process (SIGBUS).
        """
        folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        try:
            for kind in ("counter", "histogram", f"gauge_{_MODE}") if folder else ():
                _allocate(Path(folder or "", f"{kind}_{os.getpid()}.db"))
        except OSError as error:
            if not self._warned:
                log.warning("requests are counted in memory only until there is room: %s", error)
            self._warned = True
            return False
        return True

    def _begin(self, operation: str) -> None:
        """A histogram has all its buckets from the start."""
        self._known.add(operation)
        for bound in _BOUNDS:
            self._add("histogram", _DURATION, "_bucket", ("operation", "le"), (operation, bound), 0)

    def _add(
        self,
        kind: str,
        metric: str,
        suffix: str,
        names: tuple[str, ...],
        labels: tuple[str, ...],
        amount: float,
    ) -> None:
        self._value((kind, metric, metric + suffix, names, labels)).inc(amount)

    def _value(self, sample: _Sample) -> Any:
        """Where a sample is kept."""
        value = self._values.get(sample)
        if value is None:
            value = ValueClass(*sample, _HELP[sample[1]], multiprocess_mode=_MODE)
            self._values[sample] = value
        return value

    def text(self) -> bytes:
        """All processes' counters in Prometheus' text format."""
        self.flush()
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def _allocate(path: Path) -> None:
    """Make the file whole or not at all. OSError where only what is spared is left of the disk."""
    if path.exists():
        return
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        system = os.fstatvfs(file.fileno())
        if system.f_bavail * system.f_frsize < _SPARED_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.posix_fallocate(file.fileno(), 0, _FILE_BYTES)
    fresh.rename(path)
