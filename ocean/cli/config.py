"""`ocean config check` and `ocean config show`."""

import argparse
import json

from ocean.cli.settings import Commands, add_json, add_options, loaded
from ocean.config import ConfigError
from ocean.config.show import as_json, as_text
from ocean.starting import START_FAILED


def add(commands: Commands) -> None:
    parser = commands.add_parser("config", help="check or show the settings")
    actions = parser.add_subparsers(dest="action", required=True)
    for name, act, text in (
        ("check", _check, "say what is wrong with the settings"),
        ("show", _show, "every setting with its origin, secrets masked"),
    ):
        action = actions.add_parser(name, help=text)
        add_options(action)
        add_json(action)
        action.set_defaults(run=act)


def _check(options: argparse.Namespace) -> int:
    problems: tuple[str, ...] = ()
    try:
        loaded(options)
    except ConfigError as error:
        problems = error.problems
    if options.json:
        print(json.dumps({"ok": not problems, "problems": problems}))
    else:
        print("\n".join(problems) or "The settings are right.")
    return START_FAILED if problems else 0


def _show(options: argparse.Namespace) -> int:
    given = loaded(options)
    print(as_json(given) if options.json else as_text(given))
    return 0
