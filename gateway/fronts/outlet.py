"""The way back to one client: answers as bytes, bounded in memory and in patience."""

import asyncio
import logging
from collections.abc import AsyncIterator

from blobstore.base import Buffer
from gateway.fronts.heads import BadHead, bodiless, head, refusal
from gateway.http import Response
from ocean.errors import InternalError

_COALESCE = 64 << 10  # bytes up to which copying a body behind its head is cheaper than two buffers
_HIGH_WATER = 1 << 20  # bytes of a stream that may wait for the client

log = logging.getLogger(__name__)


class Outlet:
    """Writes to one transport.

    The connection tells when the transport is full (`pause`), has room again (`resume`) and is
    gone (`resume` too: whoever waits finds that at the next write).
    """

    __slots__ = ("_room", "_seconds", "_transport")

    def __init__(self, transport: asyncio.Transport, seconds: float) -> None:
        self._transport = transport
        self._seconds = seconds
        self._room: asyncio.Future[None] | None = None

    def pause(self) -> None:
        """The transport has more than it should hold."""
        if self._room is None:
            self._room = asyncio.get_running_loop().create_future()

    def resume(self) -> None:
        """The transport takes more."""
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    async def send(
        self, response: Response, *, method: str, date: str, lines: str, chunked: bool
    ) -> None:
        """Send all of an answer, `lines` among its head; ConnectionError when it was not possible.

        `chunked`: a stream of unknown length is coded so. A stream is closed whatever happens.
        """
        try:
            first = head(response, date, lines)
        except (BadHead, UnicodeEncodeError):
            log.exception("an answer to %s was refused", method)
            await _close(response.stream)
            response = refusal(InternalError())
            first = head(response, date, lines)
        if bodiless(method, response.status):
            await _close(response.stream)
            self._write(first)
        elif response.stream is None:
            body = response.body
            if len(body) <= _COALESCE:
                self._write(first + body)
            else:
                self._write_all(first, body)
        else:
            await self._stream(first, response.stream, response.length, chunked=chunked)
        if self._room is not None:
            await self._flush()

    def _write(self, data: Buffer) -> None:
        if self._transport.is_closing():
            raise ConnectionResetError("the client is gone")
        self._transport.write(data)

    def _write_all(self, *pieces: Buffer) -> None:
        if self._transport.is_closing():
            raise ConnectionResetError("the client is gone")
        self._transport.writelines(pieces)

    def _write_piece(self, piece: Buffer, *, chunked: bool) -> None:
        if not chunked:
            self._write(piece)
        elif len(piece):  # an empty chunk would be the last
            self._write_all(b"%x\r\n" % len(piece), piece, b"\r\n")

    async def _stream(
        self, first: bytes, stream: AsyncIterator[Buffer], left: int | None, *, chunked: bool
    ) -> None:
        """Send a stream; whatever goes wrong breaks the connection, so no end looks clean."""
        chunked = chunked and left is None
        try:
            self._transport.set_write_buffer_limits(high=_HIGH_WATER)
            self._write(first)
            async for piece in stream:
                if left is not None:
                    left -= len(piece)
                    if left < 0:
                        break
                self._write_piece(piece, chunked=chunked)
                if self._room is not None:
                    await self._flush()
            if left:
                raise ValueError(f"a stream was {left} bytes off the length it promised")
            if chunked:
                self._write(b"0\r\n\r\n")
        except BaseException as error:
            self._transport.abort()
            if isinstance(error, ConnectionError) or not isinstance(error, Exception):
                raise
            log.exception("an answer broke off")
            raise ConnectionAbortedError("the answer broke off") from error
        finally:
            await _close(stream)

    async def _flush(self) -> None:
        """Wait until the client took enough of what was written."""
        try:
            async with asyncio.timeout(self._seconds):
                while self._room is not None:
                    await self._room
        except TimeoutError as error:
            self._transport.abort()
            raise ConnectionAbortedError("the client does not read") from error


async def _close(stream: AsyncIterator[Buffer] | None) -> None:
    """End a generator now rather than when it is collected."""
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()
