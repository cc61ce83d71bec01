"""The command `ocean`: puts the parts together. Nothing imports this file."""

import argparse
import sys
from collections.abc import Sequence

if sys.version_info < (3, 11):  # noqa: UP036 -- a checkout can be run by any Python
    sys.exit(f"ocean: Python 3.11 or later is needed, this is {sys.version.split()[0]}")

try:
    from gateway.admin import commands as admin
    from gateway.admin import explain_command as explain
    from ocean import __version__
    from ocean.cli import (
        backup,
        config,
        credentials,
        encryption_key,
        fsck,
        lifecycle,
        metastore,
        partition,
        placement,
        rebuild,
        scrub,
    )
    from ocean.cli.settings import Commands, add_options, loaded
    from ocean.config import ConfigError
    from ocean.partitions.refusals import Refused
    from ocean.starting import START_FAILED, StartError
except ModuleNotFoundError as missing:
    sys.stderr.write(f"ocean: the package {missing.name} is missing; run `make install`\n")
    sys.exit(2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status, 2 with one line on stderr for what a user can put right."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except ConfigError as error:
        sys.stderr.write("".join(f"ocean: {problem}\n" for problem in error.problems))
        return START_FAILED
    except (StartError, Refused) as error:
        sys.stderr.write(f"ocean: {error}\n")
        return START_FAILED
    except ModuleNotFoundError as error:
        sys.stderr.write(f"ocean: the package {error.name} is missing; run `make install`\n")
        return START_FAILED
    except BrokenPipeError:
        return 0
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ocean", description="An S3-compatible object store.")
    parser.add_argument("--version", action="version", version=f"ocean {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_serve(commands)
    _add_worker(commands)
    for module in (
        config,
        credentials,
        encryption_key,
        fsck,
        scrub,
        lifecycle,
        backup,
        rebuild,
        metastore,
        partition,
        placement,
        admin,
        explain,
    ):
        module.add(commands)
    partition.add_rebalance(commands)
    return parser


def _add_serve(commands: Commands) -> None:
    parser = commands.add_parser("serve", help="run the server in the foreground")
    add_options(parser)
    parser.add_argument("--listen", metavar="HOST:PORT", help="address of the S3 port")
    parser.add_argument("--admin-listen", metavar="HOST:PORT", help="address of the admin port")
    parser.add_argument("--workers", metavar="N", help="processes; 0: one per core")
    parser.set_defaults(run=_serve)


def _serve(options: argparse.Namespace) -> int:
    given = loaded(options).config
    from gateway.serve import serve

    return serve(given)


def _add_worker(commands: Commands) -> None:
    parser = commands.add_parser("worker", help=argparse.SUPPRESS)
    parser.add_argument("descriptors", type=int, nargs=4)
    parser.set_defaults(run=_worker)


def _worker(options: argparse.Namespace) -> int:
    from gateway.worker import main as work

    return work(*options.descriptors)


if __name__ == "__main__":
    sys.exit(main())
