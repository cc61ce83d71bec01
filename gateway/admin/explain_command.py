"""`ocean explain`: why a request is allowed or denied, as a running server decides it."""

import argparse
import json
from typing import Any

from ocean.cli.settings import Commands, add_json, add_options, loaded


def add(commands: Commands) -> None:
    parser = commands.add_parser("explain", help="why a request is allowed or denied")
    parser.add_argument("action", metavar="ACTION", help="such as s3:GetObject")
    parser.add_argument("resource", metavar="BUCKET[/KEY]", nargs="?", default="")
    parser.add_argument("--user", default="", help="who asks; nobody signed if not given")
    parser.add_argument("--version-id", default="", metavar="ID")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a condition key of the request, such as aws:SourceIp=192.0.2.1",
    )
    add_options(parser)
    parser.add_argument("--admin-listen", metavar="HOST:PORT", help="where the admin API is")
    add_json(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from gateway.admin.client import AdminClient  # not needed, and slow, for other commands

    bucket, _, key = options.resource.partition("/")
    asked = {
        "action": options.action,
        "user": options.user,
        "bucket": bucket,
        "key": key,
        "version_id": options.version_id,
        "context": dict(one.partition("=")[::2] for one in options.set),
    }
    answer = AdminClient(loaded(options).config).call("POST", "explain", body=asked)
    print(json.dumps(answer, indent=2) if options.json else _text(answer))
    return 0 if answer["allowed"] else 1


def _text(answer: dict[str, Any]) -> str:
    said = "allowed" if answer["allowed"] else "denied"
    lines = [f"{said}: {answer['reason']}"]
    lines.append(f"  {answer['user']}: {answer['action']} on {answer['resource']}")
    if answer["object"]:
        lines.append(f"  the object: {answer['object']}")
    return "\n".join(lines)
