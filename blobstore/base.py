"""What a blob store owes: the operations of RADOS, and nothing more.

A blob is created once, grows by appends of the one process that created it, and never changes
afterwards. Names are ASCII, at most 200 bytes, without ``/`` at either end.
"""

from collections.abc import AsyncIterator
from typing import Protocol, runtime_checkable

Buffer = bytes | bytearray | memoryview


class BlobError(Exception):
    """A blob operation did not succeed."""


class NotFound(BlobError):
    """No such blob."""


class Exists(BlobError):
    """The blob to create is there already."""


class Corrupt(BlobError):
    """The bytes are not those that were written: short, or failing their checksum."""


class Full(BlobError):
    """No room (ENOSPC, EDQUOT). Nothing that was acknowledged is affected."""


class Unavailable(BlobError):
    """The store cannot be reached or did not answer in time. The outcome is unknown."""


class Failed(BlobError):
    """A write or fsync failed: the store has stopped for good, this process must end.

    After a failed fsync the kernel drops the dirty pages and forgets the error, so trying again
    would acknowledge bytes that are nowhere (Rebello et al., USENIX ATC 2020).
    """


@runtime_checkable
class BlobStore(Protocol):
    """One pool. Every method may raise Unavailable; every writing one Full and Failed."""

    @property
    def name(self) -> str: ...

    @property
    def in_flight(self) -> int:
        """Appends to one blob that may be under way at once, each where the one before ends."""
        ...

    async def create(self, blob: str, data: Buffer) -> None:
        """Create exclusively with `data` as its first bytes; Exists when it is there."""
        ...

    async def append(self, blob: str, offset: int, data: Buffer) -> None:
        """Write `data` at `offset`, which is the blob's present size."""
        ...

    async def sync(self, blob: str) -> None:
        """Return once everything written to `blob` (and its existence) survives power loss.

        Concurrent callers share one fsync. A store whose writes are durable returns at once.
        """
        ...

    async def read(self, blob: str, offset: int, length: int) -> Buffer:
        """Exactly `length` bytes at `offset`; NotFound, or Corrupt when the blob ends before."""
        ...

    async def size(self, blob: str) -> int:
        """Bytes in `blob`; NotFound."""
        ...

    async def delete(self, blob: str, *, size: int | None = None) -> None:
        """Remove `blob`, durably; absent is success. `size`, if known, saves a look for its end."""
        ...

    def list(self, after: str = "") -> AsyncIterator[str]:
        """The names after `after`, ascending: every blob that exists throughout, once."""
        ...

    async def close(self) -> None: ...
