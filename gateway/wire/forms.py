"""Forms of POST uploads: a streaming parser of multipart/form-data. Pure.

Invariant: fields, file content and outcome do not depend on how the input was split; at most
`MAX_FIELDS` bytes before the file, and a delimiter's length within it, are kept.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html, RFC 7578
"""

import re
from collections.abc import Callable

from ocean.errors import (
    IncorrectNumberOfFilesInPostRequest,
    InvalidArgument,
    MalformedPOSTRequest,
    MaxPostPreDataLengthExceededError,
    RequestIsNotMultiPartContent,
)

MAX_FIELDS = 20 * 1024  # bytes of the form before the file's content
_BOUNDARY = re.compile(
    r"multipart/form-data[ \t]*;(?:[^\"]*;)?[ \t]*boundary=(?:\"([^\"]{1,70})\"|([^\s;,\"]{1,70}))"
    r"[ \t]*(?:;.*)?",
    re.IGNORECASE,
)
_VALUE = r"(?:\"((?:\\\"|[^\"])*)\"|([^;\"]*))"
_PARAMETER = re.compile(rf"[ \t]*;[ \t]*([A-Za-z*]+)={_VALUE}")
_DISPOSITION = re.compile(rf"form-data((?:[ \t]*;[ \t]*[A-Za-z*]+={_VALUE})*)")


def boundary(content_type: str) -> bytes:
    """The boundary that a Content-Type header declares; raises RequestIsNotMultiPartContent."""
    match = _BOUNDARY.fullmatch(content_type.strip())
    if match is None:
        raise RequestIsNotMultiPartContent
    return (match[1] or match[2]).encode("utf-8", "surrogateescape")


class FormDecoder:
    """Takes a form apart: its fields, then the content of the part named `file`.

    `fields` are by name in lower case. `filename` is None until the file's content begins, then
    its name without folders, or "". What follows the file is ignored, as S3 does.
    """

    def __init__(self, boundary: bytes) -> None:
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self.content_type = ""  # of the file
        self.finished = False
        self._delimiter = b"\r\n--" + boundary
        # The first delimiter needs no line before it: it is as if the form began with one.
        self._buffer = b"\r\n"
        self._taken = 0
        self._name = ""
        self._read: Callable[[list[memoryview]], bool] = self._read_start

    def feed(self, data: bytes | bytearray | memoryview) -> list[memoryview]:
        """The file's content in `data`.

        Raises MalformedPOSTRequest, MaxPostPreDataLengthExceededError, InvalidArgument (a field
        twice) or IncorrectNumberOfFilesInPostRequest; after that it must not be fed again.
        """
        if self.finished:
            return []
        self._buffer += bytes(data)
        pieces: list[memoryview] = []
        while self._read(pieces):
            pass
        if self.filename is None and self._taken + len(self._buffer) > MAX_FIELDS:
            raise MaxPostPreDataLengthExceededError
        return pieces

    def close(self) -> None:
        """Tell that the input has ended; raises MalformedPOSTRequest if the form was cut."""
        if not self.finished:
            raise MalformedPOSTRequest

    def _take(self, size: int) -> bytes:
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        if self.filename is None:
            self._taken += size
            if self._taken > MAX_FIELDS:
                raise MaxPostPreDataLengthExceededError
        return taken

    def _read_start(self, pieces: list[memoryview]) -> bool:  # noqa: ARG002 - as the others
        # Some clients do send an empty line first.
        for start in (self._delimiter, b"\r\n" + self._delimiter):
            if self._buffer.startswith(start):
                self._take(len(start))
                self._read = self._read_delimiter_end
                return True
        if not (b"\r\n" + self._delimiter).startswith(self._buffer) and not (
            self._delimiter.startswith(self._buffer)
        ):
            raise MalformedPOSTRequest
        return False

    def _read_delimiter_end(self, pieces: list[memoryview]) -> bool:  # noqa: ARG002
        if len(self._buffer) < 2:
            return False
        end = self._take(2)
        if end not in {b"\r\n", b"--"}:
            raise MalformedPOSTRequest
        if self.filename is not None:
            self.finished = True
            self._buffer = b""
            return False
        if end == b"--":
            raise IncorrectNumberOfFilesInPostRequest
        self._read = self._read_headers
        return True

    def _read_headers(self, pieces: list[memoryview]) -> bool:  # noqa: ARG002
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        headers = self._headers(self._take(end + 4)[:-4])
        parameters = _parameters(headers.get("content-disposition", ""))
        self._name = parameters.get("name", "").lower()
        if self._name == "file":
            self.content_type = headers.get("content-type", "")
            self.filename = re.split(r"[/\\]", parameters.get("filename", ""))[-1]
            self._read = self._read_file
        elif not self._name:
            raise MalformedPOSTRequest
        elif self._name in self.fields:
            raise InvalidArgument(
                "A field of the form was given twice.",
                ArgumentName=self._name,
                ArgumentValue="",
            )
        else:
            self._read = self._read_field
        return True

    def _headers(self, block: bytes) -> dict[str, str]:
        headers: dict[str, str] = {}
        for line in _text(block).split("\r\n"):
            name, separator, value = line.partition(":")
            name = name.lower()
            if not separator or name in headers:
                raise MalformedPOSTRequest
            headers[name] = value.strip(" \t")
        return headers

    def _read_field(self, pieces: list[memoryview]) -> bool:  # noqa: ARG002
        end = self._buffer.find(self._delimiter)
        if end < 0:
            return False
        self.fields[self._name] = _text(self._take(end))
        self._take(len(self._delimiter))
        self._read = self._read_delimiter_end
        return True

    def _read_file(self, pieces: list[memoryview]) -> bool:
        end = self._buffer.find(self._delimiter)
        if end >= 0:
            pieces.append(memoryview(self._take(end)))
            self._take(len(self._delimiter))
            self._read = self._read_delimiter_end
            return True
        # What may be the beginning of the delimiter waits for the rest of it.
        ready = len(self._buffer) - len(self._delimiter) + 1
        if ready > 0:
            pieces.append(memoryview(self._take(ready)))
        return False

    def expanded(self) -> dict[str, str]:
        """The fields with `${filename}` replaced, to be called when `filename` is known.

        S3 does this before it checks the policy; the policy itself is not touched.
        """
        filename = self.filename or ""
        return {
            name: value if name == "policy" else value.replace("${filename}", filename)
            for name, value in self.fields.items()
        }


def _parameters(disposition: str) -> dict[str, str]:
    match = _DISPOSITION.fullmatch(disposition)
    if match is None:
        raise MalformedPOSTRequest
    found: dict[str, str] = {}
    for name, quoted, token in _PARAMETER.findall(match[1]):
        if name.lower() in found:
            raise MalformedPOSTRequest
        found[name.lower()] = quoted.replace('\\"', '"') or token.strip()
    return found


def _text(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise MalformedPOSTRequest from None
