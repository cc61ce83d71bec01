"""Requests that two readers of HTTP/1.1 may take apart differently, and how Ocean must.

Source: RFC 9112 sections 2.2, 3.2, 5 to 7 and 11.2. Each case ends with bytes that look like a
request for SMUGGLED: whoever reads more or less of a body than it should sees that request.
"""

from typing import NamedTuple

HOST = b"Host: localhost\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = b"5\r\nhello\r\n0\r\n\r\n"
TE = b"Transfer-Encoding: chunked\r\n"

Request = tuple[str, str, bytes]  # method, target, body
PUT: Request = ("PUT", "/b/k", b"hello")
NEXT: Request = ("GET", "/smuggled", b"")


class Case(NamedTuple):
    """`seen` are the requests that there are; None: it must be refused, and the connection end."""

    name: str
    raw: bytes
    seen: list[Request] | None = None


def _put(name: str, fields: bytes, body: bytes, seen: list[Request] | None = None) -> Case:
    """A PUT with these header fields."""
    raw = b"PUT /b/k HTTP/1.1\r\n" + HOST + fields + b"\r\n" + body + SMUGGLED
    return Case(name, raw, seen)


def _line(name: str, line: bytes, seen: list[Request] | None = None) -> Case:
    """A request without a body and with this first line."""
    return Case(name, line + b"\r\n" + HOST + b"\r\n" + SMUGGLED, seen)


def _length(name: str, value: bytes, seen: list[Request] | None = None) -> Case:
    return _put(f"length {name}", b"Content-Length:" + value + b"\r\n", b"hello", seen)


def _coding(name: str, fields: bytes, seen: list[Request] | None = None) -> Case:
    return _put(f"coding {name}", fields, CHUNKED, seen)


def _chunks(name: str, body: bytes, seen: list[Request] | None = None) -> Case:
    return _put(f"chunks {name}", TE, body, seen)


def _get(name: str, fields: bytes, seen: list[Request] | None = None) -> Case:
    """A GET with these header fields and no other."""
    return Case(name, b"GET /b/k HTTP/1.1\r\n" + fields + b"\r\n" + SMUGGLED, seen)


BOTH: list[Request] = [PUT, NEXT]
GET: list[Request] = [("GET", "/b/k", b""), NEXT]

LENGTHS = [
    _length("of the body", b" 5", BOTH),
    _length("without a blank", b"5", BOTH),
    _length("between blanks", b" \t5 \t", BOTH),
    _length("with zeros", b" 0005", BOTH),
    _length("twice the same", b" 5\r\nContent-Length: 5"),
    _length("twice, other", b" 5\r\nContent-Length: 50"),
    _length("list of the same", b" 5, 5"),
    _length("list of others", b" 5, 50"),
    _length("plus", b" +5"),
    _length("minus", b" -5"),
    _length("hexadecimal", b" 0x5"),
    _length("underscore", b" 0_5"),
    _length("blank inside", b" 5 0"),
    _length("fraction", b" 5.0"),
    _length("exponent", b" 5e0"),
    _length("semicolon", b" 5;"),
    _length("words", b" five"),
    _length("empty", b""),
    _length("blank", b"  "),
    _length("Arabic digit", b" \xd9\xa5"),
    _length("fullwidth digit", b" \xef\xbc\x95"),
    _length("superscript digit", b" \xc2\xb2"),
    _length("NUL behind", b" 5\x00"),
    _length("NUL before", b" \x005"),
    _length("vertical tab", b" \x0b5"),
    _length("form feed", b" 5\x0c"),
    _length("no-break space", b" \xa05"),
    _length("beyond 64 bits", b" 18446744073709551621"),
    _length("of many digits", b" " + b"0" * 5000 + b"5"),
    _length("folded", b"\r\n 5"),
    _length("folded behind", b" 5\r\n 0"),
    _put("length with a blank before the colon", b"Content-Length : 5\r\n", b"hello"),
    _put("length with a tab before the colon", b"Content-Length\t: 5\r\n", b"hello"),
    _put("length with NUL in its name", b"Content-Length\x00: 5\r\n", b"hello"),
    _put("length behind a bare LF", b"X: a\nContent-Length: 5\r\n", b"hello"),
    _put("length behind a bare CR", b"X: a\rContent-Length: 5\r\n", b"hello"),
    _put("length as first, folded line", b" Content-Length: 5\r\n", b"hello"),
    _put("length with an underscore", b"Content_Length: 5\r\n", b"", [("PUT", "/b/k", b""), NEXT]),
]

CODINGS = [
    _coding("chunked", TE, BOTH),
    _coding("in capitals", b"TRANSFER-ENCODING: CHUNKED\r\n", BOTH),
    _coding("behind a tab", b"Transfer-Encoding:\tchunked\r\n", BOTH),
    _coding("and a length", b"Content-Length: 15\r\n" + TE),
    _coding("and a length behind", TE + b"Content-Length: 3\r\n"),
    _coding("and a length of zero", b"Content-Length: 0\r\n" + TE),
    _coding("xchunked", b"Transfer-Encoding: xchunked\r\n"),
    _coding("chunk", b"Transfer-Encoding: chunk\r\n"),
    _coding("identity", b"Transfer-Encoding: identity\r\n"),
    _coding("identity and a length", b"Transfer-Encoding: identity\r\nContent-Length: 15\r\n"),
    _coding("gzip", b"Transfer-Encoding: gzip\r\n"),
    _coding("gzip, chunked", b"Transfer-Encoding: gzip, chunked\r\n"),
    _coding("chunked, gzip", b"Transfer-Encoding: chunked, gzip\r\n"),
    _coding("chunked, identity", b"Transfer-Encoding: chunked, identity\r\n"),
    _coding("identity, chunked", b"Transfer-Encoding: identity, chunked\r\n"),
    _coding("chunked, chunked", b"Transfer-Encoding: chunked, chunked\r\n"),
    _coding("twice", TE + TE),
    _coding("twice, other", TE + b"Transfer-Encoding: identity\r\n"),
    _coding("twice, other first", b"Transfer-Encoding: identity\r\n" + TE),
    _coding("twice, empty", TE + b"Transfer-Encoding:\r\n"),
    _coding("empty", b"Transfer-Encoding:\r\n"),
    _coding("empty and a length", b"Transfer-Encoding:\r\nContent-Length: 15\r\n"),
    _coding("comma behind", b"Transfer-Encoding: chunked,\r\n"),
    _coding("comma before", b"Transfer-Encoding: ,chunked\r\n"),
    _coding("parameter", b"Transfer-Encoding: chunked;q=1\r\n"),
    _coding("in quotes", b'Transfer-Encoding: "chunked"\r\n'),
    _coding("NUL behind", b"Transfer-Encoding: chunked\x00\r\n"),
    _coding("vertical tab", b"Transfer-Encoding: \x0bchunked\r\n"),
    _coding("no-break space", b"Transfer-Encoding: \xa0chunked\r\n"),
    _coding("long s", b"Tran\xc5\xbffer-Encoding: chunked\r\n"),
    _coding("Kelvin sign", b"Transfer-Encoding: chun\xe2\x84\xaaed\r\n"),
    _coding("blank before the colon", b"Transfer-Encoding : chunked\r\n"),
    _coding("folded", b"Transfer-Encoding:\r\n chunked\r\n"),
    _coding("as first, folded line", b" Transfer-Encoding: chunked\r\n"),
    _coding("in a fold of another", b"X: a\r\n Transfer-Encoding: chunked\r\n"),
    _coding("behind a bare LF", b"X: a\nTransfer-Encoding: chunked\r\n"),
    _coding("behind a bare CR", b"X: a\rTransfer-Encoding: chunked\r\n"),
    Case(
        "coding in HTTP/1.0",
        b"PUT /b/k HTTP/1.0\r\n" + HOST + b"Connection: keep-alive\r\n" + TE + b"\r\n" + CHUNKED
        + SMUGGLED,
    ),
]  # fmt: skip

CHUNKS = [
    _chunks("with an extension", b"5;a=b\r\nhello\r\n0\r\n\r\n", BOTH),
    _chunks("with zeros", b"0005\r\nhello\r\n000\r\n\r\n", BOTH),
    _chunks("with a trailer", b"5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n", BOTH),
    _chunks("with a length in the trailer", b"5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n"),
    _chunks("LF in an extension", b"5;a\nhello\r\n0\r\n\r\n"),
    _chunks("LF and more in an extension", b"5;\nxx\r\n4c\r\n0\r\n\r\n"),
    _chunks("CR in an extension", b"5;a\rb\r\nhello\r\n0\r\n\r\n"),
    _chunks("NUL in an extension", b"5;a\x00b\r\nhello\r\n0\r\n\r\n"),
    _chunks("endless extension", b"5;" + b"a" * 70_000 + b"\r\nhello\r\n0\r\n\r\n"),
    _chunks("with a quoted extension", b'5;a="b\\"; c"\r\nhello\r\n0;d\r\n\r\n', BOTH),
    _chunks("blank behind", b"5 \r\nhello\r\n0\r\n\r\n"),
    _chunks("blank before an extension", b"5 ;a\r\nhello\r\n0\r\n\r\n"),
    _chunks("empty extension", b"5;\r\nhello\r\n0\r\n\r\n"),
    _chunks("blank in an extension", b"5;a b\r\nhello\r\n0\r\n\r\n"),
    _chunks("octets in an extension", b"5;\xe9\r\nhello\r\n0\r\n\r\n"),
    _chunks("open quote in an extension", b'5;a="b\r\nhello\r\n0\r\n\r\n'),
    _chunks("plus", b"+5\r\nhello\r\n0\r\n\r\n"),
    _chunks("minus", b"-5\r\nhello\r\n0\r\n\r\n"),
    _chunks("hexadecimal prefix", b"0x5\r\nhello\r\n0\r\n\r\n"),
    _chunks("underscore", b"0_5\r\nhello\r\n0\r\n\r\n"),
    _chunks("blank before", b" 5\r\nhello\r\n0\r\n\r\n"),
    _chunks("no size", b"\r\nhello\r\n0\r\n\r\n"),
    _chunks("no size, extension", b";a\r\nhello\r\n0\r\n\r\n"),
    _chunks("no number", b"g\r\nhello\r\n0\r\n\r\n"),
    _chunks("fullwidth digit", b"\xef\xbc\x95\r\nhello\r\n0\r\n\r\n"),
    _chunks("beyond 64 bits", b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    _chunks("LF for a line", b"5\nhello\r\n0\r\n\r\n"),
    _chunks("LF behind the data", b"5\r\nhello\n0\r\n\r\n"),
    _chunks("nothing behind the data", b"5\r\nhello0\r\n\r\n"),
    _chunks("more data than said", b"5\r\nhelloworld\r\n0\r\n\r\n"),
    _chunks("CR and another", b"5\r\nhello\rX0\r\n\r\n"),
    _chunks("LF for the last lines", b"5\r\nhello\r\n0\n\n"),
    _chunks("LF in the trailer", b"5\r\nhello\r\n0\r\nX: 1\n\r\n"),
    _chunks("no colon in the trailer", b"5\r\nhello\r\n0\r\nGET /smuggled HTTP/1.1\r\n\r\n"),
    _chunks("NUL in the trailer", b"5\r\nhello\r\n0\r\nX: \x00\r\n\r\n"),
    _chunks("endless trailer", b"5\r\nhello\r\n0\r\nX: " + b"a" * 70_000 + b"\r\n\r\n"),
]

LINES = [
    _line("GET", b"GET /b/k HTTP/1.1", GET),
    _line("an empty line before", b"\r\nGET /b/k HTTP/1.1", GET),
    _line("absolute form", b"GET http://localhost/b/k HTTP/1.1", [
        ("GET", "http://localhost/b/k", b""), NEXT]),
    _line("blank before", b" GET /b/k HTTP/1.1"),
    _line("two blanks", b"GET  /b/k HTTP/1.1", GET),
    _line("two blanks before the version", b"GET /b/k  HTTP/1.1", GET),
    _line("tabs", b"GET\t/b/k\tHTTP/1.1"),
    _line("blank behind", b"GET /b/k HTTP/1.1 "),
    _line("blank in the target", b"GET /b/k x HTTP/1.1"),
    _line("NUL in the target", b"GET /b/\x00k HTTP/1.1"),
    _line("CR in the target", b"GET /b/\rk HTTP/1.1"),
    _line("bare LF in the line", b"GET /b/k HTTP/1.1\nX: a"),
    _line("RTSP", b"GET /b/k RTSP/1.0"),
    _line("ICE", b"SOURCE /b/k ICE/1.0"),
    _line("no version", b"GET /b/k"),
    _line("HTTP/0.9", b"GET /b/k HTTP/0.9"),
    _line("HTTP/1.10", b"GET /b/k HTTP/1.10"),
    _line("HTTP/2.0", b"GET /b/k HTTP/2.0"),
    _line("http/1.1", b"GET /b/k http/1.1"),
    _line("HTTP/1.1x", b"GET /b/k HTTP/1.1x"),
    _line("XTTP/1.1", b"GET /b/k XTTP/1.1"),
    _line("a bad method", b"G@T /b/k HTTP/1.1"),
    _line("a method in brackets", b"(GET) /b/k HTTP/1.1"),
    _line("no method", b"/b/k HTTP/1.1"),
    _line("HTTP/2 preface", b"PRI * HTTP/2.0"),
    Case("bare LF throughout", b"GET /b/k HTTP/1.1\nHost: localhost\n\n" + SMUGGLED),
    Case("bare LF ends the head", b"GET /b/k HTTP/1.1\r\nHost: localhost\r\n\n" + SMUGGLED),
]  # fmt: skip

FIELDS = [
    _get("no Host", b"X: a\r\n"),
    _get("two Hosts", HOST + HOST),
    _get("two other Hosts", HOST + b"Host: evil\r\n"),
    _get("two other Hosts, small", HOST + b"host: evil\r\n"),
    _get("Host list", b"Host: localhost, evil\r\n"),
    _get("Host with a path", b"Host: localhost/evil\r\n"),
    _get("Host with a user", b"Host: evil@localhost\r\n"),
    _get("Host with a blank", b"Host: localhost evil\r\n"),
    _get("Host with NUL", b"Host: localhost\x00\r\n"),
    _get("blank in a name", HOST + b"X Y: a\r\n"),
    _get("blank behind a name", HOST + b"X : a\r\n"),
    _get("no name", HOST + b": a\r\n"),
    _get("no colon", HOST + b"X\r\n"),
    _get("brackets in a name", HOST + b"(X): a\r\n"),
    _get("octets in a name", HOST + b"X\xe9: a\r\n"),
    _get("NUL in a name", HOST + b"X\x00: a\r\n"),
    _get("NUL in a value", HOST + b"X: a\x00b\r\n"),
    _get("CR in a value", HOST + b"X: a\rb\r\n"),
    _get("CR CR LF", HOST + b"X: a\r\r\n"),
    _get("a fold", HOST + b"X: a\r\n b\r\n"),
    _get("a fold of a tab", HOST + b"X: a\r\n\tb\r\n"),
    _get("a fold first", b" X: a\r\n" + HOST),
]

# No upgrade is ever agreed to; behind one the connection ends.
_UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
_H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
OTHERS = [
    _put("an upgrade of a PUT", _UPGRADE + b"Content-Length: 5\r\n", b"hello", [PUT]),
    _put("an upgrade of a PUT in chunks", _UPGRADE + TE, CHUNKED, [PUT]),
    _put("an upgrade to h2c", _H2C + b"Content-Length: 5\r\n", b"hello", [PUT]),
    _get("an upgrade of a GET", HOST + _UPGRADE, GET[:1]),
    _get("an upgrade to h2c of a GET", HOST + _H2C, GET[:1]),
    _line("CONNECT", b"CONNECT localhost:80 HTTP/1.1"),
    _line("CONNECT with a path", b"CONNECT /b/k HTTP/1.1"),
    _put("expecting", b"Expect: 100-continue\r\nContent-Length: 5\r\n", b"hello", BOTH),
    _put("a coded body", b"Content-Encoding: gzip\r\nContent-Length: 5\r\n", b"hello", BOTH),
    _put("more behind a close", b"Connection: close\r\nContent-Length: 5\r\n", b"hello", [PUT]),
    _get("a body of a GET", HOST + b"Content-Length: %d\r\n" % len(SMUGGLED), [
        ("GET", "/b/k", SMUGGLED)]),
    Case("more behind HTTP/1.0", b"GET /b/k HTTP/1.0\r\n" + HOST + b"\r\n" + SMUGGLED, GET[:1]),
]  # fmt: skip

CASES = [*LENGTHS, *CODINGS, *CHUNKS, *LINES, *FIELDS, *OTHERS]

# Where the reference reads otherwise, as it may: what it sees.
REFERENCE: dict[str, list[Request] | None] = {
    "chunks endless extension": BOTH,
    "more behind a close": None,
    "more behind HTTP/1.0": None,
}
