"""A disk that remembers what it was told, and what of it a power cut may leave behind.

An image of the moment `t` holds every write that a finished fdatasync covers and every name that
a finished fsync of its folder covers; of the others, any selection: writes in any order, torn at
sectors of 512 bytes; names made or removed, or not yet. Nothing is assumed of a file system's
kindness, such as that syncing a file makes its name durable.
"""

import random
from dataclasses import dataclass
from pathlib import Path

from blobstore.disk import Disk


@dataclass(frozen=True)
class Event:
    kind: str  # write, truncate, sync (of a file or folder), make, remove, note
    path: str
    offset: int = 0  # of a sync: how many events it covers
    data: bytes = b""
    folder: bool = False
    note: object = None


class Recorder(Disk):
    """Passes everything on to the real disk, except syncs: they are slow and prove nothing."""

    def __init__(self, *, forget: str = "") -> None:
        self.events: list[Event] = []
        self._forget = forget  # the method of a sync that does nothing: will the checks notice?
        self._paths: dict[int, str] = {}

    def note(self, note: object) -> None:
        """Put a mark of the test's own into the log, such as: this was acknowledged."""
        self.events.append(Event("note", "", note=note))

    def create(self, path: str) -> int:
        fd = super().create(path)
        self._paths[fd] = path
        self.events.append(Event("make", path))
        return fd

    def open(self, path: str, *, writable: bool) -> int:
        fd = super().open(path, writable=writable)
        self._paths[fd] = path
        return fd

    def pwrite(self, fd: int, data: memoryview, offset: int) -> int:
        count = super().pwrite(fd, data, offset)
        self.events.append(Event("write", self._paths[fd], offset, bytes(data[:count])))
        return count

    def fdatasync(self, fd: int) -> None:
        if self._forget != "fdatasync":
            self._sync(self._paths[fd])

    def sync_folder(self, path: str) -> None:
        if not Path(path).is_dir():
            raise FileNotFoundError(path)
        if self._forget != "sync_folder":
            self._sync(path)

    def unlink(self, path: str) -> None:
        super().unlink(path)
        self.events.append(Event("remove", path))

    def mkdir(self, path: str) -> None:
        super().mkdir(path)
        self.events.append(Event("make", path, folder=True))

    def rmdir(self, path: str) -> None:
        super().rmdir(path)
        self.events.append(Event("remove", path, folder=True))

    def _sync(self, path: str) -> None:
        self.events.append(Event("sync", path, len(self.events)))


class Image:
    """What one power cut leaves, after the first `moment` events."""

    def __init__(self, events: list[Event], moment: int, chance: random.Random) -> None:
        self._events = events[:moment]
        self._chance = chance
        self._synced: dict[str, int] = {}
        for event in self._events:
            if event.kind == "sync":
                self._synced[event.path] = max(self._synced.get(event.path, 0), event.offset)
        self.notes = [event.note for event in self._events if event.kind == "note"]

    def restore(self, old: Path, new: Path) -> None:
        """Make the image of what lay under `old` under `new`."""
        names = self._names()
        for path, folder in sorted(names.items()):
            place = new / Path(path).relative_to(old)
            if not place.parent.is_dir():
                continue  # its folder was lost
            if folder:
                place.mkdir()
            else:
                place.write_bytes(self._content(path))

    def _names(self) -> dict[str, bool]:
        """The names that are there, and whether each is a folder's."""
        there: dict[str, bool] = {}
        stopped: set[str] = set()
        for index, event in enumerate(self._events):
            if event.kind not in ("make", "remove") or event.path in stopped:
                continue
            covered = index < self._synced.get(str(Path(event.path).parent), 0)
            if not covered and self._chance.random() < 0.5:
                stopped.add(event.path)  # this change and later ones of the name were lost
            elif event.kind == "make":
                there[event.path] = event.folder
            else:
                there.pop(event.path, None)
        return there

    def _content(self, path: str) -> bytes:
        content = bytearray()
        for index, event in enumerate(self._events):
            if event.kind == "write" and event.path == path:
                data = event.data
                if index >= self._synced.get(path, 0):
                    data = data[: self._kept(len(data))]
                    if not data:
                        continue
                content.extend(bytes(max(event.offset + len(data) - len(content), 0)))
                content[event.offset : event.offset + len(data)] = data
        return bytes(content)

    def _kept(self, size: int) -> int:
        whole = self._chance.choice((0, 1, 1))
        return whole * (size if self._chance.random() < 0.5 else size // 512 // 2 * 512)
