"""Connections are shared out evenly between the workers, which listen on one socket.

Whoever wakes first would take all that wait: of 16 at once, one worker of two took from 5 to 16. So
each takes one at a time, and a worker that has more than another leaves it the next.
"""

import asyncio
import errno
import logging
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from gateway.sockets import BACKLOG

_TURN = 0.005  # seconds that a worker with fewer connections has to take one
_PAUSE = 0.1  # seconds until it is tried again, when nothing can be accepted
_EXHAUSTED = (errno.EMFILE, errno.ENFILE)

log = logging.getLogger(__name__)


def _spare() -> int:
    """A descriptor that is given up when there is no other left."""
    return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)


class Acceptor:
    """Takes connections of a listening socket into the running loop.

    `leave` tells whether another process should take the next one: it is given a moment.
    """

    def __init__(
        self,
        sock: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        leave: Callable[[], bool],
        *,
        tls: ssl.SSLContext | None,
        handshake_seconds: float,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._protocol = protocol
        self._leave = leave
        self._tls = tls
        self._handshake_seconds = handshake_seconds if tls is not None else None
        self._begun: set[asyncio.Task[None]] = set()  # connections that are being opened
        self._timer: asyncio.TimerHandle | None = None
        self._spare: int | None = _spare()
        sock.setblocking(False)  # noqa: FBT003
        self._loop.add_reader(sock, self._ready)

    @property
    def opening(self) -> int:
        """Connections that were taken and that the protocol has not seen yet."""
        return len(self._begun)

    def close(self) -> None:
        """Accept nothing more; may be called again."""
        if self._sock.fileno() < 0:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._sock)
        self._sock.close()
        if self._spare is not None:
            os.close(self._spare)

    def _ready(self) -> None:
        if self._leave():
            self._rest(_TURN)
        else:
            self._take()

    def _rest(self, seconds: float) -> None:
        self._loop.remove_reader(self._sock)
        self._timer = self._loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        self._timer = None
        self._loop.add_reader(self._sock, self._ready)
        self._take()

    def _take(self) -> None:
        try:
            accepted, _ = self._sock.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another took it, or the client is gone
        except OSError as error:
            log.warning("no connection can be accepted: %s", error)
            if error.errno in _EXHAUSTED:
                self._refuse()
            self._rest(_PAUSE)
            return
        task = self._loop.create_task(self._open(accepted))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)

    def _refuse(self) -> None:
        """Close what waits: later its clients would be gone, and their requests still be served."""
        spare, self._spare = self._spare, None
        if spare is not None:
            os.close(spare)
        with suppress(OSError):  # nothing waits any more, or others took the descriptor
            for _ in range(BACKLOG):
                accepted, _ = self._sock.accept()
                accepted.close()
        with suppress(OSError):  # tried again the next time
            self._spare = _spare()

    async def _open(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(
                self._protocol,
                accepted,
                ssl=self._tls,
                ssl_handshake_timeout=self._handshake_seconds,
            )
        except OSError as error:  # of TLS, or the client is gone
            accepted.close()
            log.debug("a connection was not opened: %s", error)
