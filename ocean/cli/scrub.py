"""`ocean scrub`: reads and compares every byte, server or not."""

import argparse
import asyncio
import json
import time
from typing import Any

from metastore.engine import EngineError
from metastore.formats import require_known
from metastore.patient import PatientEngine
from ocean import scrub
from ocean.claim import Held
from ocean.cli.progress import Progress
from ocean.cli.settings import Commands, add_json, add_options, loaded
from ocean.config import Config
from ocean.config.values import Size
from ocean.engines import all_partitions, open_engine, require_metadata
from ocean.jobs.pace import Pace
from ocean.scrub import Finding, Scrub, State
from ocean.starting import StartError, stop_for_good

WRONG = 1  # exit status when something was found, or could not be read


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "scrub", help="read every byte and compare; goes on where it was left"
    )
    add_options(parser)
    add_json(parser)
    parser.add_argument(
        "--rate", type=Size.read, default=Size(0), metavar="BYTES", help="a second at most"
    )
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--status", action="store_true", help="only say how far it is")
    shown.add_argument("--findings", action="store_true", help="only list what was found")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    config = loaded(options).config
    require_metadata(config)
    try:
        now, found = asyncio.run(_act(config, options))
    except EngineError as error:
        raise StartError(str(error)) from error
    except Held as error:
        raise StartError(
            "another process scrubs, or was killed a moment ago; --status says how far it is"
        ) from error
    if options.json:
        print(json.dumps({**_shown(now), "findings": [_line(one) for one in found]}))
    elif not options.findings:
        print("; ".join(f"{name} {value}" for name, value in _shown(now).items()))
    return WRONG if (found or now.unread) and not options.status else 0


async def _act(config: Config, options: argparse.Namespace) -> tuple[State, list[Finding]]:
    engine = PatientEngine(open_engine(config, stop_for_good))
    found: list[Finding] = []
    try:
        await require_known(engine)
        if not (options.status or options.findings):
            await _scrub(engine, config, options)
        if not options.status:
            async for finding in scrub.findings(engine):
                found.append(finding)
                if not options.json:
                    print(_text(finding))
        return await scrub.state(engine), found
    finally:
        await engine.close()


async def _scrub(engine: PatientEngine, config: Config, options: argparse.Namespace) -> None:
    progress, pace = Progress(), Pace(lambda: options.rate)

    async def spend(size: int) -> None:
        progress.count(size)
        await pace.spend(size)

    try:
        async with all_partitions(config, engine) as blobs:
            async for _ in Scrub(engine, blobs, spend).run():
                pass
    finally:
        progress.end()


def _shown(now: State) -> dict[str, Any]:
    return {
        "passes": now.number,
        "under_way": now.under_way,
        "rows": now.rows,
        "bytes": now.bytes,
        "found": now.found,
        "unread": now.unread,
        "finished": _time(now.finished_ms),
    }


def _line(finding: Finding) -> dict[str, Any]:
    names = ("bucket", "key", "version_id", "what", "pool", "blob", "offset")
    given = {name: getattr(finding, name) for name in names}
    return {**given, "kind": str(finding.kind), "seen": _time(finding.seen_ms)}


def _text(finding: Finding) -> str:
    where = f"{finding.bucket}/{finding.key} {finding.version_id}"
    return f"{finding.kind}: {where}: {finding.what} [{finding.pool}/{finding.blob}]"


def _time(ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms / 1000)) if ms else ""
