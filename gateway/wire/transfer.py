"""The chunked transfer coding of a request's body (RFC 9112, section 7.1). Pure.

Invariant: the outcome and the bytes do not depend on how the input was split. One grammar is taken
and no other: two readers never find two ends.
"""

import re

_MAX_LINE = 8190  # bytes of a chunk's first line, and of a line of the trailer
_MAX_TRAILER = 64 << 10  # bytes of the whole trailer
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;%b(?:=(?:%b|%b))?)*" % (_TOKEN, _TOKEN, _QUOTED))
_FIELD = re.compile(rb"(%b):[\t\x20-\x7e\x80-\xff]*" % _TOKEN)
_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"host"})


class Garbled(ValueError):
    """The input is no chunked body."""


class ChunkedReader:
    """Takes the coding off; `ended` once the last line was read.

    Extensions and trailers are read, checked and dropped: S3 has neither in this coding.
    """

    __slots__ = ("_buffer", "_left", "_read_line", "_trailer", "ended")

    def __init__(self) -> None:
        self._buffer = b""
        self._left = 0  # bytes of the current chunk that are still to come
        self._trailer = 0
        self._read_line = self._size
        self.ended = False

    def feed(self, data: bytes) -> tuple[list[bytes], bytes]:
        """The pieces of the body in `data`, and what lies behind its end; Garbled."""
        pieces: list[bytes] = []
        data = self._buffer + data
        self._buffer = b""
        at = 0
        while not self.ended:
            if self._left:
                piece = data[at : at + self._left]
                if not piece:
                    break
                pieces.append(piece)
                self._left -= len(piece)
                at += len(piece)
                if not self._left:
                    self._read_line = self._behind
                continue
            end = data.find(b"\n", at)
            if end < 0:
                self._buffer = data[at:]
                if len(self._buffer) > _MAX_LINE:
                    raise Garbled("a line is too long")
                break
            self._read_line(_line(data[at : end + 1]))
            at = end + 1
        return pieces, data[at:] if self.ended else b""

    def _size(self, line: bytes) -> None:
        match = _SIZE.fullmatch(line)
        if match is None:
            raise Garbled("no size of a chunk")
        self._left = int(match[1], 16)
        if not self._left:
            self._read_line = self._field

    def _behind(self, line: bytes) -> None:
        """The line end behind the bytes of a chunk."""
        if line:
            raise Garbled("a chunk is longer than its size")
        self._read_line = self._size

    def _field(self, line: bytes) -> None:
        """A line of the trailer, or the empty one behind it."""
        if not line:
            self.ended = True
            return
        match = _FIELD.fullmatch(line)
        self._trailer += len(line)
        if match is None or match[1].lower() in _FRAMING or self._trailer > _MAX_TRAILER:
            raise Garbled("no field of a trailer")


def _line(raw: bytes) -> bytes:
    """A line without its end, which is CR LF and nothing else."""
    if not raw.endswith(b"\r\n") or len(raw) > _MAX_LINE:
        raise Garbled("a line does not end as it should")
    return raw[:-2]
