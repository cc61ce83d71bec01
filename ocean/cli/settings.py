"""The options that every command shares, and the configuration they lead to."""

import argparse
import os
from pathlib import Path
from typing import TypeAlias

from ocean.config import Loaded, load

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001


def add_options(parser: argparse.ArgumentParser) -> None:
    """--config and --data."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML")
    parser.add_argument("--data", metavar="DIR", help="folder of everything the store keeps")


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def loaded(options: argparse.Namespace) -> Loaded:
    """Flags over environment over file over defaults; ConfigError."""
    flags = {
        name: getattr(options, name, None) for name in ("data", "listen", "admin_listen", "workers")
    }
    return load(flags=flags, environ=os.environ, file=options.config)
