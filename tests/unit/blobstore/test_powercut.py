"""A power cut at any moment: what was acknowledged is there, what was deleted is not."""

import asyncio
import random
from pathlib import Path
from typing import NamedTuple

import pytest

from blobstore import Blobs, Corrupt, Extent, Layout, NotFound, Place, Slice, open_files
from tests.unit.blobstore.powercut import Image, Recorder


class Stored(NamedTuple):
    extents: tuple[Extent, ...]
    body: bytes


class Deleting(NamedTuple):
    stored: Stored


class Deleted(NamedTuple):
    stored: Stored


async def work(blobs: Blobs, disk: Recorder, seed: int) -> None:
    chance = random.Random(seed)
    for number in range(6):
        body = chance.randbytes(chance.choice((10, 900, 1024, 1025, 5000, 70_000)))
        stored = Stored(tuple(await blobs.put(b"%d-%d" % (seed, number), body)), body)
        disk.note(stored)
        if chance.random() < 0.3:
            disk.note(Deleting(stored))
            for extent in stored.extents:
                await blobs.delete(extent)
            disk.note(Deleted(stored))


async def record(root: Path, disk: Recorder) -> None:
    blobs = open_files(root, 1, disk=disk, threshold=1024, volume_limit=8000)
    await asyncio.gather(*(work(blobs, disk, seed) for seed in range(8)))
    await blobs.close()


async def content(blobs: Blobs, extents: tuple[Extent, ...]) -> bytes:
    body = b""
    for extent in extents:
        async for buffer in blobs.read(Slice(extent, 0, extent.size)):
            body += buffer
    return body


async def check(root: Path, notes: list[object]) -> None:
    """As a new life would find it."""
    blobs = open_files(root, 2)
    deleting = {note.stored for note in notes if isinstance(note, Deleting)}
    for note in notes:
        if isinstance(note, Stored) and note not in deleting:
            assert await content(blobs, note.extents) == note.body
    large = [blob async for blob in blobs.pools["blobs"].list()]
    for note in notes:
        if isinstance(note, Deleted):
            gone = {e.blob for e in note.stored.extents if e.layout is Layout.SEGMENTS}
            assert gone.isdisjoint(large)
    async for volume in blobs.pools["volumes"].list():
        async for _ in blobs.scan(Place("volumes", volume)):
            pass
    await blobs.put(b"", b"and it goes on")
    await blobs.close()


async def try_images(tmp_path: Path, disk: Recorder, count: int) -> None:
    await record(tmp_path / "old", disk)
    chance = random.Random(5)
    for number in range(count):
        new = tmp_path / f"{number}"
        for folder in ("volumes", "blobs"):
            (new / folder).mkdir(parents=True)
        image = Image(disk.events, chance.randint(0, len(disk.events)), chance)
        image.restore(tmp_path / "old", new)
        await check(new, image.notes)


async def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    await try_images(tmp_path, Recorder(), 60)


@pytest.mark.slow
async def test_nothing_acknowledged_is_lost_in_many_images(tmp_path: Path) -> None:
    await try_images(tmp_path, Recorder(), 1000)


@pytest.mark.parametrize("forget", ["fdatasync", "sync_folder"])
async def test_without_syncs_it_would_be(tmp_path: Path, forget: str) -> None:
    with pytest.raises((NotFound, Corrupt, AssertionError)):
        await try_images(tmp_path, Recorder(forget=forget), 60)
