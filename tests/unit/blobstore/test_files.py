"""The files store under faults, beside other processes, and on a full disk."""

import asyncio
import errno
import gc
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from blobstore import files as files_module
from blobstore.base import Corrupt, Failed, Full, NotFound, Unavailable
from blobstore.disk import Disk
from blobstore.files import LONG, Files


class FaultyDisk(Disk):
    """Calls `fault(method)` ahead of each call that matters; may write short."""

    def __init__(self) -> None:
        self.fault: Callable[[str], None] = lambda method: None
        self.at_most = 1 << 30
        self.free = 1 << 40
        self.synced: list[str] = []
        self.opened: set[int] = set()

    def create(self, path: str) -> int:
        self.fault("create")
        fd = super().create(path)
        self.opened.add(fd)
        return fd

    def open(self, path: str, *, writable: bool) -> int:
        self.fault("open")
        fd = super().open(path, writable=writable)
        self.opened.add(fd)
        return fd

    def close(self, fd: int) -> None:
        self.opened.discard(fd)
        super().close(fd)

    def pwrite(self, fd: int, data: memoryview, offset: int) -> int:
        self.fault("pwrite")
        return super().pwrite(fd, data[: self.at_most], offset)

    def pread_cached(self, fd: int, length: int, offset: int) -> bytes | bytearray | None:
        self.fault("pread_cached")
        return super().pread_cached(fd, length, offset)

    def fdatasync(self, fd: int) -> None:
        self.fault("fdatasync")
        self.synced.append("file")
        super().fdatasync(fd)

    def sync_folder(self, path: str) -> None:
        self.fault("sync_folder")
        self.synced.append(Path(path).name)
        super().sync_folder(path)

    def unlink(self, path: str) -> None:
        self.fault("unlink")
        super().unlink(path)

    def room(self, path: str) -> tuple[int, int]:
        return self.free, 1 << 40


class Once:
    """A fault of one method at its n-th call, and never again."""

    def __init__(self, method: str, code: int, call: int = 1) -> None:
        self.method, self.code, self.left = method, code, call

    def __call__(self, method: str) -> None:
        if method == self.method:
            self.left -= 1
            if self.left == 0:
                raise OSError(self.code, os.strerror(self.code))


@pytest.fixture
def disk() -> FaultyDisk:
    return FaultyDisk()


@pytest.fixture
async def store(tmp_path: Path, disk: FaultyDisk) -> AsyncIterator[Files]:
    made = Files(tmp_path, disk=disk, reserve=1000)
    yield made
    await made.close()
    gc.collect()  # an exception may hold on to the file it is about
    assert not disk.opened


async def assert_stopped(store: Files) -> None:
    for attempt in (
        store.create("another", b"x"),
        store.append("blob", 3, b"x"),
        store.sync("blob"),
        store.delete("blob"),
    ):
        with pytest.raises(Failed):
            await attempt


# -------------------------------------------------------------------------------------- faults


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fdatasync", "sync_folder"])
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
async def test_a_failed_fsync_stops_the_store(
    store: Files, disk: FaultyDisk, method: str, code: int
) -> None:
    await store.create("blob", b"abc")
    disk.fault = Once(method, code)
    outcomes = await asyncio.gather(*(store.sync("blob") for _ in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Failed] * 5
    count = len(disk.synced)
    await assert_stopped(store)
    assert len(disk.synced) == count  # never tried again
    assert bytes(await store.read("blob", 0, 3)) == b"abc"


@pytest.mark.parametrize(
    ("cached", "size", "given_back"),
    [(False, LONG, True), (False, LONG - 1, False), (True, LONG, False)],
)
async def test_long_files_leave_the_page_cache_once_durable(
    tmp_path: Path, cached: bool, size: int, given_back: bool
) -> None:
    order: list[str] = []

    class Ordered(Disk):
        def fdatasync(self, fd: int) -> None:
            order.append("sync")
            super().fdatasync(fd)

        def give_back_pages(self, fd: int) -> None:
            order.append("give back")
            super().give_back_pages(fd)

    store = Files(tmp_path, disk=Ordered(), cached=cached)
    await store.create("blob", bytes(size))
    await store.sync("blob")
    assert order == ["sync", "give back"][: 1 + given_back]
    assert bytes(await store.read("blob", 0, size)) == bytes(size)
    await store.close()


@pytest.mark.parametrize("method", ["create", "pwrite"])
async def test_a_failed_write_stops_the_store(store: Files, disk: FaultyDisk, method: str) -> None:
    await store.create("blob", b"abc")
    disk.fault = Once(method, errno.EIO)
    with pytest.raises(Failed):
        await store.create("other", b"abc")
    await assert_stopped(store)


async def test_a_failed_write_in_a_thread_stops_the_store(store: Files, disk: FaultyDisk) -> None:
    await store.create("blob", b"abc")
    disk.fault = Once("pwrite", errno.EIO)
    with pytest.raises(Failed):
        await store.append("blob", 3, bytes(files_module.INLINE_WRITE + 1))
    await assert_stopped(store)


@pytest.mark.slow
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize("size", [100, files_module.INLINE_WRITE + 100])
async def test_no_room_leaves_everything_as_it_was(
    store: Files, disk: FaultyDisk, code: int, call: int, size: int
) -> None:
    await store.create("blob", b"abc")
    disk.at_most = size // 3
    disk.fault = Once("pwrite", code, call)
    with pytest.raises(Full):
        await store.append("blob", 3, bytes(size))
    assert await store.size("blob") == 3
    disk.fault = Once("pwrite", code, call)
    with pytest.raises(Full):
        await store.create("other", bytes(size))
    assert [blob async for blob in store.list()] == ["blob"]
    await store.append("blob", 3, b"def")
    await store.sync("blob")
    assert bytes(await store.read("blob", 0, 6)) == b"abcdef"


async def test_no_inode_is_no_room(store: Files, disk: FaultyDisk) -> None:
    disk.fault = Once("create", errno.ENOSPC)
    with pytest.raises(Full):
        await store.create("blob", b"abc")
    await store.create("blob", b"abc")


@pytest.mark.parametrize("at_most", [1, 7, 1000])
async def test_short_writes_are_carried_on(store: Files, disk: FaultyDisk, at_most: int) -> None:
    disk.at_most = at_most
    await store.create("blob", bytes(range(256)))
    await store.append("blob", 256, bytes(range(256)))
    assert bytes(await store.read("blob", 0, 512)) == bytes(range(256)) * 2
    assert store.counters.writes == 2 * -(-256 // at_most)


async def test_an_interrupted_write_is_carried_on(store: Files, disk: FaultyDisk) -> None:
    disk.at_most = 10
    disk.fault = Once("pwrite", errno.EINTR, 3)
    await store.create("blob", bytes(range(100)))
    assert bytes(await store.read("blob", 0, 100)) == bytes(range(100))


async def test_an_unreadable_sector_is_corrupt(store: Files, disk: FaultyDisk) -> None:
    await store.create("blob", b"abc")
    disk.fault = Once("pread_cached", errno.EIO)
    with pytest.raises(Corrupt):
        await store.read("blob", 0, 3)
    await store.create("other", b"a failed read stops nothing")


async def test_descriptors_run_out(store: Files, disk: FaultyDisk, tmp_path: Path) -> None:
    other = Files(tmp_path)
    await other.create("blob", b"abc")
    disk.fault = Once("open", errno.EMFILE)
    with pytest.raises(Unavailable):
        await store.read("blob", 0, 3)
    assert bytes(await store.read("blob", 0, 3)) == b"abc"
    await other.close()


# ------------------------------------------------------------------------------- group commit


async def test_concurrent_syncs_share(store: Files, disk: FaultyDisk) -> None:
    await store.create("blob", b"")
    await store.sync("blob")
    before = store.counters.fsyncs
    for index in range(10):
        await store.append("blob", index, b"x")
        await asyncio.gather(*(store.sync("blob") for _ in range(50)))
    assert store.counters.fsyncs - before == 10


async def test_what_is_durable_is_not_synced_again(store: Files) -> None:
    await store.create("blob", b"abc")
    await store.sync("blob")
    count = store.counters.fsyncs
    await store.sync("blob")
    assert store.counters.fsyncs == count


async def test_an_append_during_a_sync_waits_for_the_next(store: Files, disk: FaultyDisk) -> None:
    loop, begun, go = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

    def hold(method: str) -> None:
        if method == "fdatasync":
            loop.call_soon_threadsafe(begun.set)
            asyncio.run_coroutine_threadsafe(go.wait(), loop).result()

    await store.create("blob", b"abc")
    disk.fault = hold
    first = asyncio.create_task(store.sync("blob"))
    await begun.wait()
    await store.append("blob", 3, b"def")
    second = asyncio.create_task(store.sync("blob"))
    await asyncio.sleep(0)
    go.set()
    await first
    await second
    assert disk.synced.count("file") == 2


async def test_a_canceled_sync_disturbs_nobody(store: Files) -> None:
    await store.create("blob", b"abc")
    tasks = [asyncio.create_task(store.sync("blob")) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert outcomes[0] is None
    assert isinstance(outcomes[1], asyncio.CancelledError)
    assert outcomes[2] is None


async def test_names_are_made_durable(store: Files, disk: FaultyDisk, tmp_path: Path) -> None:
    first, second = "00000001-000000000000", "00000001-000000000001"
    await store.create(first, b"abc")
    await store.sync(first)
    assert disk.synced == ["file", first[:18], tmp_path.name]
    disk.synced.clear()
    await store.create(second, b"abc")
    await store.sync(second)
    assert disk.synced == ["file", first[:18]]
    disk.synced.clear()
    await store.delete(first)
    assert disk.synced == [first[:18]]
    await store.delete(second)
    assert os.listdir(tmp_path) == []
    disk.synced.clear()
    await store.create(second, b"again")
    await store.sync(second)
    assert disk.synced == ["file", first[:18], tmp_path.name]


# ----------------------------------------------------------------------------------- full disk


async def test_the_reserve_is_left_alone(store: Files, disk: FaultyDisk) -> None:
    await store.create("blob", b"abc")
    disk.free = 1000 + 9
    await asyncio.sleep(files_module.ROOM_LASTS)
    await store.append("blob", 3, b"12345")
    with pytest.raises(Full):
        await store.append("blob", 8, b"12345")
    with pytest.raises(Full):
        await store.create("other", b"12345")
    assert bytes(await store.read("blob", 0, 8)) == b"abc12345"
    await store.sync("blob")
    await store.delete("blob")
    disk.free = 1 << 30
    await asyncio.sleep(files_module.ROOM_LASTS)
    await store.create("blob", b"there is room again")


def test_the_default_reserve(tmp_path: Path) -> None:
    small, large = FaultyDisk(), FaultyDisk()
    small.room = lambda path: (0, 1 << 30)  # type: ignore[method-assign]
    assert Files(tmp_path, disk=small)._reserve == (1 << 30) // 100
    assert Files(tmp_path, disk=large)._reserve == 64 << 20


# ----------------------------------------------------------------------------- other processes


async def test_others_read_and_delete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_module, "FORGET_DELETED", 0.05)
    disk = FaultyDisk()
    writer, reader = Files(tmp_path), Files(tmp_path, disk=disk)
    await writer.create("blob", b"abc")
    assert bytes(await reader.read("blob", 0, 3)) == b"abc"
    await writer.append("blob", 3, b"def")
    assert bytes(await reader.read("blob", 3, 3)) == b"def"
    assert await reader.size("blob") == 6
    await writer.delete("blob")
    await open_at_most(disk, 0)  # else the space would stay taken
    assert not disk.opened
    with pytest.raises(NotFound):
        await reader.read("blob", 0, 3)
    await writer.close()
    await reader.close()


async def test_a_process_reads_what_another_wrote(tmp_path: Path, store: Files) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from blobstore.files import Files\n"
        "async def main():\n"
        "    store = Files(Path(sys.argv[1]))\n"
        "    await store.create('blob', b'x' * 300_000)\n"
        "    await store.sync('blob'); await store.close()\n"
        "asyncio.run(main())"
    )
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(tmp_path))
    assert await other.wait() == 0
    assert bytes(await store.read("blob", 0, 300_000)) == b"x" * 300_000


async def open_at_most(disk: FaultyDisk, count: int) -> None:
    """Soon: a thread that synced a file may hold it a moment longer than its answer takes."""
    for _ in range(200):
        if len(disk.opened) <= count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{len(disk.opened)} files are open")


async def test_descriptors_are_bounded(tmp_path: Path) -> None:
    disk = FaultyDisk()
    store = Files(tmp_path, disk=disk, open_files=8)
    for index in range(40):
        await store.create(f"{index}", b"abc")
        await store.sync(f"{index}")
        await open_at_most(disk, 8)
    for index in range(40):
        assert bytes(await store.read(f"{index}", 0, 3)) == b"abc"
        await open_at_most(disk, 8)
    await store.append("0", 3, b"d")  # let go of and opened again
    await store.sync("0")
    assert bytes(await store.read("0", 0, 4)) == b"abcd"
    await store.close()


async def test_what_is_not_durable_is_kept_open(tmp_path: Path) -> None:
    disk = FaultyDisk()
    store = Files(tmp_path, disk=disk, open_files=2)
    for index in range(10):
        await store.create(f"{index}", b"abc")
    assert len(disk.opened) == 10
    await asyncio.gather(*(store.sync(f"{index}") for index in range(10)))
    assert disk.synced.count("file") == 10
    await store.close()


async def test_strays_are_not_listed(store: Files, tmp_path: Path) -> None:
    blob = "00000001-000000000000"
    await store.create(blob, b"abc")
    (tmp_path / "stray").write_bytes(b"")
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "lost+found" / "#123").write_bytes(b"")
    for name in ("stray", f"{blob}.bak", f".{blob}", "%41"):
        (tmp_path / blob[:18] / name).write_bytes(b"")
    (tmp_path / blob[:18] / "é").write_bytes(b"")
    listed = [name async for name in store.list()]
    assert listed == [blob, f"{blob}.bak"]  # no other name of a file is one we would give


async def test_strays_are_told(store: Files, tmp_path: Path) -> None:
    blob = "00000001-000000000000"
    await store.create(blob, b"abc")
    (tmp_path / "00000002-000000000").mkdir()  # its blobs are deleted
    (tmp_path / "stray").write_bytes(b"")
    (tmp_path / blob[:18] / "other").write_bytes(b"")
    assert [path async for path in store.strays()] == [f"{blob[:18]}/other", "stray"]


async def test_a_folder_that_is_emptied_and_removed_meanwhile_is_no_stray(tmp_path: Path) -> None:
    class Busy(Disk):
        def names(self, path: str) -> list[str]:
            if path != str(tmp_path):
                self.rmdir(path)
            return super().names(path)

    store = Files(tmp_path, disk=Busy())
    (tmp_path / "00000002-000000000").mkdir()
    assert [path async for path in store.strays()] == []
    await store.close()


@pytest.mark.parametrize("code", [None, errno.EAGAIN, errno.EOPNOTSUPP])
async def test_reads_that_must_wait_for_the_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int | None
) -> None:
    def refuse(*args: object) -> int:
        raise OSError(code, "not now")

    if code is not None:
        monkeypatch.setattr(os, "preadv", refuse)
    store = Files(tmp_path)
    await store.create("blob", bytes(range(256)) * 2000)
    for offset, length in ((0, 10), (300, 5000), (100, 300_000)):
        expected = (bytes(range(256)) * 2000)[offset : offset + length]
        assert bytes(await store.read("blob", offset, length)) == expected
    await store.close()
