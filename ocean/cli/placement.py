"""`ocean placement`: which partitions and pools new objects go to."""

import argparse
import json
from typing import Any

from ocean.cli.partition import on_store
from ocean.cli.settings import Commands, add_action, loaded
from ocean.config.values import Size
from ocean.partitions.records import LARGE, SMALL, Rule
from ocean.partitions.verbs import Partitions
from ocean.rules.placement import Explained, explain


def add(commands: Commands) -> None:
    parser = commands.add_parser("placement", help="which partitions new objects go to")
    actions = parser.add_subparsers(dest="action", required=True)
    add_action(actions, "list", _list, "the rules; the first that matches counts")
    rule = add_action(actions, "set", _set, "make a rule, or put another in its place")
    rule.add_argument("rule", metavar="RULE")
    rule.add_argument("--partitions", required=True, metavar="NAME[,NAME...]", help="where to")
    rule.add_argument("--bucket", default="", help="of objects in this bucket")
    rule.add_argument("--prefix", default="", help="whose keys begin so")
    rule.add_argument("--class", default="", dest="storage_class", help="of this storage class")
    rule.add_argument("--min-size", type=Size.read, default=0, metavar="BYTES")
    rule.add_argument("--max-size", type=Size.read, default=-1, metavar="BYTES")
    rule.add_argument("--pool", default="", choices=("", SMALL, LARGE), help="whatever the size")
    rule.add_argument("--first", action="store_true", help="before all other rules")
    add_action(actions, "remove", _remove, "forget a rule").add_argument("rule", metavar="RULE")
    told = add_action(actions, "explain", _explain, "where an object would go, and by which rule")
    told.add_argument("bucket", metavar="BUCKET")
    told.add_argument("key", metavar="KEY")
    told.add_argument("size", type=Size.read, metavar="SIZE")
    told.add_argument("--class", default="STANDARD", dest="storage_class")


def _list(options: argparse.Namespace) -> int:
    async def act(partitions: Partitions) -> tuple[Rule, ...]:
        return (await partitions.topology()).rules

    rules = on_store(options, act)
    if options.json:
        print(json.dumps([_shown(rule) for rule in rules]))
        return 0
    for rule in rules:
        said = [f"{name}={value}" for name, value in _shown(rule).items() if name != "name"]
        print("  ".join([rule.name, *said]))
    return 0


def _shown(rule: Rule) -> dict[str, Any]:
    """Its fields but those that match everything."""
    empty = Rule("", ())
    given = {name: getattr(rule, name) for name in rule.__struct_fields__}
    return {name: value for name, value in given.items() if value != getattr(empty, name)}


def _set(options: argparse.Namespace) -> int:
    rule = Rule(
        options.rule,
        tuple(options.partitions.split(",")),
        bucket=options.bucket,
        prefix=options.prefix,
        storage_class=options.storage_class,
        minimum=int(options.min_size),
        maximum=int(options.max_size),
        pool=options.pool,
    )

    async def act(partitions: Partitions) -> None:
        await partitions.set_rule(rule, first=options.first)

    on_store(options, act)
    return 0


def _remove(options: argparse.Namespace) -> int:
    async def act(partitions: Partitions) -> None:
        await partitions.remove_rule(options.rule)

    on_store(options, act)
    return 0


def _explain(options: argparse.Namespace) -> int:
    threshold = loaded(options).config.blobs.small_threshold

    async def act(partitions: Partitions) -> Explained:
        return explain(
            await partitions.topology(),
            options.bucket,
            options.key,
            options.size,
            options.storage_class,
            threshold=threshold,
        )

    found = on_store(options, act)
    if options.json:
        print(json.dumps(found._asdict()))
        return 0
    print(f"rule:       {found.rule or 'none: any active partition'}")
    print(f"pool:       {found.pool}")
    print(f"partitions: {', '.join(found.partitions) or 'none that takes new objects'}")
    return 0
