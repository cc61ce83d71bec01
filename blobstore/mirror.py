"""A second folder with the bytes of a store's folder: what is there already is not copied again.

Blobs never change and volumes only grow, so size and time of change tell what is new. The bytes
are real copies: a link would share the disk, and the fate, of the first.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

FORMAT_FILE = "format"
IDENTITY_FILE = "identity"
_POOLS = ("volumes", "blobs")
_BUFFER = 1 << 20
_OVERLAP = 4 << 20  # bytes copied again: an append that found no room was taken back by its writer


class Copied(NamedTuple):
    """Files and bytes that were written."""

    files: int
    size: int


def identity(root: Path) -> str:
    """32 hex digits that name the folder's line of blobs, made at the first call.

    Names of blobs are unique within one line only: a copy that goes on by itself is another.
    """
    path = root / IDENTITY_FILE
    if not path.exists():
        draft = path.with_name(f"{IDENTITY_FILE}.{secrets.token_hex(8)}")
        write_durably(draft, f"{secrets.token_hex(16)}\n".encode())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first
        finally:
            draft.unlink()
    return path.read_text("ascii").strip()


class Mirror:
    """Copies from `source` to `target`, both roots of stores as of `open_files`.

    `note` is told the bytes of each step of the copying. Methods block and raise OSError.
    """

    def __init__(self, source: Path, target: Path, note: Callable[[int], None]) -> None:
        self._source = source
        self._target = target
        self._note = note
        self.seen: set[str] = set()  # files of the source that any pass met

    def copy(self) -> Copied:
        """One pass over the source; what vanishes meanwhile is passed over."""
        self._target.mkdir(parents=True, exist_ok=True)
        write_durably(self._target / FORMAT_FILE, (self._source / FORMAT_FILE).read_bytes())
        files = size = 0
        folders = {self._target}
        for path in _files(self._source):
            self.seen.add(path)
            target = self._target / path
            if target.parent not in folders:
                target.parent.mkdir(parents=True, exist_ok=True)
                folders |= {target.parent, target.parent.parent}
            try:
                written = copy_file(self._source / path, target, self._note)
            except FileNotFoundError:
                continue
            files += written > 0
            size += written
        for folder in folders:
            sync_folder(folder)
        return Copied(files, size)

    def prune(self) -> int:
        """Delete from the target what no pass met in the source; how many files."""
        gone = [path for path in _files(self._target) if path not in self.seen]
        for path in gone:
            (self._target / path).unlink()
        return len(gone)


def copy_file(source: Path, target: Path, note: Callable[[int], None]) -> int:
    """Make `target` what `source` is now, durably; the bytes written."""
    with source.open("rb") as reader:
        found = os.fstat(reader.fileno())
        start = _start(found, target)
        if start is None:
            return 0
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as writer:
            reader.seek(start)
            writer.seek(start)
            left = found.st_size - start
            while left and (piece := reader.read(min(_BUFFER, left))):
                writer.write(piece)
                left -= len(piece)
                note(len(piece))
            writer.truncate()
            os.fsync(descriptor)
            os.utime(descriptor, ns=(found.st_atime_ns, found.st_mtime_ns))
    return found.st_size - start - left


def _start(found: os.stat_result, target: Path) -> int | None:
    """Where copying begins; None when there is nothing to do."""
    try:
        have = target.stat()
    except FileNotFoundError:
        return 0
    if (have.st_size, have.st_mtime_ns) == (found.st_size, found.st_mtime_ns):
        return None
    return max(have.st_size - _OVERLAP, 0) if have.st_size < found.st_size else 0


def _files(root: Path) -> Iterator[str]:
    """Paths of all files of the pools, relative to `root`."""
    for pool in _POOLS:
        for folder in _names(root / pool):
            for name in _names(root / pool / folder):
                yield f"{pool}/{folder}/{name}"


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def write_durably(path: Path, data: bytes) -> None:
    """Write a small file anew."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
