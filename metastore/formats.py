"""The format of a store's rows: a release that does not know it must not use the store.

The row is written once all gateways run a release that reads the new format, by which they then
begin to write it. Until there is a second format no store has the row.
"""

from metastore.codec import FORMAT
from metastore.engine import Corrupt, Engine, Table

ROW = (Table.LIVES, b"\0format")  # before all lives; holds the number in decimal


async def require_known(engine: Engine) -> None:
    """Corrupt when the rows may have a format that this release does not know."""
    told = await engine.get(*ROW)
    if told is not None and told != b"%d" % FORMAT:
        raise Corrupt(
            f"the rows have format {told.decode(errors='replace')}; "
            f"this release knows up to {FORMAT}"
        )
