"""Heads of requests, parsed by httptools (llhttp, strict) and checked for a second reading."""

import re

import httptools

from gateway.http import Headers
from ocean.errors import BadRequest, RequestHeaderSectionTooLarge

HEAD_SIZE = 64 << 10  # bytes of a whole head
_LINE_SIZE = 8190  # bytes of the target: an escaped key of 1,024 bytes and a long query
_FIELD_SIZE = 8190  # bytes of one header field
_FIELDS = 128
_HOST = re.compile(r"[A-Za-z0-9._~%:\[\]-]+")  # narrower than RFC 3986, whose commas mislead
_LENGTH_DIGITS = 19
_VERSIONS = frozenset({"1.0", "1.1"})
# How every request begins; what does not is refused before its head is complete.
_BEGINNING = re.compile(
    rb"\r|[A-Z]{0,32}|[A-Z]+ [^\0\n]*|[A-Z]+ [^\0\n]+\r\n(?:[^\0\n]*\r\n)*[^\0\n]*"
)


class Head:
    """What a request's head says; `length` None: the body is chunked.

    `keep_alive` is whether the client expects another request on the connection, `waits` whether
    it sends its body only after `100 Continue`, `old` whether it speaks HTTP/1.0.
    """

    __slots__ = (
        "_fields",
        "_parser",
        "headers",
        "keep_alive",
        "length",
        "method",
        "old",
        "target",
        "waits",
    )

    def __init__(self, raw: bytes) -> None:
        """Parse a head with its empty line; BadRequest, RequestHeaderSectionTooLarge."""
        self.headers: Headers = {}
        self.target = ""
        self.method = ""
        self.length: int | None = 0
        self.keep_alive = self.old = self.waits = False
        self._fields = 0
        self._parser = httptools.HttpRequestParser(self)
        # A line ends with CR LF; llhttp would take some others, and find another end of the head.
        lines = raw.count(b"\r\n")
        if raw.count(b"\n") != lines or raw.count(b"\r") != lines:
            raise BadRequest
        # It would also take protocols that only look like this one.
        if not raw.startswith(b" HTTP/1.", raw.find(b"\r") - 9):
            raise BadRequest
        try:
            self._parser.feed_data(raw)
        except httptools.HttpParserUpgrade:
            self.keep_alive = False  # we never agree to one; nothing may follow
        except httptools.HttpParserCallbackError as error:
            raise error.__context__ if error.__context__ is not None else error from None
        except httptools.HttpParserError as error:
            raise BadRequest from error
        finally:
            del self._parser  # which refers to this
        self._check()

    def on_url(self, url: bytes) -> None:
        """Called by the parser."""
        if len(url) > _LINE_SIZE:
            raise RequestHeaderSectionTooLarge
        self.target = url.decode("utf-8", "surrogateescape")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        self._fields += 1
        if self._fields > _FIELDS or len(name) + len(value) > _FIELD_SIZE:
            raise RequestHeaderSectionTooLarge
        headers = self.headers
        key = name.decode("latin-1").lower()
        text = value.decode("utf-8", "surrogateescape").strip(" \t")
        headers[key] = f"{headers[key]},{text}" if key in headers else text

    def on_headers_complete(self) -> None:
        """Called by the parser, which forgets all this at the end of a message."""
        parser = self._parser
        self.method = parser.get_method().decode()
        version = parser.get_http_version()
        if version not in _VERSIONS:
            raise BadRequest
        self.old = version == "1.0"
        self.keep_alive = parser.should_keep_alive()

    def _check(self) -> None:
        """Refuse what others may read otherwise (RFC 9112, sections 3.2, 6.1 and 6.3)."""
        headers = self.headers
        if _HOST.fullmatch(headers.get("host", "")) is None or self.method in {"", "CONNECT"}:
            raise BadRequest
        self.length = body_length(headers, old=self.old)
        self.waits = waits(headers, old=self.old)
        if "upgrade" in headers or (self.old and "close" in headers.get("connection", "").lower()):
            self.keep_alive = False


def body_length(headers: Headers, *, old: bool) -> int | None:
    """Bytes of the body, None for a chunked one; BadRequest for what has two readings.

    Any coding but one plain `chunked`, of HTTP/1.1 and without a length, is refused: parsers pass
    over some of them. They check that a length is a number, but int() has limits of its own.
    """
    if "transfer-encoding" in headers:
        known = headers["transfer-encoding"].lower() == "chunked"
        if not known or old or "content-length" in headers:
            raise BadRequest
        return None
    text = headers.get("content-length", "0")
    if len(text) > _LENGTH_DIGITS or not (text.isascii() and text.isdigit()):
        raise BadRequest
    return int(text)


def waits(headers: Headers, *, old: bool) -> bool:
    """Whether the client sends its body only after `100 Continue`.

    Of an empty body too: RFC 9110 10.1.1 lets a server skip it there, but botocore takes the
    status of an answer without it for that of the connection's next answer as well.
    """
    return not old and headers.get("expect", "").lower() == "100-continue"


def begins_well(data: bytes) -> bool:
    """Whether `data` may be the beginning of a head."""
    return _BEGINNING.fullmatch(data) is not None
