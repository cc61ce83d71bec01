"""Backup: a folder from which a whole store can be put back, taken while it serves or not.

Blobs first, then a snapshot of the metadata, then the blobs that came meanwhile: whatever the
snapshot names was durable before it, so it is in one of the two passes unless it was deleted
between them. The check of the copy finds that, and the snapshot is taken again; see
ocean/design/0005-backup-and-rebuild.md.
"""

import fcntl
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from blobstore.blobs import Blobs
from blobstore.extents import Place
from blobstore.layout import open_files
from blobstore.mirror import Copied, Mirror, identity, sync_folder, write_durably
from metastore.engine import Engine
from metastore.snapshot import snapshot
from metastore.sqlite import SqliteEngine
from metastore.sqlite_file import Options
from ocean.belonging import EMBEDDED
from ocean.config import Config
from ocean.engines import open_engine
from ocean.fsck import Fault, Fsck, Summary
from ocean.identity.sealed import sealed_with
from ocean.objects.verify import FaultKind
from ocean.partitions import topology
from ocean.starting import StartError, refuse_half_restored, stop_for_good

FORMAT = 1  # of a backup's folder
MARKER = "backup.json"
_TRIES = 5


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder is the backup of. `taken` is UTC, empty until the first one is whole.

    `store` is the identity of its blobs, `master_key` the id of the key that its secrets need.
    """

    format: int = FORMAT
    store: str
    taken: str = ""
    master_key: str = ""


class Closable(Protocol):
    """What must be closed."""

    async def close(self) -> None: ...


_Store = TypeVar("_Store", bound=Closable)


class Notes(Protocol):
    """Who is told how it goes on."""

    def step(self, text: str) -> None:
        """A new step begins."""
        ...

    def count(self, amount: int) -> None:
        """So many more bytes of this step are done."""
        ...

    def rows(self, done: int) -> None:
        """So many rows of this step are done."""
        ...


class Report(NamedTuple):
    """What was copied, and what the copy holds; `faults` are those of the store itself."""

    copied: Copied
    removed: int
    summary: Summary
    faults: tuple[Fault, ...]
    master_key: str


class _Checked(NamedTuple):
    faults: tuple[Fault, ...]
    orphans: tuple[Place, ...]
    summary: Summary
    master_key: str


async def back_up(config: Config, folder: Path, *, verify: bool, notes: Notes) -> Report:
    """Bring the backup in `folder` up to date, or begin it; StartError, OSError.

    Until the new snapshot is in its place the one before it stays whole.
    """
    refuse_nested(config.data, folder)
    refuse_half_restored(config.data)
    lock = hold(folder)
    try:
        async with opened(open_engine(config, stop_for_good)) as engine:
            await _refuse_clusters(engine)
            return await _Backup(config, folder, engine, notes).run(verify=verify)
    finally:
        os.close(lock)


async def _refuse_clusters(engine: Engine) -> None:
    """StartError when the bytes are not all in the store's folder."""
    others = [member.name for member in (await topology.read(engine)).members if member.pools]
    if others:
        raise StartError(
            f"objects lie in the partition {others[0]} too: `ocean backup` copies the store's "
            "folder only"
        )


class _Backup:
    """One run, with the store's engine open: a server that starts meanwhile is not alone."""

    def __init__(self, config: Config, folder: Path, engine: Engine, notes: Notes) -> None:
        self._config = config
        self._folder = folder
        self._engine = engine
        self._notes = notes
        self._snapshot = folder / "check" / EMBEDDED
        self._mirror = Mirror(config.data / "blobs", folder / "blobs", notes.count)
        self._copied = Copied(0, 0)

    async def run(self, *, verify: bool) -> Report:
        marker = _marker_for(self._folder, identity(self._config.data / "blobs"))
        previous: tuple[Fault, ...] = ()
        for _ in range(_TRIES):
            self._copy("Copying blobs")
            self._take_snapshot()
            self._copy("Copying blobs that are new since")
            self._notes.step("Checking the copy")
            checked = await self._check(verify=verify)
            # The same faults in two snapshots are not of the copying: the store has them.
            if not checked.faults or checked.faults == previous:
                break
            previous = checked.faults
        else:
            raise StartError(
                f"{self._folder}: in {_TRIES} tries, blobs were deleted before they were copied; "
                "try again, or with a longer blobs.grace_seconds"
            )
        removed = await self._keep(marker, checked)
        return Report(self._copied, removed, checked.summary, checked.faults, checked.master_key)

    def _copy(self, text: str) -> None:
        self._notes.step(text)
        files, size = self._mirror.copy()
        self._copied = Copied(self._copied.files + files, self._copied.size + size)

    def _take_snapshot(self) -> None:
        self._notes.step("Copying the metadata")
        shutil.rmtree(self._snapshot.parent, ignore_errors=True)
        self._snapshot.parent.mkdir()
        source = self._config.data / "meta" / EMBEDDED
        snapshot(str(source), str(self._snapshot), lambda _done, _total: None)

    async def _check(self, *, verify: bool) -> _Checked:
        """Missing and damaged blobs of the copy; orphans are what was deleted in the store."""
        engine = SqliteEngine(str(self._snapshot), Options("relaxed", reserve=0), stop_for_good)
        async with opened(engine), opened(self._blobs()) as blobs:
            fsck = Fsck(engine, blobs, verify=verify, progress=self._notes.rows)
            found = [fault async for fault in fsck.run()]
            return _Checked(
                tuple(f for f in found if f.kind not in (FaultKind.ORPHAN, FaultKind.STRAY)),
                tuple(fault.place for fault in found if fault.kind is FaultKind.ORPHAN),
                fsck.summary,
                await sealed_with(engine),
            )

    async def _keep(self, marker: Marker, checked: _Checked) -> int:
        """Put the snapshot in its place, then remove what only the one before it needed."""
        target = self._folder / "meta" / EMBEDDED
        target.parent.mkdir(exist_ok=True)
        self._snapshot.replace(target)
        sync_folder(target.parent)
        shutil.rmtree(self._snapshot.parent)
        taken = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        whole = msgspec.structs.replace(marker, taken=taken, master_key=checked.master_key)
        _write_marker(self._folder, whole)
        async with opened(self._blobs()) as blobs:
            for place in checked.orphans:
                await blobs.delete_blob(place)
        return len(checked.orphans) + self._mirror.prune()

    def _blobs(self) -> Blobs:
        return open_files(self._folder / "blobs", 0, reserve=0)


def read_marker(folder: Path) -> Marker | None:
    """What `folder` is the backup of; None when it is none. StartError for a newer format."""
    try:
        data = (folder / MARKER).read_bytes()
    except FileNotFoundError:
        return None
    try:
        found = msgspec.json.decode(data, type=dict[str, object])
        version = found.get("format")
        if isinstance(version, int) and version > FORMAT:
            raise StartError(
                f"{folder}: a backup of format {version}; this release knows up to {FORMAT}"
            )
        return msgspec.convert(found, Marker)
    except msgspec.MsgspecError as error:
        raise StartError(f"{folder / MARKER}: cannot be read: {error}") from error


def _marker_for(folder: Path, store: str) -> Marker:
    """The marker of an old or new backup of `store`."""
    found = read_marker(folder)
    if found is None:
        if any(folder.iterdir()):
            raise StartError(f"{folder}: not empty, and no backup")
        found = Marker(store=store)
        _write_marker(folder, found)
    if found.store != store:
        raise StartError(
            f"{folder}: the backup of another store (or of this one before it was restored); "
            "name a new folder"
        )
    return found


def _write_marker(folder: Path, marker: Marker) -> None:
    draft = folder / f"{MARKER}.new"
    write_durably(draft, msgspec.json.encode(marker) + b"\n")
    draft.replace(folder / MARKER)
    sync_folder(folder)


def hold(folder: Path) -> int:
    """Make the folder and lock it against another backup; a descriptor."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StartError(f"{folder}: another backup or restore is at work here") from None
    return descriptor


def refuse_nested(data: Path, folder: Path) -> None:
    """StartError when one of the two folders lies in the other."""
    first, second = data.resolve(), folder.resolve()
    if first.is_relative_to(second) or second.is_relative_to(first):
        raise StartError(f"{folder}: a backup and the data folder {data} must not hold each other")


@asynccontextmanager
async def opened(store: _Store) -> AsyncIterator[_Store]:
    """Close `store` at the end."""
    try:
        yield store
    finally:
        await store.close()
