"""Bodies of requests on their way from a connection to whoever reads them."""

import asyncio
from collections import deque
from typing import Protocol, Self

from gateway.wire.transfer import ChunkedReader, Garbled
from ocean.errors import IncompleteBody, S3Error

_HIGH_WATER = 512 << 10  # bytes that may wait to be read before the client is told to wait
_LOW_WATER = 128 << 10


class Flow(Protocol):
    """What a body tells its connection."""

    def body_wanted(self) -> None:
        """Before each wait for bytes."""

    def body_full(self, *, full: bool) -> None:
        """Whether it has more than its reader took."""


class Body:
    """The bytes of a request's body as they arrive, the transfer coding removed.

    Iteration raises IncompleteBody when the client ends, breaks off or garbles the body, and
    what `fail` was given. `length` None: chunked.
    """

    __slots__ = ("_chunks", "_error", "_flow", "_held", "_pieces", "_waiter", "_waiting",
                 "dropped", "ended", "left")  # fmt: skip

    def __init__(self, length: int | None, flow: Flow) -> None:
        self._flow = flow
        self._chunks = ChunkedReader() if length is None else None
        self._pieces: deque[bytes] = deque()
        self._waiting = 0  # bytes in `_pieces`
        self._held = False
        self._waiter: asyncio.Future[None] | None = None
        self._error: type[S3Error] | None = None  # an instance would refer to frames and this
        self.left = length or 0  # bytes still to come; of a chunked body unknown
        self.ended = length == 0
        self.dropped = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self.ended:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            self._flow.body_wanted()
            await self._waiter
        piece = self._pieces.popleft()
        self._waiting -= len(piece)
        if self._held and self._waiting <= _LOW_WATER:
            self._held = False
            self._flow.body_full(full=False)
        return piece

    @property
    def failed(self) -> bool:
        """Whether no more of it can come."""
        return self._error is not None

    def shorter_than(self, size: int) -> bool:
        """Whether less than `size` bytes are to come, as far as that is known."""
        return self.ended or (self._chunks is None and self.left <= size)

    def feed(self, data: bytes) -> bytes:
        """Take what the client sent; what lies behind the end of the body."""
        if self._chunks is not None:
            return self._unchunk(self._chunks, data)
        rest = b""
        if len(data) > self.left:
            data, rest = data[: self.left], data[self.left :]
        self.left -= len(data)
        self.ended = not self.left
        self._add(data)
        self._wake()
        return rest

    def fail(self, error: type[S3Error]) -> None:
        """Nothing more will come: readers get what is here, and then `error`."""
        if not self.ended and self._error is None:
            self._error = error
            self._wake()

    def drop(self) -> None:
        """Nobody reads what still comes."""
        self.dropped = True
        self._pieces.clear()
        if self._held:
            self._held = False
            self._flow.body_full(full=False)

    def _unchunk(self, chunks: ChunkedReader, data: bytes) -> bytes:
        try:
            pieces, rest = chunks.feed(data)
        except Garbled:
            self.fail(IncompleteBody)
            return b""
        self._add(b"".join(pieces))  # one, however small the client's chunks are
        self.ended = chunks.ended
        self._wake()
        return rest

    def _add(self, piece: bytes) -> None:
        if self.dropped or not piece:
            return
        self._pieces.append(piece)
        self._waiting += len(piece)
        if self._waiting > _HIGH_WATER and not self._held:
            self._held = True
            self._flow.body_full(full=True)

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
