"""The request and the answer between a front (aiohttp or the bare protocol) and the pipeline.

Neither names a transport: a front turns bytes into a Request and a Response into bytes.
"""

from collections.abc import AsyncIterator, Awaitable, Callable

from blobstore.base import Buffer

Headers = dict[str, str]  # names in lower case; repeated headers joined by ","


class Request:
    """One HTTP request head, and its body as it comes.

    `target` is the request target as received (path and query, percent-encoded, not normalized).
    `body` yields the bytes on the wire with the transfer coding removed; `length` is
    Content-Length, None for a chunked body without one, 0 for none. `proceed` sends
    `100 Continue` when the client waits for it: called only when the body is wanted.
    """

    __slots__ = (
        "body",
        "headers",
        "length",
        "method",
        "operation",
        "peer",
        "proceed",
        "secure",
        "target",
    )

    def __init__(
        self,
        *,
        method: str,
        target: str,
        headers: Headers,
        length: int | None,
        body: AsyncIterator[bytes],
        peer: str,
        secure: bool,
        proceed: Callable[[], Awaitable[None]],
    ) -> None:
        self.operation = ""  # its name, once it is known
        self.method = method
        self.target = target
        self.headers = headers
        self.length = length
        self.body = body
        self.peer = peer
        self.secure = secure
        self.proceed = proceed


class Response:
    """Status, headers and either whole bytes or a stream of `length` bytes.

    `length` is the Content-Length (of HEAD: that of the GET); None with a stream means that it is
    unknown and the front uses chunked coding. A stream that raises breaks the connection.
    """

    __slots__ = ("body", "headers", "length", "status", "stream")

    def __init__(
        self,
        status: int,
        headers: Headers,
        body: bytes = b"",
        *,
        stream: AsyncIterator[Buffer] | None = None,
        length: int | None = None,
    ) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.stream = stream
        self.length = len(body) if stream is None and length is None else length


Handler = Callable[[Request], Awaitable[Response]]
