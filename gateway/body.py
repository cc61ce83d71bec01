"""The body of an object on its way in: signature, length and trailer checked as it passes."""

import hashlib
from collections.abc import AsyncIterator

from gateway.http import Request
from gateway.wire.chunked import ChunkDecoder
from metastore.records import Algorithm, Checksum
from ocean.errors import IncompleteBody, MissingContentLength, XAmzContentSHA256Mismatch

CHECKSUM_HEADER = "x-amz-checksum-"
_LENGTHS = frozenset({"content-length", "transfer-encoding"})


class StreamBody:
    """Decoded bytes of a request's body.

    `sha256` is what the signature says of the whole (None: it says nothing), `decoder` takes
    off aws-chunked framing. Iterating twice is not possible.
    """

    __slots__ = ("_decoder", "_request", "_sha256", "size")

    def __init__(
        self,
        request: Request,
        size: int | None,
        *,
        sha256: str | None = None,
        decoder: ChunkDecoder | None = None,
    ) -> None:
        self._request = request
        self._sha256 = sha256
        self._decoder = decoder
        self.size = size

    def __aiter__(self) -> AsyncIterator[bytes | memoryview]:
        if self._decoder is not None:
            return self._chunks(self._decoder)
        if self._sha256 is not None:
            return self._hashed(self._sha256)
        return self._plain()

    def checksum(self) -> Checksum | None:
        """The checksum in the trailer, after the end."""
        if self._decoder is None:
            return None
        for name, value in self._decoder.trailers.items():
            algorithm = Algorithm.__members__.get(name.removeprefix(CHECKSUM_HEADER).upper())
            if name.startswith(CHECKSUM_HEADER) and algorithm:
                return Checksum(algorithm, value)
        return None

    async def read(self, limit: int) -> bytes:
        """All of it, if it is at most `limit` bytes; more is cut off at `limit` + 1."""
        pieces: list[bytes | memoryview] = []
        total = 0
        async for piece in self:
            pieces.append(piece)
            total += len(piece)
            if total > limit:
                break
        return b"".join(pieces)[: limit + 1]

    async def _plain(self) -> AsyncIterator[bytes | memoryview]:
        await self._request.proceed()
        received = 0
        async for piece in self._request.body:
            received += len(piece)
            yield piece
        self._check_length(received)

    async def _hashed(self, expected: str) -> AsyncIterator[bytes | memoryview]:
        digest = hashlib.sha256()
        async for piece in self._plain():
            digest.update(piece)
            yield piece
        computed = digest.hexdigest()
        if computed != expected.lower():
            raise XAmzContentSHA256Mismatch(
                ClientComputedContentSHA256=expected, S3ComputedContentSHA256=computed
            )

    async def _chunks(self, decoder: ChunkDecoder) -> AsyncIterator[bytes | memoryview]:
        async for piece in self._plain_wire():
            for data in decoder.feed(piece):
                yield data
        decoder.close()

    async def _plain_wire(self) -> AsyncIterator[bytes]:
        await self._request.proceed()
        async for piece in self._request.body:
            yield piece

    def _check_length(self, received: int) -> None:
        if self.size is not None and received != self.size:
            raise IncompleteBody


def check_length(request: Request) -> None:
    """MissingContentLength for a head that does not even say that its body is empty.

    HTTP takes it for empty (RFC 9112 6.3); S3 does not where the body is what is stored.
    """
    headers = request.headers
    if not request.length and headers.keys().isdisjoint(_LENGTHS):
        raise MissingContentLength
