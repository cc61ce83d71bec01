"""Scrubbing on schedule: the leading process reads everything once in so many days."""

import asyncio
import logging
import time

from blobstore.base import BlobError
from blobstore.blobs import Blobs
from metastore.engine import EngineError
from metastore.errors import StoreError
from metastore.store import MetaStore
from ocean import scrub
from ocean.claim import Held
from ocean.jobs.pace import Pace
from ocean.jobs.watch import Watch
from ocean.scrub import Scrub

log = logging.getLogger(__name__)

LOOK = 60.0  # seconds between looks at whether it is time
DAY_MS = 86_400_000
AGAIN_MS = 3_600_000  # after a pass that could not read everything


class Scrubbing:
    """Of one process. `rate` is in bytes a second."""

    def __init__(
        self, meta: MetaStore, blobs: Blobs, watch: Watch, *, days: float, rate: int
    ) -> None:
        self._meta = meta
        self._watch = watch
        self._days = days
        self._scrub = Scrub(meta.engine, blobs, Pace(lambda: rate).spend)

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self.once()
            except Held:
                continue
            except (EngineError, BlobError, StoreError) as error:
                log.warning("scrubbing: %s", error)  # it goes on where it was

    async def once(self) -> None:
        """A whole pass, if one is due or under way."""
        if not self._watch.leads:
            return
        engine = self._meta.engine
        now = await scrub.state(engine)
        since = now.finished_ms or await scrub.first_seen(engine, now)
        wait = self._days * DAY_MS if not now.unread else min(self._days * DAY_MS, AGAIN_MS)
        if not now.under_way and time.time() * 1000 - since < wait:
            return
        async for found in self._scrub.run():
            log.error(
                "scrub: %s/%s: %s: %s [%s]",
                found.bucket, found.key, found.kind, found.what, found.blob,
            )  # fmt: skip
        unread = (await scrub.state(engine)).unread
        if unread:
            log.warning("scrub: %d runs of bytes could not be read; it is tried again", unread)
        else:
            log.info("scrub: everything has been read")
