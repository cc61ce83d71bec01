"""Compare-and-set on one row, with unknown outcomes resolved by reading again."""

from collections.abc import Awaitable, Callable
from functools import partial
from operator import eq

from metastore.engine import Engine, Swap, Table, Unavailable, Unknown

_REPEATS = 3
ATTEMPTS = 200  # of one change; under contention each round has exactly one winner


async def replaced(engine: Engine, swap: Swap, landed: Callable[[bytes | None], bool]) -> bool:
    """Carry out `swap`; when no answer came, read the row and ask `landed` whether it is ours.

    False is not believed either until the row was read, unless the engine is definite: HBase's
    client may repeat a put whose reply was lost, and the repeat answers False. Where nothing has
    changed, the swap is made again, unless there was no row: what a row was never comes back, so
    of the two one can land; but a row may be made and removed again, and then both could.
    """
    definite = engine.definite
    for _ in range(_REPEATS):
        try:
            if await engine.swap(swap):
                return True
            if definite:
                return False
        except Unknown:
            definite = False  # nor is what the repeat is told
        now = await engine.get(swap.table, swap.key)
        if now != swap.old:
            return landed(now)
        if swap.old is None:
            break
    raise Unavailable("the outcome of a swap is unknown and it may yet land")


async def update(
    engine: Engine,
    table: Table,
    key: bytes,
    change: Callable[[bytes | None], Awaitable[bytes | None]],
) -> bytes | None:
    """Read a row, let `change` say what it shall be (the same object: leave it), and swap.

    What `change` gives must be unlike anything that another writer could give: an edit id or a
    nonce in it tells our swap from theirs.
    """
    for _ in range(ATTEMPTS):
        old = await engine.get(table, key)
        new = await change(old)
        if new is old:
            return old
        if await replaced(engine, Swap(table, key, old, new), partial(eq, new)):
            return new
    raise Unavailable("too many writers of one row")
