"""Sealed streams: what they look like, what they cost in bytes, and what is refused."""

import hashlib
import hmac
from random import Random

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ocean.body.cipher import (
    CHUNK,
    SEALED,
    TAG,
    Opening,
    Sealing,
    Tampered,
    Window,
    derived,
    opened_size,
    sealed_size,
    stream_key,
    window,
)

DATA_KEY = bytes(range(32))
OP = b"operation 12"
KEY = stream_key(DATA_KEY, OP)


def seal(data: bytes, key: bytes = KEY) -> bytes:
    sealing = Sealing(key)
    return bytes(sealing.feed(data) + sealing.finish())


def test_a_stream_is_aes_gcm_with_the_nonces_of_stream() -> None:
    data = Random(1).randbytes(2 * CHUNK + 5)
    cipher = AESGCM(KEY)
    expected = b"".join(
        cipher.encrypt(
            bytes(10) + bytes((index, index == 2)), data[index * CHUNK : (index + 1) * CHUNK], None
        )
        for index in range(3)
    )
    assert seal(data) == expected


def test_a_stream_s_key_is_that_of_rfc_5869() -> None:
    extracted = hmac.digest(OP, DATA_KEY, hashlib.sha256)
    assert hmac.digest(extracted, b"ocean stream 1\x01", hashlib.sha256) == KEY
    others = {stream_key(DATA_KEY, b"another one."), stream_key(bytes(32), OP)}
    others.add(derived(DATA_KEY, OP, b"another purpose"))
    assert len(others | {KEY, DATA_KEY}) == 5


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_keys_of_another_size_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        stream_key(bytes(size), OP)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1])
def test_a_sealed_stream_has_the_size_that_was_foretold(size: int) -> None:
    assert len(seal(bytes(size))) == sealed_size(size)
    assert opened_size(sealed_size(size)) == size


def test_a_stream_of_no_bytes_has_no_chunk() -> None:
    assert sealed_size(0) == 0
    opening = Opening(KEY, 0, window(0, 0, 0))
    assert not opening.feed(seal(b""))
    opening.finish()
    with pytest.raises(Tampered):
        Opening(KEY, 0, window(0, 0, 0)).feed(b"x")


def test_windows_are_whole_chunks() -> None:
    size = 3 * CHUNK + 10
    assert window(0, size, size) == Window(0, sealed_size(size), 0, 0, size)
    assert window(CHUNK, 2 * CHUNK, size) == Window(SEALED, 2 * SEALED, 1, 0, CHUNK)
    assert window(CHUNK - 1, CHUNK + 1, size) == Window(0, 2 * SEALED, 0, CHUNK - 1, 2)
    assert window(size - 1, size, size) == Window(3 * SEALED, 3 * SEALED + 10 + TAG, 3, 9, 1)
    assert window(7, 7, size) == Window(0, 0, 0, 0, 0)


@pytest.mark.parametrize(("start", "stop"), [(-1, 1), (2, 1), (0, 11), (11, 11)])
def test_there_is_no_window_on_what_is_not_there(start: int, stop: int) -> None:
    with pytest.raises(ValueError, match="there are no bytes"):
        window(start, stop, 10)


def test_a_stream_of_five_terabytes_needs_no_more_than_its_chunks() -> None:
    size = 5 << 40
    here = window(size - 1, size, size)
    assert (here.stop - here.start, here.first) == (SEALED, (size - 1) // CHUNK)


def test_after_a_refusal_nothing_more_is_handed_out() -> None:
    size = 3 * CHUNK
    sealed = seal(bytes(size))
    opening = Opening(KEY, size, window(0, size, size))
    assert len(opening.feed(sealed[:SEALED])) == CHUNK
    with pytest.raises(Tampered, match="chunk 1 "):
        opening.feed(bytes(SEALED))
    with pytest.raises(Tampered):
        opening.feed(sealed[SEALED : 2 * SEALED])
    with pytest.raises(Tampered):
        opening.finish()


def test_pieces_may_be_written_over_once_they_were_fed() -> None:
    data = Random(2).randbytes(CHUNK + 100)
    piece = bytearray(data)
    sealing = Sealing(KEY)
    sealed = bytes(sealing.feed(piece))
    piece[:] = bytes(len(piece))
    sealed += sealing.finish()
    assert sealed == seal(data)
    opening = Opening(KEY, len(data), window(0, len(data), len(data)))
    piece = bytearray(sealed[: SEALED + 50])
    opened = bytes(opening.feed(piece))
    piece[:] = bytes(len(piece))
    assert opened + opening.feed(sealed[SEALED + 50 :]) == data


def test_no_key_is_shown() -> None:
    shown = f"{Sealing(KEY)!r} {Opening(KEY, 1, window(0, 1, 1))!r}"
    with pytest.raises(Tampered) as caught:
        Opening(KEY, 1, window(0, 1, 1)).feed(bytes(1 + TAG))
    shown += f"{caught.value!r} {caught.value} {caught.value.__cause__!r}"
    for key in (KEY, DATA_KEY):
        assert key.hex() not in shown
        assert repr(key)[2:-1] not in shown
