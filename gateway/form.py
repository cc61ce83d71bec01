"""A form of a POST upload as it arrives: its fields first, then its file as a body."""

from collections.abc import AsyncIterator, Iterable

from gateway.body import check_length
from gateway.http import Request
from gateway.wire.forms import FormDecoder, boundary
from gateway.wire.postpolicy import Policy
from metastore.records import Checksum
from ocean.errors import InvalidArgument, MalformedPOSTRequest
from ocean.rules.naming import check_key


class Form:
    """A form that was read up to its file; iterating gives the file, once.

    `fields` are by name in lower case, with `${filename}` replaced. The sizes that `policy` allows
    are enforced as the file passes; `size` is not known before its end.
    """

    __slots__ = ("_decoder", "_first", "_wire", "fields", "policy", "size")

    def __init__(
        self, decoder: FormDecoder, first: Iterable[memoryview], wire: AsyncIterator[bytes]
    ) -> None:
        self._decoder = decoder
        self._first = first  # what came of the file together with the fields
        self._wire = wire
        self.fields = decoder.expanded()
        self.policy: Policy | None = None
        self.size: int | None = None

    async def __aiter__(self) -> AsyncIterator[memoryview]:
        policy = self.policy or Policy(0.0, ())
        total = 0
        async for piece in self._pieces():
            total += len(piece)
            policy.check_growth(total)
            yield piece
        policy.check_size(total)

    @property
    def key(self) -> str:
        """The object's key; InvalidArgument without one, KeyTooLongError."""
        key = self.fields.get("key")
        if key is None:
            raise InvalidArgument(
                "Bucket POST must contain a field named 'key'.  "
                "If it is specified, please check the order of the fields.",
                ArgumentName="key",
                ArgumentValue="",
            )
        if not key:
            raise InvalidArgument(
                "User key must have a length greater than 0.", ArgumentName="key", ArgumentValue=""
            )
        check_key(key)
        return key

    def checksum(self) -> Checksum | None:
        """A form has no trailer."""
        return None

    async def _pieces(self) -> AsyncIterator[memoryview]:
        for piece in self._first:
            yield piece
        async for data in self._wire:
            for piece in self._decoder.feed(data):
                yield piece
        self._decoder.close()


async def begin(request: Request) -> Form:
    """Read the form of a request up to its file.

    Raises RequestIsNotMultiPartContent, MissingContentLength and what FormDecoder raises. Who sent
    it is not known yet, so no more is read than its fields may be long.
    """
    decoder = FormDecoder(boundary(request.headers.get("content-type", "")))
    check_length(request)
    await request.proceed()
    async for data in request.body:
        pieces = decoder.feed(data)
        if decoder.filename is not None:
            return Form(decoder, pieces, request.body)
    raise MalformedPOSTRequest
