"""How far the drain of a partition is: a row for each process that works on it."""

from collections.abc import AsyncIterator

import msgspec

from metastore import codec
from metastore.engine import Engine, Table

REBALANCE = "."  # instead of a partition's name: of a rebalance


class Progress(msgspec.Struct, frozen=True, array_like=True):
    """How far a drain is: moved by the process `epoch` since it began, and what had to stay in its
    last pass. Of a rebalance, `number` is which, and `done` whether this process has ended it.
    """

    epoch: int
    blobs: int = 0
    bytes: int = 0
    volumes: int = 0
    stayed: int = 0
    updated_ms: int = 0
    number: int = 0
    done: bool = False


def _rows(name: str) -> tuple[bytes, bytes]:
    """First row, and the row behind the last, of the progress of a partition's drain."""
    start = b"drain\0" + name.encode()
    return start + b"\0", start + b"\1"


async def progress(engine: Engine, name: str) -> AsyncIterator[Progress]:
    """What each process noted."""
    start, stop = _rows(name)
    async for row in engine.scan(Table.JOBS, start, stop, limit=10_000):
        yield codec.decode(Progress, row.value)


async def note(engine: Engine, name: str, noted: Progress) -> None:
    """Store what a process has done."""
    row = _rows(name)[0] + b"%08x" % noted.epoch
    await engine.write(Table.JOBS, [(row, codec.encode(noted))])


async def forget(engine: Engine, name: str) -> None:
    """Of a partition that is gone."""
    await engine.remove_range(Table.JOBS, *_rows(name))
