"""Restore: a backup becomes the data folder of a new store, which goes on by itself."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

from blobstore.mirror import Copied, Mirror, copy_file, sync_folder, write_durably
from ocean.backup import Notes, hold, opened, read_marker, refuse_nested
from ocean.belonging import EMBEDDED
from ocean.config import Config
from ocean.engines import begin_anew, open_blobs, open_engine
from ocean.fsck import Fault, Fsck, Summary
from ocean.identity.sealed import matching
from ocean.keys.local import KeyFileError
from ocean.objects.verify import FaultKind
from ocean.starting import RESTORING, StartError, lock_folder, stop_for_good


class Restored(NamedTuple):
    """What was put back; `key_trouble` says why the master key is not the one needed."""

    copied: Copied
    summary: Summary
    faults: tuple[Fault, ...]
    key_trouble: str


async def restore(config: Config, folder: Path, *, verify: bool, notes: Notes) -> Restored:
    """Put the backup in `folder` into the empty data folder; StartError, OSError.

    Broken off, it can be run again; until then no server starts there.
    """
    marker = read_marker(folder)
    if marker is None:
        raise StartError(f"{folder}: no backup")
    if not marker.taken:
        raise StartError(f"{folder}: its first backup was broken off; run `ocean backup` again")
    refuse_nested(config.data, folder)
    _refuse_other_data(config.data, marker.store)
    locks = hold(folder), lock_folder(config.data)
    try:
        write_durably(config.data / RESTORING, _begun(marker.store))
        copied = _copy(folder, config.data, notes)
        async with (
            opened(open_engine(config, stop_for_good)) as engine,
            opened(open_blobs(config, 0, stop_for_good)) as blobs,
        ):
            await begin_anew(engine, config)
            notes.step("Checking what was restored")
            fsck = Fsck(engine, blobs, verify=verify, progress=notes.rows)
            found = [fault async for fault in fsck.run()]
            for fault in found:
                if fault.kind is FaultKind.ORPHAN:  # of a later backup that was broken off
                    await blobs.delete_blob(fault.place)
            faults = tuple(fault for fault in found if fault.kind is not FaultKind.ORPHAN)
        (config.data / RESTORING).unlink()
        sync_folder(config.data)
    finally:
        for lock in locks:
            os.close(lock)
    return Restored(copied, fsck.summary, faults, key_trouble(config, marker.master_key))


def key_trouble(config: Config, needed: str) -> str:
    """Why the master key of the configuration is not the one that is needed, if so."""
    try:
        if needed:
            matching(config.master_key_file, needed)
    except KeyFileError as error:
        return str(error)
    return ""


def _copy(folder: Path, data: Path, notes: Notes) -> Copied:
    notes.step("Copying the metadata")
    shutil.rmtree(data / "meta", ignore_errors=True)
    (data / "meta").mkdir()
    size = copy_file(folder / "meta" / EMBEDDED, data / "meta" / EMBEDDED, notes.count)
    sync_folder(data / "meta")
    notes.step("Copying blobs")
    blobs = Mirror(folder / "blobs", data / "blobs", notes.count).copy()
    return Copied(blobs.files + 1, blobs.size + size)


def _refuse_other_data(data: Path, store: str) -> None:
    """StartError unless the folder is empty or a restore of the same store was broken off."""
    names = set(os.listdir(data)) - {"lock"} if data.is_dir() else set()
    if not names:
        return
    begun = data / RESTORING
    if not begun.exists() or begun.read_bytes() != _begun(store):
        raise StartError(f"{data}: not empty; restore into a new folder (--data DIR)")


def _begun(store: str) -> bytes:
    """What the file says while a backup of `store` is being restored."""
    return f"restore {store}".encode()
