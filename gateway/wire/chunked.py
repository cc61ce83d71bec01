"""The aws-chunked coding of a body: sizes, signatures of chunks, and trailers. Pure.

Invariant: the outcome, and the bytes and trailers of a body that is accepted, do not depend on
how the input was split. Bytes are released as they come, before the signature of their chunk can
be checked, so that memory stays bounded; `finished` is set only after every signature, the length
and the trailers were checked, and only then may the bytes be kept.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and
sigv4-streaming-trailers.html there.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from gateway.wire.claims import Payload, check_signature
from gateway.wire.sigv4 import EMPTY_SHA256, Seed
from ocean.errors import (
    IncompleteBody,
    InvalidArgument,
    InvalidChunkSizeError,
    InvalidRequest,
    MalformedTrailerError,
    MissingContentLength,
    S3Error,
)

MIN_CHUNK = 8192  # bytes of any signed chunk but the last: each costs two hashes and a signature
MAX_LENGTH = 2**53
MAX_LINE = 1024  # bytes of a line that begins a chunk or is of the trailer
_HEADER = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?\r\n")
_TRAILER = re.compile(rb"([0-9A-Za-z-]+):[ \t]*([!-~](?:[ -~]*[!-~])?)[ \t]*\r?\n")
_DIGITS = re.compile(r"[0-9]{1,16}")
_TRAILER_NAME = re.compile(r"[0-9a-z-]+")
_TRAILER_SIGNATURE = b"x-amz-trailer-signature"


class ChunkSigner:
    """The chain of signatures: each covers a chunk and the signature before it."""

    def __init__(self, seed: Seed) -> None:
        self._key = seed.key
        self._timestamp = seed.timestamp
        self._scope = seed.scope
        self._previous = seed.signature
        self.text = ""  # the string to sign of the last signature, for an error to show

    def chunk(self, sha256: str) -> str:
        """The signature of the next chunk, by the SHA-256 of its bytes."""
        return self._next(f"AWS4-HMAC-SHA256-PAYLOAD\n{self._head()}\n{EMPTY_SHA256}\n{sha256}")

    def trailer(self, lines: bytes) -> str:
        """The signature of the trailer: of lines `name:value`, each with its newline."""
        digest = hashlib.sha256(lines).hexdigest()
        return self._next(f"AWS4-HMAC-SHA256-TRAILER\n{self._head()}\n{digest}")

    def _head(self) -> str:
        return f"{self._timestamp}\n{self._scope}\n{self._previous}"

    def _next(self, text: str) -> str:
        self.text = text
        self._previous = hmac.digest(self._key, text.encode(), "sha256").hex()
        return self._previous


class ChunkDecoder:
    """Takes the bytes of a body off their chunks.

    `length` is x-amz-decoded-content-length; `signer` continues the signature of the request, None
    for unsigned chunks; `trailers` are the names that x-amz-trailer declares, None of a body
    without a trailer.
    """

    def __init__(
        self,
        length: int,
        *,
        signer: ChunkSigner | None = None,
        trailers: frozenset[str] | None = None,
    ) -> None:
        self.finished = False
        self.trailers: dict[str, str] = {}
        self._signer = signer
        self._declared = trailers
        self._remaining = length  # bytes that no chunk has announced yet
        self._chunk = 0  # bytes of this chunk still to come
        self._last_size = MIN_CHUNK
        self._hash = hashlib.sha256()
        self._signature = ""
        self._line = b""  # a line of which the end has not come yet
        self._signed_lines = b""
        self._read: Callable[[bytes], None] = self._read_header  # takes the next line

    def feed(self, data: bytes | bytearray | memoryview) -> list[memoryview]:
        """The object's bytes in `data`, as views of it.

        Raises SignatureDoesNotMatch, IncompleteBody, InvalidChunkSizeError or
        MalformedTrailerError; after that the decoder must not be fed again.
        """
        view = memoryview(data)
        pieces: list[memoryview] = []
        while view:
            if self._chunk:
                pieces.append(view[: self._chunk])
                view = self._take_data(view)
            elif self.finished:
                raise _malformed()
            else:
                view = self._take_line(view)
        return pieces

    def close(self) -> None:
        """Tell that the input has ended; raises IncompleteBody if it was cut."""
        if not self.finished:
            raise _malformed()

    def _take_data(self, view: memoryview) -> memoryview:
        piece = view[: self._chunk]
        if self._signer is not None:
            self._hash.update(piece)
        self._chunk -= len(piece)
        if self._chunk == 0:
            self._check_chunk()
            self._read = self._read_data_end
        return view[len(piece) :]

    def _take_line(self, view: memoryview) -> memoryview:
        """Pass on a line with its newline, or keep what there is of it."""
        room = MAX_LINE - len(self._line)
        part = bytes(view[:room])
        end = part.find(b"\n") + 1
        if not end and len(part) == room:
            raise _malformed()
        if not end:
            self._line += part
            return view[len(part) :]
        line, self._line = self._line + part[:end], b""
        self._read(line)
        return view[end:]

    def _read_header(self, line: bytes) -> None:
        match = _HEADER.fullmatch(line)
        if match is None or (match[2] is None) is not (self._signer is None):
            raise _malformed()
        size = int(match[1], 16)
        self._check_size(size)
        self._chunk = size
        self._remaining -= size
        if self._signer is not None:
            self._signature = match[2].decode()
            self._hash = hashlib.sha256()
        if size == 0:
            self._check_chunk()
            self._read = self._read_end if self._declared is None else self._read_trailer

    def _check_size(self, size: int) -> None:
        if size > self._remaining or (size == 0 and self._remaining):
            raise IncompleteBody
        if size and self._signer is not None:
            if self._last_size < MIN_CHUNK:
                raise InvalidChunkSizeError(BadChunkSizeInBytes=str(self._last_size))
            self._last_size = size

    def _check_chunk(self) -> None:
        if self._signer is not None:
            computed = self._signer.chunk(self._hash.hexdigest())
            check_signature(computed, self._signature, "", self._signer.text)

    def _read_data_end(self, line: bytes) -> None:
        if line != b"\r\n":
            raise _malformed()
        self._read = self._read_header

    def _read_end(self, line: bytes) -> None:
        if line != b"\r\n":
            raise _malformed()
        self.finished = True

    def _read_trailer(self, line: bytes) -> None:
        if line == b"\r\n" and self._signer is not None:
            # minio-go sets the signature of the trailer apart by an empty line.
            self._read = self._read_trailer_signature
        elif line == b"\r\n":
            self._check_trailers()
            self._read_end(line)
        elif self._signer is not None and line.startswith(_TRAILER_SIGNATURE):
            self._read_trailer_signature(line)
        else:
            self._add_trailer(line)

    def _add_trailer(self, line: bytes) -> None:
        match = _TRAILER.fullmatch(line)
        # minio-go ends the lines that it signs by LF alone, as they are in what is signed.
        if match is None or (self._signer is None and not line.endswith(b"\r\n")):
            raise MalformedTrailerError
        name, value = match[1].decode().lower(), match[2].decode()
        if self._declared is None or name not in self._declared or name in self.trailers:
            raise MalformedTrailerError
        self.trailers[name] = value
        self._signed_lines += f"{name}:{value}\n".encode()

    def _read_trailer_signature(self, line: bytes) -> None:
        match = _TRAILER.fullmatch(line)
        if match is None or match[1] != _TRAILER_SIGNATURE or self._signer is None:
            raise MalformedTrailerError
        computed = self._signer.trailer(self._signed_lines)
        check_signature(computed, match[2].decode(), "", self._signer.text)
        self._check_trailers()
        self._read = self._read_end

    def _check_trailers(self) -> None:
        if self.trailers.keys() != self._declared:
            raise MalformedTrailerError


def _malformed() -> S3Error:
    return IncompleteBody("The request body terminated unexpectedly")


def decoder(mode: Payload, headers: Mapping[str, str], seed: Seed | None) -> ChunkDecoder | None:
    """The decoder that a payload mode and the headers of a request ask for, None for none.

    Raises MissingContentLength, InvalidArgument (lengths or names that are none) or
    InvalidRequest (signed chunks in a request without a signature).
    """
    if mode in {Payload.HASHED, Payload.UNSIGNED}:
        return None
    length = decoded_length(headers)
    trailers = None if mode is Payload.SIGNED_CHUNKS else declared_trailers(headers)
    if mode is Payload.UNSIGNED_CHUNKS_TRAILER:
        return ChunkDecoder(length, trailers=trailers)
    if seed is None:
        raise InvalidRequest("Signed chunks need a request that is signed.")
    return ChunkDecoder(length, signer=ChunkSigner(seed), trailers=trailers)


def decoded_length(headers: Mapping[str, str]) -> int:
    """The length of the object in a body of chunks."""
    text = headers.get("x-amz-decoded-content-length")
    if text is None:
        raise MissingContentLength
    if _DIGITS.fullmatch(text) is None or int(text) > MAX_LENGTH:
        raise InvalidArgument(
            ArgumentName="x-amz-decoded-content-length", ArgumentValue=ascii(text)[1:-1]
        )
    return int(text)


def declared_trailers(headers: Mapping[str, str]) -> frozenset[str]:
    """The names in x-amz-trailer, in lower case."""
    text = headers.get("x-amz-trailer", "").lower()
    names = [name.strip() for name in text.split(",")] if text else []
    if len(set(names)) != len(names) or not all(map(_TRAILER_NAME.fullmatch, names)):
        raise InvalidArgument(ArgumentName="x-amz-trailer", ArgumentValue=ascii(text)[1:-1])
    return frozenset(names)


def encode(
    chunks: Iterable[bytes],
    *,
    signer: ChunkSigner | None = None,
    trailers: Mapping[str, str] | None = None,
) -> Iterator[bytes]:
    """A body of `chunks` as a client sends it; none of them may be empty."""
    for chunk in (*chunks, b""):
        extension = b""
        if signer is not None:
            extension = b";chunk-signature=" + signer.chunk(_sha256(chunk)).encode()
        yield b"%x%s\r\n" % (len(chunk), extension)
        if chunk:
            yield chunk
            yield b"\r\n"
    lines = [f"{name}:{value}".encode() for name, value in (trailers or {}).items()]
    if signer is not None and trailers is not None:
        made = signer.trailer(b"".join(line + b"\n" for line in lines))
        lines.append(_TRAILER_SIGNATURE + b":" + made.encode())
    yield b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
