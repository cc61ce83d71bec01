"""A program that records a workload and judges what power cuts at any moment would leave.

    python -m tests.faults.powercut FOLDER SEED IMAGES MODE

runs under the shim of `Control(FOLDER/control)`. MODE `commit` is the default durability, `relaxed`
the other one, under which acknowledged data must be seen to get lost. One JSON document comes out.
"""

import asyncio
import hashlib
import json
import logging
import random
import shutil
import sys
from pathlib import Path

from tests.faults.image import Image
from tests.faults.operations import content
from tests.faults.shim import Control, Event, Kind, note, read_log
from tests.faults.store import Setup, Store, opened
from tests.faults.sweep import in_child
from tests.support.documents import ENABLED

_WRITERS = 6
_ROUNDS = 10
_SIZES = (0, 300, 1500, 2048, 2049, 40_000, 90_000)


def said(**mark: object) -> None:
    note(json.dumps(mark).encode())


async def work(store: Store, writer: int, seed: int) -> None:
    """One client; its keys are its own."""
    chance = random.Random(f"{seed} {writer}")
    for number in range(_ROUNDS):
        bucket = chance.choice(("plain", "versioned"))
        path = f"/{bucket}/{writer}-{chance.randrange(3)}"
        if chance.random() < 0.25:
            said(begun=path, md5=None)
            await store.do("DELETE", path)
            said(done=path)
            continue
        body = content(f"{seed} {writer} {number}", chance.choice(_SIZES))
        md5 = hashlib.md5(body).hexdigest()
        said(begun=path, md5=md5)
        answer = await store.do("PUT", path, body)
        version = answer.headers.get("x-amz-version-id", "")
        said(done=path, version=version, md5=md5)


async def record(data: Path, seed: int, setup: Setup) -> None:
    """The workload, in a new store and then in the next life of it."""
    async with opened(data, setup) as store:
        await store.do("PUT", "/plain")
        await store.do("PUT", "/versioned")
        await store.do("PUT", "/versioned?versioning", ENABLED)
        said(ready=True)
        await asyncio.gather(*(work(store, writer, seed) for writer in range(_WRITERS)))
    async with opened(data, setup) as store:
        house = asyncio.create_task(store.tidy())
        await asyncio.gather(*(work(store, 10 + writer, seed) for writer in range(_WRITERS)))
        await house


class Promised:
    """What the notes up to a moment say that a store must hold."""

    def __init__(self, notes: list[bytes]) -> None:
        self.ready = False
        self.current: dict[str, str | None] = {}
        self.begun: dict[str, str | None] = {}
        self.versions: dict[str, str] = {}
        for mark in map(json.loads, notes):
            if "begun" in mark:
                self.begun[mark["begun"]] = mark["md5"]
            elif "done" in mark:
                self.current[mark["done"]] = self.begun.pop(mark["done"])
                if mark.get("version"):
                    self.versions[f"{mark['done']}?versionId={mark['version']}"] = mark["md5"]
            else:
                self.ready = True

    async def broken(self, store: Store) -> list[str]:
        """The promises that `store` does not keep."""
        found = []
        for path in {**self.begun, **self.current}:
            seen = await _md5(store, path)
            allowed = {self.current.get(path), self.begun.get(path, self.current.get(path))}
            if seen not in allowed:
                found.append(f"{path} is {seen} and not of {allowed}")
        for path, md5 in self.versions.items():
            if (seen := await _md5(store, path)) != md5:
                found.append(f"{path} is {seen} and not {md5}")
        return found


async def _md5(store: Store, path: str) -> str | None:
    answer = await store.ask("GET", path)
    if answer.status == 404:
        return None
    return hashlib.md5(answer.body).hexdigest() if answer.status == 200 else f"{answer.status}"


async def judge(folder: Path, promised: Promised) -> list[str]:
    """What is wrong with the store of an image."""
    async with opened(folder) as store:
        broken = await promised.broken(store) if promised.ready else []
        faults, _ = await store.fsck()
        await store.do("PUT", "/goes-on")
        if promised.ready:
            await store.do("PUT", "/plain/goes-on", b"and it goes on")
            await store.tidy()
            broken += await promised.broken(store)
            faults += (await store.fsck())[0]
        return broken + [str(fault) for fault in faults]


def moment(events: list[Event], chance: random.Random) -> int:
    """Half of the power cuts come right after something was acknowledged."""
    notes = [n + 1 for n, event in enumerate(events) if event.kind is Kind.NOTE]
    return chance.choice(notes) if chance.random() < 0.5 else chance.randrange(len(events) + 1)


def main(folder: Path, seed: int, images: int, *, relaxed: bool) -> int:
    data = folder / "data"
    control = Control(folder / "control").watch(data)
    data.mkdir()
    control.record(folder / "log")
    setup = Setup(relaxed=relaxed, checkpoint_pages=40)
    status, problem = in_child(lambda: record(data, seed, setup))
    control.stop()
    assert status == 0, problem
    events = read_log(folder / "log")
    chance = random.Random(seed)
    problems = []
    for number in range(images):
        image = Image(events, moment(events, chance), chance)
        place = folder / f"image-{number:06}"
        image.restore(data, place)
        promised = Promised(image.notes)
        status, broken = in_child(lambda: judge(place, promised))  # noqa: B023
        if status or broken:
            problems.append(f"image {number}: {broken}")
        else:
            shutil.rmtree(place)
    counts = {kind.name.lower(): sum(e.kind is kind for e in events) for kind in Kind}
    print(json.dumps({"seed": seed, "images": images, "events": counts, "problems": problems}))
    return 0


if __name__ == "__main__":
    logging.disable()  # stores of cut power are expected to complain
    place, seed, images, mode = sys.argv[1:]
    sys.exit(main(Path(place), int(seed), int(images), relaxed=mode == "relaxed"))
