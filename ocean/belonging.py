"""Which metadata the blobs of a data folder belong to, when it is not in the folder itself.

Housekeeping deletes blobs that no row names: a folder beside foreign or empty metadata would be
emptied. So the metadata bears an id, the folder remembers it, and a server starts on no other.
"""

import os
from contextlib import suppress
from functools import partial
from operator import eq
from pathlib import Path
from secrets import token_hex

from blobstore.layout import last_epoch
from blobstore.mirror import sync_folder, write_durably
from metastore.engine import Engine, Swap, Table
from metastore.lives import Lives
from metastore.rows import replaced
from ocean.config import Config
from ocean.starting import StartError

_FILE = "metastore"  # of a data folder: the engine's name and the id of its metadata
_ROW = b"store"
_MOVED = b"moved"  # instead of an id: the store was copied elsewhere and lives there
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
    bare = not known and not last_epoch(config.data / "blobs")
    if there == _MOVED:
        raise StartError(f"{config.metastore}: this store was taken elsewhere by a copy")
    if there is not None and bare and await Lives(engine).list():
        raise StartError(
            f"{config.data}: is empty, and {config.metastore} holds the metadata of a store; "
            "is its disk mounted?"
        )
    if there is None and bare:
        there = await identity(engine)
    if there is None:
        raise StartError(
            f"{config.data}: there are blobs, but {config.metastore} holds no metadata of them"
        )
    if bare:
        remember(config.data, there.decode())
    elif known != there.decode():
        raise StartError(
            f"{config.data}: its blobs belong to other metadata than that of {config.metastore}"
        )


async def prepare_copy(source: Engine, told_by: Config, target: Engine, to: Config) -> None:
    """Give source and target one id; StartError when either is another store's."""
    if told_by.metastore != "embedded":
        await belong(source, told_by)
    known = await identity(source)
    if to.metastore == "embedded":
        if told(to.data) != known.decode():
            raise StartError(f"{to.data}: has embedded metadata of its own")
        return
    there = await target.get(Table.JOBS, _ROW)
    if there == _MOVED:
        await target.write(Table.JOBS, [(_ROW, known)])
    elif there is None:
        for table in Table:
            async for _ in target.scan(table, b"", None, limit=1):
                raise StartError(f"{to.metastore}: is not empty")
        await target.write(Table.JOBS, [(_ROW, known)])
    elif there != known:
        raise StartError(f"{to.metastore}: holds the metadata of another store")


async def adopt(source: Engine, engine: Engine, config: Config) -> None:
    """From now on the folder's metadata is that of `engine`, as `config` has it, no other."""
    await _bind(engine, config)
    await source.write(Table.JOBS, [(_ROW, _MOVED)])


async def _bind(engine: Engine, config: Config) -> None:
    if config.metastore == "embedded":
        (config.data / _FILE).unlink(missing_ok=True)
        sync_folder(config.data)
    else:
        remember(config.data, (await identity(engine)).decode())


async def identity(engine: Engine) -> bytes:
    """The id of the metadata, given now if it has none."""
    for _ in range(2):
        there = await engine.get(Table.JOBS, _ROW)
        if there is not None:
            return there
        new = token_hex(16).encode()
        await replaced(engine, Swap(Table.JOBS, _ROW, None, new), partial(eq, new))
    raise StartError("the metadata cannot be given an id")


def remember(data: Path, store: str) -> None:
    """Write, durably, which metadata the blobs in `data` belong to."""
    new = data / f"{_FILE}.{os.getpid()}"
    write_durably(new, f"{store}\n".encode())
    new.replace(data / _FILE)
    sync_folder(data)
