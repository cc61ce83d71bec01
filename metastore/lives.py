"""Lives: one row for each process that ever made blobs, with an epoch of its own."""

from functools import partial
from operator import eq
from secrets import token_bytes
from struct import Struct

from msgspec.structs import replace

from metastore import codec
from metastore.engine import Engine, Swap, Table
from metastore.records import Life, LifeState
from metastore.rows import replaced, update

_EPOCH = Struct(">I")
_NEXT = b"\0next"  # sorts before every epoch's row but that of epoch 0, which is never given


class Lives:
    """The verbs on lives."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def begin(self) -> Life:
        """Register a new life under an epoch that no process ever had."""

        async def increment(old: bytes | None) -> bytes:
            # The nonce tells our swap from another's that took the same number.
            return _EPOCH.pack((_EPOCH.unpack_from(old)[0] if old else 0) + 1) + token_bytes(8)

        taken = await update(self._engine, Table.LIVES, _NEXT, increment)
        epoch = _EPOCH.unpack_from(taken or b"")[0]
        life = Life(epoch=epoch)
        await self._engine.write(Table.LIVES, [(_row(epoch), codec.encode(life))])
        return life

    async def record(self, life: Life) -> None:
        """Write the row of a life that is over and whose row was lost."""
        await self._engine.write(Table.LIVES, [(_row(life.epoch), codec.encode(life))])

    async def skip(self, epoch: int) -> None:
        """Give no life `epoch` or a lower one: blobs of a life without a row bear it."""

        async def skipped(old: bytes | None) -> bytes | None:
            if old is not None and _EPOCH.unpack_from(old)[0] >= epoch:
                return old
            return _EPOCH.pack(epoch) + token_bytes(8)

        await update(self._engine, Table.LIVES, _NEXT, skipped)

    async def find(self, epoch: int) -> Life | None:
        """The life with that epoch."""
        data = await self._engine.get(Table.LIVES, _row(epoch))
        return None if data is None else codec.decode(Life, data)

    async def list(self) -> list[Life]:
        """All lives, in order of epoch."""
        rows = self._engine.scan(Table.LIVES, _row(0), None, limit=1_000_000)
        return [codec.decode(Life, row.value) async for row in rows]

    async def change(self, life: Life, state: LifeState, beats: int) -> Life | None:
        """Swap a life's row; None when it was changed before, as by its own heartbeat."""
        row = _row(life.epoch)
        old = await self._engine.get(Table.LIVES, row)
        if old is None or codec.decode(Life, old) != life:
            return None
        after = replace(life, state=state, beats=beats)
        data = codec.encode(after)
        swap = Swap(Table.LIVES, row, old, data)
        return after if await replaced(self._engine, swap, partial(eq, data)) else None

    async def beat(self, epoch: int) -> Life | None:
        """One heartbeat of a life by its own process; None when another process has ended it."""

        async def increment(old: bytes | None) -> bytes | None:
            life = None if old is None else codec.decode(Life, old)
            if life is None or life.state is not LifeState.LIVE:
                return old
            return codec.encode(replace(life, beats=life.beats + 1))

        data = await update(self._engine, Table.LIVES, _row(epoch), increment)
        life = None if data is None else codec.decode(Life, data)
        return life if life is not None and life.state is LifeState.LIVE else None

    async def end_all(self) -> None:
        """End every life: for whoever knows that no process but itself uses the store."""
        for life in await self.list():
            if life.state is LifeState.LIVE:
                await self.change(life, LifeState.ENDED, life.beats)

    async def forget(self, life: Life) -> None:
        """Remove the row of a life that left nothing behind."""
        await self._engine.write(Table.LIVES, [(_row(life.epoch), None)])


def _row(epoch: int) -> bytes:
    return b"\1" + _EPOCH.pack(epoch)
