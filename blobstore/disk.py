"""The system calls that the files store makes: a seam for fault injection and power-cut recording.

Every method blocks and raises OSError as the call does. Whoever replaces it sees each write, each
barrier and each change of a folder in the order they were made.
"""

import errno
import os
from contextlib import suppress

SHORT_READ = 128 << 10  # cheaper to wait for than a hop to a thread, unless the device is slow


class Disk:
    """The real one."""

    def create(self, path: str) -> int:
        """A descriptor of a new empty file, for reading and writing; FileExistsError."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def open(self, path: str, *, writable: bool) -> int:
        return os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC)

    def close(self, fd: int) -> None:
        os.close(fd)

    def pwrite(self, fd: int, data: memoryview, offset: int) -> int:
        """Bytes written, perhaps fewer than there are."""
        return os.pwrite(fd, data, offset)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def pread(self, fd: int, length: int, offset: int) -> bytes:
        return os.pread(fd, length, offset)

    def pread_cached(self, fd: int, length: int, offset: int) -> bytes | bytearray | None:
        """The bytes, or None if a device had to be waited for.

        Where a file system cannot tell (tmpfs, NFS), short reads take the risk.
        """
        data = bytearray(length)
        try:
            count = os.preadv(fd, (data,), offset, os.RWF_NOWAIT)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            return self.pread(fd, length, offset) if length <= SHORT_READ else None
        return data if count == length else None

    def size(self, fd: int) -> int:
        return os.fstat(fd).st_size

    def nameless(self, fd: int) -> bool:
        """Whether the file was deleted, by whatever process."""
        return os.fstat(fd).st_nlink == 0

    def fdatasync(self, fd: int) -> None:
        os.fdatasync(fd)

    def give_back_pages(self, fd: int) -> None:
        """Take what is durable of a file out of the page cache; only advice, it cannot fail."""
        with suppress(OSError):
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def sync_folder(self, path: str) -> None:
        """Make the names in a folder durable."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def unlink(self, path: str) -> None:
        os.unlink(path)

    def mkdir(self, path: str) -> None:
        os.mkdir(path, 0o700)

    def rmdir(self, path: str) -> None:
        os.rmdir(path)

    def names(self, path: str) -> list[str]:
        return os.listdir(path)

    def room(self, path: str) -> tuple[int, int]:
        """Bytes of the file system that holds `path`: free to us, and in all."""
        found = os.statvfs(path)
        return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize


class Relaxed(Disk):
    """Leaves it to the kernel when bytes reach the device: a power cut may take what was said to
    be durable, a killed process loses nothing. Only ever chosen by name."""

    def fdatasync(self, fd: int) -> None:
        pass

    def sync_folder(self, path: str) -> None:
        pass

    def give_back_pages(self, fd: int) -> None:
        pass  # none of them is durable
