"""A blob store in a folder: one file for each blob, durable when `sync` has returned.

Several processes may share the folder; each appends only to the blobs it created.
"""

import asyncio
import errno
import os
import resource
import stat
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

from blobstore.base import Buffer, Corrupt, Exists, Failed, Full, NotFound, Unavailable
from blobstore.batches import Batches
from blobstore.counters import Counters
from blobstore.disk import Disk

INLINE_WRITE = 128 << 10  # beyond this the write takes longer than a hop to a thread and back
INLINE_READ = 2 << 20  # copied from the page cache only; what is not there is read in a thread
LONG = 1 << 20  # bytes of a file whose pages are given back, in a store that keeps none
FOLDER_NAME = 18  # characters: 4,096 successive names of BlobNames share a folder
ROOM_LASTS = 0.1  # seconds that a statvfs answers for
FORGET_DELETED = 10.0  # seconds for which the space of a blob deleted by another may stay taken

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)

_Result = TypeVar("_Result")


class _File:
    """An open file, closed with the last reference: a thread may still be at work on it."""

    __slots__ = ("_close", "fd", "folder", "named", "size", "synced", "writable")

    def __init__(self, fd: int, folder: str, close: Callable[[int], None]) -> None:
        self.fd = fd
        self.folder = folder
        self.writable = False
        self.named = True  # its name is durable
        self.size = 0
        self.synced = 0  # bytes that are durable
        self._close = close

    def __del__(self) -> None:
        self._close(self.fd)

    @property
    def durable(self) -> bool:
        return self.named and self.synced == self.size


class Files:
    """Blobs under `root`, which exists.

    `reserve` bytes of the file system are left alone (default: a hundredth of it, at most
    64 MiB), so that deletions and metadata still work when new data is refused with Full.
    `lanes` files can be synced at the same time. Unless it is `cached`, a long file leaves the
    page cache once it is durable: video and backups are seldom read again, and writing to pages
    just given back costs a third less than to fresh ones. `open_files` bounds the descriptors kept
    (default: 256, or an eighth of what the process may have). `on_failure` is called, in any
    thread, when the store stops for good.
    """

    def __init__(
        self,
        root: Path,
        *,
        name: str = "files",
        disk: Disk | None = None,
        reserve: int | None = None,
        lanes: int = 1,
        cached: bool = True,
        open_files: int | None = None,
        on_failure: Callable[[Failed], None] | None = None,
    ) -> None:
        self.counters = Counters()
        self._counting = threading.Lock()  # the lanes count fsyncs, each in its thread
        self._name = name
        self._root = str(root)
        self._disk = disk or Disk()
        self._cached = cached
        total = self._disk.room(self._root)[1]
        self._reserve = min(total // 100, 64 << 20) if reserve is None else reserve
        self._room = 0
        self._room_known_until = 0.0
        self._failure: str | None = None
        self._on_failure = on_failure
        allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._open_files = min(256, allowed // 8) if open_files is None else open_files
        self._files: dict[str, _File] = {}
        self._settled: set[str] = set()  # folders whose own names are durable
        self._sweeping: asyncio.TimerHandle | None = None
        self._lanes = [Batches(self._make_durable, name=f"{name}-sync-{n}") for n in range(lanes)]
        self._threads = ThreadPoolExecutor(4, thread_name_prefix=name)

    @property
    def name(self) -> str:
        return self._name

    @property
    def in_flight(self) -> int:
        return 1

    # ------------------------------------------------------------------------------- writing

    async def create(self, blob: str, data: Buffer) -> None:
        view = memoryview(data).cast("B")
        self._admit(len(view))
        if len(view) <= INLINE_WRITE:
            file, calls = self._create(blob, view)
        else:
            file, calls = await self._in_thread(self._create, blob, view)
        self._count_writes(calls, len(view))
        self._remember(blob, file)

    async def append(self, blob: str, offset: int, data: Buffer) -> None:
        view = memoryview(data).cast("B")
        self._admit(len(view))
        file = self._writable(blob)
        if offset != file.size:
            raise ValueError(f"append at {offset} to {blob}, which has {file.size} bytes")
        if len(view) <= INLINE_WRITE:
            calls = self._write(file, view)
        else:
            calls = await self._in_thread(self._write, file, view)
        self._count_writes(calls, len(view))

    async def sync(self, blob: str) -> None:
        self._refuse_if_failed()
        file = self._files.get(blob)
        # A file that is not kept open was durable when it was let go.
        if file is not None and not file.durable:
            await self._lanes[hash(blob) % len(self._lanes)].join(file)

    async def delete(self, blob: str, *, size: int | None = None) -> None:  # noqa: ARG002
        self._refuse_if_failed()
        folder, path = self._place(blob)
        self._files.pop(blob, None)
        await self._in_thread(self._unlink, path)
        # Also if it was gone: whoever removed it may not have come to this.
        await self._lanes[hash(blob) % len(self._lanes)].join(folder)

    def _admit(self, length: int) -> None:
        self._refuse_if_failed()
        now = time.monotonic()
        if now >= self._room_known_until:
            self._room = self._disk.room(self._root)[0] - self._reserve
            self._room_known_until = now + ROOM_LASTS
        if length > self._room:
            raise Full(f"{self._name}: only the reserve of {self._reserve} bytes is left")
        self._room -= length

    def _refuse_if_failed(self) -> None:
        if self._failure is not None:
            raise Failed(self._failure)

    def _fail(self, doing: str, error: OSError) -> Failed:
        """From here on nothing is written any more."""
        self._failure = f"{self._name}: {doing}: {error}"
        failed = Failed(self._failure)
        if self._on_failure is not None:
            self._on_failure(failed)
        return failed

    def _create(self, blob: str, data: memoryview) -> tuple[_File, int]:
        folder, path = self._place(blob)
        try:
            file = _File(self._create_file(folder, path), folder, self._disk.close)
        except FileExistsError:
            raise Exists(blob) from None
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise Full(f"{self._name}: {error}") from error
            if error.errno in _NO_DESCRIPTOR:
                raise Unavailable(f"{self._name}: {error}") from error
            raise self._fail("create", error) from error
        file.writable, file.named = True, False
        try:
            return file, self._write(file, data)
        except Full:
            self._unlink(path)
            raise

    def _create_file(self, folder: str, path: str) -> int:
        while True:
            try:
                return self._disk.create(path)
            except FileNotFoundError:  # no folder yet, or deletions emptied and removed it
                self._settled.discard(folder)
            with suppress(FileExistsError):
                self._disk.mkdir(folder)

    def _write(self, file: _File, data: memoryview) -> int:
        """Append all of `data` or nothing; how many calls it took."""
        position, calls = 0, 0
        try:
            while position < len(data):
                calls += 1
                try:
                    position += self._disk.pwrite(file.fd, data[position:], file.size + position)
                except InterruptedError:
                    continue
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise self._fail("write", error) from error
            self._take_back(file)
            raise Full(f"{self._name}: {error}") from error
        file.size += len(data)
        return calls

    def _take_back(self, file: _File) -> None:
        try:
            self._disk.truncate(file.fd, file.size)
        except OSError as error:
            raise self._fail("truncate", error) from error

    def _unlink(self, path: str) -> None:
        try:
            self._disk.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise self._fail("unlink", error) from error

    def _make_durable(self, items: list[_File | str]) -> None:
        """In a lane's thread: the files, then the folders that name them."""
        self._refuse_if_failed()
        emptied = [item for item in items if isinstance(item, str)]
        files = [item for item in items if not isinstance(item, str)]
        sizes = [file.size for file in files]
        fresh = [file for file in files if not file.named]
        unsettled = {file.folder for file in fresh} - self._settled
        folders = {file.folder for file in fresh}.union(emptied)
        try:
            for file in files:
                self._disk.fdatasync(file.fd)
            for folder in [*folders, self._root] if unsettled else folders:
                with suppress(FileNotFoundError):  # removed when empty: it names nothing of ours
                    self._disk.sync_folder(folder)
        except OSError as error:
            if error.errno in _NO_DESCRIPTOR:  # of a folder's, to sync it by: nothing was lost
                raise Unavailable(f"{self._name}: {error}") from error
            raise self._fail("sync", error) from error
        self._settled |= unsettled
        with self._counting:
            self.counters.fsyncs += len(files) + len(folders) + bool(unsettled)
        for file, size in zip(files, sizes, strict=True):
            file.synced, file.named = size, True
        for file in files:
            if file.size >= LONG and not self._cached:
                self._disk.give_back_pages(file.fd)
        for folder in emptied:
            self._remove_if_empty(folder)

    def _remove_if_empty(self, folder: str) -> None:
        with suppress(OSError):  # not empty, or gone
            self._disk.rmdir(folder)

    def _count_writes(self, calls: int, length: int) -> None:
        self.counters.writes += calls
        self.counters.bytes_written += length

    # ------------------------------------------------------------------------------- reading

    async def read(self, blob: str, offset: int, length: int) -> Buffer:
        file = self._files.get(blob) or self._open(blob, writable=False)
        data: Buffer | None = None
        try:
            if length <= INLINE_READ:
                data = self._disk.pread_cached(file.fd, length, offset)
            if data is None:
                data = await self._in_thread(self._read_all, file, length, offset)
        except OSError as error:
            raise Corrupt(f"{blob} cannot be read: {error}") from error
        if len(data) != length:
            raise Corrupt(f"{blob} ends before {offset + length}")
        self.counters.reads += 1
        self.counters.bytes_read += length
        return data

    async def size(self, blob: str) -> int:
        file = self._files.get(blob) or self._open(blob, writable=False)
        return self._disk.size(file.fd)

    async def _names(self, path: str) -> list[str]:
        try:
            return await self._in_thread(self._disk.names, path)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise Unavailable(f"{self._name}: {error}") from error

    async def list(self, after: str = "") -> AsyncIterator[str]:
        """As every store does; whatever lies in the folder and is not ours is passed over.

        Memory is that of one folder's names: a name begins with its folder's, so sorting them
        folder by folder sorts them all.
        """
        for folder in sorted(map(unquote, await self._names(self._root))):
            if folder < after[:FOLDER_NAME]:
                continue
            path = f"{self._root}/{_quoted(folder)}"
            for quoted in sorted(await self._names(path), key=unquote):
                blob = unquote(quoted)
                if blob > after and self._is_place(blob, f"{path}/{quoted}"):
                    yield blob

    async def strays(self) -> AsyncIterator[str]:
        """Paths in the folder that are no blobs, relative to it."""
        for name in sorted(await self._names(self._root)):
            path = f"{self._root}/{name}"
            entries = await self._names(path)
            if not entries and await self._in_thread(_is_no_folder, path):
                yield name
            for entry in entries:
                if not self._is_place(unquote(entry), f"{path}/{entry}"):
                    yield f"{name}/{entry}"

    def _read_all(self, file: _File, length: int, offset: int) -> bytes:
        data = self._disk.pread(file.fd, length, offset)
        while len(data) < length:  # a signal, or the end
            more = self._disk.pread(file.fd, length - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data

    # ---------------------------------------------------------------------------- open files

    def _writable(self, blob: str) -> _File:
        file = self._files.get(blob)
        if file is None or not file.writable:
            file = self._open(blob, writable=True)
        return file

    def _open(self, blob: str, *, writable: bool) -> _File:
        folder, path = self._place(blob)
        try:
            fd = self._disk.open(path, writable=writable)
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound(blob) from None
        except OSError as error:
            if error.errno in _NO_DESCRIPTOR:
                self._forget(len(self._files))
            raise Unavailable(f"{self._name}: {error}") from error
        file = _File(fd, folder, self._disk.close)
        file.writable = writable
        file.size = file.synced = self._disk.size(fd)
        self._remember(blob, file)
        return file

    def _remember(self, blob: str, file: _File) -> None:
        self._forget(len(self._files) + 1 - self._open_files)
        self._files[blob] = file
        if self._sweeping is None:
            loop = asyncio.get_running_loop()
            self._sweeping = loop.call_later(FORGET_DELETED, self._forget_deleted)

    def _forget(self, count: int) -> None:
        """Let go of the files opened first. One not yet durable stays: with its descriptor the
        kernel would forget to tell us of a failed write."""
        if count > 0:
            idle = (blob for blob, file in self._files.items() if file.durable)
            for blob in list(islice(idle, count)):
                del self._files[blob]

    def _forget_deleted(self) -> None:
        self._sweeping = None
        for blob, file in list(self._files.items()):
            if self._disk.nameless(file.fd):
                del self._files[blob]
        if self._files:
            loop = asyncio.get_running_loop()
            self._sweeping = loop.call_later(FORGET_DELETED, self._forget_deleted)

    async def close(self) -> None:
        for lane in self._lanes:
            await lane.close()
        self._threads.shutdown()
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._files.clear()

    # -------------------------------------------------------------------------------- places

    def _place(self, blob: str) -> tuple[str, str]:
        """The folder and the file of a blob."""
        folder = f"{self._root}/{_quoted(blob[:FOLDER_NAME])}"
        return folder, f"{folder}/{_quoted(blob)}"

    def _is_place(self, blob: str, path: str) -> bool:
        return blob.isascii() and len(blob) <= 200 and self._place(blob)[1] == path

    async def _in_thread(self, call: Callable[..., _Result], *args: object) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *args)


def _is_no_folder(path: str) -> bool:
    """Whether something else is there; not when a deletion just emptied and removed it."""
    try:
        return not stat.S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False


def _quoted(name: str) -> str:
    """A file name for a blob name: one to one, never hidden, never a way out of the folder."""
    quoted = name.replace("%", "%25").replace("/", "%2F")
    return f"%2E{quoted[1:]}" if quoted.startswith(".") else quoted
