"""What ocean needs from outside."""

from collections.abc import AsyncIterator
from typing import Protocol

from metastore.records import Checksum


class Body(Protocol):
    """The bytes of an object on their way in: decoded, their signature verified as they pass.

    Iterating raises S3Error when they are not what the client signed or said; only after the
    end are they known to be whole. `size` is None when the client did not say.
    """

    @property
    def size(self) -> int | None: ...

    def __aiter__(self) -> AsyncIterator[bytes | memoryview]: ...

    def checksum(self) -> Checksum | None:
        """The checksum that the trailer gave; to be asked after the end."""
        ...


class Clock(Protocol):
    """Wall-clock time: for what clients see, never for ordering."""

    def now_ms(self) -> int: ...
