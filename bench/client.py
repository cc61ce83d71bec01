"""The load loop: connections on one epoll, each fed from its own source of operations."""

import mmap
import select
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bench.connection import AnswerError, Connection
from bench.requests import Request

SCRATCH_SIZE = 1 << 20
MAX_ERRORS = 100  # a loop gives up after so many
REQUEST_TIMEOUT_NS = 120 * 10**9
POLL_SECONDS = 0.05

Source = Iterator[Request]


@dataclass(frozen=True)
class Window:
    """When operations count: those that end in [start, end), ns of CLOCK_MONOTONIC."""

    start: int
    end: int

    @classmethod
    def unlimited(cls) -> "Window":
        """Everything counts, until the sources are used up."""
        return cls(0, 1 << 62)


@dataclass
class Tally:
    """What one loop saw inside its window; times in ns, `moved` in bytes."""

    latencies: dict[str, list[int]] = field(default_factory=dict)
    moved: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    client_cpu: int = 0

    def add(self, other: "Tally") -> None:
        """Take in what another loop saw."""
        for kind, latencies in other.latencies.items():
            self.latencies.setdefault(kind, []).extend(latencies)
        self.moved += other.moved
        self.errors += other.errors
        self.client_cpu += other.client_cpu


class LoadLoop:
    """Runs one source of operations on each of its connections."""

    def __init__(self, address: tuple[str, int], sources: Sequence[Source], window: Window) -> None:
        self._scratch = memoryview(mmap.mmap(-1, SCRATCH_SIZE))
        self._window = window
        self._poll = select.epoll()
        self._active: dict[int, tuple[Connection, Source]] = {}
        self._tally = Tally()
        for source in sources:
            connection = Connection(address, self._scratch)
            self._register(connection, source)

    def _register(self, connection: Connection, source: Source) -> None:
        descriptor = connection.socket.fileno()
        self._active[descriptor] = (connection, source)
        self._poll.register(descriptor, select.EPOLLIN)

    def run(self) -> Tally:
        """Drive all connections until the window's end or the end of their sources."""
        for connection, source in list(self._active.values()):
            self._begin(connection, source)
        cpu_at_start: int | None = None
        next_check = 0
        while self._active:
            events = self._poll.poll(POLL_SECONDS)
            now = time.monotonic_ns()
            if cpu_at_start is None and now >= self._window.start:
                cpu_at_start = time.process_time_ns()
            if not self._tally.client_cpu and now >= self._window.end:
                self._tally.client_cpu = time.process_time_ns() - (cpu_at_start or 0)
            for descriptor, mask in events:
                self._handle(descriptor, mask)
            if now > next_check:
                next_check = now + 10**9
                self._expire(now)
        if not self._tally.client_cpu:
            self._tally.client_cpu = time.process_time_ns() - (cpu_at_start or 0)
        return self._tally

    def _begin(self, connection: Connection, source: Source) -> None:
        """Start the source's next operation, or retire the connection."""
        now = time.monotonic_ns()
        given_up = self._tally.errors.total() >= MAX_ERRORS
        request = None if now >= self._window.end or given_up else next(source, None)
        if request is None:
            self._forget(connection)
            connection.socket.close()
            return
        connection.op_began = now
        connection.moved = 0
        self._send(connection, source, request)

    def _send(self, connection: Connection, source: Source, request: Request) -> None:
        try:
            if connection.must_close:
                self._replace(connection, source)
            connection.sent_at = time.monotonic_ns()
            connection.send(request)
            if connection.pending:
                self._poll.modify(connection.socket.fileno(), select.EPOLLIN | select.EPOLLOUT)
        except OSError as error:
            self._fail(connection, source, error)

    def _handle(self, descriptor: int, mask: int) -> None:
        if descriptor not in self._active:
            return
        connection, source = self._active[descriptor]
        try:
            if mask & select.EPOLLOUT:
                connection.flush()
                if not connection.pending:
                    self._poll.modify(descriptor, select.EPOLLIN)
            if not mask & ~select.EPOLLOUT or not connection.receive():
                return
            request = connection.request
            connection.moved += request.moved
            following = request.then(connection.body) if request.then else None
        except (OSError, AnswerError) as error:
            self._fail(connection, source, error)
            return
        if following is not None:
            self._send(connection, source, following)
            return
        self._count(connection)
        self._begin(connection, source)

    def _count(self, connection: Connection) -> None:
        now = time.monotonic_ns()
        if self._window.start <= now < self._window.end:
            latencies = self._tally.latencies.setdefault(connection.request.kind, [])
            latencies.append(now - connection.op_began)
            self._tally.moved += connection.moved

    def _fail(self, connection: Connection, source: Source, error: Exception) -> None:
        """Count the failed operation and go on with the next one on a new connection."""
        self._tally.errors[str(error) or type(error).__name__] += 1
        try:
            self._replace(connection, source)
        except OSError as refused:
            # The server is gone: this connection ends here.
            self._tally.errors[f"cannot connect: {refused}"] += 1
            return
        self._begin(connection, source)

    def _replace(self, connection: Connection, source: Source) -> None:
        self._forget(connection)
        connection.reconnect()
        self._register(connection, source)

    def _forget(self, connection: Connection) -> None:
        descriptor = connection.socket.fileno()
        if self._active.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)

    def _expire(self, now: int) -> None:
        for connection, source in list(self._active.values()):
            if now - connection.sent_at > REQUEST_TIMEOUT_NS:
                self._fail(connection, source, TimeoutError("no answer in time"))
