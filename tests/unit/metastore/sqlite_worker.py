"""A worker process for the tests of the embedded engine: `sqlite_worker.py WORK PATH [ARGUMENT]`.

It tells what happens in lines on standard output, and never closes its engine.
"""

import asyncio
import json
import os
import sys
import time
from itertools import count

from metastore import open_engine
from metastore.engine import EngineError, Failed, Swap, Table
from metastore.sqlite import SqliteEngine
from metastore.sqlite_file import Options

T = Table.OBJECTS
failures: list[Failed] = []


def tell(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def increment(engine: SqliteEngine, times: str) -> None:
    """Add one to the row `n` so many times, in each of four tasks."""

    async def task() -> None:
        done = 0
        while done < int(times):
            old = await engine.get(T, b"n")
            new = b"%d" % (int(old or b"0") + 1)
            done += await engine.swap(Swap(T, b"n", old, new))

    await asyncio.gather(*(task() for _ in range(4)))


async def insert(engine: SqliteEngine, name: str) -> None:
    """Insert rows for ever in eight tasks, and tell the key of each once it is acknowledged."""
    tell("ready")
    numbers = count()

    async def task() -> None:
        while True:
            key = f"{name}-{next(numbers)}"
            if await engine.swap(Swap(T, key.encode(), None, b"v" * 400)):
                tell(key)

    await asyncio.gather(*(task() for _ in range(8)))


async def batches(engine: SqliteEngine, seconds: str) -> None:
    """Write as fast as it goes for so long; tell the number of commits."""
    tell("ready")
    await asyncio.to_thread(sys.stdin.readline)
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        await engine.write(T, [(b"%d-%d" % (os.getpid(), key), b"v" * 300) for key in range(8)])
    tell(engine.counters.commits)


async def hold(engine: SqliteEngine, _: str) -> None:
    """Stay for ever in the middle of a batch."""
    assert engine._turnstile.try_enter()
    engine._writer.execute("BEGIN IMMEDIATE")
    engine._writer.execute("INSERT INTO objects VALUES (x'00', x'00')")
    tell("held")
    await asyncio.sleep(3600)


async def slow(engine: SqliteEngine, _: str) -> None:
    """Insert one row; tell when it was sent and when it was acknowledged."""
    sent = time.monotonic()
    tell(sent)
    await engine.swap(Swap(T, b"slow", None, b"1"))
    tell(time.monotonic())


async def outcome(engine: SqliteEngine, swap: Swap) -> str:
    try:
        return str(await engine.swap(swap))
    except EngineError as error:
        return type(error).__name__


async def trouble(engine: SqliteEngine, _: str) -> None:
    """Two swaps at once, the second a removal of row `old`; then one more; tell the outcomes."""
    first = await asyncio.gather(
        outcome(engine, Swap(T, b"new", None, b"1")), outcome(engine, Swap(T, b"old", b"1", None))
    )
    last = await outcome(engine, Swap(T, b"last", None, b"1"))
    seen = [await engine.get(T, key) is not None for key in (b"new", b"old", b"last")]
    tell(json.dumps({"outcomes": [*first, last], "seen": seen, "failures": len(failures)}))


async def crowd(engine: SqliteEngine, swaps: str) -> None:
    """So many swaps from 64 tasks; tell the fsyncs counted."""

    async def task(name: int) -> None:
        for number in range(int(swaps) // 64):
            await engine.swap(Swap(T, b"%d-%d" % (name, number), None, b"v" * 400))

    await asyncio.gather(*(task(name) for name in range(64)))
    await asyncio.sleep(0.2)  # a checkpoint may be under way
    tell(engine.counters.fsyncs)


WORK = {work.__name__: work for work in (increment, insert, batches, hold, slow, trouble, crowd)}


async def main(work: str, path: str, argument: str = "") -> None:
    options = Options(checkpoint_pages=200)
    engine = open_engine(f"sqlite:{path}", options=options, on_failure=failures.append)
    assert isinstance(engine, SqliteEngine)
    await WORK[work](engine, argument)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
