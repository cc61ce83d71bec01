"""Which metadata engine and which blob store a configuration asks for."""

import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from blobstore import BlobError, Blobs, open_files
from blobstore import Failed as BlobsFailed
from blobstore.disk import Disk, Relaxed
from blobstore.layout import check_format, last_epoch
from metastore.cache.engine import CachedEngine
from metastore.cache.view import View
from metastore.engine import Engine, EngineError, Failed, Table
from metastore.hbase.address import Address, parse
from metastore.hbase.engine import HBaseEngine
from metastore.hbase.schema import Schema
from metastore.lives import Lives
from metastore.sqlite import SqliteEngine
from metastore.sqlite_file import Durability, Options
from ocean.belonging import belong, embedded_file, refuse_foreign, told
from ocean.config import Address as Listen
from ocean.config import Config
from ocean.keys import local
from ocean.partitions.members import Members, Settings
from ocean.starting import StartError, stop_for_good

_CACHE = "memcached://"

log = logging.getLogger(__name__)


def open_engine(config: Config, on_failure: Callable[[Failed], None]) -> Engine:
    """The engine of `config`, opened by this process; StartError."""
    if config.metastore != "embedded":
        remote = HBaseEngine(address(config))
        return CachedEngine(remote, View(remote))
    file = embedded_file(config.data)
    durability: Durability = "full" if config.durability == "commit" else "relaxed"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        options = Options(durability=durability)
        return SqliteEngine(str(file), options, on_failure)
    except (OSError, EngineError) as error:
        raise StartError(f"{file.parent}: the metadata cannot be opened: {error}") from error


def address(config: Config) -> Address:
    """Where the metadata is, if not embedded; StartError."""
    try:
        return parse(config.metastore)
    except ValueError as error:
        raise StartError(f"metastore = {error}, or embedded") from None


def require_tables(config: Config) -> None:
    """StartError unless HBase has the tables, as they must be; makes them all for a new store."""
    schema = Schema(address(config))
    try:
        missing = schema.missing()
        if len(missing) == len(Table) and not last_epoch(config.data / "blobs"):
            log.info("making the tables of %s", config.metastore)
            schema.make_all(missing)
        elif missing:
            raise StartError(
                f"metastore = {config.metastore}: {len(missing)} tables are missing; make them "
                f"with `ocean metastore init {config.metastore}`"
            )
        wrong = schema.differences(relaxed=config.durability == "relaxed")
    except EngineError as error:
        raise StartError(f"metastore = {config.metastore}: {error}") from error
    finally:
        schema.close()
    if wrong:
        raise StartError("; ".join(map(str, wrong)))


async def join_cache(engine: Engine, config: Config) -> None:
    """Use the memcached servers of `config` with all who use the engine; StartError."""
    if config.cache == "none":
        wanted: list[str] = []
    elif config.metastore == "embedded":
        raise StartError(f"cache = {config.cache}: the embedded engine needs none")
    else:
        wanted = cache_servers(config.cache)
        for server in map(Listen.read, wanted):
            if server.loopback and not Listen.read(f"{address(config).host}:1").loopback:
                raise StartError(f"cache = {config.cache}: gateways elsewhere could not reach it")
    if isinstance(engine, CachedEngine):
        used = await engine.view.add(wanted)
        if used and not wanted:
            log.warning("others use memcached at %s, so this server does, too", ", ".join(used))


def cache_servers(text: str) -> list[str]:
    """The addresses in memcached://HOST:PORT[,HOST:PORT...]; StartError."""
    try:
        if not text.startswith(_CACHE):
            raise ValueError(text)
        return [f"{Listen.read(address)}" for address in text.removeprefix(_CACHE).split(",")]
    except ValueError:
        raise StartError(
            f"cache = {text}: expected none or memcached://HOST:PORT[,HOST:PORT...]"
        ) from None


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


def settings(config: Config) -> Settings:
    """What all partitions have in common."""
    return Settings(config.ceph.seconds, config.ceph.in_flight, config.blobs.volume_size)


@asynccontextmanager
async def all_partitions(config: Config, engine: Engine) -> AsyncIterator[Blobs]:
    """The blobs of a store on all its partitions, to be read by a command; StartError."""
    blobs = open_blobs(config, 0, stop_for_good)
    members = Members(engine, blobs, lambda: local.read(config.master_key_file), settings(config))
    try:
        await members.refresh()
        yield blobs
    finally:
        await blobs.close()
        await members.close()


async def begin_anew(engine: Engine, config: Config) -> None:
    """End all lives of the data folder, if it is ours alone, and give none an epoch of a blob.

    Blobs are younger than the metadata when that was put back from an older copy.
    """
    lives = Lives(engine)
    if config.metastore == "embedded":
        await lives.end_all()
    else:
        await belong(engine, config)
    await lives.skip(last_epoch(config.data / "blobs"))


def check_folder(config: Config) -> None:
    """StartError when what is in the data folder is not whole, not ours, or read-only.

    A store that cannot be written must not start: its first write would end it. Blobs without
    metadata must not be served either: housekeeping would find that nothing names them.
    """
    refuse_foreign(config)
    root = config.data / "blobs"
    try:
        check_format(root)
    except (OSError, BlobError) as error:
        raise StartError(f"{config.data}: the blobs cannot be opened: {error}") from error
    for folder in (config.data, root, root / "volumes", root / "blobs"):
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            raise StartError(f"{folder}: cannot be written by this user, or is read-only")
    if last_epoch(root) and config.metastore == "embedded":
        require_metadata(config)


def require_embedded(config: Config, command: str) -> None:
    """StartError where the metadata is not in the data folder."""
    if config.metastore != "embedded" or told(config.data):
        raise StartError(
            f"{config.data}: `{command}` is for embedded metadata; HBase has snapshots "
            "(deploy/hbase/README.md), and `ocean metastore copy` brings it here"
        )


def require_metadata(config: Config) -> None:
    """StartError unless there is metadata: to be asked before opening, which would make it."""
    refuse_foreign(config)
    if config.metastore != "embedded":
        require_tables(config)
        return
    file = embedded_file(config.data)
    if file.is_file() and file.stat().st_size:
        return
    if last_epoch(config.data / "blobs"):
        raise StartError(
            f"{config.data}: there are blobs, but the metadata is gone; put it back, restore a "
            "backup into a new folder, or make new metadata with `ocean rebuild`"
        )
    raise StartError(f"{config.data}: no server ran on this data folder yet")


def prepare_metadata(config: Config) -> None:
    """StartError where there can be no metadata; it is made for a new store."""
    refuse_foreign(config)
    if config.metastore != "embedded":
        require_tables(config)
    else:
        config.data.mkdir(parents=True, exist_ok=True)


def _reserve(folder: Path, wanted: int) -> int:
    """Bytes to keep free: never more than a tenth of a small disk."""
    room = os.statvfs(folder)
    return min(wanted, room.f_blocks * room.f_frsize // 10)
