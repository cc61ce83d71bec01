"""`ocean metastore`: the tables of HBase, and taking a store from one engine to another."""

import argparse
import asyncio
import json
import os
from collections.abc import Callable
from typing import TypeVar

import msgspec

from metastore.cache.view import Server, View
from metastore.engine import Engine, EngineError, Table
from metastore.formats import require_known
from metastore.hbase.address import Address, parse
from metastore.hbase.engine import HBaseEngine
from metastore.hbase.schema import REGIONS, Schema
from metastore.lease import BEAT
from metastore.lives import Lives
from metastore.patient import PatientEngine
from metastore.records import LifeState
from ocean.backup import opened
from ocean.belonging import adopt, prepare_copy
from ocean.cli.progress import Progress
from ocean.cli.settings import Commands, add_json, add_options, loaded
from ocean.config import Config
from ocean.engines import cache_servers, open_engine, require_metadata, require_tables
from ocean.migrate import Copied, copy
from ocean.starting import StartError, lock_folder, refuse_half_restored, stop_for_good

DIFFERENT = 1  # exit status of check
_URL = "hbase://HOST:PORT/PREFIX; PORT is that of Thrift 1, Thrift 2 is at the next"
_ENGINE = "embedded (in the data folder) or hbase://HOST:PORT/PREFIX"

_Result = TypeVar("_Result")


def add(commands: Commands) -> None:
    parser = commands.add_parser("metastore", help="where the metadata is: tables, copies")
    actions = parser.add_subparsers(dest="action", required=True)
    init = _add(actions, "init", "make the tables that are not there", _init)
    init.add_argument(
        "--regions", type=int, default=REGIONS, metavar="N", help="of each large table, at first"
    )
    check = _add(actions, "check", "say what is missing or wrong; changes nothing", _check)
    check.add_argument("--relaxed", action="store_true", help="accept less durable tables")
    _add(actions, "status", "tables, regions and servers", _status)
    cache = _add(actions, "cache", "use just these memcached servers, or show those in use", _cache)
    cache.add_argument("servers", nargs="*", metavar="HOST:PORT", help="or none")
    move = actions.add_parser("copy", help="take a store to another engine; servers are stopped")
    add_options(move)
    add_json(move)
    move.add_argument("source", metavar="FROM", help=_ENGINE)
    move.add_argument("target", metavar="TO", help=_ENGINE)
    move.set_defaults(run=_copy)


def _add(
    actions: Commands, name: str, what: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=what)
    add_json(parser)
    parser.add_argument("url", metavar="URL", help=_URL)
    parser.set_defaults(run=run)
    return parser


def _init(options: argparse.Namespace) -> int:
    def make(schema: Schema) -> list[Table]:
        missing = schema.missing()
        schema.make_all(missing, max(1, options.regions))
        return missing

    address = _address(options.url)
    made = [address.table(table).decode() for table in _asked(address, make)]
    wrong = _asked(address, lambda schema: schema.differences())
    if options.json:
        print(json.dumps({"made": made, "differences": [item._asdict() for item in wrong]}))
    else:
        print("".join(f"made {name}\n" for name in made), end="")
        print("".join(f"{item}\n" for item in wrong), end="")
        print(f"{len(made)} tables made, {len(Table) - len(made)} were there")
    return DIFFERENT if wrong else 0


def _check(options: argparse.Namespace) -> int:
    address = _address(options.url)
    missing = [address.table(t).decode() for t in _asked(address, lambda s: s.missing())]
    wrong = _asked(address, lambda schema: schema.differences(relaxed=options.relaxed))
    if options.json:
        print(json.dumps({"missing": missing, "differences": [item._asdict() for item in wrong]}))
    else:
        print("".join(f"{name} is missing\n" for name in missing), end="")
        print("".join(f"{item}\n" for item in wrong), end="")
        print(f"{len(missing)} tables missing, {len(wrong)} attributes wrong")
    return DIFFERENT if missing or wrong else 0


def _status(options: argparse.Namespace) -> int:
    tables = _asked(_address(options.url), lambda schema: schema.status())
    if options.json:
        print(json.dumps([table._asdict() for table in tables]))
        return 0
    for table in tables:
        print(
            f"{table.table}: {table.regions} regions on {', '.join(table.servers)}, "
            f"{table.durability}, compression {table.compression}"
        )
    return 0


def _cache(options: argparse.Namespace) -> int:
    address = _address(options.url)
    wanted = [] if options.servers == ["none"] else options.servers
    if wanted:
        cache_servers("memcached://" + ",".join(wanted))
    try:
        servers = asyncio.run(_use(address, wanted if options.servers else None))
    except EngineError as error:
        raise StartError(str(error)) from error
    if options.json:
        print(json.dumps([{"address": one.address, "out": one.out} for one in servers]))
    else:
        print("".join(f"{one.address}{' (out of use)' * one.out}\n" for one in servers), end="")
    return 0


async def _use(address: Address, wanted: list[str] | None) -> tuple[Server, ...]:
    async with opened(HBaseEngine(address)) as engine:
        view = View(engine)
        return await view.use(wanted) if wanted is not None else await view.servers()


def _asked(address: Address, ask: Callable[[Schema], _Result]) -> _Result:
    schema = Schema(address)
    try:
        return ask(schema)
    except EngineError as error:
        raise StartError(str(error)) from error
    finally:
        schema.close()


def _address(url: str) -> Address:
    try:
        return parse(url)
    except ValueError as error:
        raise StartError(str(error)) from None


def _copy(options: argparse.Namespace) -> int:
    config = loaded(options).config
    source = msgspec.structs.replace(config, metastore=options.source)
    target = msgspec.structs.replace(config, metastore=options.target)
    if options.source == options.target:
        raise StartError(f"{options.source}: is both the source and the target")
    lock = lock_folder(config.data)
    progress = Progress()
    try:
        refuse_half_restored(config.data)
        require_metadata(source)
        if target.metastore != "embedded":
            _asked(_address(target.metastore), lambda to: to.make_all(to.missing()))
            require_tables(target)
        progress.step(f"copying the rows of {options.source} to {options.target}")
        done = asyncio.run(_copy_rows(source, target, progress.rows))
    except (EngineError, OSError) as error:
        raise StartError(str(error)) from error
    finally:
        progress.end()
        os.close(lock)
    if options.json:
        print(json.dumps(done._asdict()))
    else:
        print(f"{done.rows} rows copied and compared, {done.changed} of them written now")
        print(f"start the server with OCEAN_METASTORE={options.target}")
    return 0


async def _copy_rows(source: Config, target: Config, progress: Callable[[int], None]) -> Copied:
    async with (
        opened(PatientEngine(open_engine(source, stop_for_good))) as old,
        opened(PatientEngine(open_engine(target, stop_for_good))) as new,
    ):
        await require_known(old)
        await require_known(new)
        await _refuse_used(old, source)
        await _refuse_used(new, target)
        await prepare_copy(old, source, new, target)
        done = await copy(old, new, progress)
        await adopt(old, new, target)
        return done


async def _refuse_used(engine: Engine, config: Config) -> None:
    """StartError when a server beats there; the folder's lock tells only of this machine's."""
    if config.metastore == "embedded":
        return
    lives = Lives(engine)
    before = {life for life in await lives.list() if life.state is LifeState.LIVE}
    if before:
        await asyncio.sleep(1.5 * BEAT)
    if before != {life for life in await lives.list() if life.state is LifeState.LIVE}:
        raise StartError(f"{config.metastore}: a server uses it; stop all of them first")
