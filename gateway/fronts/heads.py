"""Heads of answers as bytes, and the answers that need no pipeline.

Invariant: a head has exactly the lines that its headers ask for; a value that would start a line of
its own raises BadHead instead (RFC 9112, section 2.2).
"""

import time
from email.utils import formatdate
from http import HTTPStatus

from gateway.http import Headers, Response
from gateway.wire.xml import DECLARATION, escape
from ocean.errors import S3Error

SERVER = "Ocean"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\nServer: {SERVER}\r\nDate: "
    for status in HTTPStatus
}
_BODILESS = frozenset({204, 304})


class BadHead(ValueError):
    """A header cannot be sent as it is."""


class Dates:
    """The Date header, formatted once a second."""

    __slots__ = ("_second", "_text")

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def now(self) -> str:
        """As RFC 9110 writes dates: `Sun, 06 Nov 1994 08:49:37 GMT`."""
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._text = formatdate(second, usegmt=True)
        return self._text


def bodiless(method: str, status: int) -> bool:
    """Whether an answer ends with its head (RFC 9112, section 6.3)."""
    return method == "HEAD" or status in _BODILESS


def connection_lines(*, keep: bool, old: bool, unknown: bool) -> str:
    """What an answer says about its connection and, of unknown length, about its own coding.

    `old`: the client speaks HTTP/1.0, which has no codings and closes unless told otherwise.
    """
    lines = "Transfer-Encoding: chunked\r\n" if unknown and not old else ""
    if not keep:
        return f"{lines}Connection: close\r\n"
    return f"{lines}Connection: keep-alive\r\n" if old else lines


def head(response: Response, date: str, extra: str = "") -> bytes:
    """The head with `extra` lines, Content-Length (if known) and the empty line; BadHead."""
    headers = response.headers
    fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    count = len(headers)
    if not (fields.count("\r") == fields.count("\n") == count) or "\0" in fields:
        raise BadHead("a header's value has a line end or a NUL")
    if response.length is not None and response.status not in _BODILESS:
        extra = f"{extra}Content-Length: {response.length}\r\n"
    text = f"{_STATUS_LINES[response.status]}{date}\r\n{fields}{extra}\r\n"
    return text.encode("utf-8", "surrogateescape")


def refusal(error: S3Error, *, resource: str = "", request_id: str = "") -> Response:
    """An S3 error as an answer of its own, for what never reaches the pipeline."""
    lines = {"Code": error.code, "Message": error.message, "Resource": resource}
    text = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in lines.items() if value)
    body = f"{DECLARATION}<Error>{text}<RequestId>{request_id}</RequestId></Error>".encode()
    headers: Headers = {"Content-Type": "application/xml", "x-amz-request-id": request_id}
    return Response(error.status, headers, body)
