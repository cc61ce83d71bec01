"""The options that every command shares, and the configuration they lead to."""

import argparse
import os
from collections.abc import Callable
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


def add_action(
    actions: Commands, name: str, run: Callable[[argparse.Namespace], int], what: str
) -> argparse.ArgumentParser:
    """A command or an action of one, with the shared options and --json; `run` gives its status."""
    parser: argparse.ArgumentParser = actions.add_parser(name, help=what)
    add_options(parser)
    add_json(parser)
    parser.set_defaults(run=run)
    return parser


def loaded(options: argparse.Namespace) -> Loaded:
    """Flags over environment over file over defaults; ConfigError."""
    flags = {
        name: getattr(options, name, None) for name in ("data", "listen", "admin_listen", "workers")
    }
    return load(flags=flags, environ=os.environ, file=options.config)
