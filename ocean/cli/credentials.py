"""`ocean credentials`: root's pair, read from the store itself, server or not."""

import argparse
import asyncio
import json
import os

from metastore.engine import EngineError
from ocean.cli.settings import Commands, add_json, add_options, loaded
from ocean.config import Config
from ocean.engines import open_engine, require_metadata
from ocean.identity.records import Credential
from ocean.identity.root import find_root
from ocean.identity.sealed import (
    EncryptionKeysThere,
    Forgotten,
    forget_sealed,
    matching,
    sealed_with,
)
from ocean.keys import local
from ocean.starting import StartError, lock_folder, stop_for_good


def add(commands: Commands) -> None:
    parser = commands.add_parser("credentials", help="show root's access key and secret key")
    add_options(parser)
    add_json(parser)
    parser.add_argument(
        "--forget-sealed",
        action="store_true",
        help="remove all access keys, for a stopped server whose master key is lost",
    )
    parser.add_argument(
        "--forget-encryption-keys",
        action="store_true",
        help="with --forget-sealed: encryption keys too, and all objects under them are lost",
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    config = loaded(options).config
    if options.forget_encryption_keys and not options.forget_sealed:
        raise StartError("--forget-encryption-keys goes with --forget-sealed")
    if options.forget_sealed:
        return _forget(config, encryption_keys=options.forget_encryption_keys)
    access_key, secret = root_pair(config)
    if options.json:
        print(json.dumps({"access_key": access_key, "secret_key": secret}))
    else:
        print(f"Access key: {access_key}\nSecret key: {secret}")
    return 0


def root_pair(config: Config) -> tuple[str, str]:
    """Access key and secret: those of the configuration, else those in the store; StartError."""
    if config.root.access_key:
        return config.root.access_key, config.root.secret_key
    require_metadata(config)
    try:
        found = asyncio.run(_find(config))
    except (local.KeyFileError, local.SealError, EngineError) as error:
        raise StartError(str(error)) from error
    if found is None:
        raise StartError(f"{config.data}: root has no pair yet; start the server once")
    return found.access_key, found.secret


def _forget(config: Config, *, encryption_keys: bool) -> int:
    """Give up what the lost key sealed; the lock keeps servers out."""
    require_metadata(config)
    lock = lock_folder(config.data)
    try:
        gone = asyncio.run(_forgotten(config, encryption_keys=encryption_keys))
    except EncryptionKeysThere as there:
        raise StartError(
            f"{there}, and every object under one is lost with it: put the master key back, or add "
            "--forget-encryption-keys"
        ) from there
    finally:
        os.close(lock)
    if gone.encryption_keys:
        print(f"{gone.encryption_keys} encryption keys removed: what is under them is lost.")
    print(
        f"{gone.access_keys} access keys removed. Users, buckets and objects are as they were.\n"
        "The next start makes a new pair for root, and a new master key if there is none;\n"
        "`ocean admin access-key create USER` makes new ones for users."
    )
    return 0


async def _forgotten(config: Config, *, encryption_keys: bool) -> Forgotten:
    engine = open_engine(config, stop_for_good)
    try:
        return await forget_sealed(engine, encryption_keys=encryption_keys)
    finally:
        await engine.close()


async def _find(config: Config) -> Credential | None:
    engine = open_engine(config, stop_for_good)
    try:
        key = matching(config.master_key_file, await sealed_with(engine))
        return await find_root(engine, key, config.root)
    finally:
        await engine.close()
