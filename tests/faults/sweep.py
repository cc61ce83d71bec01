"""A program that kills one operation at its storage calls, one by one, and judges what is left.

    python -m tests.faults.sweep FOLDER OPERATION ACTION POINT...

runs under the shim of `Control(FOLDER/control)`. It never starts a thread: each step is a forked
child with what was imported long ago, so that a point takes milliseconds. POINT is the number of a
call, `all`, or COUNT@SEED for so many drawn of all. One JSON document comes out.
"""

import asyncio
import json
import logging
import os
import random
import shutil
import sys
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from ocean.objects import multipart
from tests.faults.operations import ALL, Operation, prepare
from tests.faults.shim import Action, Control
from tests.faults.store import State, Store, opened

_STOPPED = 74


def in_child(job: Callable[[], Coroutine[Any, Any, Any]]) -> tuple[int, Any]:
    """Wait status of a child that runs `job`, and what it gave; `[]` after a violent end."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            given = asyncio.run(job())
            os.write(writer, json.dumps([given]).encode())
            status = 0
        except BaseException:
            os.write(writer, json.dumps([traceback.format_exc(limit=-3)[-4000:]]).encode())
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        text = pipe.read()
    _, status = os.waitpid(pid, 0)
    return status, json.loads(text)[0] if text else []


class Sweep:
    """One operation's points."""

    def __init__(self, folder: Path, operation: Operation, action: Action) -> None:
        self._folder = folder
        self._operation = operation
        self._action = action
        self._control = Control(folder / "control")
        self._before: State = {}
        self._after: State = {}
        self.calls = self.killed = 0

    def rehearse(self) -> None:
        """The store before, and the operation done without harm: what it does, what it leaves."""

        async def begin() -> State:
            async with opened(self._folder / "template") as store:
                await prepare(store)
                return await store.state()

        async def unharmed() -> tuple[int, State]:
            folder = self._copied("rehearsal")
            self._control.arm(Action.COUNT, 0)
            async with opened(folder) as store:
                act = await self._operation.ready(store)
                if not self._operation.starts:
                    self._control.arm(Action.COUNT, 0)
                assert await act(), "the operation failed without being harmed"
                calls = self._control.seen
                self._control.rest()
                return calls, await store.state()

        status, self._before = in_child(begin)
        assert status == 0, self._before
        status, given = in_child(unharmed)
        assert status == 0, given
        self.calls, self._after = given
        status, self._before = in_child(self._ready_only)
        assert status == 0, self._before

    async def _ready_only(self) -> State:
        """The state at the first call that counts."""
        async with opened(self._copied("ready")) as store:
            await self._operation.ready(store)
            return await store.state()

    def _copied(self, name: str) -> Path:
        target = self._folder / name
        shutil.copytree(self._folder / "template", target)
        self._control.watch(target)
        return target

    def point(self, number: int) -> str:
        """Do the action at one call; what is wrong afterwards, empty when nothing is."""
        folder = self._copied(f"point-{number:06}")
        error = 5 if self._action is Action.FAIL else 0

        async def struck() -> bool:
            if self._operation.starts:
                self._control.arm(self._action, number, error=error)
            async with opened(folder) as store:
                act = await self._operation.ready(store)
                if not self._operation.starts:
                    self._control.arm(self._action, number, error=error)
                acknowledged = await act()
                os.write(mark, b"y" if acknowledged else b"n")
                os._exit(0)

        told, mark = os.pipe()
        status, given = in_child(struck)
        self._control.rest()
        os.close(mark)
        with os.fdopen(told, "rb") as pipe:
            acknowledged = pipe.read() == b"y"
        problem = self._unexpected_end(status, given, acknowledged)
        if not problem:
            status, problem = in_child(lambda: self._judge(folder, acknowledged))
        if not problem:
            shutil.rmtree(folder)
        return problem and f"call {number} ({self._control.fired!r}): {problem}"

    def _unexpected_end(self, status: int, given: Any, acknowledged: bool) -> str:
        if self._action is not Action.FAIL:
            killed = os.WIFSIGNALED(status)
            self.killed += killed
            return "" if killed or status == 0 else f"neither killed nor done: {given}"
        stopped = os.WIFEXITED(status) and os.WEXITSTATUS(status) == _STOPPED
        self.killed += stopped
        if status != 0 and not stopped and not self._operation.starts:
            return f"ended with {status}: {given}"
        return "acknowledged, and then stopped" if stopped and acknowledged else ""

    async def _judge(self, folder: Path, acknowledged: bool) -> str:
        async with opened(folder) as store:
            seen = await store.state()
            problem = self._neither(seen, acknowledged, ("bucket ", "key "))
            problem = problem or await _unsound(store, left=True)
            await store.tidy()
            tidied = await store.state()
            problem = problem or self._neither(tidied, acknowledged, ("",))
            problem = problem or await _unsound(store, left=False)
            if not problem and self._operation.again and not acknowledged:
                problem = await self._repeat(store, tidied)
            return problem

    def _neither(self, seen: State, acknowledged: bool, prefixes: tuple[str, ...]) -> str:
        """What is neither as before nor as after; mixtures of both too."""

        def of(state: State) -> State:
            return {name: what for name, what in state.items() if name.startswith(prefixes)}

        allowed = [of(self._after)] if acknowledged else [of(self._before), of(self._after)]
        if of(seen) in allowed or (self._operation.each and _each(of(seen), allowed)):
            return ""
        wanted = allowed[0]
        names = {n for n in {*seen, *wanted} if of(seen).get(n) != wanted.get(n)}
        different = [(name, seen.get(name), self._after.get(name)) for name in sorted(names)]
        return f"{acknowledged=}, seen and expected: {different}"

    async def _repeat(self, store: Store, seen: State) -> str:
        """A client that heard nothing does it again."""
        if seen == self._after:
            return ""
        act = await self._operation.ready(store)
        done = await act()
        return "" if done else "it cannot be repeated"


def _each(seen: State, allowed: list[State]) -> bool:
    """Whether every key is as in one of the states."""
    names = {*seen, *(name for state in allowed for name in state)}
    return all(any(seen.get(name) == state.get(name) for state in allowed) for name in names)


async def _unsound(store: Store, *, left: bool) -> str:
    """What fsck finds; `left`: leftovers may still wait for the jobs."""
    faults, summary = await store.fsck()
    if faults:
        return f"fsck: {faults}"
    if left:
        return ""
    wasted = await store.wasted()
    if wasted or summary.waiting:
        return f"the jobs left {summary.waiting} blobs and {wasted} bytes in volumes"
    return ""


def drawn(points: list[str], calls: int) -> list[int]:
    """The numbers that `points` mean, of an operation with so many calls."""
    every = range(1, calls + 1)
    if points == ["all"]:
        return list(every)
    if "@" in points[0]:
        count, seed = points[0].split("@")
        return sorted(random.Random(seed).sample(every, min(int(count), calls)))
    return [int(point) for point in points]


def main(folder: Path, name: str, action: Action, points: list[str]) -> int:
    multipart.MIN_PART = 0  # of this program: a long manifest shall not need gigabytes
    sweep = Sweep(folder, ALL[name], action)
    sweep.rehearse()
    numbers = drawn(points, sweep.calls)
    problems = [problem for number in numbers if (problem := sweep.point(number))]
    counts = {"calls": sweep.calls, "points": len(numbers), "killed": sweep.killed}
    print(json.dumps({**counts, "problems": problems}))
    return 0


if __name__ == "__main__":
    logging.disable()  # stores of cut power are expected to complain
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], Action[sys.argv[3]], sys.argv[4:]))
