"""Copying: a new version with the bytes of another. Bytes are copied, never shared."""

from collections.abc import AsyncIterator

from metastore.records import Bucket, Version
from ocean.objects.encryption import Cipher
from ocean.objects.get import Get
from ocean.objects.put import Spool


class Source:
    """A version (or a range of it) to copy from."""

    def __init__(
        self,
        get: Get,
        bucket: Bucket,
        key: str,
        version: Version,
        cipher: Cipher | None = None,
    ) -> None:
        self._cipher = cipher
        self._get = get
        self._bucket = bucket
        self._key = key
        self.version = version

    def body(self, start: int = 0, stop: int | None = None) -> Spool:
        """The bytes `start` to `stop` (exclusive; None: the end) as a body to be put."""
        end = self.version.size if stop is None else stop
        return Spool(self._pieces(start, end), end - start)

    async def _pieces(self, start: int, stop: int) -> AsyncIterator[bytes | memoryview]:
        async for piece in self._get.stream(
            self._bucket, self._key, self.version, start, stop, self._cipher
        ):
            yield memoryview(piece)
