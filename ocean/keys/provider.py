"""Who makes and unwraps data keys: the interface to key management, local or remote."""

from dataclasses import dataclass, field
from typing import Protocol


class KeyProviderError(Exception):
    """A data key cannot be had; the message says why and holds no bytes of a key."""


class KeyNotFound(KeyProviderError):
    """No key has that id."""


class KeyDisabled(KeyProviderError):
    """The key is there, but may not be used."""


class UnwrapFailed(KeyProviderError):
    """Another key or another context wrapped the data key, or its bytes were altered."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key of 32 bytes to encrypt with, and what is stored instead of it."""

    plaintext: bytes = field(repr=False)
    wrapped: bytes


class KeyProvider(Protocol):
    """Wraps data keys with keys that it never hands out.

    `context` is authenticated: what was wrapped for one object cannot be unwrapped for another.
    """

    async def generate(self, key_id: str | None, context: bytes) -> DataKey:
        """A new data key, wrapped with a key of that id, or with the one for all who name none.

        KeyNotFound, KeyDisabled.
        """
        ...

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The data key; KeyNotFound, KeyDisabled, UnwrapFailed."""
        ...


class NoKeys:
    """The KeyProvider of a process that has none."""

    async def generate(self, key_id: str | None, context: bytes) -> DataKey:  # noqa: ARG002
        """KeyNotFound."""
        raise KeyNotFound("this process has no encryption keys")

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:  # noqa: ARG002
        """KeyNotFound."""
        raise KeyNotFound("this process has no encryption keys")
