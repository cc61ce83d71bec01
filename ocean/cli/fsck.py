"""`ocean fsck`: checks the whole store, server or not."""

import argparse
import asyncio
import json

from blobstore.base import BlobError
from metastore.engine import EngineError
from metastore.formats import require_known
from metastore.patient import PatientEngine
from ocean.cli.progress import Progress
from ocean.cli.settings import Commands, add_json, add_options, loaded
from ocean.config import Config
from ocean.engines import all_partitions, open_engine, require_metadata
from ocean.fsck import Fault, Fsck, Summary
from ocean.starting import StartError, stop_for_good

FAULTS = 1  # exit status when there are any, or may be


def add(commands: Commands) -> None:
    parser = commands.add_parser("fsck", help="check that rows and blobs fit; changes nothing")
    add_options(parser)
    add_json(parser)
    parser.add_argument("--verify", action="store_true", help="read every byte too")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    config = loaded(options).config
    require_metadata(config)
    try:
        faults, summary = asyncio.run(_check(config, options))
    except (EngineError, BlobError) as error:
        raise StartError(str(error)) from error
    if options.json:
        found = [fault._asdict() for fault in faults]
        print(json.dumps({"faults": found, **summary._asdict()}))
    else:
        print(
            f"{len(faults)} faults; {summary.rows} rows, {summary.versions} versions, "
            f"{summary.blobs} blobs, {summary.waiting} waiting to be collected"
        )
        for pool, count in summary.unread.items():
            print(f"{pool} did not answer: {count} looks at it failed, of these nothing is known")
    return FAULTS if faults or summary.unread else 0


async def _check(config: Config, options: argparse.Namespace) -> tuple[list[Fault], Summary]:
    engine = PatientEngine(open_engine(config, stop_for_good))
    faults = []
    progress = Progress()
    try:
        await require_known(engine)
        async with all_partitions(config, engine) as blobs:
            check = Fsck(
                engine, blobs, verify=options.verify, tolerant=True, progress=progress.rows
            )
            async for fault in check.run():
                faults.append(fault)
                if not options.json:
                    blob = f" [{fault.blob}]" if fault.blob else ""
                    print(f"{fault.kind}: {fault.where}: {fault.what}{blob}")
    finally:
        progress.end()
        await engine.close()
    return faults, check.summary
