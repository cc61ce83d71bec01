"""One request of an aiohttp connection and its answer."""

import asyncio
import re
from typing import TYPE_CHECKING, Any, Self

from aiohttp import StreamReader
from aiohttp.http import HttpVersion10
from aiohttp.http_parser import RawRequestMessage

from gateway.fronts.heads import CONTINUE, connection_lines, refusal
from gateway.fronts.requests import body_length, waits
from gateway.http import Headers, Request, Response
from ocean.errors import BadRequest, IncompleteBody, RequestTimeout, S3Error

if TYPE_CHECKING:
    from gateway.fronts.reference import Connection

LEFTOVER = 64 << 10  # bytes of an unread body that are read and dropped to keep the connection
_HOST = re.compile(r"[A-Za-z0-9._~%:\[\]-]*")  # narrower than RFC 3986, whose commas mislead


class Body:
    """The bytes of a request's body as they arrive, each wait bounded.

    Raises IncompleteBody when the client ends, breaks off or garbles the body, RequestTimeout when
    it falls silent.
    """

    __slots__ = ("_exchange", "_payload", "_seconds")

    def __init__(self, exchange: "Exchange", payload: StreamReader, seconds: float) -> None:
        self._exchange = exchange
        self._payload = payload
        self._seconds = seconds

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        payload = self._payload
        try:
            while not payload.at_eof():
                # Asking without waiting first saves the timer when bytes are here already.
                if piece := payload.read_nowait():
                    return piece
                if self._exchange.waits:
                    await self._exchange.proceed()
                async with asyncio.timeout(self._seconds):
                    if piece := await payload.readany():
                        return piece
        except TimeoutError:
            self._exchange.give_up()
            raise RequestTimeout from None
        except Exception as error:
            raise IncompleteBody from error
        raise StopAsyncIteration


class Exchange:
    """What aiohttp's low-level server takes for its request and for its answer.

    `waits` says that the client has not been told to send its body yet, `hopeless` that nothing
    more of it is worth reading.
    """

    __slots__ = (
        "_task",
        "connection",
        "finished",
        "hopeless",
        "keep_alive",
        "length",
        "message",
        "payload",
        "response",
        "waits",
    )

    def __init__(
        self,
        connection: "Connection",
        message: RawRequestMessage,
        payload: StreamReader,
    ) -> None:
        self.connection = connection
        self.message = message
        self.payload = payload
        self.response: Response | None = None
        # Behind an upgrade aiohttp reads no further request, although we never agree to one.
        self.keep_alive = not (message.should_close or message.upgrade)
        self.finished = False
        self.hopeless = False
        self.waits = False
        self.length: int | None = 0
        self._task: Any = None

    def request(self) -> Request:
        """The request for the pipeline; BadRequest for a head that others may read otherwise."""
        message = self.message
        headers: Headers = {}
        for name, value in message.headers.items():
            name = name.lower()
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        old = message.version == HttpVersion10
        self.length = body_length(headers, old=old)
        if (self.length is None) is not message.chunked:
            raise BadRequest
        if _HOST.fullmatch(headers.get("host", "")) is None or message.method == "CONNECT":
            raise BadRequest
        self.waits = waits(headers, old=old)
        connection = self.connection
        return Request(
            method=message.method,
            target=message.path,
            headers=headers,
            length=self.length,
            body=Body(self, self.payload, connection.limits.body_seconds),
            peer=connection.peer,
            secure=connection.secure,
            proceed=self.proceed,
        )

    async def proceed(self) -> None:
        """Send `100 Continue`, once, if the client waits for it."""
        transport = self.connection.transport
        if self.waits and transport is not None:
            self.waits = False
            transport.write(CONTINUE)

    async def send(self, response: Response) -> None:
        """Send all of an answer; ConnectionError when it could not be sent whole."""
        outlet = self.connection.outlet
        if outlet is None:
            raise ConnectionResetError("the client is gone")
        if not self._reusable():
            self.keep_alive = False
        await outlet.send(
            response,
            method=self.message.method,
            date=self.connection.dates.now(),
            lines=self._connection_lines(response),
            chunked=self.message.version != HttpVersion10,
        )
        if self.waits:
            # The client will not send the body now, so the connection has no next request.
            self.connection.force_close()

    def _connection_lines(self, response: Response) -> str:
        """What the answer says about the connection and its own coding."""
        old = self.message.version == HttpVersion10
        unknown = response.length is None and response.stream is not None
        if unknown and old:
            self.keep_alive = False
        return connection_lines(keep=self.keep_alive, old=old, unknown=unknown)

    def _reusable(self) -> bool:
        """Whether the connection can carry another request after this one."""
        if self.waits or self.connection.ending:
            return False
        if self.payload.is_eof():
            return True
        return self.length is not None and self.length - self.payload.total_bytes <= LEFTOVER

    def refuse(self, error: S3Error) -> None:
        """Answer an error, and take nothing more from this client."""
        self.give_up()
        self.response = refusal(error)

    def give_up(self) -> None:
        """Take nothing more from this client."""
        self.keep_alive = False
        self.hopeless = True

    def break_off(self) -> None:
        """No more of the body will come."""
        if not self.finished and not self.payload.is_eof():
            self.payload.set_exception(ConnectionResetError("the body ended early"))

    # What aiohttp calls on a request and on an answer.

    def _cancel(self, error: BaseException) -> None:
        self.payload.set_exception(error)

    def _finish(self) -> None:
        return

    async def prepare(self, _request: "Exchange") -> None:
        return

    async def write_eof(self) -> None:
        try:
            if self.response is not None:
                await self.send(self.response)
            if self.hopeless:
                await self.connection.part()
        finally:
            self.finished = True
