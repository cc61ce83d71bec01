"""`ocean credentials`: root's pair, read from the store itself, server or not."""

import argparse
import asyncio
import json
import os

from metastore.engine import EngineError, Failed
from ocean.cli.settings import Commands, add_json, add_options, loaded
from ocean.config import Config
from ocean.engines import open_engine
from ocean.identity.records import Credential
from ocean.identity.root import find_root
from ocean.keys import local
from ocean.starting import STORE_FAILED, StartError


def add(commands: Commands) -> None:
    parser = commands.add_parser("credentials", help="show root's access key and secret key")
    add_options(parser)
    add_json(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    config = loaded(options).config
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
    if not (config.data / "meta").is_dir():
        raise StartError(f"{config.data}: no server ran on this data folder yet")
    try:
        found = asyncio.run(_find(config))
    except (local.KeyFileError, local.SealError, EngineError) as error:
        raise StartError(str(error)) from error
    if found is None:
        raise StartError(f"{config.data}: root has no pair yet; start the server once")
    return found.access_key, found.secret


async def _find(config: Config) -> Credential | None:
    key = local.read(config.master_key_file)
    engine = open_engine(config, _stop)
    try:
        return await find_root(engine, key, config.root)
    finally:
        await engine.close()


def _stop(_failure: Failed) -> None:
    os._exit(STORE_FAILED)
