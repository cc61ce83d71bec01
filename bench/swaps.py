"""Bare compare-and-sets on HBase, as a PUT makes one: what rows cost without a gateway.

The rate can be held at that of a gateway, since HBase's CPU for one call depends on how many share
a sync of its log.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.client import Tally, Window
from bench.figures import Figures
from bench.proc import ProcessTree
from bench.run import SAMPLE_SECONDS, Sampler
from bench.workloads import key_name
from metastore.engine import EngineError, Table
from metastore.hbase import calls
from metastore.hbase.address import Address
from metastore.hbase.breaker import Breaker
from metastore.hbase.engine import SWAPS, TIMEOUT, HBaseEngine
from metastore.hbase.swaps import Swaps

VALUE = 219  # bytes, about those of the Head of an object of 4 KiB


@dataclass(frozen=True)
class Pace:
    """How much is asked: `rate` calls a second (0: as many as can be), for so many seconds.

    Calls that are late are made at once, so that the rate is kept as a whole.
    """

    concurrency: int
    rate: float
    duration: float
    warm_up: float


def run_swaps(address: Address, pace: Pace, pids: list[int]) -> Figures:
    """Put new rows of a bucket of their own, and remove them afterwards."""
    return asyncio.run(_run(address, pace, ProcessTree(pids) if pids else None))


async def _run(address: Address, pace: Pace, tree: ProcessTree | None) -> Figures:
    swaps = Swaps(address, Breaker(), count=SWAPS, timeout=TIMEOUT, patience=TIMEOUT)
    bucket = random.randbytes(8)
    begin = time.monotonic_ns() + int(pace.warm_up * 1e9)
    window = Window(begin, begin + int(pace.duration * 1e9))
    sampler, tally = Sampler(tree), Tally()
    numbers = itertools.count()
    table = address.table(Table.OBJECTS)

    async def put(number: int) -> None:
        key = bucket + key_name(number).encode()
        asked = time.monotonic_ns()
        try:
            done = await swaps.put(table, key, calls.COLUMN, None, random.randbytes(VALUE))
        except EngineError as error:
            tally.errors[str(error)] += 1
            return
        if not done:
            tally.errors["a new row was there"] += 1
        now = time.monotonic_ns()
        if window.start <= now < window.end:
            tally.latencies.setdefault("swap", []).append(now - asked)

    async def work(instants: Iterator[float]) -> None:
        for instant in instants:
            await asyncio.sleep(instant - time.monotonic())
            if time.monotonic_ns() >= window.end:
                return
            await put(next(numbers))

    try:
        workers = [asyncio.create_task(work(instants)) for instants in _deal(pace)]
        await _watch(window, sampler, tally)
        await asyncio.gather(*workers)
    finally:
        swaps.close()
        engine = HBaseEngine(address)
        await engine.remove_range(Table.OBJECTS, bucket, bucket + b"\xff")
        await engine.close()
    return sampler.figures(tally, 1)


def _deal(pace: Pace) -> list[Iterator[float]]:
    """For each worker, when its calls are due, in seconds of time.monotonic."""
    begin = time.monotonic()
    step = 1 / pace.rate if pace.rate else 0.0
    return [
        (begin + number * step for number in itertools.count(worker, pace.concurrency))
        for worker in range(pace.concurrency)
    ]


async def _watch(window: Window, sampler: Sampler, tally: Tally) -> None:
    await asyncio.sleep((window.start - time.monotonic_ns()) / 1e9)
    sampler.begin()
    used = time.process_time_ns()
    while (left := (window.end - time.monotonic_ns()) / 1e9) > 0:
        await asyncio.sleep(min(SAMPLE_SECONDS, left))
        sampler.tick()
    sampler.end()
    tally.client_cpu = time.process_time_ns() - used
