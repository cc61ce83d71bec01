"""Folders for what tests start, in memory if there is room. None outlives its process for long."""

import os
import shutil
import tempfile
from pathlib import Path

_SHM = Path("/dev/shm")
_ROOM = 2 << 30  # bytes of memory that what is started may fill


def made(kind: str) -> Path:
    """A new one. Those of processes that were killed before they could remove theirs go."""
    disk = Path(tempfile.gettempdir())
    for left in (*_SHM.glob("ocean-*-*-*"), *disk.glob("ocean-*-*-*")):
        if not Path("/proc", left.name.split("-")[2]).exists():
            shutil.rmtree(left, ignore_errors=True)
    there = _SHM if _SHM.is_dir() and shutil.disk_usage(_SHM).free > _ROOM else disk
    return Path(tempfile.mkdtemp(prefix=f"ocean-{kind}-{os.getpid()}-", dir=there))
