"""`ocean rebuild`: new metadata from the blobs alone, for when it is lost."""

import argparse
import asyncio
import json
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from blobstore import BlobError
from blobstore.mirror import write_durably
from metastore.buckets import Buckets
from metastore.edits import Edits
from metastore.engine import EngineError
from metastore.store import MetaStore
from ocean.backup import opened
from ocean.cli.progress import Progress
from ocean.cli.settings import Commands, add_json, add_options, loaded
from ocean.config import Config
from ocean.engines import (
    begin_anew,
    open_blobs,
    open_engine,
    require_embedded,
    require_metadata,
)
from ocean.identity.root import open_root
from ocean.identity.sealed import open_key
from ocean.keys import backup, local
from ocean.keys.local import KeyFileError
from ocean.keys.named import LocalKeys, NamedKey, NamedKeys, stored_keys
from ocean.keys.provider import KeyProviderError, UnwrapFailed
from ocean.rebuild import Rebuild, Rebuilt
from ocean.starting import (
    RESTORING,
    StartError,
    lock_folder,
    refuse_half_restored,
    stop_for_good,
)
from ocean.store import Ocean


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "rebuild", help="make new metadata from the blobs alone, when it is lost and no backup is"
    )
    add_options(parser)
    add_json(parser)
    parser.add_argument(
        "--discard-metadata", action="store_true", help="even if the metadata can be read"
    )
    parser.add_argument(
        "--encryption-keys",
        type=Path,
        metavar="FILE",
        help="put back the keys of `ocean encryption-key backup`, beside those in the metadata",
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    config = loaded(options).config
    require_embedded(config, "ocean rebuild")
    if not (config.data / "blobs" / "format").exists():
        raise StartError(f"{config.data}: there are no blobs to rebuild from")
    lock = lock_folder(config.data)
    progress = Progress()
    try:
        saved = _saved(options.encryption_keys, config)
        old = _old(config, discard=options.discard_metadata or _begun(config))
        write_durably(config.data / RESTORING, b"rebuild")
        aside = _put_aside(config)
        done = asyncio.run(_rebuild(config, old, saved, progress))
        (config.data / RESTORING).unlink()
    except (EngineError, BlobError, KeyFileError, KeyProviderError, OSError) as error:
        raise StartError(str(error)) from error
    finally:
        progress.end()
        os.close(lock)
    if options.json:
        print(json.dumps({**done._asdict(), "aside": aside}))
    else:
        print(_told(done, aside))
    return 0


def _begun(config: Config) -> bool:
    """Whether a rebuild was broken off; StartError when a restore was."""
    file = config.data / RESTORING
    if not file.exists():
        return False
    if file.read_bytes() != b"rebuild":
        refuse_half_restored(config.data)
    return True


def _saved(file: Path | None, config: Config) -> list[NamedKey]:
    """The encryption keys in a backup; StartError."""
    if file is None:
        return []
    try:
        return backup.parsed(file.read_bytes(), local.read(config.master_key_file).id)
    except backup.BackupError as error:
        raise StartError(f"{file}: {error}") from error


class _Old(NamedTuple):
    """What the old metadata tells that blobs do not: names of buckets by id, encryption keys."""

    names: dict[bytes, str]
    keys: list[NamedKey]


def _old(config: Config, *, discard: bool) -> _Old:
    """As far as it can be read.

    StartError when all names can and nobody said `discard`: single faults are for fsck.
    """
    old = _Old({}, [])
    try:
        require_metadata(config)
        asyncio.run(_read_old(config, old))
    except (StartError, EngineError):
        return old
    if old.names and not discard:
        raise StartError(
            f"{config.data / 'meta'}: the metadata can be read and has {len(old.names)} buckets; "
            "`ocean fsck` checks it, --discard-metadata rebuilds all the same"
        )
    return old


async def _read_old(config: Config, old: _Old) -> None:
    async with opened(open_engine(config, stop_for_good)) as engine:
        with suppress(EngineError):
            async for key in stored_keys(engine):
                old.keys.append(key)
        async for bucket in Buckets(engine, Edits(0)).list():
            old.names[bucket.id] = bucket.name


def _put_aside(config: Config) -> str:
    """Move what is left of the metadata out of the way; where it is now, if there was any."""
    meta = config.data / "meta"
    if not meta.is_dir():
        return ""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    aside = meta.with_name(f"meta.lost-{stamp}-{secrets.token_hex(2)}")
    meta.rename(aside)
    return str(aside)


async def _rebuild(config: Config, old: _Old, saved: list[NamedKey], progress: Progress) -> Rebuilt:
    async with (
        opened(open_engine(config, stop_for_good)) as engine,
        opened(open_blobs(config, 0, stop_for_good)) as blobs,
    ):
        await begin_anew(engine, config)
        key = await open_key(engine, config.master_key_file)
        root = await open_root(engine, key, config.root)
        keys = NamedKeys(engine, key)
        for one in old.keys:
            with suppress(UnwrapFailed):  # of another master key: the writes under it are counted
                await backup.put_back(keys, [one])
        await backup.put_back(keys, saved)
        meta = await MetaStore.begin(engine)
        ocean = Ocean(meta, blobs, keys=LocalKeys(keys))
        done = await Rebuild(ocean, root.account.id, config.region, old.names, progress).run()
        await meta.lease.end()
        return done


def _told(done: Rebuilt, aside: str) -> str:
    made = f"{done.versions} versions in {done.buckets} buckets, all root's"
    left = f"{done.incomplete} writes are damaged or were broken off, {done.unlabeled} blobs"
    lines = [
        f"{made}; {done.assembled} of them put together from parts",
        f"{left} have no label: they are left as they are",
        "Lost are users, access keys, settings of buckets, deletions and empty objects. A bucket",
        "whose name could not be read is called recovered-... now. `ocean fsck` checks the rest.",
    ]
    if done.keyless:
        lines.append(
            f"{done.keyless} writes cannot be read without encryption keys that are not here: "
            f"{', '.join(done.missing_keys)}.\nPut them back before the server starts, with "
            "`ocean encryption-key restore`."
        )
    return "\n".join([*lines, f"The old metadata is in {aside}"] if aside else lines)
