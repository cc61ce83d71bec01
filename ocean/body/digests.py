"""Digests of a body as it passes: the result does not depend on how the bytes were split. Pure.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

import hashlib
import hmac
import zlib
from base64 import b64decode, b64encode
from binascii import a2b_base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from awscrt import checksums

from ocean.errors import BadDigest, InvalidDigest, InvalidRequest

Buffer = bytes | bytearray | memoryview

MD5 = "MD5"
CHECKSUMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")
CRCS = frozenset({"CRC32", "CRC32C", "CRC64NVME"})
SIZES = {"MD5": 16, "CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}  # bytes
PREFIX = "x-amz-checksum-"


class Digest(Protocol):
    """One running digest."""

    def update(self, piece: Buffer, /) -> None: ...
    def digest(self) -> bytes: ...


class Crc:
    """A running CRC; its digest is in network byte order, as S3 has it."""

    __slots__ = ("_crc", "_size", "value")

    def __init__(self, crc: Callable[[Buffer, int], int], size: int) -> None:
        self._crc = crc
        self._size = size
        self.value = 0

    def update(self, piece: Buffer, /) -> None:
        self.value = self._crc(piece, self.value)

    def digest(self) -> bytes:
        return self.value.to_bytes(self._size, "big")


_NEW: dict[str, Callable[[], Digest]] = {
    "MD5": lambda: hashlib.md5(usedforsecurity=False),
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
    "CRC32": lambda: Crc(zlib.crc32, 4),
    "CRC32C": lambda: Crc(checksums.crc32c, 4),
    "CRC64NVME": lambda: Crc(checksums.crc64nvme, 8),
}


class Digests:
    """Several digests of one body, fed together so that each piece is read from memory once."""

    __slots__ = ("_digests", "_updates")

    def __init__(self, names: Iterable[str]) -> None:
        self._digests = {name: _NEW[name]() for name in names}
        self._updates = [digest.update for digest in self._digests.values()]

    def feed(self, piece: Buffer) -> None:
        for update in self._updates:
            update(piece)

    def finish(self) -> dict[str, bytes]:
        """The digests by name. More may be fed afterwards."""
        return {name: digest.digest() for name, digest in self._digests.items()}


def digest(name: str, data: Buffer) -> bytes:
    """One digest of bytes that are all there."""
    running = _NEW[name]()
    running.update(data)
    return running.digest()


def header(name: str) -> str:
    """The header or trailer of a checksum: `x-amz-checksum-crc32`."""
    return PREFIX + name.lower()


def encode(value: bytes) -> str:
    """A digest as headers and documents have it."""
    return b64encode(value).decode()


def algorithm(text: str) -> str:
    """The checksum that x-amz-checksum-algorithm (or -sdk-checksum-algorithm) names."""
    name = text.upper()
    if name not in CHECKSUMS:
        raise InvalidRequest(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid "
            f"types: [{', '.join(CHECKSUMS)}]"
        )
    return name


def decode_md5(text: str) -> bytes:
    """Content-MD5 as bytes, or InvalidDigest."""
    value = _base64(text)
    if value is None or len(value) != SIZES[MD5]:
        raise InvalidDigest("The Content-MD5 you specified was invalid.")
    return value


def decode(name: str, text: str) -> bytes:
    """The value of a checksum's header or trailer as bytes; BadDigest: no body has another."""
    value = _base64(text)
    if value is None or len(value) != SIZES[name]:
        raise BadDigest(f"Value for {header(name)} header is invalid.")
    return value


def decode_all(name: str, texts: Sequence[str]) -> list[bytes]:
    """What `decode` gives for each of many values; BadDigest."""
    size = SIZES[name]
    with suppress(ValueError):
        values = [a2b_base64(text, strict_mode=True) for text in texts]
        if {size}.issuperset(map(len, values)):
            return values
    return [decode(name, text) for text in texts]  # which says what is wrong


def _base64(text: str) -> bytes | None:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return None


def expected(values: Mapping[str, str | None]) -> tuple[str, bytes] | None:
    """The one checksum that a client sent, from header values by name; None without one."""
    sent = [(name, text) for name, text in values.items() if text is not None]
    if len(sent) > 1:
        raise InvalidRequest(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    return (sent[0][0], decode(*sent[0])) if sent else None


def verify(name: str, calculated: bytes, sent: bytes) -> None:
    """Raise BadDigest unless the digest is the one that the client sent."""
    if hmac.compare_digest(calculated, sent):
        return
    if name == MD5:
        raise BadDigest(
            "The Content-MD5 you specified did not match what we received.",
            ExpectedDigest=encode(sent),
            CalculatedDigest=encode(calculated),
        )
    raise BadDigest(f"The {name} you specified did not match the calculated checksum.")
