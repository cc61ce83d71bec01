"""A memory engine that does not answer every other read, or write of rows of one writer."""

from collections.abc import AsyncIterator, Sequence

from metastore.engine import Row, Table, Unavailable, Unknown
from metastore.memory import MemoryEngine

_ROWS = 2  # that a scan gives before it is refused


class RefusingEngine(MemoryEngine):
    """Every second call is refused, from the first one on; `always` makes it every one."""

    def __init__(self, *, always: bool = False) -> None:
        super().__init__()
        self._always = always
        self._refuses = False

    def _refuse(self) -> None:
        self._refuses = self._always or not self._refuses
        if self._refuses:
            raise Unavailable("refused")

    async def get(self, table: Table, key: bytes) -> bytes | None:
        self._refuse()
        return await super().get(table, key)

    async def get_many(self, table: Table, keys: Sequence[bytes]) -> list[bytes | None]:
        self._refuse()
        return await super().get_many(table, keys)

    async def scan(
        self, table: Table, start: bytes, stop: bytes | None, *, limit: int
    ) -> AsyncIterator[Row]:
        self._refuse()
        given = 0
        async for row in super().scan(table, start, stop, limit=limit):
            if given == _ROWS:
                raise Unavailable("refused amid a scan")
            yield row
            given += 1

    async def values(
        self, table: Table, start: bytes, stop: bytes | None, *, limit: int
    ) -> list[bytes]:
        self._refuse()
        return [row.value async for row in super().scan(table, start, stop, limit=limit)]

    async def write(self, table: Table, rows: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Half of the rows are written when it is not refused until then."""
        try:
            self._refuse()
        except Unavailable as error:
            await super().write(table, rows[: len(rows) // 2])
            raise Unknown("no answer") from error
        await super().write(table, rows)

    async def remove_range(self, table: Table, start: bytes, stop: bytes) -> None:
        keys = [row.key async for row in super().scan(table, start, stop, limit=10**9)]
        await self.write(table, [(key, None) for key in keys])
