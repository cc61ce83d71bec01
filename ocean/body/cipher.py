"""Encryption of streams in chunks that are authenticated one by one. Pure.

A stream (a whole object, or one part of an upload) is sealed with AES-256-GCM (NIST SP 800-38D)
under a key of its own, 64 KiB of plaintext at a time, each chunk with its tag behind it. A chunk's
nonce is its index and whether it is the last one, as in the STREAM construction
(https://eprint.iacr.org/2015/189), so that chunks which are missing, moved, continued or of another
stream fail like altered ones. Invariant: what is handed out is what was sealed there, or Tampered
is raised; neither depends on how the bytes were split.
"""

from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ocean.body.digests import Buffer

KEY_SIZE = 32  # bytes of every key
CHUNK = 1 << 16  # bytes of plaintext; the last chunk of a stream may be shorter
TAG = 16  # bytes behind each chunk
SEALED = CHUNK + TAG
_STREAM = b"ocean stream 1"


class Tampered(Exception):
    """The bytes are not those that were sealed with this key at this place, or not all of them."""


def derived(key: bytes, salt: bytes, purpose: bytes) -> bytes:
    """A key made of another, one for each salt and purpose (HKDF-SHA256, RFC 5869)."""
    if len(key) != KEY_SIZE:
        raise ValueError(f"a key has {KEY_SIZE} bytes")
    return HKDF(SHA256(), KEY_SIZE, salt, purpose).derive(key)


def stream_key(data_key: bytes, salt: bytes) -> bytes:
    """The key of one stream; no two streams under a data key may have the same salt."""
    return derived(data_key, salt, _STREAM)


def sealed_size(size: int) -> int:
    """Bytes that a stream of `size` bytes has when it is sealed; none for one of no bytes."""
    return size + TAG * -(-size // CHUNK)


def opened_size(sealed: int) -> int:
    """Bytes of the stream that has `sealed` bytes when it is sealed: sealed_size backwards."""
    return sealed - TAG * -(-sealed // SEALED)


class Window(NamedTuple):
    """The bytes `start` to `stop` (exclusive) of a sealed stream: whole chunks, from chunk `first`.

    Of their plaintext `skip` bytes precede the `size` bytes that are asked for.
    """

    start: int
    stop: int
    first: int
    skip: int
    size: int


def window(start: int, stop: int, size: int) -> Window:
    """Where bytes `start` to `stop` (exclusive) of a stream of `size` bytes lie when sealed."""
    if not 0 <= start <= stop <= size:
        raise ValueError(f"there are no bytes {start} to {stop} of {size}")
    if start == stop:
        return Window(0, 0, 0, 0, 0)
    first, skip = divmod(start, CHUNK)
    end = min(-(-stop // CHUNK) * CHUNK, size)
    return Window(first * SEALED, sealed_size(end), first, skip, stop - start)


class Sealing:
    """Seals one stream as it passes. A key seals one stream only."""

    __slots__ = ("_cipher", "_held", "_index")

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._index = 0
        self._held = bytearray()  # what may be the last chunk

    def feed(self, piece: Buffer) -> bytearray:
        """The chunks, often none, of which it is certain now that they are not the last."""
        view = memoryview(piece)
        count = max(len(self._held) + len(view) - 1, 0) // CHUNK
        sealed = bytearray(count * SEALED)
        target = memoryview(sealed)
        for at in range(0, len(sealed), SEALED):
            room = CHUNK - len(self._held)
            self._seal(view[:room], target[at : at + SEALED], last=False)
            view = view[room:]
        self._held += view
        return sealed

    def finish(self) -> bytearray:
        """The last chunk. Nothing may be fed afterwards."""
        sealed = bytearray(sealed_size(len(self._held)))
        if sealed:
            self._seal(b"", memoryview(sealed), last=True)
        return sealed

    def _seal(self, chunk: Buffer, target: memoryview, *, last: bool) -> None:
        """Seal what is held and `chunk` behind it."""
        if self._held:
            self._held += chunk
            chunk, self._held = self._held, bytearray()
        self._cipher.encrypt_into(_nonce(self._index, last=last), chunk, None, target)
        self._index += 1


class Opening:
    """Opens what was read of a `window` of a stream of `size` bytes of plaintext."""

    __slots__ = ("_cipher", "_held", "_index", "_last", "_left", "_skip", "_wanted")

    def __init__(self, key: bytes, size: int, within: Window) -> None:
        self._cipher = AESGCM(key)
        self._index = within.first
        self._last = (size - 1) // CHUNK
        self._left = within.stop - within.start
        self._skip = within.skip
        self._wanted = within.size
        self._held = bytearray()  # of a chunk that is not whole yet

    def feed(self, piece: Buffer) -> memoryview:
        """The next of the bytes that are asked for, often none; Tampered."""
        view = memoryview(piece)
        self._left -= len(view)
        if self._left < 0:
            raise Tampered("there are bytes behind those that are asked for")
        there = len(self._held) + len(view)
        if self._left:
            there -= there % SEALED
        opened = bytearray(there - TAG * -(-there // SEALED))
        target = memoryview(opened)
        for at in range(0, len(opened), CHUNK):
            room = SEALED - len(self._held)
            self._open(view[:room], target[at : at + CHUNK])
            view = view[room:]
        self._held += view
        return self._asked(target)

    def finish(self) -> None:
        """Tampered unless all of the window was fed."""
        if self._left:
            raise Tampered("bytes are missing")

    def _open(self, chunk: Buffer, target: memoryview) -> None:
        """Open what is held and `chunk` behind it."""
        if self._held:
            self._held += chunk
            chunk, self._held = self._held, bytearray()
        nonce = _nonce(self._index, last=self._index == self._last)
        try:
            self._cipher.decrypt_into(nonce, chunk, None, target)
        except InvalidTag as error:
            self._left = -1  # nor is anything behind it handed out
            raise Tampered(f"chunk {self._index} is not what was sealed there") from error
        self._index += 1

    def _asked(self, opened: memoryview) -> memoryview:
        """Without what comes before and behind the range."""
        asked = opened[self._skip : self._skip + self._wanted]
        self._skip -= min(self._skip, len(opened))
        self._wanted -= len(asked)
        return asked


def _nonce(index: int, *, last: bool) -> bytes:
    """Of a chunk: 11 bytes of its index, one that says whether it is the last; 12 bytes."""
    return (index << 8 | last).to_bytes(12, "big")
