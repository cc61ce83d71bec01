"""A store in this process, for faults: asked as clients ask, looked at whole, kept house for.

Opening it is what a start of the server does: whoever had the folder before is dead.
"""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch
from urllib.parse import quote
from xml.etree import ElementTree as ET

from blobstore.blobs import Blobs
from blobstore.disk import Disk, Relaxed
from blobstore.layout import open_files
from gateway.http import Request
from gateway.ops import s3
from gateway.pipeline import Pipeline
from metastore.lives import Lives
from metastore.sqlite import SqliteEngine
from metastore.sqlite_file import Options
from metastore.store import MetaStore
from ocean.config.schema import Root
from ocean.fsck import Fault, Fsck, Summary
from ocean.identity.accounts import Accounts
from ocean.identity.attached import AttachedPolicies
from ocean.identity.credentials import Credentials
from ocean.identity.identities import Identities
from ocean.identity.root import open_root
from ocean.jobs.collect import Collector
from ocean.jobs.housekeeping import Housekeeping
from ocean.jobs.watch import Watch
from ocean.keys.local import MasterKey
from ocean.objects.census import Census
from ocean.store import Ocean
from tests.support.inprocess import HOST, REGION, ROOT, Answer
from tests.support.signing import Choices, by_header

THRESHOLD = 2048  # bytes: up to here bodies share volumes
VOLUME = 64 << 10
State = dict[str, Any]


class Setup(NamedTuple):
    """How a store is opened. `ended`: all lives before are over."""

    relaxed: bool = False
    checkpoint_pages: int = 1000
    ended: bool = True


class Store:
    """What `opened` gives."""

    def __init__(self, ocean: Ocean, blobs: Blobs, pipeline: Pipeline) -> None:
        self.ocean = ocean
        self.blobs = blobs
        self._pipeline = pipeline

    async def ask(
        self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """Sign and answer one request; header names of the answer in lower case."""
        signed = by_header(method, target, headers or {}, Choices(pair=ROOT, now=time.time()))
        request = Request(
            method=method,
            target=signed.target,
            headers={"host": HOST, "content-length": str(len(body))} | signed.headers,
            length=len(body),
            body=_sent(body),
            peer="127.0.0.1",
            secure=False,
            proceed=_proceed,
        )
        response = await self._pipeline.handle(request)
        answer = response.body
        if response.stream is not None:
            answer = b"".join([bytes(piece) async for piece in response.stream])
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, headers, answer)

    async def do(
        self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """A request that must succeed."""
        answer = await self.ask(method, target, body, headers)
        assert answer.status < 300, f"{method} {target}: {answer.status} {answer.body!r}"
        return answer

    async def state(self) -> State:
        """All that clients can see, by bucket, key and upload; ids and times left out."""
        state: State = {}
        for bucket in _texts(await self.do("GET", "/"), "Bucket/Name"):
            versioning = _texts(await self.do("GET", f"/{bucket}?versioning"), "Status")
            state[f"bucket {bucket}"] = [versioning, await self._tags(f"/{bucket}?tagging")]
            await self._versions(bucket, state)
            await self._uploads(bucket, state)
        return state

    async def _versions(self, bucket: str, state: State) -> None:
        listed = _parsed(await self.do("GET", f"/{bucket}?versions"))
        plain = _texts(await self.do("GET", f"/{bucket}?list-type=2"), "Contents/Key")
        latest = []
        for entry in listed:
            if entry.tag not in ("Version", "DeleteMarker"):
                continue
            fields = {child.tag: child.text or "" for child in entry}
            key, kind = fields["Key"], entry.tag
            path = f"/{bucket}/{quote(key)}?versionId={fields['VersionId']}"
            seen: list[object] = [kind, fields["IsLatest"]]
            if kind == "Version":
                body = await self.do("GET", path)
                assert len(body.body) == int(fields["Size"]), f"{key}: a body of another length"
                seen += [fields["ETag"], hashlib.md5(body.body).hexdigest()]
                seen.append(await self._tags(path.replace("?", "?tagging&")))
                latest += [key] * (fields["IsLatest"] == "true")
            state.setdefault(f"key {bucket}/{key}", []).append(seen)
        assert plain == latest, f"the lists differ: {plain} and {latest}"

    async def _uploads(self, bucket: str, state: State) -> None:
        for upload in _parsed(await self.do("GET", f"/{bucket}?uploads")).iter("Upload"):
            key, name = (upload.findtext("Key") or ""), upload.findtext("UploadId")
            parts = await self.ask("GET", f"/{bucket}/{quote(key)}?uploadId={name}")
            if parts.status == 200:
                state.setdefault(f"upload {bucket}/{key}", []).append(_texts(parts, "Part/ETag"))

    async def _tags(self, target: str) -> list[str]:
        answer = await self.ask("GET", target)
        return _texts(answer, "TagSet/Tag/Value") if answer.status == 200 else []

    def keeping_house(self) -> Callable[[], Any]:
        """The jobs with no grace period: each call of what this gives is one round of all."""
        collector = Collector(self.ocean.discard, 0.0)
        watch = Watch(self.ocean.meta)
        house = Housekeeping(self.ocean, watch, collector, interval=0.0, ratio=1.0)
        self.ocean.meta.objects.discarded = collector.add

        async def round_() -> None:
            await watch.once()
            with patch("ocean.jobs.housekeeping.Breath", _NoRest):
                await house.once()
            await collector.collect_due()

        return round_

    async def tidy(self, rounds: int = 4) -> None:
        """Let the jobs do all that they can."""
        keep_house = self.keeping_house()
        for _ in range(rounds):
            await keep_house()

    async def fsck(self) -> tuple[list[Fault], Summary]:
        """The check with every byte read."""
        check = Fsck(self.ocean.meta.engine, self.blobs, verify=True)
        faults = [fault async for fault in check.run()]
        return faults, check.summary

    async def wasted(self) -> int:
        """Bytes in volumes, of this life or before, that no row names."""
        named = 0
        async for row in Census(self.ocean.meta.engine).rows():
            named += sum(e.span for e in (*row.extents, *row.discarded) if e.layout == 0)
        store = self.blobs.pools["volumes"]
        return sum([await store.size(volume) async for volume in store.list()]) - named


@asynccontextmanager
async def opened(
    folder: Path,
    setup: Setup = Setup(),  # noqa: B008
) -> AsyncIterator[Store]:
    """The store in `folder`, made when it is not there. A failed write ends this process."""
    (folder / "meta").mkdir(parents=True, exist_ok=True)
    options = Options(
        durability="relaxed" if setup.relaxed else "full",
        checkpoint_pages=setup.checkpoint_pages,
        reserve=0,
    )
    engine = SqliteEngine(str(folder / "meta" / "ocean.sqlite"), options, _stop)
    if setup.ended:
        await Lives(engine).end_all()
    key = MasterKey(bytes(32))
    root = await open_root(engine, key, Root(access_key=ROOT[0], secret_key=ROOT[1]))
    meta = await MetaStore.begin(engine)
    blobs = open_files(
        folder / "blobs",
        meta.life.epoch,
        disk=Relaxed() if setup.relaxed else Disk(),
        threshold=THRESHOLD,
        volume_limit=VOLUME,
        reserve=0,
        on_failure=_stop,
    )
    ocean = Ocean(meta, blobs)
    credentials, accounts = Credentials(engine, key, root), Accounts(Identities(engine, key))
    attached = AttachedPolicies(engine)
    pipeline = Pipeline(ocean, credentials, attached, accounts, s3, region=REGION, domains=())
    try:
        yield Store(ocean, blobs, pipeline)
    finally:
        await ocean.close()


class _NoRest:
    """Instead of the jobs' rests, which take twenty times as long as their work."""

    async def __call__(self) -> None:
        await asyncio.sleep(0)


async def _sent(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body


async def _proceed() -> None:
    """Nobody waits for it."""


def _stop(failure: Exception) -> None:
    os.write(2, f"the store has failed: {failure}\n".encode())
    os._exit(74)


def _parsed(answer: Answer) -> ET.Element:
    root = ET.fromstring(answer.body)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _texts(answer: Answer, path: str) -> list[str]:
    return [element.text or "" for element in _parsed(answer).iterfind(f".//{path}")]
