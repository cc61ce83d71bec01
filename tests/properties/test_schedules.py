"""Random schedules of two gateways and all jobs over one engine that loses answers.

Each seed is one schedule: how long every call takes, what is lost or lands late, who freezes
beyond the end of its life and who is killed. What clients saw must be what S3 promises of each
key (see linear.py), and what is left in the end must be exactly what is named.
"""

import asyncio
import os
from contextlib import suppress
from random import Random

import pytest

from metastore import objects
from metastore.engine import EngineError
from metastore.errors import StoreError
from metastore.memory import Faults
from metastore.records import Versioning
from tests.support.clients import DEAD, REFUSED, Clients, Upload
from tests.support.virtual import Process, World, run_virtual

FAULTS = Faults(lost_reply=0.03, late=0.03, dropped=0.02, repeated=0.03)
KEYS = ("a", "b/c")
PATIENCE = 1.5  # seconds until a client turns away; the process goes on
pytestmark = pytest.mark.usefixtures("virtual")


class Schedule:
    """One schedule of clients that do whatever comes to their minds."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.world = World(seed + 1, Faults())
        self.clients = Clients(self.world, self.random)
        self.uploads: dict[str, list[Upload]] = {key: [] for key in KEYS}

    async def run(self) -> None:
        """All of it; Violation."""
        try:
            await self._course()
            await self.clients.end()
        finally:
            self.world.over = True

    async def _course(self) -> None:
        for _ in range(2):
            (await self.clients.begin()).work()
        await self.clients.create_bucket(self.random.choice(list(Versioning)))
        self.world.faults = FAULTS
        tasks = [asyncio.create_task(self._client()) for _ in range(4)]
        tasks.append(asyncio.create_task(self._fate()))
        done, waiting = await asyncio.wait(tasks, timeout=6)
        for task in waiting:
            task.cancel()
        for task in done:
            task.result()

    async def _fate(self) -> None:
        """Freezes, kills and beginnings, and a change of the bucket."""
        for _ in range(4):
            await asyncio.sleep(self.random.uniform(0.1, 1.2))
            victim = self.random.choice(self.clients.processes)
            with suppress(EngineError, StoreError):
                match self.random.randrange(5):
                    case 0 | 1:
                        victim.freeze(self.random.uniform(0.1, 1.5 * DEAD))
                    case 2 | 3:
                        victim.kill()
                        (await self.clients.begin()).work()
                    case _:
                        await self.clients.enable_versioning(victim)

    async def _client(self) -> None:
        for _ in range(self.random.randrange(3, 7)):
            await asyncio.sleep(self.random.expovariate(4))
            alive = [p for p in self.clients.processes if not p.killed]
            if not alive:
                return
            doing = asyncio.ensure_future(
                self._operate(self.random.choice(alive), self.random.choice(KEYS))
            )
            await asyncio.wait([doing], timeout=PATIENCE)
            if doing.done():
                doing.result()

    async def _operate(self, process: Process, key: str) -> None:
        clients, random = self.clients, self.random
        known: list[str] = clients.ids(key)
        match random.randrange(12):
            case 0 | 1 | 2:
                condition = random.choice([None, None, None, "*", self._latest(key)])
                await clients.put(process, key, self._value(), condition)
            case 3:
                await clients.delete(process, key)
            case 11:
                await clients.delete_many(process, random.choices(KEYS, k=random.randrange(1, 4)))
            case 4:
                await clients.erase(process, key, random.choice(known))
            case 5 | 6:
                await clients.tag(process, key, random.choice([None, *known]), random.choice("12"))
            case 7 | 8:
                await clients.get(process, key, random.choice([None, None, *known]))
            case _:
                with suppress(*REFUSED):
                    await self._compose(process, key)

    def _value(self) -> str:
        """Small enough for a needle, or not."""
        return self.clients.value(self.random.choice([8, 8, 100]))

    def _latest(self, key: str) -> str | None:
        seen = self.clients.history.get(key, ())
        puts = [one.args[0] for one in seen if one.kind == "put" and len(one.args) == 2]
        return puts[-1] if puts else None

    async def _compose(self, process: Process, key: str) -> None:
        """One step of a multipart upload."""
        open_ones = [upload for upload in self.uploads[key] if not upload.over]
        if not open_ones or self.random.random() < 0.15:
            open_ones = [Upload(self.clients, key)]
            self.uploads[key] += open_ones
        upload = self.random.choice(open_ones)
        if not upload.id:
            await upload.create(process)
        elif upload.completing is not None or (upload.parts and self.random.random() < 0.5):
            upload.over = upload.completing is not None and self.random.random() < 0.3
            await upload.complete(process)
        elif self.random.random() < 0.05:
            await upload.abort(process)
        else:
            number = self.random.choice([1, 2])
            before = upload.parts.get(number)
            again = before is not None and self.random.random() < 0.5
            await upload.part(process, number, before[0] if before and again else self._value())


def check(seed: int) -> None:
    """Run one schedule; the seed is told with what goes wrong. Odd ones put without looking."""
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(objects, "NEWS", 0 if seed % 2 else objects.NEWS)
            run_virtual(Schedule(seed).run())
    except Exception as error:
        error.add_note(f"seed {seed}")
        raise


@pytest.mark.parametrize("first", range(0, 80, 20))
def test_schedules(first: int) -> None:
    for seed in range(first, first + 20):
        check(seed)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(100, 1100, 250))
def test_more_schedules(first: int) -> None:
    for seed in range(first, first + 250):
        check(seed)


@pytest.mark.nightly(part="schedules")
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("thousand", range(20))
def test_a_thousand_schedules(thousand: int) -> None:
    first = int(os.environ.get("OCEAN_SEED", "10000")) + thousand * 1000
    for seed in range(first, first + 1000):
        check(seed)
