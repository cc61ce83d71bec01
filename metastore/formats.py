"""The format of a store's rows: a release that does not know it must not use the store.

A row is written in the oldest format that holds it (codec.py), so a new format needs no such step;
the number is for a release whose rows others must not even come near.
"""

from metastore.codec import FORMAT
from metastore.engine import Corrupt, Engine, Table

ROW = (Table.LIVES, b"\0format")  # before all lives; holds the number in decimal


async def require_known(engine: Engine) -> None:
    """Corrupt when the rows may have a format that this release does not know."""
    told = await engine.get(*ROW)
    if told is not None and not (told.isdigit() and int(told) <= FORMAT):
        raise Corrupt(
            f"the rows have format {told.decode(errors='replace')}; "
            f"this release knows up to {FORMAT}"
        )
