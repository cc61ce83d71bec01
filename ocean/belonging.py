"""Which metadata the blobs of a data folder belong to, when it is not in the folder itself.

Housekeeping deletes blobs that no row names: a folder beside foreign or empty metadata would be
emptied. So the metadata bears an id, the folder remembers it, and a server starts on no other.
"""

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from blobstore.layout import last_epoch
from metastore.engine import Engine, Swap, Table
from metastore.rows import replaced
from ocean.config import Config
from ocean.starting import StartError

_FILE = "metastore"  # of a data folder: the engine's name and the id of its metadata
_ROW = b"store"
EMBEDDED = "ocean.sqlite"  # the embedded engine's file, in the folder `meta`


def embedded_file(data: Path) -> Path:
    """Where the embedded engine's rows are."""
    return data / "meta" / EMBEDDED


def told(data: Path) -> str:
    """The id of the metadata that the folder's blobs belong to; empty: none, or in the folder."""
    with suppress(FileNotFoundError):
        return (data / _FILE).read_text("ascii", "replace").strip()
    return ""


def refuse_foreign(config: Config) -> None:
    """StartError when the folder's own rows, or those elsewhere, are not what is asked for."""
    file = embedded_file(config.data)
    if config.metastore == "embedded":
        if told(config.data):
            raise StartError(
                f"{config.data}: its metadata is not embedded; set OCEAN_METASTORE to where it is, "
                "or bring it here with `ocean metastore copy`"
            )
    elif file.is_file() and file.stat().st_size and not told(config.data):
        raise StartError(
            f"{config.data}: its metadata is embedded; take it to {config.metastore} with "
            "`ocean metastore copy`"
        )


async def belong(engine: Engine, config: Config) -> None:
    """Bind a folder without blobs to the metadata of `engine`; StartError if it is another's."""
    there = await engine.get(Table.JOBS, _ROW)
    known = told(config.data)
    if there is None and not known and not last_epoch(config.data / "blobs"):
        new = token_hex(16).encode()
        await replaced(engine, Swap(Table.JOBS, _ROW, None, new), lambda now: now == new)
        there = await engine.get(Table.JOBS, _ROW)
    if there is None:
        raise StartError(
            f"{config.data}: there are blobs, but {config.metastore} holds no metadata of them"
        )
    if not known and not last_epoch(config.data / "blobs"):
        remember(config.data, there.decode())
    elif known != there.decode():
        raise StartError(
            f"{config.data}: its blobs belong to other metadata than that of {config.metastore}"
        )


def remember(data: Path, identity: str) -> None:
    """Write, durably, which metadata the blobs in `data` belong to."""
    new = data / f"{_FILE}.{os.getpid()}"
    with new.open("w") as file:
        file.write(f"{identity}\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(data / _FILE)
    folder = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
