"""Collecting: what commits left behind is given back once the grace period is over."""

import asyncio
import logging
import time
from collections import deque
from typing import NamedTuple

from blobstore.base import BlobError
from metastore.engine import EngineError
from metastore.errors import StoreError
from metastore.leftovers import Discarded
from ocean.objects.discard import Discard

log = logging.getLogger(__name__)

TOGETHER = 64  # items under way at once: they share the engine's commits
RETRY = 30.0  # seconds until an item that failed is tried again


class _Due(NamedTuple):
    at: float
    left: Discarded


class Collector:
    """A queue in memory: what is lost with the process, the sweeper finds again."""

    def __init__(self, discard: Discard, grace: float) -> None:
        self._discard = discard
        self._grace = grace
        self._queue: deque[_Due] = deque()
        self.collected = 0

    def add(self, left: Discarded) -> None:
        """Collect `left` after the grace period."""
        self._queue.append(_Due(time.monotonic() + self._grace, left))

    @property
    def waiting(self) -> int:
        """Items in the queue."""
        return len(self._queue)

    async def run(self) -> None:
        """Collect for ever."""
        while True:
            await self.collect_due()
            wait = self._queue[0].at - time.monotonic() if self._queue else 1.0
            await asyncio.sleep(min(max(wait, 0.05), 1.0))

    async def collect_due(self) -> None:
        """Collect everything that is due now."""
        while self._queue and self._queue[0].at <= time.monotonic():
            batch: list[Discarded] = []
            while self._queue and self._queue[0].at <= time.monotonic() and len(batch) < TOGETHER:
                batch.append(self._queue.popleft().left)
            await asyncio.gather(*(self._collect(left) for left in batch))

    async def _collect(self, left: Discarded) -> None:
        try:
            more = await self._discard.commit_leftovers(left)
            self.collected += 1
            if more is not None:
                self.add(more)
        except (EngineError, BlobError, StoreError) as error:
            log.warning("collecting %r of bucket %s: %s", left.key, left.bucket_id.hex(), error)
            self._queue.append(_Due(time.monotonic() + RETRY, left))
