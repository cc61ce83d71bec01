"""Which metadata engine and which blob store a configuration asks for."""

import os
from collections.abc import Callable
from pathlib import Path

from blobstore import BlobError, Blobs, open_files
from blobstore import Failed as BlobsFailed
from blobstore.disk import Disk, Relaxed
from blobstore.layout import check_format, last_epoch
from metastore.engine import Engine, EngineError, Failed
from metastore.lives import Lives
from metastore.sqlite import SqliteEngine
from metastore.sqlite_file import Durability, Options
from ocean.config import Config
from ocean.starting import StartError

METADATA = "ocean.sqlite"  # file of the embedded engine, in the folder `meta`


def open_engine(config: Config, on_failure: Callable[[Failed], None]) -> Engine:
    """The engine of `config`, opened by this process; StartError."""
    if config.metastore != "embedded":
        raise StartError(f"metastore = {config.metastore}: expected embedded")
    folder = config.data / "meta"
    durability: Durability = "full" if config.durability == "commit" else "relaxed"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        options = Options(durability=durability)
        return SqliteEngine(str(folder / METADATA), options, on_failure)
    except (OSError, EngineError) as error:
        raise StartError(f"{folder}: the metadata cannot be opened: {error}") from error


def open_blobs(config: Config, epoch: int, on_failure: Callable[[BlobsFailed], None]) -> Blobs:
    """The blob store of `config` for the process life `epoch`; StartError."""
    options = config.blobs
    try:
        return open_files(
            config.data / "blobs",
            epoch,
            reserve=_reserve(config.data, options.reserve),
            threshold=options.small_threshold,
            volume_limit=options.volume_size,
            on_failure=on_failure,
            disk=Relaxed() if config.durability == "relaxed" else Disk(),
        )
    except (OSError, BlobError) as error:
        raise StartError(f"{config.data}: the blobs cannot be opened: {error}") from error


async def begin_anew(engine: Engine, config: Config) -> None:
    """End all lives of the data folder, which is ours alone, and give none an epoch of a blob.

    Blobs are younger than the metadata when that was put back from an older copy.
    """
    lives = Lives(engine)
    await lives.end_all()
    await lives.skip(last_epoch(config.data / "blobs"))


def check_folder(config: Config) -> None:
    """StartError when what is in the data folder is not whole, not ours, or read-only.

    A store that cannot be written must not start: its first write would end it. Blobs without
    metadata must not be served either: housekeeping would find that nothing names them.
    """
    root = config.data / "blobs"
    try:
        check_format(root)
    except (OSError, BlobError) as error:
        raise StartError(f"{config.data}: the blobs cannot be opened: {error}") from error
    for folder in (config.data, root, root / "volumes", root / "blobs"):
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            raise StartError(f"{folder}: cannot be written by this user, or is read-only")
    if last_epoch(root):
        require_metadata(config)


def require_metadata(config: Config) -> None:
    """StartError unless there is metadata: to be asked before opening, which would make it."""
    file = config.data / "meta" / METADATA
    if file.is_file() and file.stat().st_size:
        return
    if last_epoch(config.data / "blobs"):
        raise StartError(
            f"{config.data}: there are blobs, but the metadata is gone; put it back, restore a "
            "backup into a new folder, or make new metadata with `ocean rebuild`"
        )
    raise StartError(f"{config.data}: no server ran on this data folder yet")


def _reserve(folder: Path, wanted: int) -> int:
    """Bytes to keep free: never more than a tenth of a small disk."""
    room = os.statvfs(folder)
    return min(wanted, room.f_blocks * room.f_frsize // 10)
