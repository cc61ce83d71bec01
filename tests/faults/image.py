"""What a power cut may leave of recorded calls. Pure but for writing the image out.

An image of a moment holds every write that a finished fsync covers and every name that a finished
fsync of its folder covers; of the others any selection: writes in any order, any of their sectors
(512 bytes or 4 KiB), sizes changed or not yet, names made or removed or not yet. Nothing is assumed
of a file system's kindness, such as that syncing a file makes its name durable.
"""

import random
from collections.abc import Sequence
from pathlib import Path

from tests.faults.shim import Event, Kind

_NAMING = (Kind.MAKE, Kind.MKDIR, Kind.REMOVE, Kind.RENAME)


class _File:
    """One file, whatever its name: changes by the number of their event, and what is synced."""

    def __init__(self) -> None:
        self.changes: list[tuple[int, Event]] = []
        self.synced = 0


class Image:
    """One way in which the power may have gone after the first `moment` events."""

    def __init__(self, events: Sequence[Event], moment: int, chance: random.Random) -> None:
        self.notes = [event.data for event in events[:moment] if event.kind is Kind.NOTE]
        self._chance = chance
        self._sector = chance.choice((512, 4096))
        self._kept = chance.choice((0.0, 0.5, 0.9))  # of what nothing made durable
        self._names: dict[str, list[tuple[int, _File | None]]] = {}  # None: removed
        self._folders: dict[str, int] = {}  # events that a sync of the folder covers
        self._is_folder: set[str] = set()
        self._replay(events[:moment])

    def _replay(self, events: Sequence[Event]) -> None:
        now: dict[str, _File] = {}
        for number, event in enumerate(events):
            path = event.path
            if event.kind in _NAMING:
                self._name(number, event, now)
            elif event.kind is Kind.SYNC and path not in now:
                self._folders[path] = max(self._folders.get(path, 0), event.offset)
            elif event.kind is Kind.SYNC:
                now[path].synced = max(now[path].synced, event.offset)
            elif event.kind in (Kind.WRITE, Kind.TRUNCATE) and path in now:
                now[path].changes.append((number, event))

    def _name(self, number: int, event: Event, now: dict[str, _File]) -> None:
        path = event.path
        if event.kind is Kind.MKDIR:
            self._is_folder.add(path)
        if event.kind is Kind.RENAME:
            old = event.data.decode()
            file = now.pop(old)
            self._names.setdefault(old, []).append((number, None))
        else:
            file = _File()
        if event.kind is Kind.REMOVE:
            now.pop(path, None)
            self._names.setdefault(path, []).append((number, None))
            return
        if event.kind is not Kind.MKDIR:
            now[path] = file
        self._names.setdefault(path, []).append((number, file))

    def restore(self, old: Path, new: Path) -> None:
        """Write what lay under `old` out under `new`, which does not exist."""
        new.mkdir(parents=True)
        for path in sorted(self._names):
            file = self._survivor(path)
            place = new / Path(path).relative_to(old)
            if file is None or not place.parent.is_dir():
                continue
            if path in self._is_folder:
                place.mkdir()
            else:
                place.write_bytes(self._content(file))

    def _survivor(self, path: str) -> _File | None:
        """What the name stands for: from the first change that was lost on, all later are too."""
        synced = self._folders.get(str(Path(path).parent), 0)
        survivor = None
        for number, file in self._names[path]:
            if number >= synced and self._chance.random() >= self._kept:
                break
            survivor = file
        return survivor

    def _content(self, file: _File) -> bytes:
        content = bytearray()
        for number, event in file.changes:
            durable = number < file.synced
            if event.kind is Kind.TRUNCATE:
                if durable or self._chance.random() < self._kept:
                    content.extend(bytes(max(event.offset - len(content), 0)))
                    del content[event.offset :]
                continue
            for start, data in [(0, event.data)] if durable else self._torn(event):
                place = event.offset + start
                content.extend(bytes(max(place + len(data) - len(content), 0)))
                content[place : place + len(data)] = data
        return bytes(content)

    def _torn(self, event: Event) -> list[tuple[int, bytes]]:
        """The sectors of a write that reached the disk."""
        if self._chance.random() >= self._kept:
            return []
        if self._chance.random() < self._kept:
            return [(0, event.data)]
        first = -event.offset % self._sector
        starts = [0, *range(first or self._sector, len(event.data), self._sector)]
        ends = [*starts[1:], len(event.data)]
        pairs = zip(starts, ends, strict=True)
        return [(a, event.data[a:b]) for a, b in pairs if self._chance.random() < 0.5]
