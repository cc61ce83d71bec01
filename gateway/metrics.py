"""Counters of all workers, in files that outlive each of them.

PROMETHEUS_MULTIPROC_DIR must be set before this module is imported: every process then counts in a
file of its own there, and whoever is asked adds them all up.
"""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """What this process counts; `text` sums up all processes, dead ones included."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._requests = Counter(
            "ocean_requests",
            "Requests answered, by operation and status.",
            ("operation", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "ocean_request_seconds",
            "From a request's head to the end of its answer, by operation.",
            ("operation",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._received = Counter("ocean_received_bytes", "Of request bodies.", registry=registry)
        self._sent = Counter("ocean_sent_bytes", "Of answers' bodies.", registry=registry)
        self._counted: dict[tuple[str, int], Counter] = {}
        self._timed: dict[str, Histogram] = {}

    def record(
        self, operation: str, status: int, *, seconds: float, received: int, sent: int
    ) -> None:
        """Count one answered request."""
        counter = self._counted.get((operation, status))
        if counter is None:
            counter = self._requests.labels(operation, str(status))
            self._counted[operation, status] = counter
            self._timed[operation] = self._seconds.labels(operation)
        counter.inc()
        self._timed[operation].observe(seconds)
        if received:
            self._received.inc(received)
        if sent:
            self._sent.inc(sent)

    @staticmethod
    def text() -> bytes:
        """All processes' counters in Prometheus' text format."""
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
