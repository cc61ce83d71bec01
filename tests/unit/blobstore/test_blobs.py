"""The facade: any length in, the same bytes out, or an error; and the folder it lives in."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blobstore import (
    BlobNames,
    Blobs,
    Corrupt,
    Extent,
    Failed,
    Full,
    Layout,
    NotFound,
    Slice,
    Unavailable,
    UnknownFormat,
    cut,
    frames,
    open_files,
)
from blobstore.memory import Memory
from tests.support.invented import Invented

MIB = 1 << 20
BODY = random.Random(1).randbytes(5 * MIB + 12_345)


def made(**options: int) -> Blobs:
    return Blobs.of(Memory(name="small"), Memory(name="large"), BlobNames(1), **options)  # type: ignore[arg-type]


def store_of(blobs: Blobs, pool: str) -> Memory:
    store = blobs.pools[pool]
    assert isinstance(store, Memory)
    return store


async def written(blobs: Blobs, body: bytes, step: int, size: int | None = None) -> list[Extent]:
    writer = blobs.writer(b"owner", size)
    piece = bytearray(step)
    for at in range(0, len(body), step):
        data = body[at : at + step]
        piece[: len(data)] = data
        await writer.write(memoryview(piece)[: len(data)])  # changed right after
    return await writer.finish()


async def content(blobs: Blobs, extents: list[Extent], start: int = 0, stop: int = -1) -> bytes:
    stop = sum(extent.size for extent in extents) if stop < 0 else stop
    body = bytearray()
    async for buffer in blobs.read_all(cut(extents, start, stop)):
        assert 0 < len(buffer) <= MIB
        body += buffer
    return bytes(body)


# --------------------------------------------------------------------------- writing and reading


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, MIB, MIB + 1, 2 * MIB, 5 * MIB, len(BODY)])
async def test_bodies_come_back(size: int, known: bool) -> None:
    blobs = made()
    body = BODY[:size]
    extents = await written(blobs, body, 200_000, size if known else None)
    layout = Layout.NEEDLE if size <= 65_536 else Layout.SEGMENTS
    assert [extent.layout for extent in extents] == ([layout] if size else [])
    assert await content(blobs, extents) == body


bounds = st.one_of(
    st.integers(0, len(BODY)),
    st.builds(lambda n, by: max(0, n * MIB + by), st.integers(0, 5), st.integers(-2, 2)),
)


@settings(max_examples=25, deadline=None)
@given(bounds, bounds, bounds, st.sampled_from([70_000, MIB, 3 * MIB]))
async def test_slices_equal_slices(size: int, start: int, stop: int, step: int) -> None:
    blobs = made(extent_limit=2 * MIB)
    body = BODY[:size]
    extents = await written(blobs, body, step)
    start, stop, _ = slice(start, stop).indices(size)
    assert await content(blobs, extents, start, max(start, stop)) == body[start:stop]


@given(st.binary(min_size=1, max_size=300), st.integers(0, 300), st.integers(0, 300))
async def test_slices_of_needles(body: bytes, start: int, stop: int) -> None:
    blobs = made()
    (extent,) = await blobs.put(b"owner", body)
    assert await blobs.read_small(extent, start, stop) == body[start:stop]


async def test_long_bodies_make_several_extents() -> None:
    blobs = made(extent_limit=MIB)
    extents = await written(blobs, BODY, 300_000)
    assert [extent.size for extent in extents] == [MIB] * 5 + [12_345]
    assert await content(blobs, extents) == BODY
    for extent in extents:
        assert await blobs.label(extent.place) == b"owner"
        size = await blobs.pools[extent.pool].size(extent.blob)
        assert size == extent.offset + extent.span
        await blobs.delete(extent)
    assert [blob async for blob in blobs.pools["large"].list()] == []


@pytest.mark.parametrize("limit", [0, MIB - 1, MIB + 1])
def test_an_extent_limit_is_whole_segments(limit: int) -> None:
    with pytest.raises(ValueError):
        made(extent_limit=limit)


async def test_a_label_too_long_is_refused_before_anything_is_written() -> None:
    blobs = made()
    label = bytes(frames.LABEL_LIMIT + 1)
    for size in (1, 100_000):
        with pytest.raises(ValueError):
            await blobs.put(label, bytes(size))
    for pool in blobs.pools.values():
        assert [blob async for blob in pool.list()] == []


async def test_deleting_a_needle_leaves_its_volume() -> None:
    blobs = made()
    first, second = (await blobs.put(b"", b"1"))[0], (await blobs.put(b"", b"2"))[0]
    await blobs.delete(first)
    assert await blobs.read_small(second, 0, 1) == b"2"


# ---------------------------------------------------------------------------------- bad readings


async def test_no_byte_that_fails_its_checksum_is_handed_out() -> None:
    blobs = made()
    extents = await written(blobs, BODY, MIB)
    (extent,) = extents
    at = extent.offset + 3 * (MIB + frames.TABLE) + 70_000
    store_of(blobs, "large").damage(extent.blob, at, 1)
    handed = bytearray()

    async def read() -> None:
        async for buffer in blobs.read(Slice(extent, 0, extent.size)):
            handed.extend(buffer)

    with pytest.raises(Corrupt):
        await read()
    assert handed == BODY[: 3 * MIB]
    assert await content(blobs, extents, 3 * MIB, 3 * MIB + 65_536) == BODY[3 * MIB :][:65_536]
    with pytest.raises(Corrupt):
        await content(blobs, extents, 3 * MIB + 65_536, 3 * MIB + 65_537)


async def test_a_truncated_blob_is_corrupt() -> None:
    blobs = made()
    (extent,) = await blobs.put(b"", BODY)
    store_of(blobs, "large").cut(extent.blob, extent.offset + extent.span - 1)
    with pytest.raises(Corrupt):
        await content(blobs, [extent])


async def test_what_is_gone_is_not_found() -> None:
    blobs = made()
    (extent,) = await blobs.put(b"", BODY)
    await blobs.delete(extent)
    with pytest.raises(NotFound):
        await content(blobs, [extent])
    elsewhere = Extent(Layout.NEEDLE, "nowhere", "x", 0, 20, 1)
    with pytest.raises(NotFound):
        await blobs.read_small(elsewhere, 0, 1)


async def test_the_next_piece_is_read_ahead_and_no_more() -> None:
    blobs = made()
    (extent,) = await blobs.put(b"", BODY)
    reading = blobs.read(Slice(extent, 0, extent.size))
    counters = store_of(blobs, "large").counters
    for handed in range(1, 4):
        await anext(reading)
        await asyncio.sleep(0)
        assert counters.reads == handed + 1
    await reading.aclose()


async def test_leaving_a_read_early() -> None:
    blobs = made()
    (extent,) = await blobs.put(b"", BODY)
    async with aclosing(blobs.read(Slice(extent, 0, extent.size))) as reading:
        async for buffer in reading:
            assert bytes(buffer) == BODY[:MIB]
            break
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1


# ---------------------------------------------------------------------------------- bad writings


def failing(operation: str, call: int, error: Exception) -> Callable[[str, str], None]:
    left = call

    def before(called: str, blob: str) -> None:
        nonlocal left
        if called == operation:
            left -= 1
            if left == 0:
                raise error

    return before


STEPS = [("create", 1), ("append", 1), ("append", 2), ("sync", 1), ("create", 2)]


@pytest.mark.parametrize(
    ("operation", "call", "error"),
    [
        (*step, error)
        for step in STEPS
        for error in (Full("x"), Failed("x"), Unavailable("x"))
        if (step[0], type(error)) != ("append", Full)  # see test_full
    ],
)
async def test_a_failed_write_shows_and_leaves_nothing(
    operation: str, call: int, error: Exception
) -> None:
    blobs = made(extent_limit=4 * MIB)
    large = store_of(blobs, "large")
    large.before = failing(operation, call, error)
    writer = blobs.writer(b"owner", 8 * MIB)

    async def write() -> None:
        for _ in range(8):
            await writer.write(bytes(MIB))
        await writer.finish()

    with pytest.raises(type(error)):
        await write()
    await writer.abandon()
    assert [blob async for blob in large.list()] == []
    assert bool(blobs.left_over) == isinstance(error, Unavailable)
    await blobs.delete_left_over()
    assert not blobs.left_over


async def test_what_cannot_be_deleted_is_kept_in_mind() -> None:
    blobs = made()
    large = store_of(blobs, "large")
    writer = blobs.writer(b"owner")
    await writer.write(BODY)
    large.before = failing("delete", 1, Unavailable("x"))
    await writer.abandon()
    assert blobs.left_over == {("large", blob) async for blob in large.list()}
    await blobs.delete_left_over()
    assert not blobs.left_over
    assert [blob async for blob in large.list()] == []


async def test_abandon_after_a_canceled_write(tmp_path: Path) -> None:
    blobs = open_files(tmp_path, 1)

    async def write() -> None:
        writer = blobs.writer(b"owner", 100 * MIB)
        try:
            while True:
                await writer.write(bytes(MIB))
        finally:
            await writer.abandon()

    task = asyncio.create_task(write())
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [blob async for blob in blobs.pools["blobs"].list()] == []
    assert not blobs.left_over
    await blobs.close()


# ------------------------------------------------------------------------------ very long bodies


async def test_five_tebibytes() -> None:
    size, limit = 5 << 40, 1 << 30
    store = Invented()
    blobs = Blobs.of(Memory(), store, BlobNames(1))
    span = frames.segments_span(limit)
    extents = [
        Extent(Layout.SEGMENTS, "large", f"blob-{number}", 0, span, limit)
        for number in range(size // limit)
    ]
    for start in (0, limit - 100, size // 2 + 1, size - 3 * MIB):
        got = await content(blobs, extents, start, start + 2 * MIB + 7)
        assert got == bytes((start + n) % 256 for n in range(256)) * 8192 + got[:7]
    assert await content(blobs, extents, size - 1, size) == b"\xff"
    assert store.most <= frames.SEGMENT + frames.TABLE


# ------------------------------------------------------------------------------------- its folder


@pytest.fixture
async def blobs(tmp_path: Path) -> AsyncIterator[Blobs]:
    opened = open_files(tmp_path / "new" / "store", 1)
    yield opened
    await opened.close()


async def test_files_survive_lives(tmp_path: Path) -> None:
    root = tmp_path / "new" / "store"
    first = open_files(root, 1)
    small, large = await first.put(b"s", b"small"), await first.put(b"l", BODY)
    await first.close()
    second, third = open_files(root, 2), open_files(root, 3)
    for life in (second, third):
        assert await content(life, small) == b"small"
        assert await content(life, large) == BODY
        assert await content(third, await life.put(b"", BODY[:100_000])) == BODY[:100_000]
    assert len([volume async for volume in third.pools["volumes"].list()]) == 1
    await second.close()
    await third.close()
    assert sorted(path.name for path in root.iterdir()) == ["blobs", "format", "volumes"]


async def test_writers_at_once(blobs: Blobs) -> None:
    bodies = [BODY[: (number + 1) * 150_000] for number in range(12)]
    stored = await asyncio.gather(*(written(blobs, body, 100_000) for body in bodies))
    for body, extents in zip(bodies, stored, strict=True):
        assert await content(blobs, extents) == body


@pytest.mark.parametrize("text", ["ocean-blobs 2\n", "ocean-blobs x\n", "", "other 1\n", "\xff"])
def test_unknown_formats_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "format").write_text(text)
    with pytest.raises(UnknownFormat, match="format"):
        open_files(tmp_path, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["format"]
