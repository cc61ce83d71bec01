"""One keep-alive HTTP/1.1 connection that sends ready-made requests and checks the answers.

Heads go out as they were built, large bodies by sendfile, and large answers are thrown away
inside the kernel except those sampled for their MD5, so that the client stays far cheaper than
any server it measures.
"""

import hashlib
import os
import re
import socket
from typing import Protocol

from bench.requests import Request

MD5_SAMPLE = 32  # one of so many large answers is read and hashed
RECEIVE_SIZE = 64 * 1024

_CONTENT_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength:[ \t]*(\d+)")
_CHUNKED = re.compile(rb"\r\n[Tt]ransfer-[Ee]ncoding:[ \t]*chunked")
_CLOSE = re.compile(rb"\r\n[Cc]onnection:[ \t]*[Cc]lose")
_ERROR_CODE = re.compile(rb"<Code>(\w+)</Code>")


class AnswerError(Exception):
    """An answer that is not the expected one, or none at all."""


class Hash(Protocol):
    """What is used of a hashlib object."""

    def update(self, data: memoryview, /) -> None: ...
    def digest(self) -> bytes: ...


def decode_chunked(raw: bytes) -> bytes | None:
    """The body of a complete chunked message (RFC 9112, 7.1), or None while it is incomplete.

    Raises AnswerError when a chunk size is malformed.
    """
    body, position = bytearray(), 0
    while (line_end := raw.find(b"\r\n", position)) >= 0:
        try:
            size = int(raw[position:line_end].split(b";", 1)[0], 16)
        except ValueError:
            raise AnswerError("malformed chunk size") from None
        start = line_end + 2
        if size == 0:
            return bytes(body) if raw.endswith(b"\r\n\r\n") else None
        if len(raw) < start + size + 2:
            return None
        body += raw[start : start + size]
        position = start + size + 2
    return None


class Connection:
    """A connection with at most one request under way.

    `pending` tells that part of the request is still to be sent (call `flush` when writable),
    `must_close` that the server ends the connection after this answer; `op_began`, `sent_at` (ns)
    and `moved` (bytes) are the load loop's. Methods raise OSError
    when the transport fails and AnswerError when the answer is wrong.
    """

    def __init__(self, address: tuple[str, int], scratch: memoryview) -> None:
        self._address = address
        self._scratch = scratch
        self._large_answers = 0
        self.socket = self._connect()
        self.request: Request
        self.op_began = self.sent_at = self.moved = 0

    def _connect(self) -> socket.socket:
        connected = socket.create_connection(self._address, timeout=10)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setblocking(False)  # noqa: FBT003
        self.must_close = self.pending = False
        return connected

    def reconnect(self) -> None:
        """Replace the socket by a new connection."""
        self.socket.close()
        self.socket = self._connect()

    def send(self, request: Request) -> None:
        """Begin a request, sending as much of it as the socket takes."""
        self.request = request
        self.body = self._raw = b""
        self._body_at = self._length = self._remaining = self._file_left = 0
        self._chunked = False
        self._hash: Hash | None = None
        payload, content = request.payload, b""
        if payload is not None and payload.fd is not None:
            sent = self.socket.send(request.head, socket.MSG_MORE)
            self._file_left = payload.size
        elif payload is not None:
            content = payload.content
            sent = self.socket.sendmsg((request.head, content))
        else:
            sent = self.socket.send(request.head)
        self._unsent = memoryview(b"")
        if sent != len(request.head) + len(content):
            self._unsent = memoryview(request.head + content)[sent:]
        if self._unsent or self._file_left:
            self.pending = True
            self.flush()

    def flush(self) -> None:
        """Go on sending; clears `pending` once all is sent."""
        payload = self.request.payload
        try:
            while self._unsent:
                self._unsent = self._unsent[self.socket.send(self._unsent) :]
            while self._file_left and payload is not None and payload.fd is not None:
                at = payload.size - self._file_left
                self._file_left -= os.sendfile(
                    self.socket.fileno(), payload.fd, at, self._file_left
                )
        except BlockingIOError:
            return
        self.pending = False

    def receive(self) -> bool:
        """Read what is there; True when the answer is complete and as expected."""
        if self._remaining:
            return self._discard()
        data = self.socket.recv(RECEIVE_SIZE)
        if not data:
            raise AnswerError("connection closed by the server")
        self._raw = self._raw + data if self._raw else data
        if not self._body_at and not self._parse_head():
            return False
        if self._chunked:
            decoded = decode_chunked(self._raw[self._body_at :])
            if decoded is None:
                return False
            self.body, self._length = decoded, len(decoded)
            return self._complete()
        missing = self._body_at + self._length - len(self._raw)
        if missing <= 0:
            self.body = self._raw[self._body_at :]
            return self._complete()
        if self.request.md5 is not None and self._status == self.request.status:
            self._begin_discard(missing)
        return False

    def _parse_head(self) -> bool:
        """Parse the head once it is whole; skips interim (1xx) answers."""
        raw = self._raw
        end = raw.find(b"\r\n\r\n")
        if end < 0:
            return False
        if raw.startswith(b"HTTP/1.1 1"):
            self._raw = raw[end + 4 :]
            return bool(self._raw) and self._parse_head()
        self._status = int(raw[9:12]) if raw[9:12].isdigit() else 0
        self._body_at = end + 4
        self.must_close = raw.startswith(b"HTTP/1.0") or bool(_CLOSE.search(raw, 0, end))
        found = _CONTENT_LENGTH.search(raw, 0, end + 2)
        if found is not None:
            self._length = int(found[1])
        elif self._status != 204:
            self._chunked = bool(_CHUNKED.search(raw, 0, end + 2))
        if self.request.no_body and self._status == self.request.status:
            self._head_length, self._length, self._chunked = self._length, 0, False
        return True

    def _begin_discard(self, missing: int) -> None:
        self._remaining = missing
        self._large_answers += 1
        if self._large_answers % MD5_SAMPLE == 1:
            self._hash = hashlib.md5(self._raw[self._body_at :])

    def _discard(self) -> bool:
        # MSG_TRUNC on a TCP socket drops bytes without copying them: see tcp(7).
        flags = socket.MSG_TRUNC if self._hash is None else 0
        wanted = min(self._remaining, len(self._scratch))
        count = self.socket.recv_into(self._scratch, wanted, flags)
        if not count:
            raise AnswerError("connection closed in the middle of a body")
        if self._hash is not None:
            self._hash.update(self._scratch[:count])
        self._remaining -= count
        if self._remaining:
            return False
        if self._hash is not None and self._hash.digest() != self.request.md5:
            raise AnswerError(f"{self.request.kind}: content MD5 differs")
        return self._complete()

    def _complete(self) -> bool:
        """Hold the whole answer to the request's expectations."""
        request = self.request
        if self.pending:
            self.must_close = True
        if self._status != request.status:
            code = _ERROR_CODE.search(self.body)
            name = code[1].decode() if code else ""
            raise AnswerError(f"{request.kind}: status {self._status} {name}".rstrip())
        if request.length is not None:
            length = self._head_length if request.no_body else self._length
            if length != request.length:
                raise AnswerError(f"{request.kind}: length {length}, not {request.length}")
        if request.content is not None and self.body != request.content:
            raise AnswerError(f"{request.kind}: content differs")
        complaint = request.verify(self.body) if request.verify else None
        if complaint:
            raise AnswerError(f"{request.kind}: {complaint}")
        return True
