"""The reference front: aiohttp's parser and connections, with our own request and answer objects.

The hooks of aiohttp's low-level server (handler, request_factory) are given objects of our own, so
that a request costs neither aiohttp's request nor its response classes, its head is taken as
received, and an answer of whole bytes leaves in one write.
"""

import asyncio
import logging
import socket
import ssl
from collections import Counter
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_exceptions import InvalidURLError, LineTooLong
from aiohttp.http_parser import RawRequestMessage

from gateway.fronts.exchange import Exchange
from gateway.fronts.heads import Dates, head, refusal
from gateway.fronts.outlet import Outlet
from gateway.http import Handler
from gateway.sockets import BACKLOG
from ocean import errors
from ocean.config.schema import Limits

_LINE_SIZE = 8190  # bytes of the request line: an escaped key of 1,024 bytes, and a long query
_FIELD_SIZE = 8190  # bytes of one header field
_FIELDS = 128
_HEAD_SIZE = 64 << 10  # bytes of a whole head
_MANY_FIELDS = 16  # from which on the size of a head is added up
_READ_SIZE = 256 << 10
_LINGER_SECONDS = 5.0  # for the rest of a refused body, so that the client can read why
_PARTING_SECONDS = 2.0  # to drop what is still sent to a connection that was answered and closed
_FAREWELL_SECONDS = 1.0  # for an idle client to close TLS in turn: most read nothing meanwhile
_POLL_SECONDS = 0.02

log = logging.getLogger(__name__)


class Connection(web.RequestHandler):
    """One client connection: aiohttp's, with limits on heads and S3's form of errors."""

    __slots__ = (
        "_gone",
        "_head_size",
        "_head_timer",
        "_parting",
        "exchange",
        "front",
        "half_closed",
        "outlet",
        "peer",
        "secure",
    )

    def __init__(self, front: "Front") -> None:
        super().__init__(
            front,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=front.limits.idle_seconds,
            access_log=None,  # type: ignore[arg-type]
            max_line_size=_LINE_SIZE,
            max_headers=_FIELDS,
            max_field_size=_FIELD_SIZE,
            lingering_time=_LINGER_SECONDS,
            read_bufsize=_READ_SIZE,
            auto_decompress=False,
            tcp_keepalive=False,
        )
        self.front = front
        self.exchange: Exchange | None = None
        self.half_closed = False
        self.outlet: Outlet | None = None
        self.peer = ""
        self.secure = front.tls is not None
        self._head_size = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._gone: asyncio.Event | None = None

    @property
    def limits(self) -> Limits:
        return self.front.limits

    @property
    def dates(self) -> Dates:
        return self.front.dates

    @property
    def ending(self) -> bool:
        """Whether no further request may come on this connection."""
        return self.half_closed or self.front.draining

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.outlet = Outlet(transport, self.limits.write_seconds)
        name = transport.get_extra_info("peername")
        self.peer = name[0] if name else ""
        self.front.peers[self.peer] += 1
        limits = self.limits
        if (
            len(self.front.connections) > limits.connections
            or self.front.peers[self.peer] > limits.connections_per_address
        ):
            self._turn_away(errors.SlowDown())

    def connection_lost(self, exc: BaseException | None) -> None:
        self._head_came()
        self.front.peers[self.peer] -= 1
        if not self.front.peers[self.peer]:
            del self.front.peers[self.peer]
        if self._gone is not None:
            self._gone.set()
        if self.outlet is not None:
            self.outlet.resume()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.outlet is not None:
            self.outlet.pause()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.outlet is not None:
            self.outlet.resume()

    def data_received(self, data: bytes) -> None:
        if self._gone is not None:
            return
        super().data_received(data)
        if not self._messages:
            if self._waiter is not None and data:
                self._part_of_head(len(data))
        elif self.exchange is not None and not isinstance(self._messages[-1][0], RawRequestMessage):
            self.exchange.break_off()  # aiohttp queues the error, but tells no reader of the body

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """The client ends its side: it still gets the answer to a request that it has sent."""
        self.half_closed = True
        if self._gone is not None:
            self._gone.set()
        busy = self.exchange is not None and not self.exchange.finished
        if self.secure or not (busy or self._messages):
            return None
        if self.exchange is not None:
            self.exchange.break_off()
        return True

    def begin(self, exchange: Exchange) -> None:
        """The head of a request is complete."""
        self._head_came()
        self.exchange = exchange

    def end_if_idle(self) -> None:
        """Close the connection unless a request is on its way through."""
        transport = self.transport
        if transport is not None and self._waiter is not None and not self._messages:
            self.force_close()
            if self.secure:
                self._loop.call_later(_FAREWELL_SECONDS, transport.abort)

    def handle_error(  # type: ignore[override]
        self,
        request: Any,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002
    ) -> Exchange:
        """aiohttp could not parse the request, or a handler raised: answer and close."""
        exchange: Exchange = request
        if exchange.response is not None:
            raise ConnectionAbortedError("an answer was begun already")
        error: errors.S3Error = errors.InternalError()
        if status < 500:
            error = _parse_error(exc)
        else:
            log.error("a request failed", exc_info=exc)
        exchange.refuse(error)
        return exchange

    async def part(self) -> None:
        """End our side and drop the rest of the client's, for a while.

        Closing with input unread would reset the connection, and the client might lose the answer.
        """
        transport = self.transport
        if transport is None:
            return
        self._gone = asyncio.Event()
        if transport.can_write_eof():
            transport.write_eof()
        try:
            async with asyncio.timeout(_PARTING_SECONDS):
                await self._gone.wait()
        except TimeoutError:
            transport.abort()

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """aiohttp's own words about a client that went away are of no use to an operator."""
        log.debug(*args, **kw)

    def _part_of_head(self, size: int) -> None:
        self._head_size += size
        if self._head_size > _HEAD_SIZE:
            self._turn_away(errors.RequestHeaderSectionTooLarge())
        elif self._head_timer is None:
            self._head_timer = self._loop.call_later(
                self.limits.header_seconds, self._turn_away, errors.RequestTimeout()
            )

    def _head_came(self) -> None:
        self._head_size = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _turn_away(self, error: errors.S3Error) -> None:
        """Answer without a request, and close."""
        if self.transport is not None:
            answer = refusal(error)
            lines = "Connection: close\r\n"
            self.transport.write(head(answer, self.dates.now(), lines) + answer.body)
            self._parting = self._loop.create_task(self._part_and_close())

    async def _part_and_close(self) -> None:
        await self.part()
        self.force_close()


class Front(web.Server):
    """Serves one handler on any number of listening sockets."""

    def __init__(
        self, handler: Handler, limits: Limits, *, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(self._handle, request_factory=self._exchange)  # type: ignore[arg-type]
        self.limits = limits
        self.tls = tls
        self.dates = Dates()
        self.draining = False
        self.peers: Counter[str] = Counter()  # connections by client address
        self._pipeline = handler
        self._listeners: list[asyncio.Server] = []

    def __call__(self) -> Connection:
        return Connection(self)

    async def listen(self, sock: socket.socket) -> None:
        """Accept connections of a bound socket, which is closed when the drain begins."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self, sock=sock, ssl=self.tls, backlog=BACKLOG)
        self._listeners.append(server)

    async def drain(self, seconds: float) -> None:
        """Accept nothing more, let requests in flight end, then close every connection."""
        self.draining = True
        for server in self._listeners:
            server.close()
        deadline = asyncio.get_running_loop().time() + seconds
        while self.connections and asyncio.get_running_loop().time() < deadline:
            for connection in self.connections:
                assert isinstance(connection, Connection)
                connection.end_if_idle()
            await asyncio.sleep(_POLL_SECONDS)
        await self.shutdown(0)

    async def _handle(self, exchange: Exchange) -> Exchange:
        """Runs the pipeline; the answer leaves when aiohttp asks for the end of it."""
        if len(exchange.message.raw_headers) > _MANY_FIELDS and _too_large(exchange.message):
            exchange.refuse(errors.RequestHeaderSectionTooLarge())
            return exchange
        try:
            request = exchange.request()
        except errors.BadRequest as error:
            exchange.refuse(error)
        else:
            exchange.response = await self._pipeline(request)
        return exchange

    def _exchange(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: Connection,
        _writer: AbstractStreamWriter,
        _task: "asyncio.Task[None]",
    ) -> Exchange:
        exchange = Exchange(protocol, message, payload)
        protocol.begin(exchange)
        return exchange


def _parse_error(error: BaseException | None) -> errors.S3Error:
    if isinstance(error, LineTooLong):
        return errors.RequestHeaderSectionTooLarge()
    return errors.InvalidURI() if isinstance(error, InvalidURLError) else errors.BadRequest()


def _too_large(message: RawRequestMessage) -> bool:
    return sum(len(name) + len(value) for name, value in message.raw_headers) > _HEAD_SIZE
