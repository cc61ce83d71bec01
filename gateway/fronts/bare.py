"""The front of the S3 port: asyncio protocols on uvloop, and no layer above them.

A request costs one task and no timer: one clock looks at the deadlines of all connections.
"""

import asyncio
import socket
import ssl
from collections import Counter

from gateway.fronts.accepting import Acceptor
from gateway.fronts.connection import Connection
from gateway.fronts.heads import Dates
from gateway.http import Handler
from gateway.shares import Share, whole
from ocean.config.schema import Limits

_TICK_SECONDS = 1.0  # at most, between looks at the deadlines
_POLL_SECONDS = 0.02


class Front:
    """Serves one handler on any number of listening sockets.

    `share` is of the connections that the workers have between them.
    """

    def __init__(
        self,
        handler: Handler,
        limits: Limits,
        *,
        tls: ssl.SSLContext | None = None,
        share: Share | None = None,
    ) -> None:
        self.handler = handler
        self.limits = limits
        self.tls = tls
        self.dates = Dates()
        self.draining = False
        self.connections: set[Connection] = set()
        self.admitted = 0  # of these, the ones within the limits
        self.peers: Counter[str] = Counter()  # the admitted by client address
        self._share = share or whole()
        self._acceptors: list[Acceptor] = []
        self._clock: asyncio.TimerHandle | None = None
        shortest = min(limits.header_seconds, limits.body_seconds, limits.idle_seconds)
        self._tick_seconds = min(_TICK_SECONDS, shortest / 4)

    async def listen(self, sock: socket.socket) -> None:
        """Accept connections of a bound socket, which is closed when the drain begins."""
        acceptor = Acceptor(
            sock,
            lambda: Connection(self),
            self._leave,
            tls=self.tls,
            handshake_seconds=self.limits.header_seconds,
        )
        self._acceptors.append(acceptor)
        self._count()
        if self._clock is None:
            self._tick()

    def _leave(self) -> bool:
        """Whether another worker should take the next connection."""
        self._count()
        return self._share.large

    def _count(self) -> None:
        opening = sum(acceptor.opening for acceptor in self._acceptors)
        self._share.set(len(self.connections) + opening)

    def enter(self, connection: Connection) -> None:
        """A connection is open."""
        self.connections.add(connection)
        self._count()

    def part(self, connection: Connection) -> None:
        """A connection is gone."""
        self.connections.discard(connection)
        self._count()

    def admit(self, peer: str) -> bool:
        """Count a connection of a client address, unless there are enough."""
        limits = self.limits
        if (
            self.admitted >= limits.connections
            or self.peers[peer] >= limits.connections_per_address
        ):
            return False
        self.admitted += 1
        self.peers[peer] += 1
        return True

    def dismiss(self, peer: str) -> None:
        """An admitted connection is gone."""
        self.admitted -= 1
        self.peers[peer] -= 1
        if not self.peers[peer]:
            del self.peers[peer]

    async def drain(self, seconds: float) -> None:
        """Accept nothing more, let requests in flight end, then close every connection."""
        self.draining = True
        for acceptor in self._acceptors:
            acceptor.close()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self.connections and loop.time() < deadline:
            for connection in list(self.connections):
                connection.end_if_idle()
            await asyncio.sleep(_POLL_SECONDS)
        tasks = [connection.end() for connection in list(self.connections)]
        await asyncio.gather(*(task for task in tasks if task), return_exceptions=True)
        if self._clock is not None:
            self._clock.cancel()

    def _tick(self) -> None:
        """Look at every deadline."""
        loop = asyncio.get_running_loop()
        self._clock = loop.call_later(self._tick_seconds, self._tick)
        now = loop.time()
        late = [connection for connection in self.connections if connection.deadline <= now]
        for connection in late:
            connection.expire()
