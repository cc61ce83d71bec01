"""The row that holds policies and groups: read by every process, changed one after the other."""

from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from metastore import codec
from metastore.engine import Engine, Table
from metastore.rows import update
from ocean.identity import rows
from ocean.identity.errors import InvalidIdentity
from ocean.identity.identities import new_edit
from ocean.identity.records import PolicyBook

MAX_BYTES = 512 << 10  # of the row: as much as a cache entry holds


async def read(engine: Engine) -> PolicyBook:
    """As it is now."""
    return decoded(await stored(engine))


async def stored(engine: Engine) -> bytes | None:
    """Its bytes, to compare with those seen before; None before the first change."""
    return await engine.get(Table.IDENTITIES, rows.POLICIES)


def decoded(data: bytes | None) -> PolicyBook:
    """What `stored` gave."""
    return PolicyBook() if data is None else codec.decode(PolicyBook, data)


async def change(engine: Engine, edit: Callable[[PolicyBook], Awaitable[PolicyBook]]) -> PolicyBook:
    """Store what `edit` makes of the present one; what it raises passes, and nothing changes.

    The row is another afterwards in any case, so that of two changes neither goes by what was
    before the other. InvalidIdentity when the row would be too large.
    """

    async def changed(data: bytes | None) -> bytes:
        after = codec.encode(replace(await edit(decoded(data)), edit=new_edit()))
        if len(after) > MAX_BYTES:
            raise InvalidIdentity(
                f"all policies and groups together have {MAX_BYTES} bytes at most"
            )
        return after

    return decoded(await update(engine, Table.IDENTITIES, rows.POLICIES, changed))
