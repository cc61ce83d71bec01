"""`ocean lifecycle`: what lifecycle rules are going to do, server or not."""

import argparse
import asyncio
import json
import time
from typing import Any

from metastore import codec
from metastore.engine import EngineError, Table
from metastore.formats import require_known
from metastore.patient import PatientEngine
from metastore.records import Bucket
from ocean.cli.settings import Commands, add_action, loaded
from ocean.config import Config
from ocean.engines import open_engine, require_metadata
from ocean.lifecycle.preview import Planned, preview
from ocean.starting import StartError, stop_for_good

LIMIT = 1000


def add(commands: Commands) -> None:
    parser = commands.add_parser("lifecycle", help="what lifecycle rules are going to do")
    actions = parser.add_subparsers(dest="action", required=True)
    what = "what would go, and when; nothing is changed"
    shown = add_action(actions, "preview", _preview, what)
    shown.add_argument("bucket", metavar="BUCKET")
    shown.add_argument(
        "--limit", type=_count, default=LIMIT, metavar="N", help=f"actions at most: {LIMIT}"
    )


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError(text)
    return count


def _preview(options: argparse.Namespace) -> int:
    config = loaded(options).config
    require_metadata(config)
    try:
        found = asyncio.run(_planned(config, options.bucket, options.limit + 1))
    except EngineError as error:
        raise StartError(str(error)) from error
    planned, more = found[: options.limit], len(found) > options.limit
    if options.json:
        print(json.dumps({"actions": [_line(one) for one in planned], "more": more}))
        return 0
    for one in planned:
        print(_text(one))
    if more:
        print(f"and more: these are the first {options.limit}")
    return 0


async def _planned(config: Config, name: str, limit: int) -> list[Planned]:
    engine = PatientEngine(open_engine(config, stop_for_good))
    found: list[Planned] = []
    try:
        await require_known(engine)
        data = await engine.get(Table.BUCKETS, name.encode(errors="replace"))
        if data is None:
            raise StartError(f"there is no bucket {name}")
        bucket = codec.decode(Bucket, data)
        now_ms, day_ms = time.time_ns() // 1_000_000, config.lifecycle.day_seconds * 1000
        async for planned in preview(engine, bucket, now_ms=now_ms, day_ms=day_ms):
            found.append(planned)
            if len(found) == limit:
                break
    finally:
        await engine.close()
    return found


def _line(planned: Planned) -> dict[str, Any]:
    given = {name: value for name, value in planned._asdict().items() if value != ""}
    return {**given, "at": _time(planned.at_ms)}


def _text(planned: Planned) -> str:
    """Keys in quotes: they may hold what a terminal would obey."""
    key, rule = (json.dumps(text, ensure_ascii=False) for text in (planned.key, planned.rule))
    named = planned.version_id or planned.upload_id
    stays = "  stays: locked" if planned.locked else ""
    return f"{_time(planned.at_ms)}  {planned.action}  {key}  {named}  rule {rule}{stays}"


def _time(ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms / 1000))
