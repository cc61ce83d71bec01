"""`ocean admin user …`, `access-key …`, `policy …`, `group …` and `quota …`."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.admin import quota_commands as quotas
from ocean.cli.settings import Commands, add_json, add_options, loaded
from ocean.starting import StartError

if TYPE_CHECKING:
    from gateway.admin.client import AdminClient

Act = Callable[["AdminClient", argparse.Namespace], Any]


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "admin", help="users, access keys and policies of a running server"
    )
    nouns = parser.add_subparsers(dest="noun", required=True)
    _add_users(nouns.add_parser("user", help="users, each with an account of its own"))
    _add_keys(nouns.add_parser("access-key", help="pairs to sign with"))
    _add_policies(nouns.add_parser("policy", help="what users and groups may do"))
    _add_groups(nouns.add_parser("group", help="users with the same policies"))
    _add_quotas(nouns.add_parser("quota", help="what buckets and users may store"))


def _add_users(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True)
    create = _verb(verbs, "create", _create_user, "make a user")
    create.add_argument("name", metavar="NAME")
    create.add_argument("--display-name", default="", help="shown as owner; NAME if not given")
    create.add_argument("--email", default="")
    create.add_argument("--operator", action="store_true", help="may use this API")
    _add_pair(create)
    _verb(verbs, "list", _list_users, "all users")
    for name, act, text in (
        ("show", _show_user, "one user"),
        ("delete", _delete_user, "remove a user and its access keys"),
    ):
        _verb(verbs, name, act, text).add_argument("name", metavar="NAME")


def _add_keys(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True)
    create = _verb(verbs, "create", _create_key, "make a pair; its secret is shown this once")
    create.add_argument("name", metavar="USER")
    _add_pair(create)
    _verb(verbs, "list", _list_keys, "a user's pairs").add_argument("name", metavar="USER")
    delete = _verb(verbs, "delete", _delete_key, "remove a pair")
    delete.add_argument("name", metavar="USER")
    delete.add_argument("--access-key", required=True)


def _add_policies(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True)
    put = _verb(verbs, "put", _put_policy, "make a policy, or put another in its place")
    put.add_argument("name", metavar="NAME")
    put.add_argument("file", metavar="FILE", help="its JSON; -: from the standard input")
    _verb(verbs, "list", _list_policies, "all policies")
    show = _verb(verbs, "show", _show_policy, "the JSON of a policy")
    show.set_defaults(json=True)
    show.add_argument("name", metavar="NAME")
    delete = _verb(verbs, "delete", _delete_policy, "remove a policy that is attached to nobody")
    delete.add_argument("name", metavar="NAME")
    for name, act, text in (
        ("attach", _attach, "let a policy count for a user or a group"),
        ("detach", _detach, "let it count no more"),
    ):
        attachment = _verb(verbs, name, act, text)
        attachment.add_argument("name", metavar="NAME")
        whom = attachment.add_mutually_exclusive_group(required=True)
        whom.add_argument("--user")
        whom.add_argument("--group")


def _add_groups(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True)
    _verb(verbs, "list", _list_groups, "all groups")
    for name, act, text in (
        ("create", _create_group, "make a group"),
        ("show", _show_group, "one group with its members"),
        ("delete", _delete_group, "remove a group without members"),
    ):
        _verb(verbs, name, act, text).add_argument("name", metavar="NAME")
    for name, act, text in (
        ("add", _add_member, "make a user a member"),
        ("remove", _remove_member, "take a user out"),
    ):
        member = _verb(verbs, name, act, text)
        member.add_argument("name", metavar="GROUP")
        member.add_argument("user", metavar="USER")


def _add_quotas(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True)
    put = _verb(verbs, "set", quotas.put, "set both bounds")
    quotas.add_bounds(put)
    quotas.add_whose(put)
    for name, act, text in (
        ("show", quotas.show, "the bounds, and what is stored"),
        ("remove", quotas.remove, "set no bounds any more"),
    ):
        quotas.add_whose(_verb(verbs, name, act, text))


def _add_pair(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--access-key", default="", help="generated if not given")
    parser.add_argument("--secret-key", default="", help="generated if not given")


def _verb(verbs: Commands, name: str, act: Act, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=text)
    add_options(parser)
    parser.add_argument("--admin-listen", metavar="HOST:PORT", help="where the admin API is")
    add_json(parser)

    def run(options: argparse.Namespace) -> int:
        from gateway.admin.client import AdminClient  # not needed, and slow, for other commands

        answer = act(AdminClient(loaded(options).config), options)
        print(json.dumps(answer, indent=2) if options.json else _text(answer))
        return 0

    parser.set_defaults(run=run)
    return parser


def _create_user(client: "AdminClient", options: argparse.Namespace) -> Any:
    new = {
        "name": options.name,
        "display_name": options.display_name,
        "email": options.email,
        "operator": options.operator,
        "access_key": options.access_key,
        "secret_key": options.secret_key,
    }
    return client.call("POST", "users", body=new)


def _list_users(client: "AdminClient", _options: argparse.Namespace) -> Any:
    users: list[Any] = []
    while True:
        page = client.call("GET", "users", after=users[-1]["name"] if users else "")["users"]
        users += page
        if not page:
            return {"users": users}


def _show_user(client: "AdminClient", options: argparse.Namespace) -> Any:
    return client.call("GET", "users", options.name)


def _delete_user(client: "AdminClient", options: argparse.Namespace) -> Any:
    return client.call("DELETE", "users", options.name)


def _create_key(client: "AdminClient", options: argparse.Namespace) -> Any:
    new = {"access_key": options.access_key, "secret_key": options.secret_key}
    return client.call("POST", "users", options.name, "access-keys", body=new)


def _list_keys(client: "AdminClient", options: argparse.Namespace) -> Any:
    return client.call("GET", "users", options.name, "access-keys")


def _delete_key(client: "AdminClient", options: argparse.Namespace) -> Any:
    return client.call("DELETE", "users", options.name, "access-keys", options.access_key)


def _put_policy(client: "AdminClient", options: argparse.Namespace) -> Any:
    return client.call("PUT", "policies", options.name, body=_read(options.file))


def _list_policies(client: "AdminClient", _options: argparse.Namespace) -> Any:
    return client.call("GET", "policies")


def _show_policy(client: "AdminClient", options: argparse.Namespace) -> Any:
    return client.call("GET", "policies", options.name)


def _delete_policy(client: "AdminClient", options: argparse.Namespace) -> Any:
    return client.call("DELETE", "policies", options.name)


def _attach(client: "AdminClient", options: argparse.Namespace) -> Any:
    return client.call("PUT", *_attachment(options))


def _detach(client: "AdminClient", options: argparse.Namespace) -> Any:
    return client.call("DELETE", *_attachment(options))


def _attachment(options: argparse.Namespace) -> tuple[str, ...]:
    whom = ("groups", options.group) if options.user is None else ("users", options.user)
    return (*whom, "policies", options.name)


def _list_groups(client: "AdminClient", _options: argparse.Namespace) -> Any:
    return client.call("GET", "groups")


def _create_group(client: "AdminClient", options: argparse.Namespace) -> Any:
    return client.call("PUT", "groups", options.name)


def _show_group(client: "AdminClient", options: argparse.Namespace) -> Any:
    return client.call("GET", "groups", options.name)


def _delete_group(client: "AdminClient", options: argparse.Namespace) -> Any:
    return client.call("DELETE", "groups", options.name)


def _add_member(client: "AdminClient", options: argparse.Namespace) -> Any:
    return client.call("PUT", "groups", options.name, "members", options.user)


def _remove_member(client: "AdminClient", options: argparse.Namespace) -> Any:
    return client.call("DELETE", "groups", options.name, "members", options.user)


def _read(file: str) -> bytes:
    """What is in a file, or comes from the standard input; StartError."""
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise StartError(f"{file} cannot be read: {error.strerror}") from error


def _text(answer: dict[str, Any]) -> str:
    """A list as one line each, anything else as `name: value` lines."""
    columns_of = {
        "users": ("name", "canonical_id", "display_name", "email"),
        "access_keys": ("access_key", "status", "created"),
        "policies": ("name", "groups"),
        "groups": ("name", "policies"),
    }
    for name, columns in columns_of.items():
        if answer.keys() == {name}:
            return "\n".join(_row(item, columns) for item in answer[name]) or "none"
    width = max(len(name) for name in answer)
    return "\n".join(f"{name + ':':<{width + 1}} {_told(answer[name])}" for name in answer)


def _row(item: dict[str, Any], columns: Iterable[str]) -> str:
    return "  ".join(_told(item[column]) for column in columns)


def _told(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)
