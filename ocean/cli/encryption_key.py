"""`ocean encryption-key`: the named keys that objects are encrypted under; server or not."""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from metastore.engine import Engine, EngineError
from metastore.errors import StoreError
from metastore.formats import require_known
from metastore.store import MetaStore
from ocean.cli.progress import Progress
from ocean.cli.settings import Commands, add_action, loaded
from ocean.config import Config
from ocean.engines import open_engine, require_metadata
from ocean.identity.sealed import open_key
from ocean.jobs.rewrap import Rewrap, Rewrapped
from ocean.keys import backup
from ocean.keys.backup import BackupError, PutBack
from ocean.keys.local import KeyFileError
from ocean.keys.named import LocalKeys, NamedKey, NamedKeys
from ocean.keys.provider import KeyProviderError
from ocean.starting import StartError, stop_for_good

DIFFERENT = 1  # exit status of restore when a key is there with other versions
FAILED = 1  # of rewrap when there are rows that it could not read

_Result = TypeVar("_Result")


def add(commands: Commands) -> None:
    parser = commands.add_parser("encryption-key", help="keys that objects are encrypted under")
    actions = parser.add_subparsers(dest="action", required=True)
    add_action(actions, "create", _create, "make a key").add_argument("name", metavar="NAME")
    add_action(actions, "list", _list, "all keys")
    rotate = add_action(
        actions, "rotate", _rotate, "encrypt new objects under a new version of a key"
    )
    rotate.add_argument("name", metavar="NAME")
    anew = add_action(
        actions, "rewrap", _rewrap, "after a rotation: what is encrypted goes under it"
    )
    anew.add_argument("name", metavar="NAME")
    state = add_action(
        actions, "set-state", _set_state, "whether a key may be used, to read or to write"
    )
    state.add_argument("name", metavar="NAME")
    state.add_argument("state", choices=("enabled", "disabled"))
    save = add_action(
        actions, "backup", _backup, "write all keys to a new file, sealed as they are"
    )
    save.add_argument("file", type=Path, metavar="FILE")
    restore = add_action(
        actions, "restore", _restore, "put back the keys of a backup that are missing"
    )
    restore.add_argument("file", type=Path, metavar="FILE")


def _create(options: argparse.Namespace) -> int:
    _print_one(options, _on_store(options, lambda keys: keys.create(options.name)))
    return 0


def _rotate(options: argparse.Namespace) -> int:
    _print_one(options, _on_store(options, lambda keys: keys.rotate(options.name)))
    return 0


def _rewrap(options: argparse.Namespace) -> int:
    progress = Progress()
    progress.step(f"Wrapping data keys under the newest version of {options.name}")

    async def act(engine: Engine, keys: NamedKeys) -> Rewrapped:
        meta = await MetaStore.begin(engine)
        try:
            return await Rewrap(meta, LocalKeys(keys), options.name, progress.rows).run()
        finally:
            progress.end()
            await meta.lease.end()

    done = _on_engine(options, act)
    if options.json:
        print(json.dumps(done._asdict()))
    else:
        print(f"{done.rewrapped} data keys wrapped anew in {done.passes} passes over the rows")
        if done.failed:
            print(f"{done.failed} rows could not be: `ocean fsck` looks at rows and bytes")
    return FAILED if done.failed else 0


def _set_state(options: argparse.Namespace) -> int:
    _print_one(
        options, _on_store(options, lambda keys: keys.set_state(options.name, options.state))
    )
    return 0


def _list(options: argparse.Namespace) -> int:
    keys = _on_store(options, _all)
    if options.json:
        print(json.dumps([_shown(key) for key in keys]))
        return 0
    for key in keys:
        print(_line(key))
    return 0


def _backup(options: argparse.Namespace) -> int:
    async def act(keys: NamedKeys) -> tuple[list[NamedKey], str]:
        return await _all(keys), keys.master_id

    saved, master_id = _on_store(options, act)
    try:
        backup.write(options.file.absolute(), backup.document(saved, master_id))
    except OSError as error:
        raise StartError(f"{options.file}: cannot be written: {error.strerror}") from error
    if options.json:
        print(json.dumps({"keys": len(saved), "master_key": master_id}))
    else:
        print(f"{len(saved)} keys saved; they need master key {master_id}, keep it elsewhere")
    return 0


def _restore(options: argparse.Namespace) -> int:
    try:
        data = options.file.read_bytes()
    except OSError as error:
        raise StartError(f"{options.file}: cannot be read: {error.strerror}") from error

    async def act(keys: NamedKeys) -> PutBack:
        return await backup.put_back(keys, backup.parsed(data, keys.master_id))

    done = _on_store(options, act)
    if options.json:
        print(json.dumps(done._asdict()))
    else:
        print(f"{len(done.restored)} keys restored, {len(done.present)} were there")
        for name in done.different:
            print(f"{name} has other versions than the backup and stays as it is")
    return DIFFERENT if done.different else 0


async def _all(keys: NamedKeys) -> list[NamedKey]:
    return [key async for key in keys.list()]


def _print_one(options: argparse.Namespace, key: NamedKey) -> None:
    print(json.dumps(_shown(key)) if options.json else _line(key))


def _line(key: NamedKey) -> str:
    made = _moment(key.versions[-1].created_ms)
    return f"{key.name}  {key.state}  version {key.current.version} of {made}"


def _shown(key: NamedKey) -> dict[str, Any]:
    """A key without its bytes."""
    return {
        "name": key.name,
        "state": key.state,
        "version": key.current.version,
        "created": _moment(key.versions[0].created_ms),
        "rotated": _moment(key.versions[-1].created_ms),
    }


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


def _on_store(
    options: argparse.Namespace, act: Callable[[NamedKeys], Awaitable[_Result]]
) -> _Result:
    """What `act` gives for the keys of the options' store; StartError."""
    return _on_engine(options, lambda _engine, keys: act(keys))


def _on_engine(
    options: argparse.Namespace, act: Callable[[Engine, NamedKeys], Awaitable[_Result]]
) -> _Result:
    config = loaded(options).config
    require_metadata(config)
    try:
        return asyncio.run(_acted(config, act))
    except BackupError as error:
        raise StartError(f"{options.file}: {error}") from error
    except (EngineError, StoreError, KeyFileError, KeyProviderError) as error:
        raise StartError(str(error)) from error


async def _acted(config: Config, act: Callable[[Engine, NamedKeys], Awaitable[_Result]]) -> _Result:
    engine = open_engine(config, stop_for_good)
    try:
        await require_known(engine)
        keys = NamedKeys(engine, await open_key(engine, config.master_key_file))
        return await act(engine, keys)
    finally:
        await engine.close()
