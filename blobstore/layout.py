"""The folder of the default store: `volumes/`, `blobs/`, and `format` with its version."""

import os
import re
from collections.abc import Callable
from pathlib import Path

from blobstore.base import BlobError, Failed
from blobstore.blobs import Blobs
from blobstore.disk import Disk
from blobstore.files import Files
from blobstore.ids import BlobNames

FORMAT = 1
_POOLS = ("volumes", "blobs")
_FOLDER = re.compile("[0-9a-f]{8}-[0-9a-f]{9}")


class UnknownFormat(BlobError):
    """The folder was written by a newer version, or is none of ours."""


def open_files(  # each option with its default: this is the documentation of the store
    root: Path,
    epoch: int,
    *,
    disk: Disk | None = None,
    reserve: int | None = None,
    threshold: int = 64 << 10,
    extent_limit: int = 1 << 30,
    volume_limit: int = 64 << 20,
    on_failure: Callable[[Failed], None] | None = None,
) -> Blobs:
    """The store in `root`, made if absent, for one process life with an `epoch` of its own.

    Blocks; for start-up. UnknownFormat; OSError when the folder cannot be written.
    """
    disk = disk or Disk()
    folders = [root / pool for pool in _POOLS]
    root.mkdir(parents=True, exist_ok=True)
    check_format(root)
    for folder in folders:
        folder.mkdir(exist_ok=True)
    if not (root / "format").exists():
        _write_format(root / "format", epoch)
    for folder in (root, root.parent):
        disk.sync_folder(str(folder))
    return Blobs.of(
        Files(folders[0], name="volumes", disk=disk, reserve=reserve, on_failure=on_failure),
        Files(
            folders[1],
            name="blobs",
            disk=disk,
            reserve=reserve,
            lanes=4,
            cached=False,
            on_failure=on_failure,
        ),
        BlobNames(epoch),
        compacted=Files(folders[0], name="volumes", disk=disk, reserve=0, on_failure=on_failure),
        threshold=threshold,
        extent_limit=extent_limit,
        volume_limit=volume_limit,
    )


def check_format(root: Path) -> None:
    """UnknownFormat when the store in `root`, if there is one, is not for this release."""
    path = root / "format"
    if not path.exists():
        return
    words = path.read_text("ascii", "replace").split()
    if words[:1] != ["ocean-blobs"] or len(words) != 2 or not words[1].isdigit():
        raise UnknownFormat(f"{path} does not say what format this store has")
    if int(words[1]) > FORMAT:
        raise UnknownFormat(f"{path}: format {words[1]}; this release knows up to {FORMAT}")


def last_epoch(root: Path) -> int:
    """The greatest epoch in a name of the store in `root`; 0 when it holds no blobs.

    Folders are named by how their blobs' names begin, so they alone tell.
    """
    names = [name for pool in _POOLS if (root / pool).is_dir() for name in os.listdir(root / pool)]
    return max((int(name[:8], 16) for name in names if _FOLDER.fullmatch(name)), default=0)


def count(root: Path) -> int:
    """Volumes and blobs in the store in `root`."""
    folders = [root / pool / name for pool in _POOLS for name in _listed(root / pool)]
    return sum(len(_listed(folder)) for folder in folders)


def _listed(folder: Path) -> list[str]:
    return os.listdir(folder) if folder.is_dir() else []


def _write_format(path: Path, epoch: int) -> None:
    """Whole or not at all; processes that start together write the same."""
    new = path.with_name(f"format.{epoch:08x}")
    with new.open("w") as file:
        file.write(f"ocean-blobs {FORMAT}\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
