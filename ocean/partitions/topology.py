"""The row that holds partitions and rules: read by every process, changed one after the other."""

import secrets
from collections.abc import Callable

from msgspec.structs import replace

from metastore import codec
from metastore.engine import Engine, Table
from metastore.rows import update
from ocean.partitions.records import Topology

_ROW = b"topology"


async def read(engine: Engine) -> Topology:
    """As it is now."""
    data = await stored(engine)
    return decoded(data)


async def stored(engine: Engine) -> bytes | None:
    """Its bytes, to compare with those seen before; None before the first change."""
    return await engine.get(Table.JOBS, _ROW)


def decoded(data: bytes | None) -> Topology:
    """What `stored` gave."""
    return Topology() if data is None else codec.decode(Topology, data)


async def change(engine: Engine, edit: Callable[[Topology], Topology]) -> Topology:
    """Store what `edit` makes of the present one; what it raises passes, and nothing changes."""

    async def changed(data: bytes | None) -> bytes:
        return codec.encode(replace(edit(decoded(data)), edit=secrets.token_bytes(12)))

    return decoded(await update(engine, Table.JOBS, _ROW, changed))
