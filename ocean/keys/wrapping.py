"""Data keys as they are stored: wrapped with a version of a named key, or with a client's own key.

A wrapped key is: a head, a salt (24 bytes), then AES-256-GCM ciphertext and tag. The head is format
byte 1, the length of the name (1 byte), the name and the version (4 bytes, big-endian) of a named
key, or format byte 2 of a client's. Head and context are authenticated. The salt makes a key that
wraps this one data key, so that the number of data keys under a wrapping key has no bound; random
nonces would set one of 2^32 (NIST SP 800-38D).
"""

import secrets
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ocean.body.cipher import KEY_SIZE, TAG, derived
from ocean.keys.provider import UnwrapFailed

_NAMED = 1
_CUSTOMER = b"\x02"
_VERSION_SIZE = 4
_SALT_SIZE = 24
_BODY_SIZE = _SALT_SIZE + KEY_SIZE + TAG
_NONCE = bytes(12)  # each wrapping has a key of its own
_PURPOSE = b"ocean data key 1"


class Wrapper(NamedTuple):
    """The version of a named key that a data key is wrapped with; versions count from 1."""

    name: str
    version: int


def wrap(data_key: bytes, wrapper: Wrapper, key: bytes, context: bytes) -> bytes:
    """`data_key` wrapped with `key`, which is the 32 bytes of `wrapper`."""
    return _wrapped(_head(wrapper), data_key, key, context)


def unwrap(wrapped: bytes, key: bytes, context: bytes) -> bytes:
    """The data key, with the key of `wrapper_of(wrapped)`; UnwrapFailed."""
    return _unwrapped(_head(wrapper_of(wrapped)), wrapped, key, context)


def wrapper_of(wrapped: bytes) -> Wrapper:
    """What a data key is wrapped with; UnwrapFailed when it is no named key."""
    length = len(wrapped) - 2 - _VERSION_SIZE - _BODY_SIZE
    if length < 1 or wrapped[0] != _NAMED or wrapped[1] != length:
        raise UnwrapFailed("this is no data key wrapped with a named key by this release")
    name, version = wrapped[2 : 2 + length], wrapped[2 + length : 2 + length + _VERSION_SIZE]
    if not name.isascii():
        raise UnwrapFailed("the name of the wrapping key was altered")
    return Wrapper(name.decode(), int.from_bytes(version, "big"))


def wrap_with(key: bytes, data_key: bytes, context: bytes) -> bytes:
    """`data_key` wrapped with a client's key of 32 bytes, nothing of which is kept (SSE-C)."""
    return _wrapped(_CUSTOMER, data_key, key, context)


def unwrap_with(key: bytes, wrapped: bytes, context: bytes) -> bytes:
    """The data key; UnwrapFailed, as for every key of a client but the right one."""
    return _unwrapped(_CUSTOMER, wrapped, key, context)


def _head(wrapper: Wrapper) -> bytes:
    name = wrapper.name.encode()
    return bytes((_NAMED, len(name))) + name + wrapper.version.to_bytes(_VERSION_SIZE, "big")


def _wrapped(head: bytes, data_key: bytes, key: bytes, context: bytes) -> bytes:
    if len(data_key) != KEY_SIZE:
        raise ValueError(f"a data key has {KEY_SIZE} bytes")
    salt = secrets.token_bytes(_SALT_SIZE)
    once = AESGCM(derived(key, salt, _PURPOSE))
    return head + salt + once.encrypt(_NONCE, data_key, head + context)


def _unwrapped(head: bytes, wrapped: bytes, key: bytes, context: bytes) -> bytes:
    body = wrapped[len(head) :]
    if not wrapped.startswith(head) or len(body) != _BODY_SIZE:
        raise UnwrapFailed("this is no data key wrapped with such a key by this release")
    once = AESGCM(derived(key, body[:_SALT_SIZE], _PURPOSE))
    try:
        return once.decrypt(_NONCE, body[_SALT_SIZE:], head + context)
    except InvalidTag as error:
        raise UnwrapFailed("the wrapping key, the context or the bytes are others") from error
