"""A blob store in this process, gone with it: for tests of what lies above."""

from collections.abc import AsyncIterator, Callable

from blobstore.base import Buffer, Corrupt, Exists, NotFound
from blobstore.counters import Counters


class Memory:
    """`before` is called with each operation and its blob, to raise what shall go wrong."""

    def __init__(
        self, *, name: str = "memory", before: Callable[[str, str], None] | None = None
    ) -> None:
        self.counters = Counters()
        self.before = before
        self._name = name
        self._blobs: dict[str, bytearray] = {}

    @property
    def name(self) -> str:
        return self._name

    @property
    def in_flight(self) -> int:
        return 1

    async def create(self, blob: str, data: Buffer) -> None:
        self._enter("create", blob)
        if blob in self._blobs:
            raise Exists(blob)
        self._blobs[blob] = bytearray()
        self._extend(blob, data)

    async def append(self, blob: str, offset: int, data: Buffer) -> None:
        self._enter("append", blob)
        if offset != len(self._find(blob)):
            raise ValueError(f"append at {offset} to {blob}, which has {len(self._find(blob))}")
        self._extend(blob, data)

    async def sync(self, blob: str) -> None:
        self._enter("sync", blob)
        self.counters.fsyncs += 1

    async def read(self, blob: str, offset: int, length: int) -> Buffer:
        self._enter("read", blob)
        data = self._find(blob)[offset : offset + length]
        if len(data) != length:
            raise Corrupt(f"{blob} ends before {offset + length}")
        self.counters.reads += 1
        self.counters.bytes_read += length
        return data

    async def size(self, blob: str) -> int:
        self._enter("size", blob)
        return len(self._find(blob))

    async def delete(self, blob: str, *, size: int | None = None) -> None:  # noqa: ARG002
        self._enter("delete", blob)
        self._blobs.pop(blob, None)

    async def list(self, after: str = "") -> AsyncIterator[str]:
        self._enter("list", after)
        for blob in sorted(self._blobs):
            if blob > after and blob in self._blobs:
                yield blob

    async def close(self) -> None:
        pass

    def damage(self, blob: str, offset: int, flip: int) -> None:
        """Flip the bits `flip` of one byte, as a failing medium would."""
        self._find(blob)[offset] ^= flip

    def cut(self, blob: str, size: int) -> None:
        """Lose all bytes from `size` on, as a power cut would."""
        del self._find(blob)[size:]

    def _enter(self, operation: str, blob: str) -> None:
        if self.before is not None:
            self.before(operation, blob)

    def _find(self, blob: str) -> bytearray:
        try:
            return self._blobs[blob]
        except KeyError:
            raise NotFound(blob) from None

    def _extend(self, blob: str, data: Buffer) -> None:
        self._blobs[blob] += data
        self.counters.writes += 1
        self.counters.bytes_written += len(data)
