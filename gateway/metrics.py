"""Counters of all workers, in files that outlive each of them.

PROMETHEUS_MULTIPROC_DIR must be set before this module is imported: every process then counts in a
file of its own there, and whoever is asked adds them all up.
"""

import asyncio
from bisect import bisect_left
from collections import Counter as Tally
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest, multiprocess
from prometheus_client.utils import floatToGoString
from prometheus_client.values import ValueClass

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_BOUNDS = tuple(map(floatToGoString, (*_SECONDS, float("inf"))))
_FLUSH_SECONDS = 1.0  # an unflushed second of counts is what a killed worker takes with it

_REQUESTS = "ocean_requests"
_DURATION = "ocean_request_seconds"
_HELP = {
    _REQUESTS: "Requests answered, by operation and status.",
    _DURATION: "From a request's head to the beginning of its answer, by operation.",
    "ocean_received_bytes": "Of request bodies.",
    "ocean_sent_bytes": "Of answers' bodies.",
}
_Sample = tuple[str, str, str, tuple[str, ...], tuple[str, ...]]


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
        self._flushing: asyncio.TimerHandle | None = None

    def record(
        self, operation: str, status: int, *, seconds: float, received: int, sent: int
    ) -> None:
        """Count one answered request."""
        self._tally[operation, status, bisect_left(_SECONDS, seconds)] += 1
        self._seconds[operation] += seconds  # type: ignore[assignment]
        self._received += received
        self._sent += sent
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what was tallied to this process's file."""
        self._flushing = None
        for (operation, status, bucket), count in self._tally.items():
            if operation not in self._known:
                self._begin(operation)
            labels = (operation, str(status))
            self._add("counter", _REQUESTS, "_total", ("operation", "status"), labels, count)
            bound = (operation, _BOUNDS[bucket])
            self._add("histogram", _DURATION, "_bucket", ("operation", "le"), bound, count)
        for operation, seconds in self._seconds.items():
            self._add("histogram", _DURATION, "_sum", ("operation",), (operation,), seconds)
        self._add("counter", "ocean_received_bytes", "_total", (), (), self._received)
        self._add("counter", "ocean_sent_bytes", "_total", (), (), self._sent)
        self._tally.clear()
        self._seconds.clear()
        self._received = self._sent = 0

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
        sample = (kind, metric, metric + suffix, names, labels)
        value = self._values.get(sample)
        if value is None:
            value = self._values[sample] = ValueClass(*sample, _HELP[metric])
        value.inc(amount)

    def text(self) -> bytes:
        """All processes' counters in Prometheus' text format."""
        self.flush()
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
