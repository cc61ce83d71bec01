"""`ocean admin quota ...`: what buckets and users may store."""

import argparse
from typing import TYPE_CHECKING, Any

from ocean.config.values import Size

if TYPE_CHECKING:
    from gateway.admin.client import AdminClient


def add_whose(verb: argparse.ArgumentParser) -> None:
    whose = verb.add_mutually_exclusive_group(required=True)
    whose.add_argument("--bucket", help="of one bucket")
    whose.add_argument("--user", help="of all buckets of a user together")


def add_bounds(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--size", type=_size, help="bytes, such as 10GiB; any number if not given")
    verb.add_argument("--objects", type=int, help="versions of objects; any number if not given")


def _size(text: str) -> int:
    try:
        return int(Size.read(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def put(client: "AdminClient", options: argparse.Namespace) -> Any:
    bounds = {"size": options.size, "objects": options.objects}
    return client.call("PUT", *_path(options), body=bounds)


def show(client: "AdminClient", options: argparse.Namespace) -> Any:
    return client.call("GET", *_path(options))


def remove(client: "AdminClient", options: argparse.Namespace) -> Any:
    return client.call("PUT", *_path(options), body={})


def _path(options: argparse.Namespace) -> tuple[str, ...]:
    whose = ("buckets", options.bucket) if options.bucket else ("users", options.user)
    return (*whose, "quota")
