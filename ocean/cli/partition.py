"""`ocean partition`: Ceph clusters side by side that hold the bytes; server or not."""

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from blobstore.base import BlobError
from blobstore.partition import State
from metastore.engine import EngineError
from metastore.formats import require_known
from ocean.cli.settings import Commands, add_action, loaded
from ocean.config import Config
from ocean.config.values import Size
from ocean.engines import open_engine, prepare_metadata
from ocean.identity.sealed import open_key
from ocean.keys.local import KeyFileError, SealError
from ocean.partitions import verbs
from ocean.partitions.refusals import Refused
from ocean.partitions.verbs import Partitions, Reach
from ocean.starting import StartError, stop_for_good

WAIT = 2.0  # seconds between looks at a drain

_Result = TypeVar("_Result")


def add(commands: Commands) -> None:
    parser = commands.add_parser("partition", help="Ceph clusters that hold the bytes")
    actions = parser.add_subparsers(dest="action", required=True)
    init = _add(actions, "init", _init, "make the pools of a partition on its cluster")
    _add_reach(init)
    init.add_argument("--large", default="replica:3", metavar="POLICY", help="of large objects")
    init.add_argument("--small", default="replica:3", metavar="POLICY", help="of small ones, new")
    init.add_argument("--settled", metavar="POLICY", help="of small ones later; as --large")
    init.add_argument(
        "--failure-domain", default="host", metavar="KIND", help="osd, host, rack, ..."
    )
    init.add_argument("--placement-groups", type=int, default=32, metavar="N", help="of each pool")
    added = _add(actions, "add", _add_partition, "take in a partition whose pools are there")
    _add_reach(added)
    added.add_argument("--weight", type=float, default=1.0, help="its share of new objects")
    added.add_argument("--stripe", type=Size.read, default=Size(verbs.STRIPE), metavar="BYTES",
                       help="of a RADOS object")  # fmt: skip
    _add(actions, "list", _list, "all partitions, with what their pools hold", named=False)
    _add(actions, "status", _status, "one partition")
    state = _add(actions, "set-state", _set_state, "what it may be used for")
    state.add_argument("state", choices=[str(one) for one in State])
    state.add_argument("--weight", type=float, help="its share of new objects")
    drain = _add(actions, "drain", _drain, "move all it holds elsewhere, and wait for the end")
    how = drain.add_mutually_exclusive_group()
    how.add_argument("--pause", action="store_true", help="until drain is called again")
    how.add_argument("--no-wait", action="store_true", help="let the servers do it")
    drain.add_argument("--rate", type=Size.read, metavar="BYTES", help="a second, in each process")
    _add(actions, "remove", _remove, "forget an empty partition")


def _add(
    actions: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    what: str,
    *,
    named: bool = True,
) -> argparse.ArgumentParser:
    parser = add_action(actions, name, run, what)
    if named:
        parser.add_argument("name", metavar="NAME")
    return parser


def _add_reach(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--conf", type=Path, required=True, metavar="FILE", help="its ceph.conf")
    parser.add_argument("--user", default="admin", help="of Ceph, without `client.`")
    parser.add_argument("--keyring", type=Path, metavar="FILE", help="if ceph.conf names none")


def _init(options: argparse.Namespace) -> int:
    verbs.init(
        options.name,
        _reach(options),
        verbs.policies(options.large, options.small, options.settled or options.large),
        domain=options.failure_domain,
        placement_groups=options.placement_groups,
    )
    return 0


def _reach(options: argparse.Namespace) -> Reach:
    return Reach(options.conf.absolute(), options.user, options.keyring)


def _add_partition(options: argparse.Namespace) -> int:
    async def act(partitions: Partitions) -> None:
        await partitions.add(
            options.name,
            _reach(options),
            weight=options.weight,
            stripe=options.stripe,
        )

    on_store(options, act)
    return 0


def _list(options: argparse.Namespace) -> int:
    async def act(partitions: Partitions) -> list[dict[str, Any]]:
        return await partitions.all()

    found = on_store(options, act)
    if options.json:
        print(json.dumps(found))
        return 0
    for one in found:
        print(f"{one['name']}  {one['state']}  weight {one['weight']:g}  {one['conf'] or 'here'}")
        for pool in one["pools"]:
            print("  " + _pool_line(pool))
    return 0


def _status(options: argparse.Namespace) -> int:
    async def act(partitions: Partitions) -> dict[str, Any]:
        return await partitions.show(options.name)

    found = on_store(options, act)
    if options.json:
        print(json.dumps(found))
        return 0
    for name, value in found.items():
        if name != "pools":
            print(f"{name + ':':<16} {value}")
    for pool in found["pools"]:
        print(f"{'pool:':<16} {_pool_line(pool)}")
    return 0


def _pool_line(pool: dict[str, Any]) -> str:
    held = (
        f"{pool['objects']} objects, {pool['bytes']} bytes" if pool["objects"] >= 0 else "unknown"
    )
    return f"{pool['role']:<8} {pool['pool']}  {pool['policy']}  {held}"


def _set_state(options: argparse.Namespace) -> int:
    async def act(partitions: Partitions) -> None:
        await partitions.set_state(options.name, State(options.state), weight=options.weight)

    on_store(options, act)
    return 0


def _remove(options: argparse.Namespace) -> int:
    async def act(partitions: Partitions) -> None:
        await partitions.remove(options.name)

    on_store(options, act)
    return 0


def on_store(
    options: argparse.Namespace, act: Callable[[Partitions], Awaitable[_Result]]
) -> _Result:
    """What `act` gives for the store of the options; StartError, Refused."""
    config = loaded(options).config
    prepare_metadata(config)
    try:
        return asyncio.run(_acted(config, act))
    except (EngineError, BlobError, KeyFileError, SealError) as error:
        raise StartError(str(error)) from error


async def _acted(config: Config, act: Callable[[Partitions], Awaitable[_Result]]) -> _Result:
    engine = open_engine(config, stop_for_good)
    try:
        await require_known(engine)
        key = await open_key(engine, config.master_key_file)
        return await act(Partitions(engine, lambda: key, config.data / "blobs"))
    finally:
        await engine.close()


def add_rebalance(commands: Commands) -> None:
    what = "even out what lies in the active partitions"
    parser = add_action(commands, "rebalance", _rebalance, what)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--stop", action="store_true", help="end the one under way")
    how.add_argument("--status", action="store_true", help="only say how far it is")
    how.add_argument("--no-wait", action="store_true", help="let the servers do it")
    parser.add_argument(
        "--rate", type=Size.read, default=0, metavar="BYTES", help="a second, in each process"
    )


def _rebalance(options: argparse.Namespace) -> int:
    async def begin(partitions: Partitions) -> int:
        return await partitions.rebalance(stop=options.stop, rate=options.rate)

    if not options.status:
        on_store(options, begin)
    said = ""
    while not options.stop:
        done, text = on_store(options, _rebalanced)
        if text != said:
            print(text, flush=True)
            said = text
        if done or options.status or options.no_wait:
            break
        time.sleep(WAIT)
    return 0


async def _rebalanced(partitions: Partitions) -> tuple[bool, str]:
    number = (await partitions.topology()).rebalance.number
    now = [one for one in await partitions.rebalanced() if one.number == number]
    blobs, volumes = sum(one.blobs for one in now), sum(one.volumes for one in now)
    size = sum(one.bytes for one in now)
    left = await partitions.living() - {one.epoch for one in now if one.done}
    text = f"moved {blobs} blobs, out of {volumes} volumes, {size} bytes"
    return not left, f"{text}; {len(left)} processes at work"


def _drain(options: argparse.Namespace) -> int:
    async def begin(partitions: Partitions) -> None:
        await partitions.drain(options.name, paused=options.pause, rate=options.rate)

    on_store(options, begin)
    if options.pause or options.no_wait:
        return 0
    said = ""
    while True:
        left, text = on_store(options, lambda partitions: _left(partitions, options.name))
        if text != said:
            print(text, flush=True)
            said = text
        if left == 0:
            return 0
        time.sleep(WAIT)


async def _left(partitions: Partitions, name: str) -> tuple[int, str]:
    member = (await partitions.topology()).member(name)
    if member is None:
        raise Refused(f"there is no partition {name}")
    if member.state is not State.DRAINING or member.paused:
        raise Refused(f"{name} is {'paused' if member.paused else member.state}: it stays so")
    left = await partitions.left(member)
    moved = await partitions.moved(name)
    return (
        left,
        f"{left} left; moved {moved.blobs} blobs, {moved.volumes} volumes, {moved.bytes} bytes",
    )
