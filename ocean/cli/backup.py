"""`ocean backup DIR` and `ocean restore DIR`."""

import argparse
import asyncio
import json
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from blobstore import BlobError
from blobstore.mirror import Copied
from metastore.engine import EngineError
from ocean.backup import back_up
from ocean.cli.progress import Progress
from ocean.cli.settings import Commands, add_json, add_options, loaded
from ocean.engines import require_embedded, require_metadata
from ocean.fsck import Fault
from ocean.restore import restore
from ocean.starting import StartError

FAULTS = 1  # exit status when the copy holds faults
T = TypeVar("T")


def add(commands: Commands) -> None:
    for name, act, text in (
        ("backup", _backup, "copy the whole store to a folder, server or not; again: what is new"),
        ("restore", _restore, "make a backup the data of a new store"),
    ):
        parser = commands.add_parser(name, help=text)
        parser.add_argument("folder", type=Path, metavar="DIR", help="folder of the backup")
        add_options(parser)
        add_json(parser)
        parser.add_argument("--verify", action="store_true", help="read every byte of the copy")
        parser.set_defaults(run=act)


def _backup(options: argparse.Namespace) -> int:
    config = loaded(options).config
    require_embedded(config, "ocean backup")
    require_metadata(config)
    progress = Progress()
    work = back_up(config, options.folder, verify=options.verify, notes=progress)
    done = _run(work, options.folder, progress)
    if options.json:
        _print_json(done.copied, done.faults, done.summary._asdict(), removed=done.removed)
        return FAULTS if done.faults else 0
    _print_faults(done.faults, "the store itself has")
    needed = f" (id {done.master_key})" if done.master_key else ""
    print(
        f"{_told(done.copied)} copied, {done.removed} files removed; "
        f"{done.summary.versions} versions are in {options.folder}\n"
        f"The master key{needed} is not in the backup: keep {config.master_key_file} apart from it."
    )
    return FAULTS if done.faults else 0


def _restore(options: argparse.Namespace) -> int:
    config = loaded(options).config
    require_embedded(config, "ocean restore")
    progress = Progress()
    work = restore(config, options.folder, verify=options.verify, notes=progress)
    done = _run(work, options.folder, progress)
    if done.key_trouble:
        sys.stderr.write(f"ocean: {done.key_trouble}\n")
    if options.json:
        trouble = done.key_trouble
        _print_json(done.copied, done.faults, done.summary._asdict(), master_key=trouble)
        return FAULTS if done.faults else 0
    _print_faults(done.faults, "what was restored has")
    print(f"{_told(done.copied)} copied; {done.summary.versions} versions are in {config.data}")
    return FAULTS if done.faults else 0


def _run(work: Coroutine[Any, Any, T], folder: Path, progress: Progress) -> T:
    try:
        return asyncio.run(work)
    except (EngineError, BlobError, OSError) as error:
        raise StartError(f"{folder}: broken off: {error}") from error
    finally:
        progress.end()


def _print_json(
    copied: Copied, faults: Sequence[Fault], summary: dict[str, object], **more: object
) -> None:
    found = [fault._asdict() for fault in faults]
    print(json.dumps({**copied._asdict(), "faults": found, "holds": summary, **more}))


def _print_faults(faults: Sequence[Fault], whose: str) -> None:
    for fault in faults:
        print(f"{fault.kind}: {fault.where}: {fault.what} [{fault.blob}]")
    if faults:
        print(f"{whose} {len(faults)} faults")


def _told(copied: Copied) -> str:
    return f"{copied.files} files, {copied.size / (1 << 20):.1f} MiB"
