"""The shim for system calls: built once, and the page by which a test steers it.

`Control` has the layout of `struct control` in shim.c.
"""

import ctypes
import enum
import hashlib
import mmap
import os
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple, Self

SOURCE = Path(__file__).with_name("shim.c")
_PATH = 512
_EVENT = struct.Struct("<iiqq")


class Kind(enum.IntEnum):
    """What a call does to the files."""

    OPEN = 0
    WRITE = 1
    TRUNCATE = 2
    SYNC = 3
    REMOVE = 4
    RENAME = 5
    MKDIR = 6
    MAKE = 7  # in logs only: an OPEN that made a file
    NOTE = 8  # in logs only: a mark of the test's own


class Action(enum.IntEnum):
    """What happens to the call that was chosen."""

    COUNT = 0
    KILL = 1  # the process, before the call
    KILL_GROUP = 2  # the whole process group, before the call
    TEAR = 3  # of a write only the first half is done, then the process is killed
    FAIL = 4  # with an error
    DELAY = 5  # of every call, not of one: `error` microseconds, as on a slow disk


class Event(NamedTuple):
    """One line of the log. `offset` of a SYNC: how many events it covers."""

    kind: Kind
    path: str
    offset: int
    data: bytes


class _Page(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("action", "at", "error", "mask")),
        *((name, ctypes.c_int64) for name in ("seen", "fired", "events", "recording")),
        ("counts", ctypes.c_int64 * len(Kind)),
        ("root", ctypes.c_char * _PATH),
        ("log", ctypes.c_char * _PATH),
    )


STORAGE = frozenset(Kind) - {Kind.MAKE, Kind.NOTE}


class Control:
    """The page in `file`, shared with every process that runs under `environ`."""

    def __init__(self, file: Path) -> None:
        self.file = file
        if not file.exists():
            file.write_bytes(bytes(ctypes.sizeof(_Page)))
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), ctypes.sizeof(_Page))
        self._page = _Page.from_buffer(self._map)

    @property
    def environ(self) -> dict[str, str]:
        """Variables that put a process under this page."""
        return {"LD_PRELOAD": str(built()), "FAULT_CONTROL": str(self.file)}

    def watch(self, root: Path) -> Self:
        """Look at calls for paths that begin with `root`, from files opened from now on."""
        self._page.root = os.fsencode(root)
        return self

    def arm(
        self, action: Action, at: int, *, kinds: frozenset[Kind] = STORAGE, error: int = 0
    ) -> None:
        """Do `action` to the `at`-th call of `kinds` from now on."""
        self._page.mask = 0
        self._page.action, self._page.at, self._page.error = action, at, error
        self._page.seen = self._page.fired = 0
        self._page.mask = sum(1 << kind for kind in kinds)

    def rest(self) -> None:
        """Do nothing to any call."""
        self._page.mask = 0

    @property
    def seen(self) -> int:
        """Calls since `arm`."""
        return int(self._page.seen)

    @property
    def fired(self) -> Kind | None:
        """The kind of the call that it was done to, None when it did not come to it."""
        return Kind(self._page.fired - 1) if self._page.fired else None

    def count(self, kind: Kind) -> int:
        """Calls of one kind since the page was made."""
        return int(self._page.counts[kind])

    def record(self, log: Path) -> None:
        """Write everything that changes files to `log`, from now on."""
        self._page.log = os.fsencode(log)
        self._page.events = 0
        self._page.recording = 1

    def stop(self) -> None:
        """Record no more."""
        self._page.recording = 0


def note(text: bytes) -> None:
    """Put a mark into the log that this process is recorded in."""
    ctypes.CDLL(None).fault_note(text, ctypes.c_int64(len(text)))


def read_log(log: Path) -> list[Event]:
    """What was recorded."""
    data, events, place = log.read_bytes(), [], 0
    while place < len(data):
        kind, path, size, offset = _EVENT.unpack_from(data, place)
        place += _EVENT.size
        name = os.fsdecode(data[place : place + path])
        place += path
        events.append(Event(Kind(kind), name, offset, data[place : place + size]))
        place += size
    return events


def built() -> Path:
    """The shared object, compiled if this source was not yet."""
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    made = Path(tempfile.gettempdir()) / f"ocean-fault-shim-{os.getuid()}-{digest}.so"
    if not made.exists():
        fresh = made.with_suffix(f".{os.getpid()}")
        command = ["gcc", "-O1", "-shared", "-fPIC", "-o", str(fresh), str(SOURCE)]
        command += ["-ldl", "-lpthread"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"gcc is needed to build {SOURCE.name}: {done.stderr}"
        fresh.replace(made)
    return made
