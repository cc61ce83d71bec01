"""One client connection of the bare front: requests one after the other, each one task.

What a client may take its time for is bounded by one deadline, at which the front's clock looks.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.fronts.bodies import Body
from gateway.fronts.heads import CONTINUE, connection_lines, head, refusal
from gateway.fronts.outlet import Outlet
from gateway.fronts.requests import HEAD_SIZE, Head, begins_well
from gateway.http import Request, Response
from ocean.errors import (
    BadRequest,
    IncompleteBody,
    InternalError,
    RequestHeaderSectionTooLarge,
    RequestTimeout,
    S3Error,
    SlowDown,
)

if TYPE_CHECKING:
    from gateway.fronts.bare import Front

_END = b"\r\n\r\n"
_LEFTOVER = 64 << 10  # bytes of an unread body that are read and dropped to keep the connection
_AHEAD = 64 << 10  # bytes of further requests that may wait for an answer to the one before
_TURNED_AWAY = 100  # connections beyond the limits that are still told so
_LINGER_SECONDS = 5.0  # to drop what is still sent to a connection that was answered and closed
_FAREWELL_SECONDS = 1.0  # for an idle client to close TLS in turn: most read nothing meanwhile

log = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """One client connection."""

    def __init__(self, front: "Front") -> None:
        self._front = front
        self._loop = asyncio.get_running_loop()
        self._input = b""  # what was received and not yet taken
        self._body: Body | None = None  # of the current request, until its end was received
        self._task: asyncio.Task[None] | None = None  # of the current request
        self._waits = False  # whether the client waits for `100 Continue`
        self._patience = 0.0  # seconds for which to wait for more of the body
        self._parting = False  # nothing more is taken from this client
        self._full = False  # whether the body has more than its reader took
        self._held = False  # whether reading is paused
        self._half_closed = False
        self._peer = ""
        self._admitted = False  # counted, and not one too many
        self.deadline = math.inf
        # Unbound: a bound one would be a cycle, and keep all this until a collection.
        self._late: Callable[[Connection], None] = Connection._abort

    # -- what the loop calls ----------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by the loop."""
        front, self._transport = self._front, transport
        self._outlet = Outlet(transport, front.limits.write_seconds)
        name = transport.get_extra_info("peername")
        self._peer = name[0] if name else ""
        front.enter(self)
        self._admitted = front.admit(self._peer)
        if self._admitted:
            self._idle()
        elif len(front.connections) - front.admitted > _TURNED_AWAY:
            self._abort()
        else:
            self._turn_away(SlowDown())

    def connection_lost(self, _exc: Exception | None) -> None:
        """Called by the loop."""
        front = self._front
        front.part(self)
        if self._admitted:
            front.dismiss(self._peer)
        self._parting = True
        self._input = b""
        self._outlet.resume()
        self._break_off()

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        if self._parting:
            return
        body = self._body
        if body is not None:
            self._heard(len(data))
            data = body.feed(data)
            if body.failed:
                self._parting = True
                return
            if not body.ended:
                return
            self._body = None
            if self._task is None:
                self._idle()
            if not data:
                return
        self._input = self._input + data if self._input else data
        if self._task is None:
            self._next()
        else:
            self._balance()

    def eof_received(self) -> bool:
        """The client ends its side: it still gets the answer to a request that it has sent."""
        self._half_closed = True
        self._break_off()
        return self._task is not None and self._front.tls is None

    def pause_writing(self) -> None:
        """Called by the loop."""
        self._outlet.pause()

    def resume_writing(self) -> None:
        """Called by the loop."""
        self._outlet.resume()

    # -- what the front calls ---------------------------------------------------------------

    def expire(self) -> None:
        """The deadline has passed."""
        self.deadline = math.inf
        self._late(self)

    def end_if_idle(self) -> None:
        """Close the connection unless a request is on its way through."""
        if self._task is None and not (self._input or self._body or self._parting):
            self._close()
            if self._front.tls is not None:
                self._by(_FAREWELL_SECONDS, Connection._parted)

    def end(self) -> asyncio.Task[None] | None:
        """Close the connection whatever it does; what must still be waited for."""
        if self._task is not None:
            self._task.cancel()
        self._abort()
        return self._task

    # -- one request after the other --------------------------------------------------------

    def _next(self) -> None:
        """Begin the next request if its head is here."""
        data = self._input.removeprefix(b"\r\n")  # RFC 9112, section 2.2
        end = data.find(_END)
        if end > HEAD_SIZE or (end < 0 and len(data) > HEAD_SIZE):
            self._turn_away(RequestHeaderSectionTooLarge())
        elif end < 0:
            self._input = data
            if self._late is Connection._head_late:
                return
            if begins_well(data):
                self._by(self._front.limits.header_seconds, Connection._head_late)
            else:
                self._turn_away(BadRequest())
        else:
            end += len(_END)
            self._input = data[end:]
            try:
                parsed = Head(data[:end])
            except S3Error as error:
                self._turn_away(error)
            else:
                self._begin(parsed)

    def _begin(self, parsed: Head) -> None:
        self.deadline = math.inf
        self._late = Connection._abort
        self._waits = parsed.waits
        self._patience = self._front.limits.body_seconds
        body = Body(parsed.length, self)
        request = Request(
            method=parsed.method,
            target=parsed.target,
            headers=parsed.headers,
            length=parsed.length,
            body=body,
            peer=self._peer,
            secure=self._front.tls is not None,
            proceed=self._proceed,
        )
        self._task = self._loop.create_task(self._serve(parsed, request, body))
        if not body.ended:
            self._body = body
            if self._input:
                data, self._input = self._input, b""
                self.data_received(data)
                self._balance()

    async def _serve(self, parsed: Head, request: Request, body: Body) -> None:
        try:
            response = await self._front.handler(request)
        except S3Error as error:
            response, parsed.keep_alive = refusal(error), False
        except Exception:
            log.exception("a request failed")
            response, parsed.keep_alive = refusal(InternalError()), False
        self.deadline = math.inf  # of a wait for the body that was given up
        try:
            keep = await self._answer(parsed, response, body)
        except ConnectionError as error:
            log.debug("an answer did not arrive: %s", error)
            self._abort()
        except Exception:
            log.exception("an answer broke off")
            self._abort()
        else:
            self._after(body, keep=keep)
        finally:
            self._task = None
        if self._input and not self._parting:
            self._next()
        self._balance()

    async def _answer(self, parsed: Head, response: Response, body: Body) -> bool:
        """Send an answer; whether the connection takes another request."""
        unknown = response.length is None and response.stream is not None
        keep = (
            parsed.keep_alive
            and not (self._waits or self._half_closed or self._front.draining or body.failed)
            and not (unknown and parsed.old)
            and body.shorter_than(_LEFTOVER)
        )
        await self._outlet.send(
            response,
            method=parsed.method,
            date=self._front.dates.now(),
            lines=connection_lines(keep=keep, old=parsed.old, unknown=unknown),
            chunked=not parsed.old,
        )
        return keep

    def _after(self, body: Body, *, keep: bool) -> None:
        """An answer has left."""
        if not keep:
            if body.ended and not self._input:
                self._close()
            else:
                self._part()
        elif body.ended:
            self._full = False  # whatever of it was not read
            self._idle()
        else:
            body.drop()
            self._by(self._front.limits.body_seconds, Connection._abort)

    # -- deadlines --------------------------------------------------------------------------

    def _by(self, seconds: float, late: Callable[["Connection"], None]) -> None:
        self.deadline = self._loop.time() + seconds
        self._late = late

    def _idle(self) -> None:
        self._by(self._front.limits.idle_seconds, Connection._abort)

    def _head_late(self) -> None:
        self._turn_away(RequestTimeout())

    def _body_late(self) -> None:
        self._parting = True
        if self._body is not None:
            self._body.fail(RequestTimeout)

    def _parted(self) -> None:
        if self._transport.get_write_buffer_size():
            self._by(self._front.limits.write_seconds, Connection._abort)
        else:
            self._abort()

    def _abort(self) -> None:
        self._parting = True
        self._transport.abort()

    # -- the body ---------------------------------------------------------------------------

    def _invite(self) -> None:
        """Send `100 Continue`, once, if the client waits for it."""
        if self._waits and not self._transport.is_closing():
            self._waits = False
            self._transport.write(CONTINUE)

    async def _proceed(self) -> None:
        self._invite()

    def body_wanted(self) -> None:
        """Somebody waits for more of the body."""
        self._invite()
        self._by(self._patience, Connection._body_late)

    def _heard(self, size: int) -> None:
        """Bytes of the body came. Waiting for them cost patience, and each one gives some back.

        So a body may pause, but not trickle for ever; time in which nobody waited does not count.
        """
        limits = self._front.limits
        if self.deadline < math.inf and self._late is Connection._body_late:
            left = self.deadline - self._loop.time()
            self._patience = min(limits.body_seconds, left + size / limits.body_rate)
            self.deadline = math.inf

    def body_full(self, *, full: bool) -> None:
        """The body has more than its reader took, or no longer."""
        self._full = full
        self._balance()

    def _balance(self) -> None:
        """Read from the client as long as there is room for what it sends."""
        hold = not self._parting and (self._full or len(self._input) > _AHEAD)
        if hold != self._held and not self._transport.is_closing():
            self._held = hold
            if hold:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def _break_off(self) -> None:
        """No more of the body will come."""
        if self._body is not None:
            self._body.fail(IncompleteBody)
            self._body = None

    # -- the end ----------------------------------------------------------------------------

    def _turn_away(self, error: S3Error) -> None:
        """Answer without a request, and close."""
        answer = refusal(error)
        text = head(answer, self._front.dates.now(), "Connection: close\r\n")
        self._transport.write(text + answer.body)
        self._part()

    def _part(self) -> None:
        """End our side and drop the rest of the client's, for a while.

        Closing with input unread would reset the connection, and the client might lose the answer.
        """
        if self._half_closed or self._transport.is_closing():
            self._close()
            return
        self._parting = True
        self._input = b""
        self._body = None
        self._balance()
        if self._transport.can_write_eof():
            with suppress(OSError):  # the answer met a client that had left
                self._transport.write_eof()
        self._by(_LINGER_SECONDS, Connection._parted)

    def _close(self) -> None:
        self._parting = True
        self._transport.close()
        self._by(self._front.limits.write_seconds, Connection._abort)
