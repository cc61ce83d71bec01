"""Disk space held back in a file, so that removals still go through when the disk is full."""

import contextlib
import os

_MAXIMUM = 16 * 2**20


class Reserve:
    """One file for all processes: full size is held, empty is released."""

    def __init__(self, path: str, size: int | None) -> None:
        """`size` in bytes; None: one percent of the file system, at most 16 MiB; 0: none."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        system = os.fstatvfs(self._file)
        share = system.f_blocks * system.f_frsize // 100
        self._size = min(share, _MAXIMUM) if size is None else size

    @property
    def held(self) -> bool:
        return 0 < self._size <= os.fstat(self._file).st_size

    def release(self) -> None:
        os.ftruncate(self._file, 0)

    def restore(self) -> bool:
        """Take the space again if at least as much stays free; True if nothing is missing."""
        if self.held or self._size == 0:
            return True
        system = os.fstatvfs(self._file)
        if system.f_bavail * system.f_frsize < 2 * self._size:
            return False
        try:
            os.posix_fallocate(self._file, 0, self._size)
        except OSError:
            with contextlib.suppress(OSError):
                self.release()
            return False
        return True

    def close(self) -> None:
        os.close(self._file)
